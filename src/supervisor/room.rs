//! The Room actor: counts the turns of bots in every chat, pauses rooms that loop, and opens the floor.
//!
//! It is a reader of the journal, so it sees what any profile sees and misses nothing while the process is down.
//! What it decides is in the files of `rooms.rs`, which commands change too.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, RpcReplyPort};
use serde::Deserialize;
use tokio::sync::watch;
use tokio::time::Instant;

use super::known_chats::{ChatState, KnownChats};
use super::rooms::{self, Room};
use super::root::Asker;
use super::session::composed;
use super::task::{Round, Task, after_commits, blocking};
use super::{Seat, cannot_start};
use crate::clock::{Clock, rfc3339_ms, steady_ms};
use crate::config::RoomPolicy;
use crate::core::dedupe::DedupeKey;
use crate::core::floor::Floor;
use crate::core::guard::{Pause, Who, Why};
use crate::error::{Error, Kind as ErrorKind, Result};
use crate::event::ids::ChatId;
use crate::event::{Event, FloorMark, RoomPaused, RoomResumed, SenderType};
use crate::journal::{Appender, Cursors, Entry, Journal, Reader, SaidLine};
use crate::transport::verbs::Target;
use crate::transport::{Call, Rooms};

/// The rooms' position in the journal.
pub const CURSOR: &str = "rooms";

/// How often it is looked whether a pause is over.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long one attempt at the notice in the room may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between attempts, growing.
const RETRY_MIN: Duration = Duration::from_secs(2);
const RETRY_MAX: Duration = Duration::from_secs(60);

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
pub struct Host(ActorRef<Msg>);

impl Host {
    /// A command has changed a room.
    pub fn look(&self, chat: &ChatId) {
        let _ = self.0.cast(Msg::Look(chat.clone()));
    }
}

pub async fn start(rooming: Rooming, journal: &Journal, parent: ActorCell) -> Result<Host> {
    let (open, cursors, newest) = (journal.opener(), journal.cursors(), journal.newest());
    let work = Round::new(move |again| {
        let (reader, newest) = (open()?, *newest.borrow());
        let left = if again { None } else { reader.cursor(CURSOR)? };
        Ok(Work { reader, cursors: cursors.clone(), position: left.unwrap_or(newest) })
    })?;
    let args = Args { work, rooming, newest: journal.newest() };
    let (actor, _) = Actor::spawn_linked(None, Hosting, args, parent)
        .await
        .map_err(|error| cannot_start("the host of rooms", error))?;
    Ok(Host(actor))
}

struct Hosting;

pub struct Args {
    work: Round<Work>,
    rooming: Rooming,
    newest: watch::Receiver<u64>,
}

pub enum Msg {
    /// There is more in the journal.
    Read(RpcReplyPort<()>),
    /// A file was changed by a command.
    Look(ChatId),
    /// Time passed.
    Tick,
    /// The notice of the pause `id` was posted, or was not.
    Noticed { chat: ChatId, id: String, outcome: Result<()> },
}

pub struct State {
    rooming: Rooming,
    work: Round<Work>,
    newest: Option<watch::Receiver<u64>>,
    waker: Option<Task>,
    /// Rooms whose profiles were told of their pause.
    paused: BTreeSet<ChatId>,
    /// Notices that are being posted, or are to be tried again.
    notices: BTreeMap<ChatId, Notice>,
}

/// The word to a room about its pause.
struct Notice {
    task: Option<Task>,
    attempts: u32,
    due: Instant,
}

impl Actor for Hosting {
    type Msg = Msg;
    type State = State;
    type Arguments = Args;

    async fn pre_start(&self, myself: ActorRef<Msg>, args: Args) -> Result<State, ActorProcessingErr> {
        myself.send_interval(LOOK_EVERY, || Msg::Tick);
        let Args { work, rooming, newest } = args;
        let (paused, notices) = Default::default();
        Ok(State { rooming, work, newest: Some(newest), waker: None, paused, notices })
    }

    async fn post_start(&self, myself: ActorRef<Msg>, state: &mut State) -> Result<(), ActorProcessingErr> {
        state.remember(&myself).await;
        if let Some(newest) = state.newest.take() {
            state.waker = Some(after_commits(myself, Msg::Read, newest));
        }
        Ok(())
    }

    async fn handle(
        &self,
        myself: ActorRef<Msg>,
        msg: Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        let done = match msg {
            Msg::Read(reply) => {
                let done = state.read(&myself).await;
                let _ = reply.send(());
                done
            }
            Msg::Look(chat) => state.look(&myself, &chat).await,
            Msg::Tick => state.tick(&myself).await,
            Msg::Noticed { chat, id, outcome } => state.noticed(&chat, id, outcome).await,
        };
        if let Err(error) = done {
            tracing::error!(%error, "a room cannot be looked after");
        }
        Ok(())
    }
}

impl State {
    /// What an earlier life knew: rooms that are paused, and who sits where.
    async fn remember(&mut self, myself: &ActorRef<Msg>) {
        let rooming = self.rooming.clone();
        let profiles = rooming.asker.profiles().await.unwrap_or_default();
        let known = blocking(move || {
            for profile in profiles {
                let known = KnownChats::load(&rooming.data.join(&profile.profile), rooming.clock.wall_ms());
                for (id, _) in
                    known.unwrap_or_default().chats.iter().filter(|(_, chat)| chat.state == ChatState::Joined)
                {
                    rooming.rooms.set_member(&ChatId::new(id.as_str()), &profile.profile, true);
                }
            }
            let is_paused = |chat: &ChatId| {
                let limits = rooms::limits(&(rooming.policy)(chat).loop_guard);
                rooms::load(&rooming.data, chat, &rooming.clock, limits)
                    .is_ok_and(|room| room.guard.paused().is_some())
            };
            Ok(rooms::all(&rooming.data).into_iter().filter(is_paused).collect::<Vec<ChatId>>())
        });
        for chat in known.await.unwrap_or_default() {
            self.rooming.rooms.set_paused(&chat, true);
            if let Err(error) = self.look(myself, &chat).await {
                tracing::error!(%error, "a room cannot be looked after");
            }
        }
    }

    async fn read(&mut self, myself: &ActorRef<Msg>) -> Result<()> {
        let rooming = self.rooming.clone();
        for chat in self.work.run(move |work| work.round(&rooming)).await? {
            self.look(myself, &chat).await?;
        }
        Ok(())
    }

    async fn tick(&mut self, myself: &ActorRef<Msg>) -> Result<()> {
        for chat in self.paused.clone() {
            self.look(myself, &chat).await?;
        }
        Ok(())
    }

    /// Tells what has become of a room.
    async fn look(&mut self, myself: &ActorRef<Msg>, chat: &ChatId) -> Result<()> {
        let (pause, turns, now) = self
            .rooming
            .change(chat, |room, now| {
                room.guard.lift(now);
                room.guard.name_pause(|| uuid::Uuid::new_v4().to_string());
                (room.guard.paused().cloned(), room.guard.turns(), now)
            })
            .await?;
        self.rooming.rooms.set_paused(chat, pause.is_some());
        match (pause, self.paused.contains(chat)) {
            (Some(pause), told) => {
                let until = pause.until.map(|until| rfc3339_ms(self.rooming.clock.wall_ms() + until - now));
                if !told {
                    let (chat_id, reason, turns) = (chat.clone(), reason(pause.why), turns as u64);
                    let event =
                        Event::RoomPaused(RoomPaused { chat_id, reason, turns, until: until.clone() });
                    // An earlier life may have told of this pause already.
                    let key = pause.id.as_deref().map(|id| DedupeKey::derived(id, "room_paused"));
                    self.rooming.tell_all(chat, &event, key).await?;
                    self.paused.insert(chat.clone());
                }
                if !pause.told && (self.rooming.policy)(chat).loop_guard.notice {
                    self.notice(myself, chat, pause, turns, until);
                }
            }
            (None, true) => {
                self.paused.remove(chat);
                self.notices.remove(chat);
                let event = Event::RoomResumed(RoomResumed { chat_id: chat.clone() });
                self.rooming.tell_all(chat, &event, None).await?;
            }
            (None, false) => {}
        }
        Ok(())
    }

    /// Posts the notice, unless that is under way or not due again yet.
    fn notice(
        &mut self,
        myself: &ActorRef<Msg>,
        chat: &ChatId,
        pause: Pause,
        turns: usize,
        until: Option<String>,
    ) {
        let Some(id) = pause.id.clone() else { return };
        let fresh = Notice { task: None, attempts: 0, due: Instant::now() };
        let notice = self.notices.entry(chat.clone()).or_insert(fresh);
        if notice.task.is_some() || Instant::now() < notice.due {
            return;
        }
        let (rooming, chat, actor) = (self.rooming.clone(), chat.clone(), myself.clone());
        notice.task = Some(Task::spawn(async move {
            let outcome = rooming.tell_room(&chat, &pause, &id, turns, until.as_deref()).await;
            let _ = actor.cast(Msg::Noticed { chat, id, outcome });
        }));
    }

    async fn noticed(&mut self, chat: &ChatId, id: String, outcome: Result<()>) -> Result<()> {
        let Some(notice) = self.notices.get_mut(chat) else { return Ok(()) };
        notice.task = None;
        match outcome {
            Ok(()) => {
                self.notices.remove(chat);
                self.rooming.change(chat, move |room, _| room.guard.told(&id)).await
            }
            Err(error) => {
                tracing::warn!(%chat, %error, "the room was not told of its pause yet");
                notice.due = Instant::now() + (RETRY_MIN * 2_u32.pow(notice.attempts.min(6))).min(RETRY_MAX);
                notice.attempts += 1;
                Ok(())
            }
        }
    }
}

impl Rooming {
    async fn change<R: Send + 'static>(
        &self,
        chat: &ChatId,
        change: impl FnOnce(&mut Room, i64) -> R + Send + 'static,
    ) -> Result<R> {
        let (rooming, of) = (self.clone(), chat.clone());
        let changed = blocking(move || {
            let limits = rooms::limits(&(rooming.policy)(&of).loop_guard);
            rooms::change(&rooming.data, &of, &rooming.clock, limits, change)
        });
        changed.await
    }

    /// One line for each of ours that sits there.
    async fn tell_all(&self, chat: &ChatId, event: &Event, key: Option<DedupeKey>) -> Result<()> {
        for seat in self.seats(chat).await? {
            self.appender.say(Entry { key: key.clone(), ..Entry::own(seat.voice(), event) });
        }
        Ok(())
    }

    /// The room itself hears it once, from the first of ours that may speak there.
    async fn tell_room(
        &self,
        chat: &ChatId,
        pause: &Pause,
        id: &str,
        turns: usize,
        until: Option<&str>,
    ) -> Result<()> {
        let text = notice_text(pause.why, turns, until);
        let key = crate::journal::fingerprint_hex(chat.as_str(), id);
        let mut refused = Error::internal("none of ours sits there");
        for seat in self.seats(chat).await? {
            let message = composed(seat.transport, &text)?;
            let call = Call::Send { target: Target::Chat(chat.clone()), message, key: key.clone() };
            match (seat.perform)(call, PATIENCE).await {
                Ok(_) => return Ok(()),
                // It may have been posted: another one's notice would be a second one.
                Err(error) if error.kind == ErrorKind::Network => return Err(error),
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }

    async fn seats(&self, chat: &ChatId) -> Result<Vec<Seat>> {
        let mut seats = Vec::new();
        for profile in self.rooms.members(chat) {
            seats.extend(self.asker.seat(&profile).await?);
        }
        Ok(seats)
    }
}

fn notice_text(why: Why, turns: usize, until: Option<&str>) -> String {
    let why = match why {
        Why::Manual => "somebody paused this room".to_owned(),
        Why::Turns => format!("{turns} messages of bots in a row"),
        Why::PerMinute => "too many messages of bots in a minute".to_owned(),
        Why::Alike | Why::PingPong => "bots repeat themselves".to_owned(),
    };
    let until = until.and_then(|until| until.get(11..16)).map(|at| format!(", or until {at} UTC"));
    format!("⏸ {why}: our agents are silent here until a person writes{}.", until.unwrap_or_default())
}

pub fn reason(why: Why) -> String {
    match why {
        Why::Manual => "manual",
        Why::Turns => "turns",
        Why::PerMinute => "per_minute",
        Why::Alike => "alike",
        Why::PingPong => "ping_pong",
    }
    .to_owned()
}

struct Work {
    reader: Reader,
    cursors: Cursors,
    position: u64,
}

/// The part of a message's body that is read.
#[derive(Deserialize)]
struct Body {
    chat_id: ChatId,
    message_id: String,
    sender_id: String,
    sender_type: SenderType,
    sender_profile: Option<String>,
    content: String,
    floor: Option<FloorMark>,
}

impl Work {
    /// Reads to the newest line. Gives back the rooms in which something changed.
    fn round(&mut self, rooming: &Rooming) -> Result<BTreeSet<ChatId>> {
        let mut changed = BTreeSet::new();
        loop {
            // Rooms with a file count people too; a chat of people only costs nothing.
            let mut counted: BTreeSet<String> =
                rooms::all(&rooming.data).into_iter().map(|chat| chat.to_string()).collect();
            let lines = self.reader.said(self.position, |profile, body| {
                let Some(chat) = chat_of(body) else { return true };
                rooming.rooms.set_member(&ChatId::new(chat), profile, true);
                let matters = concerns_rooms(body);
                if matters && !counted.contains(chat) {
                    counted.insert(chat.to_owned());
                }
                matters || counted.contains(chat)
            })?;
            if lines.looked_to == self.position {
                return Ok(changed);
            }
            let mut by_chat: BTreeMap<ChatId, Vec<(Arc<str>, Body)>> = BTreeMap::new();
            for SaidLine { profile, body } in lines.lines {
                let Ok(body) = serde_json::from_str::<Body>(&format!("{{{body}}}")) else { continue };
                rooming.rooms.set_member(&body.chat_id, &profile, true);
                by_chat.entry(body.chat_id.clone()).or_default().push((profile, body));
            }
            for (chat, said) in by_chat {
                if hear(rooming, &chat, &said)? {
                    changed.insert(chat);
                }
            }
            self.position = lines.looked_to;
            self.cursors.store(CURSOR, self.position);
        }
    }
}

/// Bodies are our own writing, so most of them need no parsing: their chat comes first, and a quote within a text is
/// escaped.
fn chat_of(body: &str) -> Option<&str> {
    body.strip_prefix("\"chat_id\":\"")?.split('"').next().filter(|chat| !chat.contains('\\'))
}

/// A bot's word, or one that opens the floor.
fn concerns_rooms(body: &str) -> bool {
    body.contains("\"sender_type\":\"bot\"") || body.contains("\"floor\":{")
}

/// Counts what was said in one chat. True where that paused or resumed it.
fn hear(rooming: &Rooming, chat: &ChatId, said: &[(Arc<str>, Body)]) -> Result<bool> {
    let policy = (rooming.policy)(chat);
    let (limits, ttl) = (rooms::limits(&policy.loop_guard), policy.floor_ttl.0.as_millis());
    let ttl_ms = i64::try_from(ttl).unwrap_or(i64::MAX);
    rooms::change(&rooming.data, chat, &rooming.clock, limits, |room, now| {
        let mut changed = false;
        for (profile, body) in said {
            room.guard.meet(profile);
            let bot = body.sender_profile.as_deref().unwrap_or(&body.sender_id);
            let who = match body.sender_type {
                SenderType::User => Who::Person,
                SenderType::Bot => Who::Bot(bot),
            };
            changed |= room.guard.hear(&body.message_id, who, &body.content, now, limits).is_some();
            if let Some(floor) = &body.floor
                && room.asks(&body.message_id)
            {
                room.floor = Floor::open(&body.message_id, floor.order.clone(), now, ttl_ms);
            }
            if let (Some(speaker), Some(floor)) = (&body.sender_profile, &mut room.floor) {
                floor.advance(now, ttl_ms);
                floor.spoken(speaker);
            }
        }
        changed
    })
}

/// How long until a pause is over.
pub fn lifts_in_ms(pause: &Pause) -> Option<u64> {
    pause.until.map(|until| u64::try_from(until.saturating_sub(steady_ms())).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Rendered;

    fn body(more: serde_json::Value) -> String {
        let mut message = serde_json::json!({
            "chat_id": "oc_1", "chat_type": "group", "message_id": "om_1", "message_type": "text",
            "sender_id": "ou_1", "sender_type": "user", "mentioned": true, "mention": "me",
            "content": "\"sender_type\":\"bot\", \"floor\":{", "create_time": "t", "trust": "stranger",
            "event_type": "e"
        });
        message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Rendered::new(&Event::Message(Box::new(serde_json::from_value(message).unwrap()))).body
    }

    #[test]
    fn what_matters_to_a_room_is_seen_without_parsing() {
        let (bot, floor) = (
            serde_json::json!({"sender_type": "bot"}),
            serde_json::json!({"floor": {"holder": "a", "order": ["a", "b"], "expires": "t"}}),
        );
        let cases = [(serde_json::json!({}), false), (bot, true), (floor, true)];
        for (more, matters) in cases {
            let body = body(more);
            assert_eq!((chat_of(&body), concerns_rooms(&body)), (Some("oc_1"), matters), "{body}");
        }
        let named = body(serde_json::json!({"chat_name": "Ops", "chat_id": "oc_2"}));
        assert_eq!(chat_of(&named), Some("oc_2"));
        assert_eq!(chat_of(&body(serde_json::json!({"chat_id": "a\"b"}))), None, "it is parsed instead");
        assert_eq!(chat_of("\"x\":1"), None);
    }
}
