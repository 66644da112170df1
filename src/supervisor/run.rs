//! From a plan to a supervisor that runs, and to its end.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::care::Care;
use super::control::{Control, Listening};
use super::footing::Footing;
use super::lock::Lock;
use super::notify::Notify;
use super::outlet::{self, Outlet, OutletEnd};
use super::part::keep_running;
use super::plan::Plan;
use super::readers::{Place, Readers};
use super::relay::{self, Relayer, Relaying};
use super::reload::{Look, Reloading};
use super::room::{self, Host, Rooming};
use super::root::Root;
use super::shift::{self, Attendant, Presence};
use super::signals::Ask;
use super::status::ReaderStatus;
use super::task::Task;
use super::{chat_registry, seat};
use crate::clock::rfc3339_ms;
use crate::error::{Error, Result};
use crate::event::{Event, Started, Stopped};
use crate::journal::{Entry, Journal, LOST_HINT};

/// How long connections may take to close and hand over what they have.
const CONNECTIONS_DEADLINE: Duration = Duration::from_millis(1500);
/// How long stdout may take to take what is left. With the above and the journal's last sync this stays
/// within the five seconds that a stop may take.
const OUTLET_DEADLINE: Duration = Duration::from_secs(1);
/// How long the journal may take for its last group, and for its end.
const SETTLE_DEADLINE: Duration = Duration::from_millis(500);
const CLOSE_DEADLINE: Duration = Duration::from_millis(500);

/// How soon a change of a profile is noticed.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// A burst is over after so long.
const GIVE_BACK_EVERY: Duration = Duration::from_secs(60);

/// Runs until `ask` says stop or stdout's reader is gone. Nothing that was acknowledged is lost by the end.
pub async fn run(plan: Plan, ask: Ask) -> Result<()> {
    let mut supervisor = Supervisor::start(plan).await?;
    let (reason, outcome) = supervisor.ends(ask).await;
    supervisor.stop(reason).await;
    outcome
}

/// A supervisor that runs.
pub struct Supervisor {
    journal: Journal,
    footing: Footing,
    stdout: Option<Stdout>,
    root: Root,
    registry: chat_registry::Running,
    control: Listening,
    /// How a client of the control socket asks to stop.
    asked: Ask,
    notify: Notify,
    /// Tells a service manager once all profiles have arrived.
    ready: JoinHandle<()>,
    /// Looks for changes of profiles.
    looking: Task,
}

impl Supervisor {
    pub async fn start(mut plan: Plan) -> Result<Supervisor> {
        let journal = Journal::open(&plan.data.join("journal.db"), plan.sync, plan.clock.clone())?;
        journal.keep(plan.retention);
        tokio::spawn(give_memory_back());
        let started_after = journal.settled().await;
        say_started(&journal, &plan);

        let readers = Readers::default();
        let stdout = Stdout::begin(&mut plan, &journal, &readers, started_after)?;

        let care = care(&plan, &journal);
        let seats = std::mem::take(&mut plan.seats);
        let clock = plan.clock.clone();
        let root = Root::start(journal.appender(), plan.policy, clock, seats, Some(care.clone())).await?;
        let registry = chat_registry::start(&journal, &plan.data, plan.rooms.clone(), root.cell()).await?;
        let crew = Crew::start(&plan, &journal, &root, started_after).await?;

        let notify = Notify::of_environment();
        let ready = tokio::spawn(notify.clone().when_ready(root.asker()));

        let reloading = Reloading::new(plan.reload.clone(), root.asker());
        let (trigger, asked) = Ask::manual();
        let control = Control {
            asker: root.asker(),
            reloading: reloading.clone(),
            attendant: crew.attendant,
            host: crew.host,
            relay: crew.relay,
            care,
            trigger: Arc::new(trigger),
            newest: journal.newest(),
            cursors: journal.cursors(),
            heard: journal.heard(),
            storage: journal.storage(),
            readers,
            clock: plan.clock,
            journal: plan.data.join("journal.db"),
        };
        let control = Listening::begin(control, plan.socket)?;
        let looking = move || look_for_changes(reloading.clone());
        let looking = keep_running("profiles", None, journal.appender(), looking);
        let footing = plan.lock;
        Ok(Supervisor { journal, footing, stdout, root, registry, control, asked, notify, ready, looking })
    }

    /// Lives until there is a reason to stop. What went wrong, if that is the reason, is the second half.
    pub async fn ends(&mut self, mut ask: Ask) -> (String, Result<()>) {
        tokio::select! {
            reason = ask.stop() => (reason, Ok(())),
            reason = self.asked.stop() => (reason, Ok(())),
            end = stdout_ended(self.stdout.as_mut()) => outlet_ended(end),
            () = self.journal.damaged() => damaged(),
            what = self.journal.lost() => lost(&what),
            error = self.footing.keep(&mut self.control) => ("lock_lost".to_owned(), Err(error)),
        }
    }

    /// Closes everything within its deadlines, and says why.
    pub async fn stop(self, reason: String) {
        tracing::info!(%reason, "stopping");
        self.ready.abort();
        self.notify.stopping();
        self.control.close();
        drop(self.looking);

        self.root.stop(CONNECTIONS_DEADLINE).await;
        let journal = self.journal;
        journal.appender().say(Entry::own(None, &Event::Stopped(Stopped { reason })));
        // A journal that cannot be written keeps nobody from leaving: its end is then not a clean one.
        let newest = *journal.newest().borrow();
        let last = timeout(SETTLE_DEADLINE, journal.settled()).await.unwrap_or(newest);
        if let Some(stdout) = self.stdout {
            stdout.outlet.finish(last, OUTLET_DEADLINE).await;
        }
        self.registry.finish().await;
        self.root.end().await;
        if timeout(CLOSE_DEADLINE, journal.close()).await.is_err() {
            tracing::warn!("the journal did not close in time; what was acknowledged is in it");
        }
    }
}

/// The first line of this run. Where the journal is another one than before, all that read it begin at its start: what
/// they would begin behind is gone.
fn say_started(journal: &Journal, plan: &Plan) {
    let started = Started {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        profiles: plan.seats.iter().map(|seat: &seat::Seat| seat.name.to_string()).collect(),
        pid: std::process::id(),
    };
    journal.appender().say(Entry::own(None, &Event::Started(started)));
    if let Some(reset) = journal.reset() {
        Lock::cursor_names(&plan.data).iter().for_each(|name| journal.cursors().store(name, 0));
        journal.appender().say(Entry::own(None, &Event::JournalReset(reset.clone())));
    }
}

/// Our own stdout, as a reader like all others.
struct Stdout {
    outlet: outlet::Running,
    _place: Place,
}

impl Stdout {
    fn begin(plan: &mut Plan, journal: &Journal, readers: &Readers, after: u64) -> Result<Option<Stdout>> {
        let Some(stdout) = plan.stdout.take() else { return Ok(None) };
        let (cursor, since) = (plan.cursor.clone(), rfc3339_ms(plan.clock.wall_ms()));
        let place = readers.enter(ReaderStatus { cursor, pid: Some(std::process::id()), since });
        let outlet = Outlet {
            filter: plan.filter.clone(),
            cursor: plan.cursor.clone(),
            since: plan.since,
            started_after: after,
            data: plan.data.clone(),
            brief: plan.brief,
            storage: journal.storage(),
        };
        Ok(Some(Stdout { outlet: outlet.start(journal, stdout)?, _place: place }))
    }
}

fn care(plan: &Plan, journal: &Journal) -> Care {
    let (path, rules) = (plan.data.join("journal.db"), (plan.catch_up, plan.deaf));
    let (rooms, clock) = (plan.rooms.clone(), plan.clock.clone());
    Care::new(path, journal.appender(), journal.heard(), rooms, clock, rules)
}

/// The parts that act for all profiles.
struct Crew {
    relay: Relayer,
    attendant: Attendant,
    host: Host,
}

impl Crew {
    async fn start(plan: &Plan, journal: &Journal, root: &Root, started_after: u64) -> Result<Crew> {
        let relaying = Relaying {
            data: plan.data.clone(),
            clock: plan.clock.clone(),
            appender: journal.appender(),
            asker: root.asker(),
            rooms: plan.rooms.clone(),
            catch_up: plan.catch_up,
        };
        let relay = relay::start(relaying, root.cell()).await?;
        let presence = Presence {
            data: plan.data.clone(),
            max_age: plan.max_age,
            clock: plan.clock.clone(),
            appender: journal.appender(),
            asker: root.asker(),
            relay: relay.clone(),
        };
        let attendant = shift::start(presence, root.cell()).await?;
        let rooming = Rooming {
            data: plan.data.clone(),
            clock: plan.clock.clone(),
            appender: journal.appender(),
            asker: root.asker(),
            rooms: plan.rooms.clone(),
            policy: plan.room_policy.clone(),
        };
        let host = room::start(rooming, journal, started_after, root.cell()).await?;
        Ok(Crew { relay, attendant, host })
    }
}

async fn give_memory_back() {
    loop {
        sleep(GIVE_BACK_EVERY).await;
        let _ = tokio::task::spawn_blocking(crate::memory::give_back).await;
    }
}

/// Does at once what people change in the files of profiles.
async fn look_for_changes(reloading: Reloading) {
    loop {
        sleep(LOOK_EVERY).await;
        crate::fault::may_panic("profiles");
        if let Err(error) = reloading.look(Look::Touched).await {
            tracing::warn!(%error, "a change of a profile was missed; rooma reload looks again");
        }
    }
}

async fn stdout_ended(stdout: Option<&mut Stdout>) -> OutletEnd {
    match stdout {
        Some(stdout) => stdout.outlet.ended().await,
        None => std::future::pending().await,
    }
}

fn outlet_ended(end: OutletEnd) -> (String, Result<()>) {
    match end {
        OutletEnd::ReaderGone => ("reader_gone".to_owned(), Ok(())),
        OutletEnd::Finished => ("asked".to_owned(), Ok(())),
        OutletEnd::Failed(error) => {
            let error = Error::storage(format!("failed to write to stdout: {error}"));
            ("stdout_failed".to_owned(), Err(error))
        }
    }
}

/// Going on would mean to look well and hear nothing.
fn damaged() -> (String, Result<()>) {
    let error = Error::storage("the journal is damaged and takes nothing more")
        .hint("start again: it is set aside, whole, and a new one is begun");
    ("journal_damaged".to_owned(), Err(error))
}

fn lost(what: &str) -> (String, Result<()>) {
    let error = Error::storage(format!("the journal is lost: {what}")).subtype("journal_lost");
    ("journal_lost".to_owned(), Err(error.hint(LOST_HINT)))
}
