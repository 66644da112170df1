//! Feishu as the sandbox plays it, over the world that all platforms share: its ids, calls, long connection,
//! rules, scopes and events.
//!
//! Facts come from the platform's documentation and its SDKs; where those leave a choice, the sandbox takes
//! one and says so at the place.

pub mod ack;
mod actors;
pub mod content;
pub mod control;
pub mod encode;
pub mod faults;
pub mod frame;
pub mod gate;
pub mod ids;
pub mod notices;
pub mod options;
mod profiles;
mod publish;
mod ready;
mod received;
pub mod rest;
pub mod sandbox;
pub mod scopes;
pub mod seal;
pub mod socket;
mod spoken;
pub mod tickets;
pub mod tokens;
pub mod views;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::time::Instant;

use self::encode::Encoder;
use self::faults::Fault;
use self::ids::Ids;
use self::options::Options;
use self::seal::Kind;
use self::tickets::Tickets;
use self::tokens::Tokens;
use super::faults::Faults;
use super::ledger::Plan;
use super::ledger::record::{Attempt, Notice, Record};
use super::platform::{Platform, Spoken};
use super::world::change::Change;
use super::world::message::Content;
use super::world::{Cast, World};
use crate::clock::Clock;
use crate::error::Result;

/// What all parts of a sandbox of Feishu hold together.
pub type Shared = super::shared::Shared<Feishu>;

/// What Feishu knows beside the world.
pub struct Feishu {
    pub options: Options,
    pub ids: Ids,
    pub tenant_key: String,
    /// By the number of the app.
    pub apps: Vec<Credentials>,
    /// By the number of the person.
    pub user_ids: Vec<String>,
    pub faults: Faults<Fault>,
    pub tokens: Mutex<Tokens>,
    pub tickets: Mutex<Tickets>,
    /// When a card was patched in the last second, by the number of its message.
    pub patches: Mutex<HashMap<u64, Vec<Instant>>>,
    next_event: AtomicU64,
}

pub struct Credentials {
    pub secret: String,
    /// Copied into every frame of this app.
    pub service: i32,
}

impl Credentials {
    fn random() -> Credentials {
        // Positive int32, as the real ones are.
        let service = 33_000_000 + (rand::random::<u32>() % 1_000_000) as i32;
        // Digits alone would be a number in YAML, and so would 12e34.
        Credentials { secret: format!("s{}", seal::random_hex(31)), service }
    }
}

impl Feishu {
    pub fn new(options: Options) -> Feishu {
        let ids = Ids::new(options.bots.len());
        let user_id = |number| format!("{:08x}", ids.noise(Kind::Union, number as u64) >> 32);
        Feishu {
            ids,
            tenant_key: format!("{:016x}", ids.noise(Kind::Union, u64::MAX)),
            apps: options.bots.iter().map(|_| Credentials::random()).collect(),
            user_ids: (0..options.people.len()).map(user_id).collect(),
            faults: Faults::default(),
            tokens: Mutex::default(),
            tickets: Mutex::default(),
            patches: Mutex::default(),
            next_event: AtomicU64::new(0),
            options,
        }
    }

    pub fn share(self, address: SocketAddr) -> Arc<Shared> {
        let options = &self.options;
        let defaults = options::default_scopes();
        let scopes = |name: &String| options.scopes.get(name).unwrap_or(&defaults).as_slice();
        let cast = Cast {
            bots: options.bots.iter().map(|name| (name.as_str(), scopes(name))).collect(),
            people: &options.people,
            chats: &options.chats,
            keep: options.keep,
        };
        let clock = Clock::system();
        let world = World::new(Arc::new(self.ids), &cast, clock.wall_ms());
        let plan = Plan {
            ack_deadline: options.ack_deadline,
            redelivery: options.redelivery.clone(),
            keep: options.keep,
        };
        Shared::new(self, clock, world, plan, address)
    }

    pub fn encoder(&self, app: usize) -> Encoder {
        Encoder { ids: self.ids, service: self.apps[app].service }
    }
}

impl Platform for Feishu {
    fn compose(&self, world: &World, spoken: &Spoken<'_>) -> Result<Content> {
        spoken::compose(self, world, spoken)
    }

    fn plain(&self, words: &str) -> Content {
        let body = serde_json::json!({ "text": words }).to_string();
        Content { kind: "text".to_owned(), body, ..Content::default() }
    }

    fn has_emoji(&self, name: &str) -> bool {
        rest::emoji::is_valid(name)
    }

    fn notices(&self, world: &World, change: &Change, now_ms: i64) -> Vec<Notice> {
        notices::of(self, world, change, now_ms)
    }

    fn publish(shared: &Arc<Shared>, notices: Vec<Notice>) {
        publish::publish(shared, notices);
    }

    fn faults_armed(&self) -> usize {
        self.faults.armed()
    }

    fn encode_ahead(&self, record: &Record, attempt: &Attempt, body: &Bytes) -> Option<Bytes> {
        // What is split is more than one frame.
        if self.options.chunk_bytes.is_some() {
            return None;
        }
        self.encoder(record.notice.app).whole(record, 0, attempt, body)
    }
}
