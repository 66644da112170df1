//! The parts of a supervisor that are no connections: each is begun again when it breaks, and says so. What it knows is
//! in files and in the journal, so the next one goes on from there.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::time::Duration;

use futures_util::FutureExt;
use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, Message, SupervisionEvent};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::connection::panic_text;
use super::task::Task;
use crate::core::end::End;
use crate::core::redial::{Policy, Redial, Step};
use crate::error::{Error, Result};
use crate::event::{Crashed, Event};
use crate::journal::{Appender, Entry};

/// Waits between a break and the next beginning; the budget of crashes is that of connections.
const POLICY: Policy = Policy {
    min: Duration::from_millis(100),
    max: Duration::from_secs(60),
    stable_after: Duration::from_secs(60),
    jitter: 0.0,
};

/// The way to a part, whichever life of it is on.
pub struct Part<M: Message>(watch::Receiver<ActorRef<M>>);

impl<M: Message> Clone for Part<M> {
    fn clone(&self) -> Part<M> {
        Part(self.0.clone())
    }
}

impl<M: Message> Part<M> {
    /// A message to a part that is just breaking is lost: what must not be is in a file before.
    pub fn cast(&self, message: M) {
        let _ = self.actor().cast(message);
    }

    pub fn actor(&self) -> ActorRef<M> {
        self.0.borrow().clone()
    }
}

/// Begins a part as a child of `parent`, and again whenever it breaks. Fails where the first beginning does.
pub async fn begin<A: Actor>(
    name: &'static str,
    appender: Appender,
    parent: ActorCell,
    make: impl Fn() -> Result<(A, A::Arguments)> + Send + Sync + 'static,
) -> Result<Part<A::Msg>> {
    let (actor, args) = make()?;
    let keeper = Args { name, memory: Memory::new(appender, None, name) };
    let (keeper, _) =
        Actor::spawn_linked(None, Keeper, keeper, parent).await.map_err(|error| cannot_start(name, error))?;
    let (first, _) = Actor::spawn_linked(None, actor, args, keeper.get_cell())
        .await
        .map_err(|error| cannot_start(name, error))?;
    let (current, part) = watch::channel(first);
    let begin_again: BeginAgain = Box::new(move |parent| {
        let made = make();
        let current = current.clone();
        Box::pin(async move {
            let (actor, args) = made?;
            let started = Actor::spawn_linked(None, actor, args, parent).await;
            current.send_replace(started.map_err(|error| cannot_start(name, error))?.0);
            Ok(())
        })
    });
    let _ = keeper.cast(Msg::Keep(begin_again));
    Ok(Part(part))
}

/// Runs a task, and again whenever it panics. Ends with the task, or with what is returned.
pub fn keep_running<F: Future<Output = ()> + Send>(
    name: &'static str,
    profile: Option<&str>,
    appender: Appender,
    run: impl Fn() -> F + Send + Sync + 'static,
) -> Task {
    let mut memory = Memory::new(appender, profile, name);
    Task::spawn(async move {
        loop {
            memory.begun = Instant::now();
            let Err(panic) = AssertUnwindSafe(run()).catch_unwind().await else { return };
            sleep(memory.crashed(panic_text(&*panic))).await;
        }
    })
}

pub fn cannot_start(what: &str, error: impl std::fmt::Display) -> Error {
    Error::internal(format!("failed to start {what}: {error}"))
}

/// How often a part broke lately.
struct Memory {
    appender: Appender,
    name: &'static str,
    of: Option<String>,
    redial: Redial,
    start: Instant,
    begun: Instant,
}

impl Memory {
    fn new(appender: Appender, of: Option<&str>, name: &'static str) -> Memory {
        let now = Instant::now();
        let of = of.map(str::to_owned);
        Memory { appender, name, of, redial: Redial::new(POLICY), start: now, begun: now }
    }

    /// Says so. How long until it begins again.
    fn crashed(&mut self, message: String) -> Duration {
        let end = End::Crashed { message };
        let (lived, age) = (self.begun.elapsed(), self.start.elapsed());
        let after = match self.redial.next(&end, Some(lived), age) {
            Step::Redial { after } | Step::Park { after, .. } => after,
            Step::Stay => Duration::ZERO,
        };
        let reason = end.reason();
        tracing::error!(part = self.name, of = self.of, %reason, again_in = ?after, "a part of the supervisor broke");
        let crashed = Crashed {
            part: Some(self.name.to_owned()),
            part_of: self.of.clone(),
            reason,
            retry_in_ms: u64::try_from(after.as_millis()).unwrap_or(u64::MAX),
            crashes: self.redial.crashes(),
        };
        // Of no profile: a crash that is a profile's own means that it is not connected.
        self.appender.say(Entry::own(None, &Event::Crashed(crashed)));
        after
    }
}

type BeginAgain = Box<dyn Fn(ActorCell) -> Pin<Box<dyn Future<Output = Result<()>> + Send>> + Send + Sync>;

struct Keeper;

struct Args {
    name: &'static str,
    memory: Memory,
}

enum Msg {
    Keep(BeginAgain),
    Again,
}

struct State {
    name: &'static str,
    memory: Memory,
    begin_again: Option<BeginAgain>,
}

impl State {
    fn broke(&mut self, myself: &ActorRef<Msg>, why: String) {
        let after = self.memory.crashed(why);
        myself.send_after(after, || Msg::Again);
    }
}

impl Actor for Keeper {
    type Msg = Msg;
    type State = State;
    type Arguments = Args;

    async fn pre_start(&self, _myself: ActorRef<Msg>, args: Args) -> Result<State, ActorProcessingErr> {
        Ok(State { name: args.name, memory: args.memory, begin_again: None })
    }

    async fn handle(
        &self,
        myself: ActorRef<Msg>,
        msg: Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match msg {
            Msg::Keep(begin_again) => state.begin_again = Some(begin_again),
            Msg::Again => {
                state.memory.begun = Instant::now();
                let Some(begin_again) = &state.begin_again else { return Ok(()) };
                if let Err(error) = begin_again(myself.get_cell()).await {
                    tracing::error!(part = state.name, %error, "a part of the supervisor cannot begin again");
                    state.broke(&myself, error.message);
                }
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
            SupervisionEvent::ActorFailed(_, error) => state.broke(&myself, error.to_string()),
            SupervisionEvent::ActorTerminated(_, _, reason) => {
                state.broke(&myself, reason.unwrap_or_else(|| "it ended".to_owned()));
            }
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => {}
        }
        Ok(())
    }

    async fn post_stop(&self, myself: ActorRef<Msg>, _state: &mut State) -> Result<(), ActorProcessingErr> {
        myself.stop_children_and_wait(None, Some(Duration::from_millis(300))).await;
        Ok(())
    }
}
