//! The durable, ordered log of events, and the queue between connections and readers.
//!
//! ```text
//! append ─▶ writer thread: one transaction per group ─▶ readers may read (a crash loses nothing)
//!                         └─▶ syncer thread: one sync per group ─▶ the caller's answer (a power cut loses nothing)
//! ```

mod activity;
mod advance;
mod appender;
mod bots;
mod damage;
mod entry;
mod filter;
mod had;
mod health;
mod heard;
mod holder;
mod membership;
mod message_lines;
mod place;
mod reader;
mod retention;
mod said;
mod seen;
mod sqlite;
mod store;
mod syncer;
mod tables;
mod upkeep;
mod writer;

use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot, watch};

pub use activity::{ActiveChat, Activity};
pub use advance::{Advanced, advance_alone, beyond};
pub use appender::Appender;
#[doc(hidden)]
pub use appender::Inbox;
pub use bots::KnownBot;
pub use entry::{Appended, Batch, Entry, Settled};
pub use filter::Filter;
pub use had::{Had, Stretch, begin};
pub use health::LOST_HINT;
pub use heard::Heard;
pub use membership::RECONCILED;
pub use message_lines::{Listening, MessageLine};
pub use reader::{Extent, Page, Reader, WAITING_MAX, Waiting};
pub use retention::Retention;
pub use said::{ChatLine, Said, SaidLine, SaidOf};
pub use seen::DUPLICATES_KEPT;
pub(crate) use seen::fingerprint_hex;
pub use syncer::Sync;

use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::event::{JournalReset, Storage};
use appender::Work;
use health::Health;
use store::Store;

/// How often the files are looked at while nothing is written.
const LOOK_EVERY: std::time::Duration = std::time::Duration::from_secs(1);

/// A running journal: one writer thread, one syncer thread, any number of readers.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    appender: Appender,
    newest: watch::Receiver<u64>,
    heard: Heard,
    threads: Vec<JoinHandle<()>>,
    reset: Option<JournalReset>,
    damaged: watch::Receiver<bool>,
    health: Health,
    lost: watch::Receiver<Option<String>>,
}

impl Journal {
    /// Opens the journal at `path`, which is created if it is not there.
    pub fn open(path: &Path, sync: Sync, clock: Clock) -> Result<Journal> {
        if let Some(folder) = path.parent() {
            crate::folder::make(folder)
                .map_err(|error| Error::storage(format!("failed to create {}: {error}", folder.display())))?;
        }
        let (store, reset) = open_or_begin_anew(path, &clock)?;
        let (queue, work) = mpsc::unbounded_channel();
        let (newest_tx, newest) = watch::channel(store.last_seq());
        let health = Health::default();
        let (syncer, sync_thread) = syncer::start(&store, sync, health.clone())?;
        let heard = Heard::default();
        let (damaged_tx, damaged) = watch::channel(false);
        let (lost_tx, lost) = watch::channel(None);
        let told = writer::Told {
            newest: newest_tx,
            damaged: damaged_tx,
            heard: heard.clone(),
            health: health.clone(),
            lost: lost_tx,
        };
        let write_thread = writer::start(store, work, told, syncer, clock)?;
        let appender = Appender::new(queue);
        let threads = vec![write_thread, sync_thread];
        Ok(Journal { path: path.to_owned(), appender, newest, heard, threads, reset, damaged, health, lost })
    }

    /// Set when a damaged journal was set aside and this one begun.
    pub fn reset(&self) -> Option<&JournalReset> {
        self.reset.as_ref()
    }

    pub fn appender(&self) -> Appender {
        self.appender.clone()
    }

    /// The newest committed position; changes with every commit.
    pub fn newest(&self) -> watch::Receiver<u64> {
        self.newest.clone()
    }

    /// Resolves when the file turns out to be damaged: the next start sets it aside.
    pub fn damaged(&self) -> impl Future<Output = ()> + use<> {
        let mut damaged = self.damaged.clone();
        async move {
            if damaged.wait_for(|damaged| *damaged).await.is_err() {
                std::future::pending().await
            }
        }
    }

    /// Resolves when the files were taken away, with what became of them. Nothing is taken any more by then.
    pub fn lost(&self) -> impl Future<Output = String> + use<> {
        let mut lost = self.lost.clone();
        async move {
            let what = lost.wait_for(Option::is_some).await.map(|what| what.clone().unwrap_or_default());
            match what {
                Ok(what) => what,
                Err(_closed) => std::future::pending().await,
            }
        }
    }

    /// How its disk is.
    pub fn storage(&self) -> watch::Receiver<Storage> {
        self.health.watch()
    }

    /// When each profile had its newest event.
    pub fn heard(&self) -> Heard {
        self.heard.clone()
    }

    pub fn reader(&self) -> Result<Reader> {
        Reader::open(&self.path)
    }

    /// Opens readers later, and again.
    pub fn opener(&self) -> impl Fn() -> Result<Reader> + Send + std::marker::Sync + use<> {
        let path = self.path.clone();
        move || Reader::open(&path)
    }

    /// Stores how far a reader has come.
    pub fn cursors(&self) -> Cursors {
        Cursors { appender: self.appender.clone() }
    }

    /// Looks from now on, every minute, for lines that are kept no longer, and every second whether the files are
    /// where they were. Ends with the journal.
    pub fn keep(&self, retention: Retention) {
        let appender = self.appender.clone();
        tokio::spawn(async move {
            loop {
                if !appender.give(Work::Trim(retention)) {
                    return;
                }
                let next = tokio::time::Instant::now() + retention::EVERY;
                while tokio::time::Instant::now() < next {
                    tokio::time::sleep(LOOK_EVERY).await;
                    if !appender.give(Work::Look) {
                        return;
                    }
                }
            }
        });
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

/// A journal that cannot be read is kept for a person to look at, and never overwritten.
fn open_or_begin_anew(path: &Path, clock: &Clock) -> Result<(Store, Option<JournalReset>)> {
    let opened = match damage::look(path) {
        None => Store::open(path),
        Some(found) => {
            Err(Error::storage(format!("{} is damaged: {found}", path.display())).subtype(sqlite::CORRUPT))
        }
    };
    match opened {
        Ok(store) => Ok((store, None)),
        Err(error) if error.subtype.as_deref() == Some(sqlite::CORRUPT) => {
            let kept = store::set_aside(path, clock.wall_ms())?;
            tracing::error!(%error, kept_as = %kept.display(), "the journal is damaged; a new one was begun");
            let reset = JournalReset { reason: error.message, kept_as: Some(kept.display().to_string()) };
            Ok((Store::open(path)?, Some(reset)))
        }
        Err(error) => Err(error),
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

    /// Moves a cursor forward to a line that is there.
    pub async fn advance(&self, name: &str, seq: u64) -> Result<Advanced> {
        let (answer, advanced) = oneshot::channel();
        self.appender.give(Work::Advance { name: name.to_owned(), seq, answer });
        let lost = |_| Err(Error::storage("the journal did not store the cursor"));
        advanced.await.unwrap_or_else(lost)
    }

    /// Waits until what was stored before is committed.
    pub async fn settled(&self) {
        let (answer, committed) = oneshot::channel();
        self.appender.give(Work::Barrier(answer));
        let _ = committed.await;
    }
}

#[cfg(test)]
mod tests;
