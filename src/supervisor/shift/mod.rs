//! Holds the shifts of all profiles: watches their owners, their time and the connections that hold them, and says what
//! is to be said, through an outbox that survives whatever happens to us.
//!
//! The file of a profile is the truth; commands change it too. It is looked at when a command says so, when it changed,
//! and when time has come for something. What is to be done then is decided in `core::presence`.

mod actor;
mod seeing;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ractor::ActorCell;
use serde::Deserialize;

use super::Seat;
use super::outbox::Speaker;
use super::part::{self, Part};
use super::relay::Relayer;
use super::root::Asker;
use super::stored::{self, Stamp, Stored};
use super::task::blocking;
use crate::clock::{Clock, WallMs};
use crate::core::presence::{Ending, Line, Sessions};
use crate::error::Result;
use crate::event::ids::ChatId;
use crate::journal::{Appender, Entry};
use crate::transport::Call;
use crate::transport::verbs::Posted;
use actor::{Attending, Msg};

/// One attempt to say something, with what is waited out within it.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often a keeper that is gone is looked for again, and how many times: the budget of its crashes is used up by then.
const RELEASE_AGAIN: Duration = Duration::from_millis(200);
const RELEASES_MAX: u32 = 600;

impl Stored for Sessions {
    const NAME: &'static str = "active_session";
    const VERSION: u32 = 1;

    fn version(&mut self) -> &mut u32 {
        &mut self.version
    }
}

/// Where sessions live, and how old one may be.
#[derive(Clone)]
pub struct Presence {
    pub data: PathBuf,
    pub max_age: Duration,
    pub clock: Clock,
    pub appender: Appender,
    pub asker: Asker,
    pub relay: Relayer,
}

/// The way to the actor.
#[derive(Clone)]
pub struct Attendant(Part<Msg>);

impl Attendant {
    /// A command has changed a profile's session.
    pub fn look(&self, profile: &str) {
        self.0.cast(Msg::Look(Arc::from(profile)));
    }

    /// The connection that held a session has closed. No file tells of that, so a keeper that breaks over it hears it
    /// again.
    pub async fn released(&self, profile: &str, session: &str) {
        let profile: Arc<str> = Arc::from(profile);
        for _ in 0..RELEASES_MAX {
            let over = |done| Msg::Over {
                profile: Arc::clone(&profile),
                session: session.to_owned(),
                ending: Ending::ConnectionClosed,
                done: Some(done),
            };
            if ractor::call!(self.0.actor(), over).is_ok() {
                return;
            }
            tokio::time::sleep(RELEASE_AGAIN).await;
        }
    }
}

pub async fn start(presence: Presence, parent: ActorCell) -> Result<Attendant> {
    let appender = presence.appender.clone();
    let attending = Attending::default();
    let make = move || Ok((attending.clone(), presence.clone()));
    Ok(Attendant(part::begin("sessions", appender, parent, make).await?))
}

impl Presence {
    fn folder(&self, profile: &str) -> PathBuf {
        self.data.join(profile)
    }

    fn stamp(&self, profile: &str) -> Stamp {
        stored::stamp::<Sessions>(&self.folder(profile))
    }

    /// Changes the file of a profile. Where there is none, nothing is written for that.
    async fn change<R: Send + 'static>(
        &self,
        profile: &Arc<str>,
        change: impl FnOnce(&mut Sessions, WallMs) -> R + Send + 'static,
    ) -> Result<R> {
        let (folder, now, stamp) = (self.folder(profile), self.clock.wall_ms(), self.stamp(profile));
        let changed = blocking(move || {
            if stamp.is_none() {
                return Ok(change(&mut Sessions::default(), now));
            }
            stored::update::<Sessions, R>(&folder, now, |sessions| change(sessions, now))
        });
        changed.await
    }

    fn tell(&self, seat: &Seat, lines: Vec<Line>) {
        for Line { key, event } in lines {
            self.appender.say(Entry { key: Some(key), ..seat.intake.own(&event) });
        }
    }

    async fn speak(&self, seat: &Seat, chat: ChatId, text: &str, key: String) -> Result<()> {
        let realm = seat.intake.rooms.room(&seat.name, &chat).realm;
        let speaker = Speaker { data: &self.data, clock: &self.clock, transport: seat.transport, realm };
        let send = |target, what| (seat.perform)(Call::Send { target, what, key }, PATIENCE);
        let said = speaker.say(&chat, text, send).await?;
        if let Ok(posted) = Posted::deserialize(&said) {
            self.relay.posted(&seat.name, &posted.chat_id, &posted.message_id).await;
        }
        Ok(())
    }
}
