//! What the root has of each profile: its seat, and the connection that lives.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ractor::{Actor, ActorId, ActorRef, RpcReplyPort};
use tokio::sync::watch;
use tokio::time::Instant;

use super::super::care::{Care, Cared};
use super::super::connection::{self, Connection};
use super::super::seat::Seat;
use super::super::status::ProfileStatus;
use super::super::task::Task;
use super::messages::Msg;
use crate::clock::{Clock, WallMs, rfc3339_ms};
use crate::core::connections::{Connections, Do, Message, Now, Profile, Signs, Tag};
use crate::core::end::End;
use crate::core::redial::Policy;
use crate::journal::Appender;
use crate::transport::{Alive, Life, Report};

pub struct Records {
    myself: ActorRef<Msg>,
    appender: Appender,
    care: Option<Care>,
    clock: Clock,
    start: Instant,
    connections: Connections,
    /// By the numbers of `connections`.
    records: BTreeMap<usize, Record>,
    /// Who waits for the last connection to end.
    pub closing: Option<RpcReplyPort<()>>,
}

struct Record {
    seat: Seat,
    open: Option<Open>,
}

/// A connection that lives.
struct Open {
    actor: ActorRef<connection::Msg>,
    alive: Alive,
    /// Set while nothing of the past is missing.
    complete: Arc<AtomicBool>,
    caring: Option<Task>,
}

impl Records {
    pub fn new(
        myself: ActorRef<Msg>,
        appender: Appender,
        policy: Policy,
        clock: Clock,
        care: Option<Care>,
    ) -> Records {
        let (start, connections) = (clock.now(), Connections::new(policy));
        Records { myself, appender, care, clock, start, connections, records: BTreeMap::new(), closing: None }
    }

    pub fn decide(&mut self, message: Message) -> Vec<Do> {
        let now = Now { steady: self.clock.now() - self.start, wall: self.clock.wall_ms() };
        self.connections.decide(message, now)
    }

    /// A profile is there, or says something else than before.
    pub fn came(&mut self, seat: Seat) -> Vec<Do> {
        let name = Arc::clone(&seat.name);
        let todo = self.decide(Message::Came(Arc::clone(&name)));
        if let (false, Some(number)) = (todo.is_empty(), self.connections.number_of(&name)) {
            let open = self.records.remove(&number).and_then(|record| record.open);
            self.records.insert(number, Record { seat, open });
        }
        todo
    }

    /// The connection of this actor is over: whose it was, and what it leaves behind.
    pub fn closed(&mut self, actor: ActorId) -> Option<(usize, Signs)> {
        let ours = |record: &Record| record.open.as_ref().is_some_and(|open| open.actor.get_id() == actor);
        let (&number, record) = self.records.iter_mut().find(|(_, record)| ours(record))?;
        let open = record.open.take()?;
        Some((number, Signs { complete: open.complete.load(Ordering::Relaxed), last: open.alive.last() }))
    }

    /// What has to be done after that.
    pub async fn carry_out(&mut self, todo: Do) -> Vec<Do> {
        match todo {
            Do::Dial { tag, attempt } => return self.dial(tag, attempt).await,
            Do::Wait { tag, after } => self.wait(tag, after),
            Do::Close { number } => {
                if let Some(open) = self.records.get(&number).and_then(|record| record.open.as_ref()) {
                    let _ = open.actor.cast(connection::Msg::Close);
                }
            }
            Do::Say { number, event } => {
                if let Some(record) = self.records.get(&number) {
                    self.appender.say(record.seat.intake.own(&event));
                }
            }
            Do::Care { tag, deaf_since, strikes } => self.care(tag, deaf_since, strikes),
            Do::NoteHeard { number, to } => {
                if let Some(record) = self.records.get(&number) {
                    self.appender.heard_to(&record.seat.name, to);
                }
            }
            Do::Forget { number } => drop(self.records.remove(&number)),
            Do::AllClosed => {
                let _ = self.closing.take().map(|reply| reply.send(()));
            }
        }
        Vec::new()
    }

    async fn dial(&mut self, tag: Tag, attempt: u32) -> Vec<Do> {
        let Some(record) = self.records.get_mut(&tag.number) else { return Vec::new() };
        let (stop, stopped) = watch::channel(false);
        let life = Life {
            appender: self.appender.clone(),
            intake: record.seat.intake.clone(),
            report: reporter(&self.myself, tag),
            stop: stopped,
            attempt,
            alive: Alive::default(),
        };
        let alive = life.alive.clone();
        let args = connection::Args { dial: Arc::clone(&record.seat.dial), life, stop };
        match Actor::spawn_linked(None, Connection, args, self.myself.get_cell()).await {
            Ok((actor, _)) => {
                record.open = Some(Open { actor, alive, complete: Arc::default(), caring: None });
                Vec::new()
            }
            // A child that failed to start sends no event of its end.
            Err(error) => {
                let end = End::Crashed { message: error.to_string() };
                self.decide(Message::Ended { number: tag.number, end, signs: Signs::default() })
            }
        }
    }

    fn wait(&self, tag: Tag, after: Duration) {
        if after.is_zero() {
            let _ = self.myself.cast(Msg::Due(tag));
            return;
        }
        if let Some(Profile { name, reason: Some(reason), .. }) = self.connections.get(tag.number) {
            tracing::info!(profile = %name, %reason, retry_in = ?after, "not connected");
        }
        self.myself.send_after(after, move || Msg::Due(tag));
    }

    /// Begins with the handshake; ends with the connection.
    fn care(&mut self, tag: Tag, deaf_since: Option<WallMs>, strikes: u32) {
        let (Some(care), Some(record)) = (&self.care, self.records.get_mut(&tag.number)) else { return };
        let Some(open) = &mut record.open else { return };
        let root = self.myself.clone();
        open.caring = Some(care.begin(Cared {
            seat: record.seat.clone(),
            alive: open.alive.clone(),
            deaf_since,
            strikes,
            complete: Arc::clone(&open.complete),
            deaf: Box::new(move |since, heard| {
                let _ = root.cast(Msg::Deaf { tag, since, heard });
            }),
        }));
    }

    pub fn is_current(&self, tag: Tag) -> bool {
        self.connections.is_current(tag)
    }

    pub fn name(&self, number: usize) -> &str {
        self.records.get(&number).map_or("", |record| &record.seat.name)
    }

    pub fn seat(&self, name: &str) -> Option<Seat> {
        let number = self.connections.number_of(name)?;
        self.records.get(&number).map(|record| record.seat.clone())
    }

    pub fn status(&self) -> Vec<ProfileStatus> {
        let status = |(number, profile)| Some(status(profile, &self.records.get(&number)?.seat));
        self.connections.staying().filter_map(status).collect()
    }
}

fn status(profile: &Profile, seat: &Seat) -> ProfileStatus {
    ProfileStatus {
        profile: profile.name.to_string(),
        transport: seat.transport.name().to_owned(),
        state: profile.state,
        since: rfc3339_ms(profile.since),
        reason: profile.reason.clone(),
        hint: profile.hint.clone(),
        reconnects: profile.connects.saturating_sub(1),
        // The journal's to know.
        last_event: None,
    }
}

fn reporter(myself: &ActorRef<Msg>, tag: Tag) -> Box<dyn Fn(Report) + Send + Sync> {
    let root = myself.clone();
    Box::new(move |report| {
        let _ = root.cast(Msg::Report(tag, report));
    })
}
