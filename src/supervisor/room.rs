//! The Room actor: counts the turns of bots in every chat, pauses rooms that loop, and opens the floor.
//!
//! It is a reader of the journal, so it sees what any profile sees and misses nothing while the process is down.
//! What it decides is in the files of `rooms.rs`, which commands change too.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, RpcReplyPort};
use tokio::sync::watch;
use tokio::time::Instant;

use super::Seat;
use super::known_chats::{ChatState, KnownChats};
use super::part::{self, Part};
use super::room_heard::Talk;
use super::rooms::{self, Room};
use super::root::Asker;
use super::stored::Stamp;
use super::task::{Round, Task, after_commits, blocking};
use crate::clock::{Clock, rfc3339_ms, steady_ms};
use crate::config::RoomPolicy;
use crate::core::again::{Again, Waits};
use crate::core::dedupe::DedupeKey;
use crate::core::guard::{Pause, Why};
use crate::error::{Error, Kind as ErrorKind, NEWER, Result};
use crate::event::ids::ChatId;
use crate::event::{Event, RoomPaused, RoomResumed};
use crate::journal::{Appender, Cursors, Entry, Journal, Reader};
use crate::transport::outgoing::Outgoing;
use crate::transport::verbs::Target;
use crate::transport::{Call, Rooms};

/// The rooms' position in the journal.
pub const CURSOR: &str = "rooms";

/// How often it is looked whether a pause is over.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long one attempt at the notice in the room may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A room whose file cannot be read or written is left alone for a while.
const TROUBLED_FOR: Duration = Duration::from_secs(15);

/// Between attempts, growing.
const WAITS: Waits = Waits { min: Duration::from_secs(2), max: Duration::from_secs(60) };

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
    pub fn look(&self, chat: &ChatId) {
        self.0.cast(Msg::Look(chat.clone()));
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
    begun: Instant,
    rooming: Rooming,
    work: Round<Work>,
    newest: Option<watch::Receiver<u64>>,
    waker: Option<Task>,
    looked: BTreeMap<ChatId, Looked>,
    /// Notices that are being posted, or are to be tried again.
    notices: BTreeMap<ChatId, Notice>,
}

/// A room's file as it was looked at last.
struct Looked {
    stamp: Stamp,
    /// Something in it waits for time.
    waits: bool,
    /// It could not be read or written, and is left alone for a while.
    not_before: Option<Instant>,
}

/// The word to a room about its pause.
struct Notice {
    task: Option<Task>,
    failed: Option<Again>,
}

impl Actor for Hosting {
    type Msg = Msg;
    type State = State;
    type Arguments = Args;

    async fn pre_start(&self, myself: ActorRef<Msg>, args: Args) -> Result<State, ActorProcessingErr> {
        myself.send_interval(LOOK_EVERY, || Msg::Tick);
        let Args { work, rooming, newest } = args;
        let (looked, notices) = Default::default();
        Ok(State { begun: Instant::now(), rooming, work, newest: Some(newest), waker: None, looked, notices })
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
        crate::fault::may_panic("rooms");
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
                let folder = rooming.data.join(&profile.profile);
                let known = KnownChats::load(&folder, rooming.clock.wall_ms()).unwrap_or_default();
                for (id, _) in known.chats.iter().filter(|(_, chat)| chat.state == ChatState::Joined) {
                    rooming.rooms.set_member(&ChatId::new(id.as_str()), &profile.profile, true);
                }
                if !known.chats.is_empty() {
                    rooming.rooms.set_listed(&profile.profile);
                }
            }
            Ok(())
        });
        if let Err(error) = known.await {
            tracing::error!(%error, "it is not known who sits where");
        }
        if let Err(error) = self.tick(myself).await {
            tracing::error!(%error, "a room cannot be looked after");
        }
    }

    async fn read(&mut self, myself: &ActorRef<Msg>) -> Result<()> {
        let rooming = self.rooming.clone();
        for chat in self.work.run(move |work| work.round(&rooming)).await? {
            if let Err(error) = self.look(myself, &chat).await {
                // The others are looked at all the same.
                tracing::error!(%chat, %error, "a room cannot be looked after");
            }
        }
        Ok(())
    }

    /// Looks at the rooms that somebody has changed, and at those in which something waits for time.
    async fn tick(&mut self, myself: &ActorRef<Msg>) -> Result<()> {
        let data = self.rooming.data.clone();
        let stamps = blocking(move || {
            let rooms = rooms::all(&data).into_iter();
            Ok(rooms.map(|chat| (rooms::stamp(&data, &chat), chat)).collect::<Vec<_>>())
        });
        for (stamp, chat) in stamps.await? {
            let due = self.looked.get(&chat).is_none_or(|looked| {
                looked.not_before.is_none_or(|at| Instant::now() >= at)
                    && (looked.waits || looked.stamp != stamp)
            });
            if due && let Err(error) = self.look(myself, &chat).await {
                // The others are looked after all the same.
                tracing::error!(%chat, %error, "a room cannot be looked after");
                let not_before = Some(Instant::now() + TROUBLED_FOR);
                self.looked.insert(chat, Looked { stamp: None, waits: true, not_before });
            }
        }
        Ok(())
    }

    /// Tells what has become of a room.
    async fn look(&mut self, myself: &ActorRef<Msg>, chat: &ChatId) -> Result<()> {
        let stamp = rooms::stamp(&self.rooming.data, chat);
        let (pause, told, turns, now) = self
            .rooming
            .change(chat, |room, now| {
                room.guard.lift(now);
                room.guard.name_pause(|| uuid::Uuid::new_v4().to_string());
                (room.guard.paused().cloned(), room.told.clone(), room.guard.turns(), now)
            })
            .await?;
        self.rooming.rooms.set_paused(chat, pause.as_ref().map(|pause| pause.why));
        let id = pause.as_ref().and_then(|pause| pause.id.clone());
        // Each line has a key of the pause it is about: told once, whenever we are killed.
        if let Some(before) = told.as_ref().filter(|_| pause.is_none()) {
            self.notices.remove(chat);
            let event = Event::RoomResumed(RoomResumed { chat_id: chat.clone() });
            self.rooming.tell_all(chat, &event, DedupeKey::derived(before, "room_resumed")).await?;
        }
        if let Some(pause) = &pause {
            let until = pause.until.map(|until| rfc3339_ms(self.rooming.clock.wall_ms() + until - now));
            if let Some(id) = id.as_ref().filter(|id| told.as_ref() != Some(id)) {
                self.notices.remove(chat);
                let (chat_id, reason, turns) = (chat.clone(), reason(pause.why), turns as u64);
                let event = Event::RoomPaused(RoomPaused { chat_id, reason, turns, until: until.clone() });
                self.rooming.tell_all(chat, &event, DedupeKey::derived(id, "room_paused")).await?;
            }
            if !pause.told && (self.rooming.policy)(chat).loop_guard.notice {
                self.notice(myself, chat, pause.clone(), turns, until);
            }
        }
        let looked = Looked { stamp, waits: pause.is_some(), not_before: None };
        self.looked.insert(chat.clone(), looked);
        if told != id {
            // Before it is noted that they were told.
            self.rooming.appender.settled().await;
            crate::fault::may_panic("rooms_told");
            self.rooming.change(chat, move |room, _| room.told = id).await?;
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
        let fresh = Notice { task: None, failed: None };
        let notice = self.notices.entry(chat.clone()).or_insert(fresh);
        if notice.task.is_some() || notice.failed.is_some_and(|again| !again.is_due(self.begun.elapsed())) {
            return;
        }
        let (rooming, chat, actor) = (self.rooming.clone(), chat.clone(), myself.clone());
        notice.task = Some(Task::spawn(async move {
            let outcome = rooming.tell_room(&chat, &pause, &id, turns, until.as_deref()).await;
            let _ = actor.cast(Msg::Noticed { chat, id, outcome });
        }));
    }

    async fn noticed(&mut self, chat: &ChatId, id: String, outcome: Result<()>) -> Result<()> {
        crate::fault::may_panic("rooms_noticed");
        let Some(notice) = self.notices.get_mut(chat) else { return Ok(()) };
        notice.task = None;
        match outcome {
            Ok(()) => {
                self.notices.remove(chat);
                self.rooming.change(chat, move |room, _| room.guard.told(&id)).await
            }
            Err(error) => {
                tracing::warn!(%chat, %error, "the room was not told of its pause yet");
                notice.failed = Some(WAITS.again(notice.failed.as_ref(), self.begun.elapsed()));
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
    async fn tell_all(&self, chat: &ChatId, event: &Event, key: DedupeKey) -> Result<()> {
        for seat in self.seats(chat).await? {
            self.appender.say(Entry { key: Some(key.clone()), ..seat.intake.own(event) });
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
            let what = seat.transport.single(Outgoing::text(&text))?;
            let call = Call::Send { target: Target::Chat(chat.clone()), what, key: key.clone() };
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
    // Where our apps hear mentions only, a person's other words do not reach us.
    format!(
        "⏸ {why}: our agents are silent here until a person mentions one of them{}.",
        until.unwrap_or_default()
    )
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
    /// Which journal it reads.
    born: u64,
    cursors: Cursors,
    position: u64,
}

impl Work {
    /// Reads to the newest line. Gives back the rooms in which something changed.
    fn round(&mut self, rooming: &Rooming) -> Result<BTreeSet<ChatId>> {
        let mut changed = BTreeSet::new();
        if crate::fault::fails("rooms") {
            return Err(Error::storage("injected: the rooms are not counted"));
        }
        loop {
            // Rooms with a file count people too; a chat of people only costs nothing.
            let mut counted: BTreeSet<String> =
                rooms::all(&rooming.data).into_iter().map(|chat| chat.to_string()).collect();
            let said = self.reader.said(self.position, |of| {
                if !of.replayed {
                    rooming.rooms.set_member(&ChatId::new(of.chat_id), of.profile, true);
                }
                if of.makes_a_room() && !counted.contains(of.chat_id) {
                    counted.insert(of.chat_id.to_owned());
                }
                counted.contains(of.chat_id)
            })?;
            if said.looked_to == self.position {
                return Ok(changed);
            }
            let mut by_chat: BTreeMap<ChatId, Talk> = BTreeMap::new();
            for line in said.lines {
                let talk = by_chat.entry(line.message.chat_id.clone());
                talk.or_insert_with(|| Talk { born: self.born, lines: Vec::new() }).lines.push(line);
            }
            for (chat, talk) in by_chat {
                match hear(rooming, &chat, &talk) {
                    Ok(true) => drop(changed.insert(chat)),
                    Ok(false) => {}
                    // Nothing here will ever read that file: the other rooms go on.
                    Err(error) if error.subtype.as_deref() == Some(NEWER) => {
                        tracing::error!(%chat, %error, "a room is not counted");
                    }
                    Err(error) => return Err(error),
                }
            }
            self.position = said.looked_to;
            self.cursors.store(CURSOR, self.position);
        }
    }
}

/// Counts what was said in one chat. True where that paused or resumed it.
fn hear(rooming: &Rooming, chat: &ChatId, talk: &Talk) -> Result<bool> {
    let rules = rooms::rules(&(rooming.policy)(chat));
    let counted = |room: &mut Room, now| talk.count(room, now, rules);
    rooms::change(&rooming.data, chat, &rooming.clock, rules.limits, counted)
}

/// How long until a pause is over.
pub fn lifts_in_ms(pause: &Pause) -> Option<u64> {
    pause.until.map(|until| u64::try_from(until.saturating_sub(steady_ms())).unwrap_or(0))
}
