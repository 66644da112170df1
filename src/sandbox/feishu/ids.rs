//! Ids in Feishu's shapes.

use super::seal::{self, Kind};
use crate::sandbox::world::World;
use crate::sandbox::world::actor::Actor;
use crate::sandbox::world::chat::Mode;
use crate::sandbox::world::ids::Ids as PlatformIds;

/// Sealed with the seed of one instance.
#[derive(Clone, Copy, Debug)]
pub struct Ids {
    pub seed: u64,
    /// How many apps there are; each sees everybody under other ids.
    apps: usize,
}

/// Why an id did not lead to somebody; the platform answers each differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownId {
    Nobody,
    /// A valid open_id of another app.
    OtherApp,
}

impl Ids {
    pub fn new(apps: usize) -> Ids {
        Ids { seed: rand::random(), apps }
    }

    pub fn seal(&self, kind: Kind, number: u64) -> String {
        seal::seal(self.seed, kind, number)
    }

    pub fn open(&self, kind: Kind, text: &str) -> Option<u64> {
        seal::open(self.seed, kind, text)
    }

    /// Stable noise for values that only have to differ.
    pub fn noise(&self, kind: Kind, number: u64) -> u64 {
        seal::noise(self.seed, kind, number)
    }

    pub fn message_id(&self, number: u64) -> String {
        format!("om_{}", self.seal(Kind::Message, number))
    }

    pub fn thread_id(&self, first: u64) -> String {
        format!("omt_{}", self.seal(Kind::Thread, first))
    }

    /// open_ids are per app: the same person has another one in every app.
    pub fn open_id(&self, app: usize, actor: Actor) -> String {
        format!("ou_{}", self.seal(Kind::Open(app), actor.number()))
    }

    /// union_ids are the same in all apps of a developer.
    pub fn union_id(&self, actor: Actor) -> String {
        format!("on_{}", self.seal(Kind::Union, actor.number()))
    }

    pub fn actor_by_open_id(&self, app: usize, open_id: &str) -> Result<Actor, UnknownId> {
        let hex = open_id.strip_prefix("ou_").ok_or(UnknownId::Nobody)?;
        if let Some(number) = self.open(Kind::Open(app), hex) {
            return Ok(Actor::from_number(number));
        }
        let foreign = (0..self.apps).any(|other| self.open(Kind::Open(other), hex).is_some());
        Err(if foreign { UnknownId::OtherApp } else { UnknownId::Nobody })
    }

    pub fn actor_by_union_id(&self, union_id: &str) -> Result<Actor, UnknownId> {
        let number = union_id.strip_prefix("on_").and_then(|hex| self.open(Kind::Union, hex));
        number.map(Actor::from_number).ok_or(UnknownId::Nobody)
    }
}

impl PlatformIds for Ids {
    fn app(&self, _: usize) -> String {
        format!("cli_{}", seal::random_hex(16))
    }

    fn chat(&self, number: usize, _: Mode) -> String {
        format!("oc_{}", self.seal(Kind::Chat, number as u64))
    }

    fn message(&self, _: &World, number: u64) -> String {
        self.message_id(number)
    }

    fn message_number(&self, _: &World, id: &str) -> Option<u64> {
        self.open(Kind::Message, id.strip_prefix("om_")?)
    }

    fn thread(&self, _: &World, first: u64) -> String {
        self.thread_id(first)
    }

    fn thread_number(&self, _: &World, id: &str) -> Option<u64> {
        self.open(Kind::Thread, id.strip_prefix("omt_")?)
    }

    fn file(&self, image: bool) -> String {
        format!("{}{}", if image { "img_v3_" } else { "file_v3_" }, seal::random_hex(24))
    }
}
