//! The one way to say what is in an outbox, whoever says it: a supervisor, or a verb where none runs.

use std::path::Path;

use super::rooms;
use super::task::blocking;
use crate::clock::Clock;
use crate::error::Result;
use crate::event::ids::{ChatId, Realm, RoomId};
use crate::transport::Transport;
use crate::transport::outgoing::Outgoing;
use crate::transport::verbs::Target;

/// Where outboxes are said.
pub struct Speaker<'a> {
    pub data: &'a Path,
    pub clock: &'a Clock,
    pub transport: Transport,
    pub realm: Realm,
}

impl Speaker<'_> {
    /// One attempt; `core::presence::settled` says what it settles. A greeting and a farewell are no turns in a talk; a
    /// room that a person has silenced hears neither.
    pub async fn say<T, F: Future<Output = Result<T>>>(
        &self,
        chat: &ChatId,
        text: &str,
        send: impl FnOnce(Target, Outgoing) -> F,
    ) -> Result<T> {
        let (data, clock, of) = (
            self.data.to_owned(),
            self.clock.clone(),
            RoomId { realm: self.realm.clone(), chat: chat.clone() },
        );
        blocking(move || rooms::may_speak(&data, &of, &clock)).await?;
        let what = self.transport.single(Outgoing::text(text))?;
        send(Target::Chat(chat.clone()), what).await
    }
}
