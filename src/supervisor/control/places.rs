//! How many clients there may be at one time, and how long a new one may take.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{Error, Kind, Result};

/// Clients at one time that have asked for something. More wait.
const ASKING_MAX: usize = 128;

/// Clients at one time that have not said yet what they want, or wait for their turn. More wait in the kernel's queue.
const NEW_MAX: usize = 512;

/// As long as there are no more of them than this, a new client is given all the time it may need.
const UNHURRIED_MAX: usize = 64;

/// Else who says nothing makes room for others soon.
const HURRIED: Duration = Duration::from_millis(250);

/// How long a client may take to say what it wants, or to take an answer.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// Clients at one time that stay: watchers, and holders of sessions. They take no place of those who ask.
const STAYING_MAX: usize = 512;

/// How many clients of each kind there may be.
#[derive(Clone)]
pub struct Places {
    new: Arc<Semaphore>,
    asking: Arc<Semaphore>,
    staying: Arc<Semaphore>,
}

impl Places {
    pub fn free() -> Places {
        Places {
            new: Arc::new(Semaphore::new(NEW_MAX)),
            asking: Arc::new(Semaphore::new(ASKING_MAX)),
            staying: Arc::new(Semaphore::new(STAYING_MAX)),
        }
    }

    /// A place for one that has said nothing yet; waits for it.
    pub async fn new_one(&self) -> Result<OwnedSemaphorePermit> {
        granted(Arc::clone(&self.new).acquire_owned().await.ok())
    }

    /// How long a client may take to say what it wants.
    pub fn patience(&self) -> Duration {
        let new = NEW_MAX - self.new.available_permits();
        if new > UNHURRIED_MAX { HURRIED } else { PATIENCE }
    }

    /// A place for one that asks; waits for it.
    pub async fn asking(&self) -> Result<OwnedSemaphorePermit> {
        granted(Arc::clone(&self.asking).acquire_owned().await.ok())
    }

    /// A place for one that stays, who would wait for ever where there is none.
    pub fn staying(&self) -> Result<OwnedSemaphorePermit> {
        Arc::clone(&self.staying).try_acquire_owned().map_err(|_full| {
            Error::new(Kind::Conflict, format!("{STAYING_MAX} watchers are here already")).retryable(true)
        })
    }
}

fn granted(place: Option<OwnedSemaphorePermit>) -> Result<OwnedSemaphorePermit> {
    place.ok_or_else(|| Error::internal("it is over"))
}
