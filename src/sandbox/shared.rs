//! What all parts of one sandbox hold together.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

use super::faults::Faults;
use super::feishu::options::Options;
use super::ledger::Ledger;
use super::links::Links;
use super::world::World;
use crate::clock::Clock;

/// Locks are never held across an await and taken one at a time; only the state report holds two, the world
/// before the ledger.
pub struct Shared {
    pub options: Options,
    pub clock: Clock,
    pub address: SocketAddr,
    pub world: Mutex<World>,
    pub ledger: Mutex<Ledger>,
    pub links: Mutex<Links>,
    pub faults: Faults,
    /// The next due moment of the ledger moved forward.
    pub due_changed: Notify,
    pub stopping: watch::Sender<bool>,
}

impl Shared {
    pub fn new(options: Options, address: SocketAddr) -> Arc<Shared> {
        let clock = Clock::system();
        let world = World::new(&options, clock.wall_ms());
        let ledger = Ledger::new(world.seed, &options);
        let links = Links::new(world.apps.len());
        Arc::new(Shared {
            clock,
            address,
            world: Mutex::new(world),
            ledger: Mutex::new(ledger),
            links: Mutex::new(links),
            faults: Faults::default(),
            due_changed: Notify::new(),
            stopping: watch::Sender::new(false),
            options,
        })
    }

    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Resolves when the sandbox is shut down or dropped.
    pub async fn stopped(&self) {
        let mut stopping = self.stopping.subscribe();
        // An error means that the sandbox is gone altogether.
        let _ = stopping.wait_for(|stop| *stop).await;
    }
}

/// A panic elsewhere does not take the sandbox's data away from the test that wants to look at it.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
