//! Counts the turns of bots in every chat, pauses rooms that loop, opens the floor, and tells of it.
//!
//! It is a reader of the journal, so it sees what any profile sees and misses nothing while the process is down.
//! What it decides is in the files of `rooms.rs`, which commands change too; how, is in `core::turns`.

mod actor;
mod reading;
mod seeing;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ractor::ActorCell;

pub use crate::core::turns::reason;

use super::Seat;
use super::part::{self, Part};
pub use super::rooms::CURSOR;
use super::rooms::{self, Room};
use super::root::Asker;
use super::task::{Round, blocking};
use crate::clock::{Clock, steady_ms};
use crate::config::RoomPolicy;
use crate::core::turns::Line;
use crate::core::turns::guard::Pause;
use crate::error::{Error, Kind, Result};
use crate::event::ids::{ChatId, RoomId};
use crate::journal::{Appender, Entry, Journal};
use crate::transport::outgoing::Outgoing;
use crate::transport::verbs::Target;
use crate::transport::{Call, Rooms};
use actor::{Args, Hosting, Msg};
use reading::Work;

/// How long one attempt at the notice in the room may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The policy of a chat, as the files say now.
pub type Policy = Arc<dyn Fn(&ChatId) -> RoomPolicy + Send + Sync>;

/// What rooms are looked after with.
#[derive(Clone)]
pub struct Rooming {
    pub data: PathBuf,
    pub clock: Clock,
    pub appender: Appender,
    pub asker: Asker,
    pub rooms: Rooms,
    pub policy: Policy,
}

/// The way to the actor.
#[derive(Clone)]
pub struct Host(Part<Msg>);

impl Host {
    /// A command has changed a room.
    pub fn look(&self, room: RoomId) {
        self.0.cast(Msg::Look(room));
    }

    /// By the answer everything that was journalled before is counted.
    #[cfg(test)]
    async fn counted(&self) {
        let _ = ractor::call!(self.0.actor(), Msg::Read);
    }
}

/// A first start counts what comes after `started_after`: connections may be faster than this.
pub async fn start(
    rooming: Rooming,
    journal: &Journal,
    started_after: u64,
    parent: ActorCell,
) -> Result<Host> {
    let (open, cursors, newest) = (journal.opener(), journal.cursors(), journal.newest());
    let (open, appender) = (Arc::new(open), journal.appender());
    let make = move || {
        let (open, cursors, commits) = (Arc::clone(&open), cursors.clone(), newest.clone());
        let work = Round::new(move |again| {
            let reader = open()?;
            let position =
                if again { *commits.borrow() } else { reader.cursor(CURSOR)?.unwrap_or(started_after) };
            let born = reader.born()?;
            // Verbs count from there too.
            cursors.store(CURSOR, position);
            Ok(Work { reader, born, cursors: cursors.clone(), position })
        })?;
        Ok((Hosting, Args { work, rooming: rooming.clone(), newest: newest.clone() }))
    };
    Ok(Host(part::begin("rooms", appender, parent, make).await?))
}

impl Rooming {
    async fn change<R: Send + 'static>(
        &self,
        room: &RoomId,
        change: impl FnOnce(&mut Room, i64) -> R + Send + 'static,
    ) -> Result<R> {
        let (rooming, of) = (self.clone(), room.clone());
        let changed = blocking(move || {
            let limits = rooms::limits(&(rooming.policy)(&of.chat).loop_guard);
            rooms::change(&rooming.data, &of, &rooming.clock, limits, change)
        });
        changed.await
    }

    /// One line for each of ours that sits there.
    async fn tell_all(&self, room: &RoomId, line: &Line) -> Result<()> {
        for seat in self.seats(room).await? {
            self.appender.say(Entry { key: Some(line.key.clone()), ..seat.intake.own(&line.event) });
        }
        Ok(())
    }

    /// The room itself hears it once, from the first of ours that may speak there.
    async fn tell_room(&self, room: &RoomId, id: &str, text: &str) -> Result<()> {
        let key = crate::journal::fingerprint_hex(room.chat.as_str(), id);
        let mut refused = Error::internal("none of ours sits there");
        for seat in self.seats(room).await? {
            let what = seat.transport.single(Outgoing::text(text))?;
            let call = Call::Send { target: Target::Chat(room.chat.clone()), what, key: key.clone() };
            match (seat.perform)(call, PATIENCE).await {
                Ok(_) => return Ok(()),
                // It may have been posted: another one's notice would be a second one.
                Err(error) if error.kind == Kind::Network => return Err(error),
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }

    async fn seats(&self, room: &RoomId) -> Result<Vec<Seat>> {
        let mut seats = Vec::new();
        for profile in self.rooms.members(room) {
            seats.extend(self.asker.seat(&profile).await?);
        }
        Ok(seats)
    }
}

/// How long until a pause is over.
pub fn lifts_in_ms(pause: &Pause) -> Option<u64> {
    pause.until.map(|until| u64::try_from(until.saturating_sub(steady_ms())).unwrap_or(0))
}
