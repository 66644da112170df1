//! What a platform adds to the world all of them share. Its calls, its connections and what only its people can
//! do are routes of its own.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

use super::ledger::record::{Attempt, Notice, Record};
use super::shared::Shared;
use super::world::World;
use super::world::actor::Actor;
use super::world::change::Change;
use super::world::message::Content;
use crate::error::Result;

pub trait Platform: Sized + Send + Sync + 'static {
    /// What somebody says, as listeners will be given it.
    fn compose(&self, world: &World, spoken: &Spoken<'_>) -> Result<Content>;

    /// The same for words that call nobody and mean nothing but themselves.
    fn plain(&self, words: &str) -> Content;

    /// Whether there is such a reaction.
    fn has_emoji(&self, name: &str) -> bool;

    /// Who is told of a change, and in which words.
    fn notices(&self, world: &World, change: &Change, now_ms: i64) -> Vec<Notice>;

    /// Sends notices on their way, through whatever bad luck is armed for them.
    fn publish(shared: &Arc<Shared<Self>>, notices: Vec<Notice>);

    /// How much is armed to go wrong.
    fn faults_armed(&self) -> usize;

    /// The bytes of a first delivery, where they can be known before its connection is.
    fn encode_ahead(&self, record: &Record, attempt: &Attempt, body: &Bytes) -> Option<Bytes>;
}

/// What somebody is about to say: words, whom they call, a file, or a content in the platform's own form.
pub struct Spoken<'a> {
    pub sender: Actor,
    pub words: Option<&'a str>,
    /// Names, or `all`.
    pub mention: &'a [String],
    pub file: Option<Attached<'a>>,
    /// Other messages are passed on.
    pub forwards: bool,
    pub native: Option<&'a Value>,
    /// The platform's word for what `native` is.
    pub kind: Option<&'a str>,
    /// `native` is what listeners are given already.
    pub raw: bool,
}

/// A file that was stored under `key`.
pub struct Attached<'a> {
    pub key: String,
    pub name: &'a str,
    pub image: bool,
}
