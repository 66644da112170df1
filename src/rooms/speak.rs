//! A send is a turn in its room: counted by the loop guard, and where the room wants it, taken in order.

use crate::accounts::Caller;
use crate::clock::{Clock, steady_ms};
use crate::config::{Config, FloorMode, Profile, RoomPolicy, room_policy};
use crate::core::turns::guard::{Change, Pause, Why};
use crate::error::{Error, Kind, Result};
use crate::event::ids::{ChatId, RoomId};
use crate::event::shown;
use crate::journal::Reader;
use crate::supervisor::control::client::Client;
use crate::supervisor::control::{Op, Request};
use crate::supervisor::room::{lifts_in_ms, reason};
use crate::supervisor::room_heard::Backlog;
use crate::supervisor::rooms::{self, Room};
use crate::transport::outgoing::Outgoing;
use crate::transport::verbs::{Posted, Target};

/// One of ours, as it speaks in rooms: for whoever lets it, a verb or another client.
#[derive(Clone, Copy)]
pub struct Speaking<'a> {
    pub config: &'a Config,
    pub profile: &'a Profile,
    pub clock: &'a Clock,
    pub caller: &'a Caller,
}

/// A turn that was counted. Each part of what is said in it is settled by its key.
pub struct Turn<'a> {
    speaking: Speaking<'a>,
    chat: ChatId,
}

impl<'a> Speaking<'a> {
    /// Counts the message as a turn, or says why it may not be sent now. None where no room is concerned.
    pub async fn turn(&self, target: &Target, part: &Outgoing, key: &str) -> Result<Option<Turn<'a>>> {
        let Some(chat) = self.room_of(target).await? else { return Ok(None) };
        let (policy, profile, words) = (self.policy(&chat), self.profile.name.as_ref(), part.words());
        let talk = self.backlog(&chat);
        let mentioned = matches!(target, Target::Reply { .. })
            || rooms::exists(&self.config.home.data(), &self.room_id(&chat));
        if !mentioned && talk.as_ref().is_none_or(|talk| talk.lines.is_empty()) {
            // No bot but this one was heard there yet.
            return Ok(None);
        }
        let (counted, outcome) = self.change_room(&chat, |room, now| {
            // The line that is answered may have opened the floor a moment ago, or ended a pause.
            let counted = talk.is_some_and(|talk| talk.count(room, now, rooms::rules(&policy)));
            (counted, speak(room, profile, &words, key, now, &policy))
        })?;
        if counted || matches!(outcome, Ok(Some(_))) {
            self.poke_room(&chat).await;
        }
        match outcome {
            Ok(_) => Ok(Some(Turn { speaking: *self, chat })),
            Err(refusal) => Err(self.refused(&chat, refusal)),
        }
    }

    /// What was said there that may not be counted yet. Where no journal can be read, nobody has read a line to answer.
    fn backlog(&self, chat: &ChatId) -> Option<Backlog> {
        let room = self.room_id(chat);
        let is_of = |profile: &str| {
            let profile = self.config.profiles.iter().find(|known| known.name.as_ref() == profile);
            profile.is_none_or(|profile| profile.realm() == room.realm)
        };
        let backlog = Backlog::behind_the_actor(&self.config.home.data(), &room, is_of);
        backlog.inspect_err(|error| tracing::debug!(%error, "what was said last is not counted")).ok()
    }

    pub fn policy(&self, chat: &ChatId) -> RoomPolicy {
        room_policy(&self.config.rooms, &self.config.contacts, chat.as_str())
    }

    /// The room that this profile means by a chat.
    fn room_id(&self, chat: &ChatId) -> RoomId {
        RoomId { realm: self.profile.realm(), chat: chat.clone() }
    }

    /// How a room is. Nothing is written.
    pub fn room(&self, chat: &ChatId) -> Result<Room> {
        let limits = rooms::limits(&self.policy(chat).loop_guard);
        rooms::load(&self.config.home.data(), &self.room_id(chat), self.clock, limits)
    }

    pub fn change_room<R>(&self, chat: &ChatId, change: impl FnOnce(&mut Room, i64) -> R) -> Result<R> {
        let limits = rooms::limits(&self.policy(chat).loop_guard);
        rooms::change(&self.config.home.data(), &self.room_id(chat), self.clock, limits, change)
    }

    /// Lets the running supervisor tell what has become of the room. It looks by itself within a second.
    pub async fn poke_room(&self, chat: &ChatId) {
        let profiles = vec![self.profile.name.to_string()];
        let request = Request { chat: Some(chat.clone()), profiles, ..Request::new(Op::Room) };
        let told = Client::ask_home::<serde_json::Value>(self.config.home.root(), &request).await;
        if let Err(error) = told {
            tracing::debug!(%error, "the supervisor was not told of the room");
        }
    }

    /// What this profile types to do something in a room.
    pub fn typed(&self, verb: &str, chat: &ChatId) -> String {
        format!("rooma --profile {} {verb} --chat {}", self.profile.name, shown(chat.as_str()))
    }

    fn refused(&self, chat: &ChatId, refusal: Refusal) -> Error {
        let here = shown(chat.as_str());
        match refusal {
            Refusal::Paused(pause) => {
                let (lifts, resume) = (lifts_in_ms(&pause), self.typed("room resume", chat));
                let error =
                    Error::new(Kind::Policy, format!("the room {here} is paused ({})", reason(pause.why)));
                match pause.why {
                    // Whoever paused it wants silence, whatever people say meanwhile.
                    Why::Manual => error.subtype("room_paused").hint(match pause.until {
                        Some(_) => format!("no message resumes it, only its time, or: {resume}"),
                        None => format!("no message resumes it, only: {resume}"),
                    }),
                    Why::Turns | Why::PerMinute | Why::Alike | Why::PingPong => error
                        .subtype("loop_guard")
                        .hint(format!("a person's message there resumes it, or: {resume}")),
                }
                .retry_after_ms(lifts)
            }
            Refusal::Floor(holder, left_ms) => {
                let error = Error::new(Kind::Policy, format!("it is {holder}'s turn to speak in {here}"));
                let hint = format!("wait, or take the floor: {}", self.typed("floor take", chat));
                error.subtype("floor").retry_after_ms(u64::try_from(left_ms).ok()).hint(hint)
            }
        }
    }

    /// The chat a message goes to, where that can be a room. A reply names no chat; what was received tells it.
    async fn room_of(&self, target: &Target) -> Result<Option<ChatId>> {
        match target {
            Target::Chat(chat) => Ok(Some(chat.clone())),
            Target::Person(_) => Ok(None),
            Target::Reply { to, .. } => {
                let data = self.config.home.data();
                let enforced = self.config.rooms.values().any(|policy| policy.floor == FloorMode::Enforce);
                if !enforced && !rooms::any(&data) {
                    return Ok(None);
                }
                let read = Reader::open(&data.join("journal.db")).and_then(|reader| reader.chat_of(to));
                Ok(match read.ok().flatten() {
                    Some(chat) => Some(chat),
                    // A reply that cannot be read cannot be sent either; the send says so better.
                    None => self.caller.message(to).await.ok().map(|message| message.chat_id),
                })
            }
        }
    }
}

impl Turn<'_> {
    /// A further part of the same message, which is neither counted nor waits for the floor.
    pub fn go_on(&self, part: &Outgoing, key: &str) -> Result<()> {
        let (profile, words) = (self.speaking.profile.name.as_ref(), part.words());
        let outcome =
            self.speaking.change_room(&self.chat, |room, now| room.guard.go_on(profile, &words, key, now))?;
        outcome.map_err(|pause| self.speaking.refused(&self.chat, Refusal::Paused(pause)))
    }

    /// It was posted. With the last part whoever held the floor has spoken.
    pub fn posted(&self, key: &str, posted: &Posted, last: bool) {
        let profile = self.speaking.profile.name.as_ref();
        let written = posted.create_time.as_deref();
        self.settle(|room| {
            room.guard.sent(profile, key, posted.message_id.as_str(), written);
            if last && let Some(floor) = &mut room.floor {
                floor.spoken(profile);
            }
        });
    }

    /// It was not posted.
    pub fn failed(&self, key: &str) {
        let profile = self.speaking.profile.name.as_ref();
        self.settle(|room| room.guard.unsent(profile, key));
    }

    /// Something was said, and the rest of it does not come.
    pub fn broke_off(self) {
        let profile = self.speaking.profile.name.as_ref();
        self.settle(|room| {
            if let Some(floor) = &mut room.floor {
                floor.spoken(profile);
            }
        });
    }

    fn settle(&self, change: impl FnOnce(&mut Room)) {
        if let Err(error) = self.speaking.change_room(&self.chat, |room, _| change(room)) {
            tracing::warn!(%error, "the room's count is not up to date");
        }
    }
}

enum Refusal {
    Paused(Pause),
    /// Who holds it, and for how many milliseconds.
    Floor(String, i64),
}

/// Takes the turn, or says why that may not be now.
fn speak(
    room: &mut Room,
    profile: &str,
    words: &str,
    key: &str,
    now: i64,
    policy: &RoomPolicy,
) -> std::result::Result<Option<Change>, Refusal> {
    let rules = rooms::rules(policy);
    if policy.floor == FloorMode::Enforce
        && let Some(floor) = &mut room.floor
    {
        floor.advance(now, rules.floor_ttl_ms);
        if !floor.lets(profile) {
            let holder = floor.holder().unwrap_or_default().to_owned();
            return Err(Refusal::Floor(holder, floor.expires - now));
        }
    }
    room.guard.speak(profile, words, key, now, rules.limits).map_err(Refusal::Paused)
}

/// Steady time, as people see it.
pub fn wall_of(clock: &Clock, steady: i64) -> String {
    crate::clock::rfc3339_ms(clock.wall_ms() + steady - steady_ms())
}
