//! The thread that syncs: an append is answered when the disk has it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::entry::{Answer, Appended};
use super::health::Health;
use super::place::{Lost, Place};
use super::sqlite::failed;
use super::store::Store;
use crate::error::{Error, Result};
use crate::fault;

/// Beyond this the log is moved into the main file after a sync, beside the writer.
const CHECKPOINT_OVER: u64 = 4 * 1024 * 1024;

/// When an append is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Sync {
    /// Once it survives a power cut.
    #[default]
    Disk,
    /// Once it survives the process.
    Process,
}

/// An answer that is due once the group is synced.
pub type Outcome = (Answer, Appended);

/// What one transaction of the writer leaves to be synced.
#[derive(Debug)]
pub struct Group {
    pub answers: Vec<Outcome>,
    pub reserved: u64,
}

/// The writer's handle.
#[derive(Debug)]
pub struct Syncer {
    groups: Sender<Group>,
    reserved: Arc<Reserved>,
    place: Arc<Place>,
}

/// The reservation that the disk is known to hold.
#[derive(Debug)]
struct Reserved {
    seq: Mutex<u64>,
    grown: Condvar,
}

pub fn start(store: &Store, sync: Sync, health: Health) -> Result<(Syncer, JoinHandle<()>)> {
    let cannot =
        |error: std::io::Error| Error::storage(format!("failed to sync {}: {error}", store.path().display()));
    let log = match sync {
        Sync::Disk => Some(store.place().log().try_clone().map_err(cannot)?),
        Sync::Process => None,
    };
    let first = match &log {
        Some(log) => {
            log.sync_all().map_err(cannot)?;
            sync_folder(store).map_err(cannot)?;
            store.reserved()
        }
        // Without syncs there is nothing to wait for: only the process may end, and its commits stay.
        None => u64::MAX,
    };
    let reserved = Arc::new(Reserved { seq: Mutex::new(first), grown: Condvar::new() });
    let (groups, queue) = channel();
    let thread = Thread {
        log: log.as_ref().map(File::try_clone).transpose().map_err(cannot)?,
        path: store.path().to_owned(),
        place: Arc::clone(store.place()),
        health,
        checkpointer: checkpointer(store.path())?,
        reserved: Arc::clone(&reserved),
        failed: false,
        failures: 0,
    };
    let thread = std::thread::Builder::new()
        .name("journal-syncer".to_owned())
        .spawn(move || thread.run(&queue))
        .map_err(|error| Error::internal(format!("failed to start the journal's syncer: {error}")))?;
    Ok((Syncer { groups, reserved, place: Arc::clone(store.place()) }, thread))
}

/// A connection of its own, so that moving the log does not hold up the writer.
fn checkpointer(path: &Path) -> Result<Connection> {
    let open = || {
        let db = Connection::open(path)?;
        db.busy_timeout(Duration::from_secs(2))?;
        db.pragma_update(None, "synchronous", "normal")?;
        // Closing is the writer's to do: it would remove the files of these names, whosever they are by then.
        db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        Ok(db)
    };
    open().map_err(|error| failed("open", path, &error))
}

/// A new file is only as durable as its entry in the folder.
fn sync_folder(store: &Store) -> std::io::Result<()> {
    match store.path().parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

impl Syncer {
    pub fn sync(&self, group: Group) {
        // The thread lives until this handle is gone.
        let _ = self.groups.send(group);
    }

    /// Waits until the disk holds a reservation up to `seq`, of those up to `reserved` that were written.
    pub fn wait_for_reserved(&self, seq: u64, reserved: u64, patience: Duration) -> bool {
        let held = self.reserved.seq.lock().unwrap_or_else(PoisonError::into_inner);
        if *held < seq {
            // A sync that failed is tried again by the next group, and there will be none before this one.
            self.sync(Group { answers: Vec::new(), reserved });
        }
        let waited = self.reserved.grown.wait_timeout_while(held, patience, |held| *held < seq);
        waited.map_or_else(|poisoned| *poisoned.into_inner().0 >= seq, |(held, _)| *held >= seq)
    }

    pub fn log_bytes(&self) -> u64 {
        self.place.log().metadata().ok().map_or(0, |metadata| metadata.len())
    }

    /// Ends the thread once it has synced what it was given.
    pub fn finish(self) {
        drop(self.groups);
    }
}

struct Thread {
    log: Option<File>,
    path: PathBuf,
    place: Arc<Place>,
    health: Health,
    checkpointer: Connection,
    reserved: Arc<Reserved>,
    /// The last sync failed: what it covered may be marked clean in the page cache without being on disk.
    failed: bool,
    failures: u64,
}

impl Thread {
    fn run(mut self, queue: &Receiver<Group>) {
        while let Ok(group) = queue.recv() {
            let mut groups = vec![group];
            groups.extend(queue.try_iter());
            let synced = self.sync();
            fault::point("journal.synced");
            self.tell(&synced);
            // Synced into files that a restart will not find is not safe. The writer finds it too, and ends it.
            let lost = |lost: Lost| format!("{}; nothing more is acknowledged", lost.what);
            let synced = synced.and_then(|()| self.place.check_names().map_err(lost));
            self.settle(groups, &synced);
        }
    }

    /// One line for 1, 2, 4, 8 … failures in a row.
    fn tell(&mut self, synced: &Result<(), String>) {
        let Err(error) = synced else {
            if self.failures > 0 {
                self.health.synced(None);
            }
            self.failures = 0;
            return;
        };
        self.health.synced(Some(format!("it cannot be synced: {error}")));
        self.failures += 1;
        if self.failures.is_power_of_two() {
            let (path, failures) = (self.path.display(), self.failures);
            tracing::error!(%error, %path, failures, "the journal cannot be synced");
        }
    }

    fn sync(&mut self) -> Result<(), String> {
        let Some(log) = &self.log else { return Ok(()) };
        if self.failed {
            // After a failed sync the kernel may report later ones as done. A checkpoint writes the same
            // content again, into the main file, and syncs that.
            fault::point("journal.written_again");
            self.checkpoint("RESTART")?;
            self.failed = false;
        }
        let log_bytes = log.metadata().map_or(0, |metadata| metadata.len());
        let synced = if fault::fails("journal.sync") {
            Err(std::io::Error::other("injected"))
        } else {
            log.sync_data()
        };
        if let Err(error) = synced {
            self.failed = true;
            return Err(error.to_string());
        }
        if log_bytes > CHECKPOINT_OVER
            && let Err(error) = self.checkpoint("PASSIVE")
        {
            tracing::warn!(%error, "the journal's log cannot be moved into its file");
        }
        Ok(())
    }

    fn checkpoint(&self, mode: &str) -> Result<(), String> {
        let pragma = format!("PRAGMA wal_checkpoint({mode})");
        let busy =
            self.place.checkpoint(|| self.checkpointer.query_row(&pragma, [], |row| row.get::<_, i64>(0)));
        match busy.map_err(|error| error.to_string())? {
            0 => Ok(()),
            // PASSIVE leaves what others are using; anything stronger must have moved everything.
            _ if mode == "PASSIVE" => Ok(()),
            _ => Err("the journal is busy".to_owned()),
        }
    }

    fn settle(&self, groups: Vec<Group>, synced: &Result<(), String>) {
        if synced.is_ok()
            && let Some(reserved) = groups.iter().map(|group| group.reserved).max()
        {
            let mut held = self.reserved.seq.lock().unwrap_or_else(PoisonError::into_inner);
            *held = (*held).max(reserved);
            self.reserved.grown.notify_all();
        }
        for (answer, outcome) in groups.into_iter().flat_map(|group| group.answers) {
            answer.settle(synced.clone().map(|()| outcome));
        }
    }
}
