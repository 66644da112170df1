//! What the upkeep of all profiles is done with, and of one connection.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use super::super::chat_registry;
use super::super::known_chats::Synced;
use super::super::seat::Seat;
use super::super::task::blocking;
use crate::clock::{Clock, WallMs};
use crate::error::Result;
use crate::journal::{Appender, Heard, Reader};
use crate::transport::{Alive, Rooms};

/// Profiles that are cared for at one time: a home of a thousand must not fall upon its platform.
const AT_ONCE: usize = 8;

/// Between two calls: the rate limits are for those who write.
pub const PAUSE: Duration = Duration::from_millis(100);

/// How far catching up goes.
#[derive(Clone, Copy, Debug)]
pub struct CatchUpRules {
    pub per_chat: usize,
    pub total: usize,
    pub max_age: Duration,
    /// A shorter outage is none: the platform delivers again by itself.
    pub after: Duration,
}

/// When a profile that hears nothing is looked into.
#[derive(Clone, Copy, Debug)]
pub struct DeafRules {
    pub quiet_after: Duration,
    /// The busiest chats are looked at.
    pub chats: usize,
}

/// What all profiles of a supervisor are looked after with.
#[derive(Clone)]
pub struct Upkeep {
    pub journal: PathBuf,
    pub appender: Appender,
    pub heard: Heard,
    pub rooms: Rooms,
    pub clock: Clock,
    pub catch_up: CatchUpRules,
    pub deaf: DeafRules,
    at_once: Arc<Semaphore>,
}

/// One connection that is looked after.
pub struct Charge {
    pub seat: Seat,
    pub alive: Alive,
    /// Set when the connection before this one was deaf: nothing after this was heard.
    pub deaf_since: Option<WallMs>,
    /// Deaf connections in a row: the suspicion may be wrong, and each costs a connection.
    pub strikes: u32,
    /// Turns true once nothing of the past is missing any more.
    pub complete: Arc<AtomicBool>,
    /// Tells that the connection is deaf, since when, and whether it heard anything before.
    pub deaf: Box<dyn Fn(WallMs, bool) + Send + Sync>,
}

impl Upkeep {
    pub fn new(
        journal: PathBuf,
        appender: Appender,
        heard: Heard,
        rooms: Rooms,
        clock: Clock,
        rules: (CatchUpRules, DeafRules),
    ) -> Upkeep {
        let (catch_up, deaf) = rules;
        Upkeep {
            journal,
            appender,
            heard,
            rooms,
            clock,
            catch_up,
            deaf,
            at_once: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    pub fn appender(&self) -> Appender {
        self.appender.clone()
    }

    /// A turn among the profiles that are looked after; nothing where everything ends.
    pub async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.at_once.acquire().await.ok()
    }

    /// Compares the list of a profile's chats with the platform's.
    pub async fn sync_chats(&self, seat: &Seat) -> Result<Synced> {
        let data = self.journal.parent().unwrap_or(&self.journal);
        chat_registry::reconcile(data, seat, &self.appender, &self.rooms, self.clock.wall_ms()).await
    }

    /// Reads the journal on a thread that may wait for a disk.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Reader) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let path = self.journal.clone();
        blocking(move || read(&Reader::open(&path)?)).await
    }
}
