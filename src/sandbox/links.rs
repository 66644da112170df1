//! Live connections and the tickets that open them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::Instant;

use super::feishu::ids;

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

struct Ticket {
    app: usize,
    device_id: String,
    access_key: String,
    expires: Instant,
}

/// What a ticket was good for; it is gone after the first look.
pub struct Admission {
    pub app: usize,
    pub access_key_matches: bool,
}

pub struct Links {
    tickets: HashMap<String, Ticket>,
    by_app: Vec<Vec<Link>>,
    next_id: u64,
}

/// The secrets of one connection URL.
pub struct Issued {
    pub device_id: String,
    pub access_key: String,
    pub ticket: String,
}

impl Links {
    pub fn new(apps: usize) -> Links {
        Links { tickets: HashMap::new(), by_app: vec![Vec::new(); apps], next_id: 1 }
    }

    pub fn issue_ticket(&mut self, app: usize, ttl: Duration, now: Instant) -> Issued {
        self.tickets.retain(|_, ticket| ticket.expires > now);
        // 19 decimal digits, as the real ones.
        let device_id =
            (7_000_000_000_000_000_000 + rand::random::<u64>() % 1_000_000_000_000_000_000).to_string();
        let issued = Issued { device_id, access_key: ids::random_hex(32), ticket: ids::random_hex(32) };
        let ticket = Ticket {
            app,
            device_id: issued.device_id.clone(),
            access_key: issued.access_key.clone(),
            expires: now + ttl,
        };
        self.tickets.insert(issued.ticket.clone(), ticket);
        issued
    }

    /// Consumes a ticket: a second try with the same URL finds none.
    pub fn redeem(
        &mut self,
        ticket: &str,
        device_id: &str,
        access_key: &str,
        now: Instant,
    ) -> Option<Admission> {
        let ticket = self.tickets.remove(ticket)?;
        let valid = ticket.expires > now && ticket.device_id == device_id;
        valid.then(|| Admission { app: ticket.app, access_key_matches: ticket.access_key == access_key })
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

    /// No broadcast: an event goes to one random connection of the app.
    pub fn pick(&self, app: usize) -> Option<Link> {
        let links = &self.by_app[app];
        match links.len() {
            0 => None,
            1 => links.first().cloned(),
            count => links.get(rand::random_range(0..count)).cloned(),
        }
    }

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
