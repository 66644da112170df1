//! Relays what one of ours has said to others of ours: at once, in the order it was posted, whatever the platform
//! delivers. It is kept in `data/relays.json` until it is journalled for everybody, so that neither a kill of the
//! supervisor nor a send that went past it loses a word. Who hears what next is decided in `core::owed`.

mod actor;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use ractor::ActorCell;
use tokio::sync::mpsc;

pub use crate::core::owed::Owed;

use super::part::{self, Part};
use super::root::Asker;
use super::stored::{self, Stored};
use super::task::blocking;
use super::upkeep::CatchUpRules;
use crate::clock::{Clock, WallMs, millis};
use crate::core::owed::{Relays, hearers};
use crate::error::{Error, Result};
use crate::event::ids::{ChatId, MessageId};
use crate::journal::Appender;
use crate::transport::Rooms;
use actor::{Msg, Postman};

impl Stored for Relays {
    const NAME: &'static str = "relays";
    const VERSION: u32 = 1;

    fn version(&mut self) -> &mut u32 {
        &mut self.version
    }
}

/// Notes a message that others have to hear of. From here on nothing but time makes it forgotten.
pub fn owe(data: &Path, now: WallMs, owed: Owed) -> Result<()> {
    let dropped = stored::update(data, now, |relays: &mut Relays| relays.owe(owed))?;
    if dropped > 0 {
        tracing::warn!(dropped, "too much is to be relayed; the oldest is left to the platform");
    }
    Ok(())
}

/// What relaying works with.
#[derive(Clone)]
pub struct Relaying {
    pub data: PathBuf,
    pub clock: Clock,
    pub appender: Appender,
    pub asker: Asker,
    pub rooms: Rooms,
    pub catch_up: CatchUpRules,
}

/// The way to the actor.
#[derive(Clone)]
pub struct Relayer {
    part: Part<Msg>,
    relaying: Relaying,
}

pub async fn start(relaying: Relaying, parent: ActorCell) -> Result<Relayer> {
    let (kept, appender) = (relaying.clone(), relaying.appender.clone());
    let part = part::begin("relays", appender, parent, move || Ok((Postman, kept.clone()))).await?;
    Ok(Relayer { part, relaying })
}

impl Relayer {
    /// One of ours has posted this. Returns once nothing can make the others miss it.
    pub async fn posted(&self, sender: &str, chat: &ChatId, message: &MessageId) {
        let Relaying { rooms, clock, data, asker, .. } = &self.relaying;
        rooms.set_member(chat, sender, true);
        // Of a profile whose chats could not be listed yet nobody knows where it sits.
        let profiles = asker.profiles().await.unwrap_or_default();
        let unlisted = profiles.into_iter().map(|status| status.profile);
        let unlisted =
            unlisted.filter(|profile| !rooms.is_listed(profile) && rooms.are_together(sender, profile));
        let to = hearers(sender, rooms.members(&rooms.room(sender, chat)), unlisted);
        if to.is_empty() {
            return;
        }
        let (data, at) = (data.clone(), clock.wall_ms());
        let (sender, chat_id, message_id) = (sender.to_owned(), chat.clone(), message.clone());
        let owed = Owed { sender, chat_id, message_id, at, to: Some(to) };
        self.part.cast(Msg::Owed(owed.clone()));
        let kept = owed.clone();
        if let Err(error) = blocking(move || owe(&data, at, owed)).await {
            tracing::warn!(%error, "what is relayed now would be lost in a kill");
            self.part.cast(Msg::Unkept(kept));
        }
    }
}

impl Relaying {
    async fn change(&self, change: impl FnOnce(&mut Relays) + Send + 'static) -> Result<Vec<Owed>> {
        let (data, now) = (self.data.clone(), self.clock.wall_ms());
        let changed = blocking(move || {
            stored::update(&data, now, |relays: &mut Relays| {
                change(relays);
                relays.messages().to_vec()
            })
        });
        changed.await
    }

    /// Has a profile read a message and journals it. Nothing where it is not for it.
    async fn relay(&self, profile: &str, owed: &Owed) -> Result<()> {
        let seat = self.asker.seat(profile).await?;
        let seat = seat.ok_or_else(|| Error::config("this supervisor does not have the profile now"))?;
        let Some(mut message) = (seat.relay)(owed.message_id.clone()).await? else { return Ok(()) };
        // As much later as counts for an outage, it tells of the past.
        message.past |= self.clock.wall_ms().saturating_sub(owed.at) > millis(self.catch_up.after);
        let (answers, mut settled) = mpsc::unbounded_channel();
        self.appender.append(vec![seat.intake.entry(message)], &answers, 0).await;
        match settled.recv().await.map(|settled| settled.outcome) {
            Some(Ok(_)) => Ok(()),
            Some(Err(error)) => Err(Error::storage(error).retryable(true)),
            None => Err(Error::storage("the journal is closed").retryable(true)),
        }
    }
}
