//! What an adapter makes of what is to be said, before anything is sent.

use super::outgoing::{Outgoing, Rehearsed};
use super::verbs::{UploadKind, Uploaded};
use super::{Transport, feishu};
use crate::error::{Error, Result};

/// Each match hands over to its adapter.
impl Transport {
    /// What an upload that is only rehearsed would be posted as.
    pub fn not_uploaded(self, kind: UploadKind) -> Uploaded {
        match self {
            Transport::Feishu | Transport::Lark => feishu::not_uploaded(kind),
        }
    }

    /// Content of the platform's own, checked as far as it can be without it. `kind` is what it calls such content.
    pub fn native(self, kind: &str, content: &str) -> Result<Outgoing> {
        match self {
            Transport::Feishu | Transport::Lark => feishu::native(kind, content),
        }
    }

    /// The same in parts that are one message each. Fails for what is none, and for what is too long.
    pub fn split(self, what: &Outgoing) -> Result<Vec<Outgoing>> {
        match self {
            Transport::Feishu | Transport::Lark => feishu::split(what),
        }
    }

    /// What has to be one message, because nobody would say the rest of it.
    pub fn single(self, what: Outgoing) -> Result<Outgoing> {
        match self.split(&what)?.len() {
            1 => Ok(what),
            _ => Err(Error::validation("the text is too long for one message")),
        }
    }

    /// What `send` would post of a part.
    pub fn rehearse(self, part: &Outgoing) -> Result<Rehearsed> {
        match self {
            Transport::Feishu | Transport::Lark => feishu::rehearse(part),
        }
    }
}
