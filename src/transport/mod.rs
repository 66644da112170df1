//! The vocabulary every adapter speaks, and the one place that knows which adapters there are.
//!
//! A new transport is one folder and one variant of [`Account`].

mod call;
pub mod feishu;
mod intake;
mod net;
pub mod outgoing;
mod pace;
mod rooms;
mod saying;
mod sights;
pub mod traits;
pub mod verbs;
mod way;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::watch;

use crate::clock::{Clock, WallMs};
use crate::core::end::End;
use crate::core::hearing::Hears;
use crate::error::Result;
use crate::event::ids::{ChatId, MessageId, OpenId};
use crate::event::{ChatType, Resource};
use crate::journal::Appender;
pub use call::Call;
pub use intake::{Inbound, Intake};
use outgoing::Outgoing;
pub use rooms::{RoomRule, Rooms};
pub use sights::Sights;
use traits::Traits;
use verbs::{
    Acting, Chat, ChatInfo, Download, HistoryQuery, IdKind, Items, Member, Myself, PastMessage, Place,
    Posted, Reacted, Target, Upload, UploadKind, Uploaded,
};
pub use way::Way;

/// Which platform a profile speaks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Feishu,
    Lark,
}

impl Transport {
    pub const ALL: [Transport; 2] = [Transport::Feishu, Transport::Lark];

    /// What the platform can.
    pub fn traits(self) -> Traits {
        match self {
            Transport::Feishu | Transport::Lark => feishu::TRAITS,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Transport::Feishu => "feishu",
            Transport::Lark => "lark",
        }
    }

    /// What kind of id a text is, as far as its look tells.
    pub fn id_kind(self, text: &str) -> Option<IdKind> {
        match self {
            Transport::Feishu | Transport::Lark => feishu::id_kind(text),
        }
    }

    /// Can this be an id or a key of the platform at all? Anything else must not get into an address.
    pub fn is_id(self, text: &str) -> bool {
        match self {
            Transport::Feishu | Transport::Lark => feishu::is_id(text),
        }
    }

    /// What an upload would be posted as.
    pub fn upload_kind(self, upload: &Upload) -> Result<UploadKind> {
        match self {
            Transport::Feishu | Transport::Lark => feishu::upload_kind(upload),
        }
    }
}

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
    pub appender: Appender,
    /// By which its events are judged.
    pub intake: Intake,
    /// Tells the supervisor about a change of state; never about an event.
    pub report: Box<dyn Fn(Report) + Send + Sync>,
    /// Turns true when the connection is to close.
    pub stop: watch::Receiver<bool>,
    /// Counts the attempts since the last usable connection, from 1.
    pub attempt: u32,
    pub alive: Alive,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// The handshake is done and the bot's own name is known.
    Connected { bot_name: String, bot_open_id: OpenId },
    /// The first pong or event came: this connection works.
    Usable,
    /// Another process is online with the same app.
    Conflict { online: u32, ours: u32 },
}

/// A profile's standing with its platform. Outlives its connections: token, identity and names stay known.
#[derive(Debug)]
pub enum Account {
    Feishu(feishu::Account),
}

impl Account {
    pub fn new(identity: Identity, shared: Shared) -> Result<Account> {
        match identity.transport {
            Transport::Feishu | Transport::Lark => {
                feishu::Account::new(identity, shared).map(Account::Feishu)
            }
        }
    }

    /// Makes deliveries that contain `poison` panic while normalised, and those that contain `crash` take the
    /// connection down: for tests of what happens then.
    #[doc(hidden)]
    pub fn inject(self, poison: Option<String>, crash: Option<String>) -> Account {
        match self {
            Account::Feishu(account) => Account::Feishu(account.inject(poison, crash)),
        }
    }

    /// What this profile ought to have heard in a place.
    pub async fn missed(&self, missing: &Missing) -> Result<Missed> {
        match self {
            Account::Feishu(account) => account.missed(missing).await,
        }
    }

    /// A message that another of ours has posted, as this profile sees it.
    pub async fn relayed(&self, message: &MessageId) -> Result<Option<Inbound>> {
        match self {
            Account::Feishu(account) => account.relayed(message).await,
        }
    }

    /// Connects and serves until the connection ends. Trouble is a value, never an error.
    pub async fn run(&self, life: Life) -> End {
        match self {
            Account::Feishu(account) => account.run(life).await,
        }
    }
}

/// What the command line asks. Each arm hands over to its adapter.
impl Account {
    /// Sets up for one command instead of for weeks.
    pub fn acting(self, acting: Acting) -> Account {
        match self {
            Account::Feishu(account) => Account::Feishu(account.acting(acting)),
        }
    }

    pub async fn myself(&self) -> Result<Myself> {
        match self {
            Account::Feishu(account) => account.myself().await,
        }
    }

    pub async fn chats(&self, limit: Option<usize>) -> Result<Items<Chat>> {
        match self {
            Account::Feishu(account) => account.chats(limit).await,
        }
    }

    pub async fn chat_info(&self, chat: &ChatId) -> Result<ChatInfo> {
        match self {
            Account::Feishu(account) => account.chat_info(chat).await,
        }
    }

    pub async fn members(&self, chat: &ChatId) -> Result<Items<Member>> {
        match self {
            Account::Feishu(account) => account.members(chat).await,
        }
    }

    /// The person of an id that all apps of a developer share, as this app knows them.
    pub async fn person(&self, union_id: &str, chat: Option<&ChatId>) -> Result<Member> {
        match self {
            Account::Feishu(account) => account.person(union_id, chat).await,
        }
    }

    /// Marks which bots of a chat are ours; gives back those of whom it is known whether they are.
    pub async fn recognise(&self, chat: &ChatId, members: &mut [Member]) -> BTreeSet<OpenId> {
        match self {
            Account::Feishu(account) => account.recognise(chat, members).await,
        }
    }

    pub async fn history(&self, query: &HistoryQuery) -> Result<Items<PastMessage>> {
        match self {
            Account::Feishu(account) => account.history(query).await,
        }
    }

    pub async fn message(&self, id: &MessageId) -> Result<PastMessage> {
        match self {
            Account::Feishu(account) => account.message(id).await,
        }
    }

    pub async fn thread(&self, id: &MessageId, limit: usize) -> Result<Items<PastMessage>> {
        match self {
            Account::Feishu(account) => account.thread(id, limit).await,
        }
    }

    /// Posts what is one message. The same key within an hour posts nothing new.
    pub async fn send(&self, target: &Target, what: &Outgoing, key: &str) -> Result<Posted> {
        match self {
            Account::Feishu(account) => account.send(target, what, key).await,
        }
    }

    pub async fn upload(&self, upload: &Upload) -> Result<Uploaded> {
        match self {
            Account::Feishu(account) => account.upload(upload).await,
        }
    }

    pub async fn react(&self, message: &MessageId, emoji: &str) -> Result<Reacted> {
        match self {
            Account::Feishu(account) => account.react(message, emoji).await,
        }
    }

    pub async fn unreact(&self, message: &MessageId, emoji: &str) -> Result<Reacted> {
        match self {
            Account::Feishu(account) => account.unreact(message, emoji).await,
        }
    }

    /// Says this instead, which is one message too.
    pub async fn edit(&self, message: &MessageId, what: &Outgoing) -> Result<()> {
        match self {
            Account::Feishu(account) => account.edit(message, what).await,
        }
    }

    pub async fn recall(&self, message: &MessageId) -> Result<()> {
        match self {
            Account::Feishu(account) => account.recall(message).await,
        }
    }

    /// Opens one resource of a message.
    pub async fn download(&self, message: &MessageId, resource: &Resource) -> Result<Download> {
        match self {
            Account::Feishu(account) => account.download(message, resource).await,
        }
    }
}
