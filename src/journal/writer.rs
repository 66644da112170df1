//! The thread that writes: everything that waits becomes one transaction.

use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};

use super::advance::judge;
use super::appender::{Work, refuse};
use super::damage;
use super::entry::{Appended, Batch};
use super::health::Health;
use super::heard::Heard;
use super::retention::Retention;
use super::store::Store;
use super::syncer::{Group, Syncer};
use crate::clock::{Age, Clock};
use crate::error::{Error, Result};
use crate::event::StorageState;
use crate::fault;

/// Work taken into one transaction. Larger groups sync less often and keep readers waiting longer.
const GROUP_MAX: usize = 1024;

const CLOSED: &str = "the journal is closed";

/// How long an attempt to reserve positions waits for the disk before the group is refused.
const RESERVE_WAIT: Duration = Duration::from_secs(10);

pub fn start(
    store: Store,
    work: mpsc::UnboundedReceiver<Work>,
    told: Told,
    syncer: Syncer,
    clock: Clock,
) -> Result<JoinHandle<()>> {
    let age = Age::new(&clock);
    let refused = std::cell::Cell::new(0);
    let writer =
        Writer { store, told, syncer, clock, age, retention: None, trimming: false, refused, lost: None };
    std::thread::Builder::new()
        .name("journal-writer".to_owned())
        .spawn(move || writer.run(work))
        .map_err(|error| Error::internal(format!("failed to start the journal's writer: {error}")))
}

/// What others hear of the writer's work.
pub struct Told {
    pub newest: watch::Sender<u64>,
    pub damaged: watch::Sender<bool>,
    pub heard: Heard,
    pub health: Health,
    /// Set once the files are not the journal's any more, and what could be saved is.
    pub lost: watch::Sender<Option<String>>,
}

pub(super) struct Writer {
    pub(super) store: Store,
    pub(super) told: Told,
    pub(super) syncer: Syncer,
    pub(super) clock: Clock,
    pub(super) age: Age,
    pub(super) retention: Option<Retention>,
    /// Set while there may be lines to remove, or space to give back.
    pub(super) trimming: bool,
    /// Groups refused since the last one that was not.
    refused: std::cell::Cell<u64>,
    /// Why nothing is taken any more.
    pub(super) lost: Option<String>,
}

impl Writer {
    fn run(mut self, mut queue: mpsc::UnboundedReceiver<Work>) {
        let mut taken = Vec::with_capacity(GROUP_MAX);
        loop {
            if queue.blocking_recv_many(&mut taken, GROUP_MAX) == 0 {
                // Everybody who could append is gone.
                return self.close(None);
            }
            let closing = taken.iter().position(|work| matches!(work, Work::Close(_)));
            let late = closing.map(|at| taken.split_off(at)).unwrap_or_default();
            self.take(std::mem::take(&mut taken));
            if closing.is_some() {
                return self.close_with(late, &mut queue);
            }
            self.trim(&queue);
        }
    }

    /// Nothing is written unless it goes where a restart will read.
    fn take(&mut self, mut work: Vec<Work>) {
        work.retain(|part| self.is_for_disk(part));
        self.look();
        for group in grouped(work, self.retention.map_or(usize::MAX, Retention::group_max)) {
            match &self.lost {
                Some(why) => group.into_iter().for_each(|part| refuse(part, why)),
                None => {
                    self.write(group);
                    self.upkeep();
                }
            }
        }
    }

    /// Takes note of what is nothing to write.
    fn is_for_disk(&mut self, work: &Work) -> bool {
        match work {
            Work::Trim(retention) => {
                (self.retention, self.trimming) = (Some(*retention), true);
                false
            }
            // Is the trouble over? Somebody has to try.
            Work::Look => !self.told.health.is_fine(),
            _ => true,
        }
    }

    /// `late` begins with the request to close; what comes after it is refused.
    fn close_with(self, late: Vec<Work>, queue: &mut mpsc::UnboundedReceiver<Work>) {
        queue.close();
        let mut late = late.into_iter();
        let answer = match late.next() {
            Some(Work::Close(answer)) => Some(answer),
            _ => None,
        };
        late.for_each(|work| refuse(work, CLOSED));
        while let Ok(work) = queue.try_recv() {
            refuse(work, CLOSED);
        }
        self.close(answer);
    }

    /// One transaction for all of it. If that fails, each part is tried alone, so that one impossible entry
    /// cannot keep the others from being acknowledged.
    fn write(&mut self, mut work: Vec<Work>) {
        if work.is_empty() {
            return;
        }
        match self.commit(&mut work) {
            Ok(()) => {}
            // Each part alone would wait as long, and in vain.
            Err(Failed::Unsynced) => self.refuse(work, StorageState::Failing, "the disk does not sync"),
            Err(Failed::Unwritten(state, error)) if work.len() == 1 => self.refuse(work, state, &error),
            Err(Failed::Unwritten(..)) => work.into_iter().for_each(|part| self.write(vec![part])),
        }
    }

    fn refuse(&self, work: Vec<Work>, state: StorageState, error: &str) {
        self.told.health.written(Some((state, error.to_owned())));
        let refused = self.refused.get() + 1;
        self.refused.set(refused);
        // Deliveries come again and again while a disk is full: one line for 1, 2, 4, 8 … of them.
        if refused.is_power_of_two() {
            let path = self.store.path().display();
            tracing::error!(%error, %path, refused, "the journal cannot be written");
        }
        work.into_iter().for_each(|part| refuse(part, error));
    }

    fn commit(&mut self, work: &mut Vec<Work>) -> Result<(), Failed> {
        let last = self.store.last_seq() + entries(work);
        if !self.syncer.wait_for_reserved(last, self.store.reserved(), RESERVE_WAIT) {
            return Err(Failed::Unsynced);
        }
        if fault::fails("journal.write") {
            return Err(Failed::Unwritten(StorageState::Failing, "injected".to_owned()));
        }
        fault::point("journal.before_commit");
        let now = self.clock.wall_ms();
        let before = self.store.changes();
        let outcomes = self
            .store
            .group(|store| {
                if fault::fails("journal.damage") {
                    return Err(rusqlite::Error::SqliteFailure(
                        rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT),
                        None,
                    ));
                }
                work.iter().map(|part| apply(store, part, now)).collect::<rusqlite::Result<Vec<_>>>()
            })
            .map_err(|error| self.unwritten(&error))?;
        // Who only asks learns nothing of the disk: a full one would look well for a moment.
        if self.store.changes() != before {
            self.refused.set(0);
            self.told.health.written(None);
        }
        fault::point("journal.committed");
        self.told.newest.send_if_modified(|newest| {
            let moved = *newest != self.store.last_seq();
            *newest = self.store.last_seq();
            moved
        });
        let mut group = Group { answers: Vec::with_capacity(work.len()), reserved: self.store.reserved() };
        for (part, outcome) in work.drain(..).zip(outcomes) {
            match part {
                Work::Append(batch) => {
                    if outcome == Appended::Fresh {
                        self.told.heard.note(&batch, now);
                    }
                    let Batch { answer, .. } = batch;
                    group.answers.extend(answer.map(|answer| (answer, outcome)));
                }
                Work::Barrier(answer) => {
                    let _ = answer.send(self.store.last_seq());
                }
                Work::Advance { name, seq, answer } => {
                    let stands = self.store.cursor(&name);
                    let stands = stands.map_err(|error| Error::storage(error.to_string()));
                    let moved = outcome == Appended::Fresh;
                    let _ = answer.send(stands.and_then(|stands| judge(&name, seq, moved, stands)));
                }
                Work::Bots { viewer, answer } => {
                    let _ = answer.send(self.store.bots(&viewer).unwrap_or_default());
                }
                Work::Cursor { .. }
                | Work::HeardTo { .. }
                | Work::Bot { .. }
                | Work::Trim(_)
                | Work::Look
                | Work::Close(_) => {}
            }
        }
        self.syncer.sync(group);
        Ok(())
    }

    fn unwritten(&self, error: &rusqlite::Error) -> Failed {
        if damage::note(self.store.path(), error) {
            self.told.damaged.send_replace(true);
        }
        let full = error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull);
        let state = if full { StorageState::Full } else { StorageState::Failing };
        Failed::Unwritten(state, error.to_string())
    }

    fn close(self, answer: Option<oneshot::Sender<()>>) {
        self.syncer.finish();
        if self.lost.is_none()
            && let Err(error) = self.store.close()
        {
            tracing::error!(%error, "the journal did not end cleanly");
        }
        if let Some(answer) = answer {
            let _ = answer.send(());
        }
    }
}

/// Why a group was not committed.
enum Failed {
    /// The positions it needs are not known to be safe.
    Unsynced,
    Unwritten(StorageState, String),
}

/// In groups of about this many bytes.
fn grouped(work: Vec<Work>, bytes_max: usize) -> Vec<Vec<Work>> {
    let (mut groups, mut bytes) = (Vec::with_capacity(1), usize::MAX);
    for part in work {
        if bytes >= bytes_max {
            groups.push(Vec::new());
            bytes = 0;
        }
        bytes += if let Work::Append(batch) = &part { batch.bytes() } else { 0 };
        groups.last_mut().expect("one was begun").push(part);
    }
    groups
}

fn entries(work: &[Work]) -> u64 {
    let count = work.iter().map(|part| if let Work::Append(batch) = part { batch.entries.len() } else { 0 });
    count.sum::<usize>() as u64
}

fn apply(store: &mut Store, work: &Work, now: i64) -> rusqlite::Result<Appended> {
    match work {
        Work::Append(batch) => {
            let mut outcome = Appended::Duplicate;
            for entry in &batch.entries {
                if store.insert(entry, now)? {
                    outcome = Appended::Fresh;
                }
            }
            Ok(outcome)
        }
        Work::HeardTo { profile, at, certain } => {
            store.store_heard_to(profile, *at, *certain).map(|()| Appended::Fresh)
        }
        Work::Bot { viewer, bot } => store.note_bot(viewer, bot, now).map(|()| Appended::Fresh),
        Work::Cursor { name, seq } => store.store_cursor(name, *seq, now).map(|()| Appended::Fresh),
        Work::Advance { name, seq, .. } => {
            let moved = store.advance_cursor(name, *seq, now)?;
            Ok(if moved { Appended::Fresh } else { Appended::Duplicate })
        }
        Work::Look => store.touch().map(|()| Appended::Fresh),
        Work::Bots { .. } | Work::Trim(_) | Work::Barrier(_) | Work::Close(_) => Ok(Appended::Fresh),
    }
}
