//! The process that lives: connections under supervision, the journal, stdout. The only place that names
//! ractor.

mod again;
pub mod care;
mod catch_up;
mod chat_registry;
mod connection;
pub mod control;
mod deaf;
pub mod descriptors;
mod footing;
#[cfg(test)]
mod fuzz;
mod given;
mod given_mark;
mod holder;
mod known_chats;
mod lock;
mod notify;
#[cfg(test)]
mod older;
mod outlet;
pub mod owner;
mod part;
mod poll;
mod readers;
pub mod relays;
pub mod reload;
pub mod room;
pub mod room_heard;
pub mod rooms;
mod root;
pub mod session;
mod signals;
mod status;
pub mod stored;
mod task;

use std::future::Future;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

pub use footing::{FileId, Footing};
pub use given::{Begins, Given, Patience};
pub use holder::Holder;
pub use known_chats::{ChatState, KnownChat, KnownChats, Synced};
pub use lock::{HOME_HELD, Lock};
pub use signals::{Ask, Trigger};
pub use status::{CursorStatus, JournalStatus, LineStatus, ProfileStatus, ReaderStatus, State, Status};

use crate::clock::{Clock, rfc3339_ms};
use crate::core::end::End;
use crate::core::redial::Policy;
use crate::error::{Error, Result};
use crate::event::ids::MessageId;
use crate::event::{Event, Started, Stopped};
use crate::journal::{Entry, Filter, Journal, LOST_HINT, Retention, Sync};
use crate::transport::{Call, Inbound, Intake, Life, Rooms, Transport};
use care::{Care, CatchUpRules, DeafRules, Fetch};
use control::Control;
use notify::Notify;
use outlet::{Outlet, OutletEnd};
use part::keep_running;
use readers::Readers;
use relays::Relaying;
use reload::{Look, Reload, Reloading};
use room::Rooming;
use root::Root;
use session::Presence;

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

/// What one supervisor is to do.
pub struct Plan {
    /// On the home; held until the end.
    pub lock: Footing,
    /// Where journal and registry live.
    pub data: PathBuf,
    pub sync: Sync,
    pub retention: Retention,
    pub policy: Policy,
    pub catch_up: CatchUpRules,
    pub deaf: DeafRules,
    /// How long ago an owner may have been seen for its farewell still to be said.
    pub max_age: Duration,
    pub clock: Clock,
    pub seats: Vec<Seat>,
    /// Looks for profiles that came, changed or went.
    pub reload: Reload,
    pub rooms: Rooms,
    /// The policy of each room.
    pub room_policy: room::Policy,
    /// Absent where nobody reads here: the lines wait for watchers.
    pub stdout: Option<OwnedFd>,
    /// Where the control socket is.
    pub socket: PathBuf,
    pub filter: Filter,
    /// The name under which stdout's position is kept.
    pub cursor: String,
    pub since: Since,
    /// Lines on stdout in the short form, of this width.
    pub brief: Option<usize>,
}

pub type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Lives one connection of a profile, from dial to close.
pub type Dial = Arc<dyn Fn(Life) -> Later<End> + Send + std::marker::Sync>;

/// Makes one call as a profile, for somebody who waits this long.
pub type Perform = Arc<dyn Fn(Call, Duration) -> Later<Result<serde_json::Value>> + Send + std::marker::Sync>;

/// Reads a message as a profile; nothing where it is not for it.
pub type Relay = Arc<dyn Fn(MessageId) -> Later<Result<Option<Inbound>>> + Send + std::marker::Sync>;

/// One profile's place in a supervisor.
#[derive(Clone)]
pub struct Seat {
    pub name: Arc<str>,
    pub transport: Transport,
    /// What the events of this profile are judged by.
    pub intake: Intake,
    pub dial: Dial,
    pub app_id: String,
    /// How the verbs act as this profile.
    pub perform: Perform,
    /// How the past is fetched.
    pub fetch: Fetch,
    /// How one message that another of ours has posted is read.
    pub relay: Relay,
}

/// Where a cursor begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// Where it was left; a new one begins now.
    Cursor,
    Start,
    Now,
    /// After this position.
    Seq(u64),
}

impl std::str::FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Since, String> {
        match text {
            "start" => Ok(Since::Start),
            "now" => Ok(Since::Now),
            // A line's handle is its position.
            seq => seq
                .strip_prefix('s')
                .unwrap_or(seq)
                .parse()
                .map(Since::Seq)
                .map_err(|_| "expected start, now or a seq".to_owned()),
        }
    }
}

/// A burst is over after so long.
const GIVE_BACK_EVERY: Duration = Duration::from_secs(60);

async fn give_memory_back() {
    loop {
        tokio::time::sleep(GIVE_BACK_EVERY).await;
        let _ = tokio::task::spawn_blocking(crate::memory::give_back).await;
    }
}

/// Runs until `ask` says stop or stdout's reader is gone. Nothing that was acknowledged is lost by the end.
pub async fn run(plan: Plan, mut ask: Ask) -> Result<()> {
    let Plan { data, sync, retention, policy, clock, seats, reload, catch_up, deaf, max_age, .. } = plan;
    let Plan { rooms, room_policy, lock: mut footing, .. } = plan;
    let Plan { stdout, socket, filter, cursor, since, brief, .. } = plan;
    let journal = Journal::open(&data.join("journal.db"), sync, clock.clone())?;
    journal.keep(retention);
    let _giving_back = tokio::spawn(give_memory_back());
    let started_after = journal.settled().await;
    journal.appender().say(Entry::own(None, &Event::Started(started(&seats))));
    if let Some(reset) = journal.reset() {
        // What a watch would begin behind is gone: it begins at the start of what there is.
        Lock::cursor_names(&data).iter().for_each(|name| journal.cursors().store(name, 0));
        journal.appender().say(Entry::own(None, &Event::JournalReset(reset.clone())));
    }
    let readers = Readers::default();
    let _place = stdout.is_some().then(|| {
        let (cursor, since) = (cursor.clone(), rfc3339_ms(clock.wall_ms()));
        readers.enter(ReaderStatus { cursor, pid: Some(std::process::id()), since })
    });
    let mut outlet = match stdout {
        Some(stdout) => Some(
            Outlet {
                filter,
                cursor,
                since,
                started_after,
                data: data.clone(),
                brief,
                storage: journal.storage(),
            }
            .start(&journal, stdout)?,
        ),
        None => None,
    };
    let rules = (catch_up, deaf);
    let care = Care::new(
        data.join("journal.db"),
        journal.appender(),
        journal.heard(),
        rooms.clone(),
        clock.clone(),
        rules,
    );
    let root = Root::start(journal.appender(), policy, clock.clone(), seats, Some(care.clone())).await?;
    let registry = chat_registry::start(&journal, &data, rooms.clone(), root.cell()).await?;
    let relaying = Relaying {
        data: data.clone(),
        clock: clock.clone(),
        appender: journal.appender(),
        asker: root.asker(),
        rooms: rooms.clone(),
        catch_up,
    };
    let relay = relays::start(relaying, root.cell()).await?;
    let presence = Presence {
        data: data.clone(),
        max_age,
        clock: clock.clone(),
        appender: journal.appender(),
        asker: root.asker(),
        relay: relay.clone(),
    };
    let attendant = session::start(presence, root.cell()).await?;
    let rooming = Rooming {
        data: data.clone(),
        clock: clock.clone(),
        appender: journal.appender(),
        asker: root.asker(),
        rooms,
        policy: room_policy,
    };
    let host = room::start(rooming, &journal, started_after, root.cell()).await?;

    let notify = Notify::of_environment();
    let ready = tokio::spawn(notify.clone().when_ready(root.asker()));

    let reloading = Reloading::new(reload, root.asker());
    let (trigger, mut told) = Ask::manual();
    let control = Control {
        asker: root.asker(),
        reloading: reloading.clone(),
        attendant,
        host,
        relay,
        care,
        trigger: Arc::new(trigger),
        newest: journal.newest(),
        cursors: journal.cursors(),
        heard: journal.heard(),
        storage: journal.storage(),
        readers,
        clock,
        journal: data.join("journal.db"),
    };
    let mut control = control.listen(socket)?;
    root.begin();

    let looking =
        keep_running("profiles", None, journal.appender(), move || look_for_changes(reloading.clone()));

    let (reason, outcome) = tokio::select! {
        reason = ask.stop() => (reason, Ok(())),
        reason = told.stop() => (reason, Ok(())),
        end = ended(outlet.as_mut()) => outlet_ended(end),
        () = journal.damaged() => damaged(),
        what = journal.lost() => lost(&what),
        error = footing.keep(&mut control) => ("lock_lost".to_owned(), Err(error)),
    };
    tracing::info!(%reason, "stopping");
    ready.abort();
    notify.stopping();
    control.close();
    drop(looking);

    root.stop(CONNECTIONS_DEADLINE).await;
    journal.appender().say(Entry::own(None, &Event::Stopped(Stopped { reason })));
    // A journal that cannot be written keeps nobody from leaving: its end is then not a clean one.
    let newest = *journal.newest().borrow();
    let last = timeout(SETTLE_DEADLINE, journal.settled()).await.unwrap_or(newest);
    if let Some(outlet) = outlet {
        outlet.finish(last, OUTLET_DEADLINE).await;
    }
    registry.finish().await;
    root.end().await;
    if timeout(CLOSE_DEADLINE, journal.close()).await.is_err() {
        tracing::warn!("the journal did not close in time; what was acknowledged is in it");
    }
    outcome
}

/// Does at once what people change in the files of profiles.
async fn look_for_changes(reloading: Reloading) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        crate::fault::may_panic("profiles");
        if let Err(error) = reloading.look(Look::Touched).await {
            tracing::warn!(%error, "a change of a profile was missed; rooma reload looks again");
        }
    }
}

async fn ended(outlet: Option<&mut outlet::Running>) -> OutletEnd {
    match outlet {
        Some(outlet) => outlet.ended().await,
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

fn started(seats: &[Seat]) -> Started {
    Started {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        profiles: seats.iter().map(|seat| seat.name.to_string()).collect(),
        pid: std::process::id(),
    }
}

fn cannot_start(what: &str, error: impl std::fmt::Display) -> Error {
    Error::internal(format!("failed to start {what}: {error}"))
}

#[cfg(test)]
mod tests;
