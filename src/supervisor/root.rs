//! The supervisor: one record per profile, and what to do when a connection ends. It does no I/O itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ractor::{Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, RpcReplyPort, SupervisionEvent};
use tokio::sync::watch;
use tokio::time::Instant;

use super::care::{Care, Cared};
use super::connection::{self, Connection};
use super::reload::Change;
use super::status::{self, ProfileStatus};
use super::task::Task;
use super::{Seat, cannot_start};
use crate::clock::{Clock, WallMs, rfc3339_ms};
use crate::core::end::End;
use crate::core::redial::{Policy, Redial, Step};
use crate::error::{Error, Result};
use crate::event::{Crashed, Disconnected, Event, Parked, Stopped};
use crate::journal::Appender;
use crate::transport::{Alive, Life, Report};

/// A running supervisor.
pub struct Root {
    actor: ActorRef<Msg>,
}

impl Root {
    /// Nobody connects before [`Root::begin`]. Without `care`, nobody asks for what connections miss.
    pub async fn start(
        appender: Appender,
        policy: Policy,
        clock: Clock,
        seats: Vec<Seat>,
        care: Option<Care>,
    ) -> Result<Root> {
        let args = Args { appender, policy, clock, seats, care };
        let (actor, _) = Actor::spawn(None, Supervisor, args)
            .await
            .map_err(|error| cannot_start("the supervisor", error))?;
        Ok(Root { actor })
    }

    /// Opens the connections. Whoever hears that one is open finds everything else running.
    pub fn begin(&self) {
        let _ = self.actor.cast(Msg::Begin);
    }

    /// Other actors of this process are its children too.
    pub fn cell(&self) -> ActorCell {
        self.actor.get_cell()
    }

    /// The way to ask how the profiles are.
    pub fn asker(&self) -> Asker {
        Asker(self.actor.clone())
    }

    /// Closes all connections and waits for their ends, at most until `deadline`.
    pub async fn stop(&self, deadline: Duration) {
        let closed = ractor::call_t!(self.actor, Msg::CloseAll, millis(deadline));
        if closed.is_err() {
            tracing::warn!("some connections did not close in time");
        }
    }

    pub async fn end(self) {
        let _ = self.actor.stop_and_wait(None, Some(Duration::from_millis(500))).await;
    }
}

/// Asks the supervisor from outside.
#[derive(Clone)]
pub struct Asker(ActorRef<Msg>);

impl Asker {
    pub async fn profiles(&self) -> Result<Vec<ProfileStatus>> {
        ractor::call_t!(self.0, Msg::Status, ANSWER_MS).map_err(silent)
    }

    /// The seat of a profile, if it has one.
    pub async fn seat(&self, profile: &str) -> Result<Option<Seat>> {
        ractor::call_t!(self.0, Msg::Seat, ANSWER_MS, profile.to_owned()).map_err(silent)
    }

    /// Tells what became of profiles; answered once that is under way.
    pub async fn apply(&self, changes: Vec<Change>) -> Result<()> {
        ractor::call_t!(self.0, Msg::Apply, ANSWER_MS, changes).map_err(silent)
    }
}

/// The supervisor's handlers only decide: an answer takes microseconds.
const ANSWER_MS: u64 = 1_000;

fn silent(error: impl std::fmt::Display) -> Error {
    Error::internal(format!("the supervisor does not answer: {error}"))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

struct Supervisor;

/// The first generation of a record.
const FIRST: u64 = 0;

struct Args {
    appender: Appender,
    policy: Policy,
    clock: Clock,
    seats: Vec<Seat>,
    care: Option<Care>,
}

/// Everything that comes late carries the generation it belongs to: a record that has moved on ignores it.
enum Msg {
    Begin,
    Dial {
        seat: usize,
        generation: u64,
    },
    Report {
        seat: usize,
        generation: u64,
        report: Report,
    },
    /// The connection is open and brings nothing.
    Deaf {
        seat: usize,
        generation: u64,
        since: WallMs,
        /// It had brought something before.
        heard: bool,
    },
    Apply(Vec<Change>, RpcReplyPort<()>),
    Seat(String, RpcReplyPort<Option<Seat>>),
    CloseAll(RpcReplyPort<()>),
    Status(RpcReplyPort<Vec<ProfileStatus>>),
}

struct State {
    appender: Appender,
    care: Option<Care>,
    clock: Clock,
    start: Instant,
    /// By a number that is never given twice.
    records: BTreeMap<usize, Record>,
    next_seat: usize,
    policy: Policy,
    /// Set while stopping: who waits for the last connection to end.
    closing: Option<Option<RpcReplyPort<()>>>,
}

struct Record {
    seat: Seat,
    redial: Redial,
    generation: u64,
    open: Option<Open>,
    /// The profile was changed or removed: what follows the end of the connection that is closing.
    next: Option<Next>,
    /// What a person is told: the state, since when, and why it is not connected.
    told: (status::State, WallMs),
    reason: Option<String>,
    hint: Option<String>,
    connects: u32,
    /// What a deaf connection has left to its successor.
    deaf: Option<WallMs>,
    deaf_in_a_row: u32,
}

enum Next {
    Dial,
    Leave,
}

/// A connection that lives.
struct Open {
    actor: ActorRef<connection::Msg>,
    alive: Alive,
    /// Set while nothing of the past is missing.
    complete: Arc<AtomicBool>,
    caring: Option<Task>,
    usable_since: Option<Instant>,
}

impl Actor for Supervisor {
    type Msg = Msg;
    type State = State;
    type Arguments = Args;

    async fn pre_start(&self, _myself: ActorRef<Msg>, args: Args) -> Result<State, ActorProcessingErr> {
        let start = args.clock.now();
        let mut state = State {
            appender: args.appender,
            care: args.care,
            clock: args.clock,
            start,
            records: BTreeMap::new(),
            next_seat: 0,
            policy: args.policy,
            closing: None,
        };
        for seat in args.seats {
            state.insert(seat);
        }
        Ok(state)
    }

    async fn handle(
        &self,
        myself: ActorRef<Msg>,
        msg: Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match msg {
            Msg::Begin => {
                for seat in state.records.keys().copied().collect::<Vec<_>>() {
                    state.dial(&myself, seat, FIRST).await;
                }
            }
            Msg::Dial { seat, generation } => state.dial(&myself, seat, generation).await,
            Msg::Report { seat, generation, report } => state.report(&myself, seat, generation, &report),
            Msg::Deaf { seat, generation, since, heard } => state.deaf(seat, generation, since, heard),
            Msg::Apply(changes, reply) => {
                changes.into_iter().for_each(|change| state.apply(&myself, change));
                let _ = reply.send(());
            }
            // Who asked may be gone.
            Msg::Seat(name, reply) => {
                let _ = reply.send(state.find(&name).map(|record| record.seat.clone()));
            }
            Msg::CloseAll(reply) => state.close_all(reply),
            Msg::Status(reply) => {
                let staying = state.records.values().filter(|record| !record.leaving());
                let _ = reply.send(staying.map(Record::status).collect());
            }
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<Msg>,
        event: SupervisionEvent,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorTerminated(cell, boxed, _) => {
                let left = boxed.and_then(|mut boxed| boxed.take::<connection::State>().ok());
                let end = left.and_then(|left| left.end);
                let end =
                    end.unwrap_or_else(|| End::Crashed { message: "it ended without a reason".to_owned() });
                state.ended(&myself, cell.get_id(), &end);
            }
            SupervisionEvent::ActorFailed(cell, error) => {
                state.ended(&myself, cell.get_id(), &End::Crashed { message: error.to_string() });
            }
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => {}
        }
        Ok(())
    }

    async fn post_stop(&self, myself: ActorRef<Msg>, _state: &mut State) -> Result<(), ActorProcessingErr> {
        // Without this the children would be killed, and skip their own clean-up.
        myself.stop_children_and_wait(None, Some(Duration::from_millis(400))).await;
        Ok(())
    }
}

impl State {
    async fn dial(&mut self, myself: &ActorRef<Msg>, seat: usize, generation: u64) {
        let closing = self.closing.is_some();
        let Some(record) = self.records.get_mut(&seat) else { return };
        if record.generation != generation || record.open.is_some() || closing {
            return;
        }
        let dial = Arc::clone(&record.seat.dial);
        record.told = (status::State::Connecting, self.clock.wall_ms());
        let (stop, stopped) = watch::channel(false);
        let life = Life {
            appender: self.appender.clone(),
            intake: record.seat.intake.clone(),
            report: reporter(myself, seat, generation),
            stop: stopped,
            attempt: record.redial.dialling(),
            alive: Alive::default(),
        };
        let alive = life.alive.clone();
        let args = connection::Args { dial, life, stop };
        match Actor::spawn_linked(None, Connection, args, myself.get_cell()).await {
            Ok((actor, _)) => {
                let complete = Arc::default();
                record.open = Some(Open { actor, alive, complete, caring: None, usable_since: None });
            }
            // A child that failed to start sends no event of its end.
            Err(error) => self.decide(myself, seat, &End::Crashed { message: error.to_string() }, None),
        }
    }

    fn report(&mut self, myself: &ActorRef<Msg>, seat: usize, generation: u64, report: &Report) {
        let now = self.clock.now();
        let Some(record) = self.records.get_mut(&seat).filter(|record| record.generation == generation)
        else {
            return;
        };
        match report {
            Report::Usable => {
                if let Some(open) = &mut record.open {
                    open.usable_since.get_or_insert(now);
                }
            }
            Report::Connected { bot_name, .. } => {
                tracing::info!(profile = %record.seat.name, %bot_name, "connected");
                record.told = (status::State::Connected, self.clock.wall_ms());
                (record.reason, record.hint) = (None, None);
                record.connects = record.connects.saturating_add(1);
                record.care(self.care.as_ref(), myself, seat);
            }
            Report::Conflict { online, .. } => {
                tracing::warn!(profile = %record.seat.name, online, "another process uses this app");
            }
        }
    }

    /// It is replaced; the next one asks for what this one missed.
    fn deaf(&mut self, seat: usize, generation: u64, since: WallMs, heard: bool) {
        let Some(record) = self.records.get_mut(&seat).filter(|record| record.generation == generation)
        else {
            return;
        };
        let Some(open) = &record.open else { return };
        record.deaf = Some(since);
        record.deaf_in_a_row = if heard { 1 } else { record.deaf_in_a_row.saturating_add(1) };
        record.next = Some(Next::Dial);
        record.generation += 1;
        record.reason = Some("deaf".to_owned());
        let event =
            Event::Disconnected(Disconnected { reason: "deaf".to_owned(), retry_in_ms: 0, attempt: 1 });
        self.appender.say(record.seat.intake.own(&event));
        let _ = open.actor.cast(connection::Msg::Close);
    }

    fn add(&mut self, myself: &ActorRef<Msg>, seat: Seat) {
        let seat = self.insert(seat);
        let _ = myself.cast(Msg::Dial { seat, generation: FIRST });
    }

    fn insert(&mut self, seat: Seat) -> usize {
        let record = Record {
            seat,
            redial: Redial::new(self.policy),
            generation: FIRST,
            open: None,
            next: None,
            told: (status::State::Connecting, self.clock.wall_ms()),
            reason: None,
            hint: None,
            connects: 0,
            deaf: None,
            deaf_in_a_row: 0,
        };
        self.records.insert(self.next_seat, record);
        self.next_seat += 1;
        self.next_seat - 1
    }

    fn find(&self, name: &str) -> Option<&Record> {
        self.records.values().find(|record| record.seat.name.as_ref() == name && !record.leaving())
    }

    fn apply(&mut self, myself: &ActorRef<Msg>, change: Change) {
        if self.closing.is_some() {
            return;
        }
        let name = match &change {
            Change::Added(seat) | Change::Changed(seat) => Arc::clone(&seat.name),
            Change::Touched(name) | Change::Removed(name) | Change::Failed(name, _) => Arc::clone(name),
        };
        let found = self.records.iter_mut().find(|(_, record)| record.seat.name == name && !record.leaving());
        match (change, found) {
            (Change::Added(seat) | Change::Changed(seat), None) => self.add(myself, seat),
            (Change::Added(seat) | Change::Changed(seat), Some((number, record))) => {
                record.seat = seat;
                record.begin_anew(myself, *number);
            }
            (Change::Removed(_), Some((number, record))) => {
                record.next = Some(Next::Leave);
                record.generation += 1;
                match &record.open {
                    Some(open) => drop(open.actor.cast(connection::Msg::Close)),
                    None => {
                        let number = *number;
                        self.leave(number);
                    }
                }
            }
            // Whatever was mended may be what kept it from connecting.
            (Change::Touched(_), Some((number, record))) if record.open.is_none() => {
                record.begin_anew(myself, *number);
            }
            (Change::Failed(_, error), Some((number, record))) if record.told.0 == status::State::Parked => {
                let number = *number;
                record.generation += 1;
                self.decide(myself, number, &unreadable(&error), None);
            }
            (Change::Failed(name, error), _) => {
                tracing::warn!(profile = %name, %error, "the profile cannot be used as it is now");
            }
            (Change::Touched(_), _) | (Change::Removed(_), None) => {}
        }
    }

    /// A profile that was removed is gone, with all that belongs to it.
    fn leave(&mut self, number: usize) {
        if let Some(Record { seat, .. }) = self.records.remove(&number) {
            let event = Event::Stopped(Stopped { reason: "removed".to_owned() });
            self.appender.say(seat.intake.own(&event));
        }
    }

    fn close_all(&mut self, reply: RpcReplyPort<()>) {
        for record in self.records.values_mut() {
            record.generation += 1;
            if let Some(open) = &record.open {
                let _ = open.actor.cast(connection::Msg::Close);
            }
        }
        self.closing = Some(Some(reply));
        self.answer_when_closed();
    }

    fn answer_when_closed(&mut self) {
        if let Some(reply) = &mut self.closing
            && self.records.values().all(|record| record.open.is_none())
            && let Some(reply) = reply.take()
        {
            let _ = reply.send(());
        }
    }

    fn ended(&mut self, myself: &ActorRef<Msg>, actor: ActorId, end: &End) {
        let ours = |record: &Record| record.open.as_ref().is_some_and(|open| open.actor.get_id() == actor);
        let Some((&seat, record)) = self.records.iter_mut().find(|(_, record)| ours(record)) else {
            // Another child: the registry of chats. Its loss is repaired at the next start, from the journal.
            return tracing::error!(reason = %end.reason(), "an actor ended");
        };
        let open = record.open.take();
        record.note_heard(open.as_ref(), end, &self.appender, &self.clock);
        let usable_since = open.and_then(|open| open.usable_since);
        let usable_for = usable_since.map(|since| self.clock.now() - since);
        let next = record.next.take();
        if self.closing.is_some() {
            return self.answer_when_closed();
        }
        match next {
            Some(Next::Leave) => self.leave(seat),
            Some(Next::Dial) => record.begin_anew(myself, seat),
            None => self.decide(myself, seat, end, usable_for),
        }
    }

    /// What follows an end: a line, and a message to ourselves when it is time.
    fn decide(&mut self, myself: &ActorRef<Msg>, seat: usize, end: &End, usable_for: Option<Duration>) {
        let Some(record) = self.records.get_mut(&seat) else { return };
        let step = record.redial.next(end, usable_for, self.clock.now() - self.start);
        let Some((after, event)) = record.line(end, step) else { return };
        tracing::info!(profile = %record.seat.name, reason = %end.reason(), retry_in = ?after, "not connected");
        self.appender.say(record.seat.intake.own(&event));
        record.generation += 1;
        record.reason = Some(end.reason());
        record.hint = if let Event::Parked(parked) = &event { parked.hint.clone() } else { None };
        let generation = record.generation;
        let wall = self.clock.wall_ms();
        if matches!(event, Event::Parked(_)) {
            record.told = (status::State::Parked, wall);
        } else {
            record.told = (status::State::Disconnected, wall);
        }
        myself.send_after(after, move || Msg::Dial { seat, generation });
    }
}

impl Record {
    fn status(&self) -> ProfileStatus {
        let (state, since) = self.told;
        ProfileStatus {
            profile: self.seat.name.to_string(),
            transport: self.seat.transport.name().to_owned(),
            state,
            since: rfc3339_ms(since),
            reason: self.reason.clone(),
            hint: self.hint.clone(),
            reconnects: self.connects.saturating_sub(1),
            // The journal's to know.
            last_event: None,
        }
    }

    fn line(&self, end: &End, step: Step) -> Option<(Duration, Event)> {
        let reason = end.reason();
        match step {
            Step::Stay => None,
            Step::Park { after, hint } => {
                Some((after, Event::Parked(Parked { reason, hint, retry_in_ms: millis(after) })))
            }
            Step::Redial { after } => {
                let retry_in_ms = millis(after);
                let event = match end {
                    End::Crashed { .. } => {
                        let crashes = self.redial.crashes();
                        Event::Crashed(Crashed { part: None, part_of: None, reason, retry_in_ms, crashes })
                    }
                    _ => Event::Disconnected(Disconnected {
                        reason,
                        retry_in_ms,
                        attempt: self.redial.attempts(),
                    }),
                };
                Some((after, event))
            }
        }
    }

    /// Begins with the handshake; ends with the connection.
    fn care(&mut self, care: Option<&Care>, myself: &ActorRef<Msg>, number: usize) {
        let (Some(care), Some(open)) = (care, &mut self.open) else { return };
        let (supervisor, generation) = (myself.clone(), self.generation);
        open.caring = Some(care.begin(Cared {
            seat: self.seat.clone(),
            alive: open.alive.clone(),
            deaf_since: self.deaf.take(),
            strikes: self.deaf_in_a_row,
            complete: Arc::clone(&open.complete),
            deaf: Box::new(move |since, heard| {
                let _ = supervisor.cast(Msg::Deaf { seat: number, generation, since, heard });
            }),
        }));
    }

    /// Up to when everything was heard: a connection in good order heard all until it closed, any other one until
    /// the other side's last sign of life.
    fn note_heard(&self, open: Option<&Open>, end: &End, appender: &Appender, clock: &Clock) {
        let Some(open) = open.filter(|open| open.complete.load(Ordering::Relaxed)) else { return };
        let heard_to = match end {
            // What a deaf one missed begins earlier, and its successor knows where.
            End::Asked if self.deaf.is_none() => Some(clock.wall_ms()),
            _ => open.alive.last(),
        };
        if let Some(at) = self.deaf.or(heard_to) {
            appender.heard_to(&self.seat.name, at);
        }
    }

    fn leaving(&self) -> bool {
        matches!(self.next, Some(Next::Leave))
    }

    /// Forgets the troubles so far and connects, once a connection that stands has closed.
    fn begin_anew(&mut self, myself: &ActorRef<Msg>, seat: usize) {
        self.redial.forget();
        self.generation += 1;
        match &self.open {
            Some(open) => {
                self.next = Some(Next::Dial);
                let _ = open.actor.cast(connection::Msg::Close);
            }
            None => {
                let _ = myself.cast(Msg::Dial { seat, generation: self.generation });
            }
        }
    }
}

fn reporter(myself: &ActorRef<Msg>, seat: usize, generation: u64) -> Box<dyn Fn(Report) + Send + Sync> {
    let supervisor = myself.clone();
    Box::new(move |report| {
        let _ = supervisor.cast(Msg::Report { seat, generation, report });
    })
}

/// A profile that cannot even try.
fn unreadable(error: &Error) -> End {
    End::Unauthorized { code: error.code, message: error.message.clone(), hint: error.hint.clone() }
}
