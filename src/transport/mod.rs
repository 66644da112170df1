//! The vocabulary every adapter speaks.
//!
//! A new platform is a folder that implements [`Adapter`], and a line in `platforms.rs`.

mod account;
mod adapter;
mod call;
pub mod feishu;
mod intake;
mod net;
pub mod outgoing;
mod pace;
mod platforms;
mod rooms;
mod saying;
mod sights;
pub mod traits;
pub mod verbs;
mod voice;
mod way;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::watch;

use crate::clock::{Clock, WallMs};
use crate::core::hearing::{Hears, Said};
use crate::event::ids::UserId;
use crate::event::{ChatType, Message, SenderType};
pub use adapter::Adapter;
pub use call::Call;
pub use intake::{Inbound, Intake};
pub use platforms::{Account, Transport};
pub use rooms::{RoomRule, Rooms};
pub use sights::Sights;
use verbs::Place;
pub use voice::Voice;
pub use way::Way;

/// What an adapter needs to know of a profile.
#[derive(Clone, Debug)]
pub struct Identity {
    pub profile: Arc<str>,
    pub transport: Transport,
    pub app_id: String,
    pub app_secret: SecretString,
    /// Instead of the platform's own host: a sandbox, or a private installation.
    pub base_url: Option<String>,
    /// All profiles of this supervisor, by app id: how a peer is recognised as one of ours.
    pub siblings: Siblings,
    /// What each of ours was given of the same message.
    pub sights: Sights,
}

/// Which profile an app belongs to. Profiles come and go while a supervisor runs.
#[derive(Clone, Debug, Default)]
pub struct Siblings(Arc<RwLock<BTreeMap<String, Arc<str>>>>);

impl Siblings {
    /// All profiles, by app id.
    pub fn set(&self, profiles: impl IntoIterator<Item = (String, Arc<str>)>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = profiles.into_iter().collect();
    }

    /// Has it anybody beside the one who asks?
    pub fn is_company(&self) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).len() > 1
    }

    pub fn profile(&self, app_id: &str) -> Option<String> {
        let profiles = self.0.read().unwrap_or_else(PoisonError::into_inner);
        profiles.get(app_id).map(|profile| profile.to_string())
    }
}

/// Deadlines of a connection. Tests shorten them.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Discovery, dial, TLS and upgrade, each.
    pub handshake: Duration,
    pub pong: Duration,
    /// How often the platform is asked who else is online with this app.
    pub conflict_check: Duration,
    /// One REST call.
    pub http: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            handshake: Duration::from_secs(10),
            pong: Duration::from_secs(15),
            conflict_check: Duration::from_secs(300),
            http: Duration::from_secs(30),
        }
    }
}

/// What a network asks of those who want out.
#[derive(Clone, Default)]
pub struct Network {
    /// May hold a password.
    pub proxy: Option<String>,
    /// Hosts that are reached without it, separated by commas.
    pub no_proxy: Option<String>,
    /// Roots beside the system's, as PEM.
    pub ca_file: Option<PathBuf>,
}

/// What all connections of a process share.
#[derive(Clone, Debug)]
pub struct Shared {
    pub http: reqwest::Client,
    /// The same configuration reqwest uses, so that TLS sessions are resumed across both.
    pub tls: Arc<rustls::ClientConfig>,
    pub way: Way,
    pub clock: Clock,
    pub limits: Limits,
}

/// Which part of the past is wanted.
#[derive(Clone, Debug)]
pub struct Missing {
    pub place: Place,
    pub chat_type: ChatType,
    /// Milliseconds since the epoch.
    pub since: i64,
    pub until: Option<i64>,
    /// The newest of them.
    pub limit: usize,
    pub hears: Hears,
}

impl Missing {
    /// Would this message of the past have been pushed to the profile?
    pub fn wants(&self, message: &Message) -> bool {
        self.hears.hears(Said {
            by_bot: message.sender_type == SenderType::Bot,
            mentioned: message.mentioned,
            directly: self.chat_type == ChatType::P2p,
        })
    }
}

/// What a profile ought to have heard.
#[derive(Debug, Default)]
pub struct Missed {
    /// Oldest first.
    pub messages: Vec<Inbound>,
    /// There was more than the limit.
    pub more: bool,
    /// Said of messages that could not be read.
    pub unread: Option<String>,
    /// Threads that these messages open or belong to. A chat's history does not hold what is said in them.
    pub threads: Vec<String>,
}

/// When the other side of a connection was heard of last. Shared between a connection and those who care for it.
#[derive(Clone, Debug, Default)]
pub struct Alive(Arc<AtomicI64>);

impl Alive {
    pub fn mark(&self, wall: WallMs) {
        self.0.store(wall, Ordering::Relaxed);
    }

    /// Absent before the first sign.
    pub fn last(&self) -> Option<WallMs> {
        Some(self.0.load(Ordering::Relaxed)).filter(|at| *at != 0)
    }
}

/// One life of one connection: where its events go, what it reports, when it must end.
pub struct Life {
    pub voice: Voice,
    /// Turns true when the connection is to close.
    pub stop: watch::Receiver<bool>,
    /// Counts the attempts since the last usable connection, from 1.
    pub attempt: u32,
    pub alive: Alive,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// The handshake is done and the bot's own name is known.
    Connected { bot_name: String, bot_open_id: UserId },
    /// The first pong or event came: this connection works.
    Usable,
    /// Another process is online with the same app.
    Conflict { online: u32, ours: u32 },
}
