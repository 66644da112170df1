//! The tickets that open a connection: each once, and not for long.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::seal;

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

/// The secrets of one connection URL.
pub struct Issued {
    pub device_id: String,
    pub access_key: String,
    pub ticket: String,
}

#[derive(Default)]
pub struct Tickets(HashMap<String, Ticket>);

impl Tickets {
    pub fn issue(&mut self, app: usize, ttl: Duration, now: Instant) -> Issued {
        self.0.retain(|_, ticket| ticket.expires > now);
        // 19 decimal digits, as the real ones.
        let device_id =
            (7_000_000_000_000_000_000 + rand::random::<u64>() % 1_000_000_000_000_000_000).to_string();
        let issued = Issued { device_id, access_key: seal::random_hex(32), ticket: seal::random_hex(32) };
        let ticket = Ticket {
            app,
            device_id: issued.device_id.clone(),
            access_key: issued.access_key.clone(),
            expires: now + ttl,
        };
        self.0.insert(issued.ticket.clone(), ticket);
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
        let ticket = self.0.remove(ticket)?;
        let valid = ticket.expires > now && ticket.device_id == device_id;
        valid.then(|| Admission { app: ticket.app, access_key_matches: ticket.access_key == access_key })
    }
}
