//! What all parts of one sandbox hold together.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::sync::{Notify, watch};

use super::ledger::{Ledger, Plan};
use super::links::Links;
use super::world::World;
use crate::clock::Clock;

/// Locks are never held across an await and taken one at a time; only the state report holds two, the world
/// before the ledger. Small ones of the platform's own may be taken under the world's.
pub struct Shared<P> {
    pub platform: P,
    pub clock: Clock,
    pub address: SocketAddr,
    pub world: Mutex<World>,
    pub ledger: Mutex<Ledger>,
    pub links: Mutex<Links>,
    /// The next due moment of the ledger moved forward.
    pub due_changed: Notify,
    pub stopping: watch::Sender<bool>,
}

impl<P> Shared<P> {
    pub fn new(platform: P, clock: Clock, world: World, plan: Plan, address: SocketAddr) -> Arc<Shared<P>> {
        let links = Links::new(world.apps.len());
        Arc::new(Shared {
            platform,
            clock,
            address,
            world: Mutex::new(world),
            ledger: Mutex::new(Ledger::new(plan)),
            links: Mutex::new(links),
            due_changed: Notify::new(),
            stopping: watch::Sender::new(false),
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
