//! A bot elsewhere, and what it sees of what is said there.

use std::sync::{Arc, MutexGuard, PoisonError};

use serde::de::DeserializeOwned;

use super::world::{Said, World};
use crate::clock::Clock;
use crate::error::Result;
use crate::event::Origin;
use crate::event::ids::UserId;
use crate::transport::verbs::{Myself, Place};
use crate::transport::{Identity, Inbound};

#[derive(Clone, Debug)]
pub struct Account(pub Arc<Identity>, pub Clock);

impl Account {
    pub fn me(&self) -> String {
        format!("B:{}", self.0.app_id)
    }

    pub fn named(&self) -> Myself {
        Myself { name: self.0.app_id.clone(), user_id: UserId::new(self.me()) }
    }

    pub fn world<R>(&self, with: impl FnOnce(MutexGuard<'_, World>) -> R) -> R {
        let world = World::at(self.0.base_url.as_deref().unwrap_or_default());
        with(world.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn told<T: DeserializeOwned>(&self, said: &Said) -> Result<T> {
        self.world(|world| world.told(said, &self.me(), |app| self.0.siblings.profile(app)))
    }

    pub fn inbound(&self, origin: Origin, said: &Said) -> Option<Inbound> {
        let message = self.told(said).ok().filter(|_| said.by != self.me())?;
        Some(Inbound::message(origin, message, "{}"))
    }

    pub fn past(&self, place: &Place, since: i64) -> Vec<Said> {
        match place {
            Place::Chat(chat) => self.world(|world| world.in_chat(chat.as_str(), since)),
            Place::Thread(_) => Vec::new(),
        }
    }
}
