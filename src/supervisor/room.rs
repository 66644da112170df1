//! The Room actor: counts the turns of bots in every chat, pauses rooms that loop, opens the floor, and relays what
//! one of ours says to the others that sit there.
//!
//! It is a reader of the journal, so it sees what any profile sees and misses nothing while the process is down.
//! What it decides is in the files of `rooms.rs`, which commands change too.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, RpcReplyPort};
use serde::Deserialize;
use tokio::sync::{Semaphore, mpsc, watch};

use super::known_chats::{ChatState, KnownChats};
use super::rooms::{self, Room};
use super::root::Asker;
use super::session::composed;
use super::task::{Task, after_commits, blocking};
use super::{Seat, cannot_start};
use crate::clock::{Clock, rfc3339_ms, steady_ms};
use crate::config::RoomPolicy;
use crate::core::floor::Floor;
use crate::core::guard::{Pause, Who, Why};
use crate::error::Result;
use crate::event::ids::{ChatId, MessageId};
use crate::event::{Event, FloorMark, RoomPaused, RoomResumed, SenderType};
use crate::journal::{Appender, Cursors, Entry, Journal, Reader, SaidLine};
use crate::transport::verbs::Target;
use crate::transport::{Call, Rooms};

/// The rooms' position in the journal.
pub const CURSOR: &str = "rooms";

/// How often it is looked whether a pause is over.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Relays under way at one time. Sends are limited to five a second and chat.
const RELAYS_MAX: usize = 16;

/// How long the notice in the room may take.
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
pub struct Host {
    actor: ActorRef<Msg>,
    rooming: Rooming,
    relays: Arc<Semaphore>,
}

impl Host {
    /// A command has changed a room.
    pub fn look(&self, chat: &ChatId) {
        let _ = self.actor.cast(Msg::Look(chat.clone()));
    }

    /// One of ours has posted this: the others in that chat hear of it now, whatever the platform does.
    pub fn posted(&self, sender: &str, chat: &ChatId, message: &MessageId) {
        for profile in self.rooming.rooms.members(chat).into_iter().filter(|profile| profile != sender) {
            let (host, message) = (self.clone(), message.clone());
            tokio::spawn(async move {
                let Ok(_room) = host.relays.acquire().await else { return };
                if let Err(error) = host.relay(&profile, &message).await {
                    tracing::info!(%profile, %error, "not relayed; the platform may deliver it");
                }
            });
        }
    }

    async fn relay(&self, profile: &str, message: &MessageId) -> Result<()> {
        let Some(seat) = self.rooming.asker.seat(profile).await? else { return Ok(()) };
        if let Some(entry) = (seat.relay)(message.clone()).await? {
            let (answers, mut settled) = mpsc::unbounded_channel();
            self.rooming.appender.append(vec![entry], &answers, 0).await;
            let _ = settled.recv().await;
        }
        Ok(())
    }
}

pub async fn start(rooming: Rooming, journal: &Journal, parent: ActorCell) -> Result<Host> {
    let reader = journal.reader()?;
    let position = reader.cursor(CURSOR)?.unwrap_or(*journal.newest().borrow());
    let work = Work { reader, cursors: journal.cursors(), position };
    let args = Args { work, rooming: rooming.clone(), newest: journal.newest() };
    let (actor, _) = Actor::spawn_linked(None, Hosting, args, parent)
        .await
        .map_err(|error| cannot_start("the host of rooms", error))?;
    Ok(Host { actor, rooming, relays: Arc::new(Semaphore::new(RELAYS_MAX)) })
}

struct Hosting;

pub struct Args {
    work: Work,
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
}

pub struct State {
    rooming: Rooming,
    work: Option<Work>,
    newest: Option<watch::Receiver<u64>>,
    waker: Option<Task>,
    /// Rooms that were told to be paused.
    paused: BTreeSet<ChatId>,
}

impl Actor for Hosting {
    type Msg = Msg;
    type State = State;
    type Arguments = Args;

    async fn pre_start(&self, myself: ActorRef<Msg>, args: Args) -> Result<State, ActorProcessingErr> {
        myself.send_interval(LOOK_EVERY, || Msg::Tick);
        let Args { work, rooming, newest } = args;
        Ok(State { rooming, work: Some(work), newest: Some(newest), waker: None, paused: BTreeSet::new() })
    }

    async fn post_start(&self, myself: ActorRef<Msg>, state: &mut State) -> Result<(), ActorProcessingErr> {
        state.remember().await;
        if let Some(newest) = state.newest.take() {
            state.waker = Some(after_commits(myself, Msg::Read, newest));
        }
        Ok(())
    }

    async fn handle(
        &self,
        _myself: ActorRef<Msg>,
        msg: Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        let done = match msg {
            Msg::Read(reply) => {
                let done = state.read().await;
                let _ = reply.send(());
                done
            }
            Msg::Look(chat) => state.look(&chat).await,
            Msg::Tick => state.tick().await,
        };
        if let Err(error) = done {
            tracing::error!(%error, "a room cannot be looked after");
        }
        Ok(())
    }
}

impl State {
    /// What an earlier life knew: rooms that are paused, and who sits where.
    async fn remember(&mut self) {
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
            let paused = |chat: ChatId| {
                let room = rooms::load(&rooming.data, &chat, &rooming.clock).ok()?;
                room.guard.paused().map(|pause| (chat, pause.told))
            };
            Ok(rooms::all(&rooming.data).into_iter().filter_map(paused).collect::<Vec<(ChatId, bool)>>())
        });
        for (chat, told) in known.await.unwrap_or_default() {
            self.rooming.rooms.set_paused(&chat, true);
            if told {
                self.paused.insert(chat);
            } else if let Err(error) = self.look(&chat).await {
                // It was paused while nobody was there to tell of it.
                tracing::error!(%error, "a room cannot be looked after");
            }
        }
    }

    async fn read(&mut self) -> Result<()> {
        let Some(mut work) = self.work.take() else { return Ok(()) };
        let rooming = self.rooming.clone();
        let round = blocking(move || {
            let outcome = work.round(&rooming);
            Ok((work, outcome))
        });
        let (work, outcome) = round.await?;
        self.work = Some(work);
        for chat in outcome? {
            self.look(&chat).await?;
        }
        Ok(())
    }

    async fn tick(&mut self) -> Result<()> {
        for chat in self.paused.clone() {
            self.look(&chat).await?;
        }
        Ok(())
    }

    /// Tells what has become of a room.
    async fn look(&mut self, chat: &ChatId) -> Result<()> {
        let (rooming, of) = (self.rooming.clone(), chat.clone());
        let looked = blocking(move || {
            let limits = rooms::limits(&(rooming.policy)(&of).loop_guard);
            rooms::change(&rooming.data, &of, &rooming.clock, limits, |room: &mut Room, now| {
                room.guard.lift(now);
                let told = room.guard.tell();
                (room.guard.paused().cloned(), room.guard.turns(), told, now)
            })
        });
        let (pause, turns, tell, now) = looked.await?;
        self.rooming.rooms.set_paused(chat, pause.is_some());
        let rooming = self.rooming.clone();
        match (pause, self.paused.contains(chat)) {
            (Some(pause), false) => {
                self.paused.insert(chat.clone());
                let until = pause.until.map(|until| rfc3339_ms(self.rooming.clock.wall_ms() + until - now));
                let (chat_id, reason, turns) = (chat.clone(), reason(pause.why), turns as u64);
                let event = Event::RoomPaused(RoomPaused { chat_id, reason, turns, until: until.clone() });
                rooming.tell_all(chat, &event).await?;
                if tell && (rooming.policy)(chat).loop_guard.notice {
                    rooming.tell_room(chat, &pause, turns, until.as_deref()).await?;
                }
            }
            (None, true) => {
                self.paused.remove(chat);
                rooming.tell_all(chat, &Event::RoomResumed(RoomResumed { chat_id: chat.clone() })).await?;
            }
            (Some(_), true) | (None, false) => {}
        }
        Ok(())
    }
}

impl Rooming {
    /// One line for each of ours that sits there.
    async fn tell_all(&self, chat: &ChatId, event: &Event) -> Result<()> {
        for seat in self.seats(chat).await? {
            self.appender.say(Entry::own(seat.voice(), event));
        }
        Ok(())
    }

    /// The room itself hears it once, from one of ours.
    async fn tell_room(&self, chat: &ChatId, pause: &Pause, turns: u64, until: Option<&str>) -> Result<()> {
        let Some(seat) = self.seats(chat).await?.into_iter().next() else { return Ok(()) };
        let why = match pause.why {
            Why::Manual => "somebody paused this room".to_owned(),
            Why::Turns => format!("{turns} messages of bots in a row"),
            Why::PerMinute => "too many messages of bots in a minute".to_owned(),
            Why::Alike | Why::PingPong => "bots repeat themselves".to_owned(),
        };
        let until = until.and_then(|until| until.get(11..16)).map(|at| format!(", or until {at} UTC"));
        let text = format!(
            "⏸ {why}: our agents are silent here until a person writes{}.",
            until.unwrap_or_default()
        );
        let message = composed(seat.transport, &text)?;
        let key = crate::journal::fingerprint_hex(chat.as_str(), &format!("{pause:?}"));
        let chat = chat.clone();
        tokio::spawn(async move {
            let call = Call::Send { target: Target::Chat(chat), message, key };
            if let Err(error) = (seat.perform)(call, PATIENCE).await {
                tracing::warn!(%error, "the room was not told of its pause");
            }
        });
        Ok(())
    }

    async fn seats(&self, chat: &ChatId) -> Result<Vec<Seat>> {
        let mut seats = Vec::new();
        for profile in self.rooms.members(chat) {
            seats.extend(self.asker.seat(&profile).await?);
        }
        Ok(seats)
    }
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
            let lines = self.reader.said(self.position)?;
            if lines.looked_to == self.position {
                return Ok(changed);
            }
            // Rooms with a file count people too; a chat of people only costs nothing.
            let counted: BTreeSet<ChatId> = rooms::all(&rooming.data).into_iter().collect();
            let mut by_chat: BTreeMap<ChatId, Vec<(Arc<str>, Body)>> = BTreeMap::new();
            for SaidLine { profile, body } in lines.lines {
                let Ok(body) = serde_json::from_str::<Body>(&format!("{{{body}}}")) else { continue };
                rooming.rooms.set_member(&body.chat_id, &profile, true);
                let matters = body.sender_type == SenderType::Bot || body.floor.is_some();
                if matters || counted.contains(&body.chat_id) || by_chat.contains_key(&body.chat_id) {
                    by_chat.entry(body.chat_id.clone()).or_default().push((profile, body));
                }
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
                && room.floor.as_ref().is_none_or(|known| known.message_id != body.message_id)
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
