//! What an adapter knows of texts without an account: what ids look like, and what becomes of what is to be said,
//! before anything is sent.

use super::outgoing::{Outgoing, Rehearsed};
use super::platforms::adapter;
use super::traits::Traits;
use super::verbs::{IdKind, Upload, UploadKind, Uploaded};
use super::{Adapter, Transport};
use crate::error::{Error, Result};
use crate::event::ids::Realm;

impl Transport {
    /// What the platform can.
    pub fn traits(self) -> &'static Traits {
        adapter!(self, A => A::TRAITS)
    }

    /// See [`Adapter::realm`].
    pub fn realm(self, base_url: Option<&str>) -> Realm {
        adapter!(self, A => A::realm(self.name(), base_url))
    }

    /// See [`Adapter::id_kind`].
    pub fn id_kind(self, text: &str) -> Option<IdKind> {
        adapter!(self, A => A::id_kind(text))
    }

    /// See [`Adapter::is_id`].
    pub fn is_id(self, text: &str) -> bool {
        adapter!(self, A => A::is_id(text))
    }

    /// See [`Adapter::example`].
    pub fn example(self, kind: IdKind) -> &'static str {
        adapter!(self, A => A::example(kind))
    }

    /// See [`Adapter::upload_kind`].
    pub fn upload_kind(self, upload: &Upload) -> Result<UploadKind> {
        adapter!(self, A => A::upload_kind(upload))
    }

    /// See [`Adapter::not_uploaded`].
    pub fn not_uploaded(self, kind: UploadKind) -> Uploaded {
        adapter!(self, A => A::not_uploaded(kind))
    }

    /// See [`Adapter::native`].
    pub fn native(self, kind: &str, content: &str) -> Result<Outgoing> {
        adapter!(self, A => A::native(kind, content))
    }

    /// See [`Adapter::split`].
    pub fn split(self, what: &Outgoing) -> Result<Vec<Outgoing>> {
        adapter!(self, A => A::split(what))
    }

    /// What has to be one message, because nobody would say the rest of it.
    pub fn single(self, what: Outgoing) -> Result<Outgoing> {
        match self.split(&what)?.len() {
            1 => Ok(what),
            _ => Err(Error::validation("the text is too long for one message")),
        }
    }

    /// See [`Adapter::rehearse`].
    pub fn rehearse(self, part: &Outgoing) -> Result<Rehearsed> {
        adapter!(self, A => A::rehearse(part))
    }
}
