//! The supervisor: one record per profile, and what to do when a connection ends. It does no I/O itself.

use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, RpcReplyPort, SupervisionEvent};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::connection::{self, Connection};
use super::status::{self, ProfileStatus};
use super::{Changed, Dial, Seat, cannot_start};
use crate::clock::{Clock, WallMs, rfc3339_ms};
use crate::core::end::End;
use crate::core::redial::{Policy, Redial, Step};
use crate::error::{Error, Result};
use crate::event::{Crashed, Disconnected, Event, Parked};
use crate::journal::{Appender, Entry};
use crate::transport::{Life, Report};

/// A running supervisor.
pub struct Root {
    actor: ActorRef<Msg>,
}

impl Root {
    pub async fn start(appender: Appender, policy: Policy, clock: Clock, seats: Vec<Seat>) -> Result<Root> {
        let args = Args { appender, policy, clock, seats };
        let (actor, _) = Actor::spawn(None, Supervisor, args)
            .await
            .map_err(|error| cannot_start("the supervisor", error))?;
        Ok(Root { actor })
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
        let answer = ractor::call_t!(self.0, Msg::Status, 1_000);
        answer.map_err(|error| Error::internal(format!("the supervisor does not answer: {error}")))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

struct Supervisor;

struct Args {
    appender: Appender,
    policy: Policy,
    clock: Clock,
    seats: Vec<Seat>,
}

/// Everything that comes late carries the generation it belongs to: a record that has moved on ignores it.
enum Msg {
    Dial {
        seat: usize,
        generation: u64,
    },
    Report {
        seat: usize,
        generation: u64,
        report: Report,
    },
    /// A person has changed a parked profile.
    Changed {
        seat: usize,
        generation: u64,
        dial: Result<Dial>,
    },
    CloseAll(RpcReplyPort<()>),
    Status(RpcReplyPort<Vec<ProfileStatus>>),
}

struct State {
    appender: Appender,
    clock: Clock,
    start: Instant,
    records: Vec<Record>,
    /// Set while stopping: who waits for the last connection to end.
    closing: Option<Option<RpcReplyPort<()>>>,
}

struct Record {
    name: Arc<str>,
    transport: &'static str,
    dial: Result<Dial>,
    changed: Option<Changed>,
    redial: Redial,
    generation: u64,
    open: Option<Open>,
    watching: Option<AbortHandle>,
    /// What a person is told: the state, since when, and why it is not connected.
    told: (status::State, WallMs),
    reason: Option<String>,
    connects: u32,
}

/// A connection that lives.
struct Open {
    actor: ActorRef<connection::Msg>,
    usable_since: Option<Instant>,
}

impl Actor for Supervisor {
    type Msg = Msg;
    type State = State;
    type Arguments = Args;

    async fn pre_start(&self, myself: ActorRef<Msg>, args: Args) -> Result<State, ActorProcessingErr> {
        let wall = args.clock.wall_ms();
        let record = |seat: Seat| Record {
            name: seat.name,
            transport: seat.transport,
            dial: seat.dial,
            changed: seat.changed,
            redial: Redial::new(args.policy),
            generation: 0,
            open: None,
            watching: None,
            told: (status::State::Connecting, wall),
            reason: None,
            connects: 0,
        };
        let records: Vec<Record> = args.seats.into_iter().map(record).collect();
        for seat in 0..records.len() {
            myself.cast(Msg::Dial { seat, generation: 0 })?;
        }
        let start = args.clock.now();
        Ok(State { appender: args.appender, clock: args.clock, start, records, closing: None })
    }

    async fn handle(
        &self,
        myself: ActorRef<Msg>,
        msg: Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match msg {
            Msg::Dial { seat, generation } => state.dial(&myself, seat, generation).await,
            Msg::Report { seat, generation, report } => state.report(seat, generation, &report),
            Msg::Changed { seat, generation, dial } => state.changed(&myself, seat, generation, dial),
            Msg::CloseAll(reply) => state.close_all(reply),
            Msg::Status(reply) => {
                // Who asked may be gone.
                let _ = reply.send(state.records.iter().map(Record::status).collect());
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
        let Some(record) = self.records.get_mut(seat) else { return };
        if record.generation != generation || record.open.is_some() || closing {
            return;
        }
        let dial = match &record.dial {
            Ok(dial) => Arc::clone(dial),
            Err(error) => {
                let end = unreadable(error);
                return self.decide(myself, seat, &end, None);
            }
        };
        record.stop_watching();
        record.told = (status::State::Connecting, self.clock.wall_ms());
        let (stop, stopped) = watch::channel(false);
        let life = Life {
            appender: self.appender.clone(),
            report: reporter(myself, seat, generation),
            stop: stopped,
            attempt: record.redial.dialling(),
        };
        let args = connection::Args { dial, life, stop };
        match Actor::spawn_linked(None, Connection, args, myself.get_cell()).await {
            Ok((actor, _)) => record.open = Some(Open { actor, usable_since: None }),
            // A child that failed to start sends no event of its end.
            Err(error) => self.decide(myself, seat, &End::Crashed { message: error.to_string() }, None),
        }
    }

    fn report(&mut self, seat: usize, generation: u64, report: &Report) {
        let now = self.clock.now();
        let Some(record) = self.records.get_mut(seat).filter(|record| record.generation == generation) else {
            return;
        };
        match report {
            Report::Usable => {
                if let Some(open) = &mut record.open {
                    open.usable_since.get_or_insert(now);
                }
            }
            Report::Connected { bot_name, .. } => {
                tracing::info!(profile = %record.name, %bot_name, "connected");
                record.told = (status::State::Connected, self.clock.wall_ms());
                record.reason = None;
                record.connects = record.connects.saturating_add(1);
            }
            Report::Conflict { online, .. } => {
                tracing::warn!(profile = %record.name, online, "another process uses this app");
            }
        }
    }

    fn changed(&mut self, myself: &ActorRef<Msg>, seat: usize, generation: u64, dial: Result<Dial>) {
        let Some(record) = self.records.get_mut(seat).filter(|record| record.generation == generation) else {
            return;
        };
        record.dial = dial;
        record.redial.forget();
        record.generation += 1;
        let _ = myself.cast(Msg::Dial { seat, generation: record.generation });
    }

    fn close_all(&mut self, reply: RpcReplyPort<()>) {
        for record in &mut self.records {
            record.generation += 1;
            record.stop_watching();
            if let Some(open) = &record.open {
                let _ = open.actor.cast(connection::Msg::Close);
            }
        }
        self.closing = Some(Some(reply));
        self.answer_when_closed();
    }

    fn answer_when_closed(&mut self) {
        if let Some(reply) = &mut self.closing
            && self.records.iter().all(|record| record.open.is_none())
            && let Some(reply) = reply.take()
        {
            let _ = reply.send(());
        }
    }

    fn ended(&mut self, myself: &ActorRef<Msg>, actor: ActorId, end: &End) {
        let ours = |record: &Record| record.open.as_ref().is_some_and(|open| open.actor.get_id() == actor);
        let Some(seat) = self.records.iter().position(ours) else {
            // Another child: the registry of chats. Its loss is repaired at the next start, from the journal.
            return tracing::error!(reason = %end.reason(), "an actor ended");
        };
        let usable_since = self.records[seat].open.take().and_then(|open| open.usable_since);
        let usable_for = usable_since.map(|since| self.clock.now() - since);
        if self.closing.is_some() {
            return self.answer_when_closed();
        }
        self.decide(myself, seat, end, usable_for);
    }

    /// What follows an end: a line, and a message to ourselves when it is time.
    fn decide(&mut self, myself: &ActorRef<Msg>, seat: usize, end: &End, usable_for: Option<Duration>) {
        let record = &mut self.records[seat];
        let step = record.redial.next(end, usable_for, self.clock.now() - self.start);
        let Some((after, event)) = record.line(end, step) else { return };
        tracing::info!(profile = %record.name, reason = %end.reason(), retry_in = ?after, "not connected");
        self.appender.say(Entry::own(Some((Arc::clone(&record.name), record.transport)), &event));
        record.generation += 1;
        record.reason = Some(end.reason());
        let generation = record.generation;
        let wall = self.clock.wall_ms();
        if matches!(event, Event::Parked(_)) {
            record.told = (status::State::Parked, wall);
            record.watch(myself, seat);
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
            profile: self.name.to_string(),
            transport: self.transport.to_owned(),
            state,
            since: rfc3339_ms(since),
            reason: self.reason.clone(),
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
                        Event::Crashed(Crashed { reason, retry_in_ms, crashes: self.redial.crashes() })
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

    /// While parked, a change of the profile is worth an attempt at once.
    fn watch(&mut self, myself: &ActorRef<Msg>, seat: usize) {
        let (Some(changed), generation, supervisor) = (self.changed.clone(), self.generation, myself.clone())
        else {
            return;
        };
        self.stop_watching();
        let task = tokio::spawn(async move {
            let dial = changed().await;
            let _ = supervisor.cast(Msg::Changed { seat, generation, dial });
        });
        self.watching = Some(task.abort_handle());
    }

    fn stop_watching(&mut self) {
        if let Some(task) = self.watching.take() {
            task.abort();
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
