//! Live connections: what waits for each of them to be sent.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};

/// Events waiting for one connection's writer. Beyond it a push counts as failed and is repeated later.
pub const OUTBOX_MAX: usize = 65_536;

/// Events of a burst that one connection may have unacknowledged: 60,000 a second at 130 ms each.
pub const IN_FLIGHT_MAX: u32 = 8_192;

/// What a connection's writer is asked to send.
pub enum Outgoing {
    /// A record of the ledger; bursts bring the permit that bounds what is unacknowledged.
    Delivery {
        record: u64,
        permit: Option<OwnedSemaphorePermit>,
    },
    /// Bytes as they are, in one binary message.
    Binary(Bytes),
    Text(String),
    Close(u16),
}

#[derive(Clone)]
pub struct Link {
    pub id: u64,
    pub outbox: mpsc::Sender<Outgoing>,
    pub in_flight: Arc<Semaphore>,
    /// Ends the connection without a close frame.
    pub abort: Arc<Notify>,
}

impl Link {
    /// `false` where the outbox is full or the connection just ended.
    pub fn offer(&self, outgoing: Outgoing) -> bool {
        self.outbox.try_send(outgoing).is_ok()
    }
}

pub struct Links {
    by_app: Vec<Vec<Link>>,
    next_id: u64,
}

impl Links {
    pub fn new(apps: usize) -> Links {
        Links { by_app: vec![Vec::new(); apps], next_id: 1 }
    }

    /// `None` when the app has `limit` connections.
    pub fn open(&mut self, app: usize, limit: usize) -> Option<(Link, mpsc::Receiver<Outgoing>)> {
        if self.by_app[app].len() >= limit {
            return None;
        }
        let (outbox, receiver) = mpsc::channel(OUTBOX_MAX);
        let link = Link {
            id: self.next_id,
            outbox,
            in_flight: Arc::new(Semaphore::new(IN_FLIGHT_MAX as usize)),
            abort: Arc::new(Notify::new()),
        };
        self.next_id += 1;
        self.by_app[app].push(link.clone());
        Some((link, receiver))
    }

    pub fn close(&mut self, app: usize, id: u64) {
        if let Some(position) = self.by_app[app].iter().position(|link| link.id == id) {
            // A burst that waits for a permit learns that none will come.
            self.by_app[app].remove(position).in_flight.close();
        }
    }

    /// One of the app's connections at random, for platforms that give an event to one of them.
    pub fn pick(&self, app: usize) -> Option<Link> {
        let links = &self.by_app[app];
        match links.len() {
            0 => None,
            1 => links.first().cloned(),
            count => links.get(rand::random_range(0..count)).cloned(),
        }
    }

    /// All of them, of one app or of every one.
    pub fn of_app(&self, app: Option<usize>) -> Vec<Link> {
        match app {
            Some(app) => self.by_app[app].clone(),
            None => self.by_app.iter().flatten().cloned().collect(),
        }
    }

    pub fn count(&self, app: usize) -> usize {
        self.by_app[app].len()
    }
}
