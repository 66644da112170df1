//! The durable, ordered log of events, and the queue between connections and readers.
//!
//! ```text
//! append ─▶ writer thread: one transaction per group ─▶ readers may read (a crash loses nothing)
//!                         └─▶ syncer thread: one sync per group ─▶ the caller's answer (a power cut loses nothing)
//! ```

mod entry;
mod reader;
mod seen;
mod store;
mod syncer;
mod writer;

use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot, watch};

#[doc(hidden)]
pub use entry::Inbox;
pub use entry::{Appended, Appender, Batch, Entry, Settled};
pub use reader::{Filter, Page, Reader};

use crate::clock::Clock;
use crate::error::{Error, Result};
use entry::Work;
use store::Store;

/// When an append is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Sync {
    /// Once it survives a power cut.
    #[default]
    Disk,
    /// Once it survives the process.
    Process,
}

/// A running journal: one writer thread, one syncer thread, any number of readers.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    appender: Appender,
    newest: watch::Receiver<u64>,
    threads: Vec<JoinHandle<()>>,
}

impl Journal {
    /// Opens the journal at `path`, which is created if it is not there.
    pub fn open(path: &Path, sync: Sync, clock: Clock) -> Result<Journal> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)
                .map_err(|error| Error::storage(format!("failed to create {}: {error}", folder.display())))?;
        }
        let store = Store::open(path)?;
        let (queue, work) = mpsc::unbounded_channel();
        let (newest_tx, newest) = watch::channel(store.last_seq());
        let (syncer, sync_thread) = syncer::start(&store, sync)?;
        let write_thread = writer::start(store, work, newest_tx, syncer, clock)?;
        let appender = Appender::new(queue);
        Ok(Journal { path: path.to_owned(), appender, newest, threads: vec![write_thread, sync_thread] })
    }

    pub fn appender(&self) -> Appender {
        self.appender.clone()
    }

    /// The newest committed position; changes with every commit.
    pub fn newest(&self) -> watch::Receiver<u64> {
        self.newest.clone()
    }

    pub fn reader(&self) -> Result<Reader> {
        Reader::open(&self.path)
    }

    /// Stores how far a reader has come.
    pub fn cursors(&self) -> Cursors {
        Cursors { appender: self.appender.clone() }
    }

    /// Waits until all work given before is committed; answers with the newest position.
    pub async fn settled(&self) -> u64 {
        let (answer, position) = oneshot::channel();
        self.appender.give(Work::Barrier(answer));
        position.await.unwrap_or_else(|_| *self.newest.borrow())
    }

    /// Commits and syncs what was given, and leaves the file as after a clean end.
    pub async fn close(self) {
        let (answer, closed) = oneshot::channel();
        self.appender.give(Work::Close(answer));
        let _ = closed.await;
        let threads = self.threads;
        let joined = tokio::task::spawn_blocking(move || {
            for thread in threads {
                let _ = thread.join();
            }
        });
        let _ = joined.await;
    }
}

/// Where readers leave their position.
#[derive(Clone, Debug)]
pub struct Cursors {
    appender: Appender,
}

impl Cursors {
    pub fn store(&self, name: &str, seq: u64) {
        self.appender.give(Work::Cursor { name: name.to_owned(), seq });
    }
}

#[cfg(test)]
mod tests;
