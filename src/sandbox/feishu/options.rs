//! What a sandbox can be told at its start.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::scopes;

/// Everything has the platform's own value as default, so that a demo behaves like the real thing.
#[derive(Clone, Debug)]
pub struct Options {
    /// 0 takes any free port. The sandbox listens on the loopback interface only.
    pub port: u16,
    pub bots: Vec<String>,
    pub people: Vec<String>,
    /// Group chats that exist from the start, with everybody in.
    pub chats: Vec<String>,
    /// How long a delivery waits for its acknowledgement.
    pub ack_deadline: Duration,
    /// Delays before the second, third … delivery of an event that was not acknowledged.
    pub redelivery: Vec<Duration>,
    pub client_config: ClientConfig,
    /// Whether every pong repeats the client configuration. The platform must do it: the Node SDK takes an
    /// empty pong for a broken one.
    pub pong_config: bool,
    /// Life of a tenant token. In its last quarter the token endpoint hands out a new one.
    pub token_ttl: Duration,
    /// How long an unused ticket of a connection URL stays valid.
    pub ticket_ttl: Duration,
    pub connections_per_app: usize,
    /// Sends per second and chat, shared by its bots; `None` switches the limit off.
    pub chat_qps: Option<u32>,
    /// Splits events into chunks of this many bytes; `None` never splits.
    pub chunk_bytes: Option<usize>,
    /// Scopes of bots that differ from [`default_scopes`], by bot name.
    pub scopes: BTreeMap<String, Vec<String>>,
    /// What discovery names as the address of connections, such as `wss://host:port`, where something that
    /// speaks TLS stands in front; `None` is the sandbox itself.
    pub gate_url: Option<String>,
    /// Which deliveries name the app behind a bot that is mentioned. The platform's own do so only in part.
    pub bot_info: BotInfo,
    /// What becomes of `card_msg_content_type`.
    pub cards: Cards,
    /// Cards of schema 2.0 are rendered as old clients show them: with a sentence that asks to upgrade.
    pub card_placeholder: bool,
    /// How many messages and delivery records are remembered; the oldest go first.
    pub keep: usize,
}

/// Which deliveries carry `bot_info` with the mention of a bot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum BotInfo {
    #[default]
    Always,
    /// Every other one of a message's deliveries.
    Some,
    Never,
}

/// How the history answers those who ask for cards as they were authored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cards {
    #[default]
    Authored,
    /// With the rendered form, as if nothing had been asked.
    Ignored,
    /// With an error, as in older organisations.
    Refused,
}

/// What discovery tells a client, all in seconds. A negative count means without limit.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ClientConfig {
    pub reconnect_count: i64,
    pub reconnect_interval: i64,
    pub reconnect_nonce: i64,
    pub ping_interval: i64,
}

/// The documented plan for events that were not acknowledged.
const REDELIVERY: [Duration; 4] = [
    Duration::from_secs(15),
    Duration::from_secs(5 * 60),
    Duration::from_secs(60 * 60),
    Duration::from_secs(6 * 60 * 60),
];

impl Default for Options {
    fn default() -> Options {
        Options {
            port: 0,
            bots: names(&["alice", "bob", "carol"]),
            people: names(&["ann", "li"]),
            chats: names(&["lobby", "workshop"]),
            ack_deadline: Duration::from_secs(3),
            redelivery: REDELIVERY.to_vec(),
            client_config: ClientConfig {
                reconnect_count: -1,
                reconnect_interval: 90,
                reconnect_nonce: 25,
                ping_interval: 90,
            },
            pong_config: true,
            token_ttl: Duration::from_secs(2 * 60 * 60),
            ticket_ttl: Duration::from_secs(60),
            connections_per_app: 50,
            chat_qps: Some(5),
            chunk_bytes: None,
            scopes: BTreeMap::new(),
            gate_url: None,
            bot_info: BotInfo::default(),
            cards: Cards::default(),
            card_placeholder: false,
            keep: 200_000,
        }
    }
}

/// The scopes a bot has unless [`Options::scopes`] says otherwise: bots and people are all heard.
pub fn default_scopes() -> Vec<String> {
    names(scopes::DEFAULTS)
}

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(|name| (*name).to_owned()).collect()
}
