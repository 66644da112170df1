//! What a test can see of a sandbox.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StateQuery {
    /// Anything but empty and `0`: all messages and deliveries.
    pub full: Option<String>,
    /// The deliveries and the content of one message.
    pub message_id: Option<String>,
    /// Name of an app: its deliveries.
    pub app: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    pub base_url: String,
    pub apps: Vec<AppState>,
    pub people: Vec<String>,
    pub chats: Vec<ChatState>,
    pub totals: TotalsState,
    /// What clients did wrong in their frames; a correct client leaves it empty.
    pub ack_errors: Vec<AckErrorState>,
    pub faults_armed: usize,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub messages: Option<Vec<MessageState>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub deliveries: Option<Vec<DeliveryState>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AppState {
    pub name: String,
    pub app_id: String,
    pub connections: usize,
    pub connections_opened: u64,
    pub discoveries: u64,
    pub handshakes_refused: u64,
    pub tokens_issued: u64,
    pub pings: u64,
    pub rest_calls: u64,
    pub scopes: Vec<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ChatState {
    pub chat_id: String,
    pub name: String,
    pub mode: String,
    pub members: Vec<String>,
    pub messages: usize,
    pub dissolved: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TotalsState {
    pub messages: u64,
    /// Events times apps.
    pub events: u64,
    pub attempts: u64,
    pub acked: u64,
    pub refused: u64,
    pub timeouts: u64,
    pub no_connection: u64,
    pub late_acks: u64,
    pub repeated_acks: u64,
    pub unknown_acks: u64,
    pub given_up: u64,
    /// Not acknowledged and not given up.
    pub pending: u64,
    pub ack_errors: u64,
    pub ack_p50_ms: f64,
    pub ack_p99_ms: f64,
    pub ack_max_ms: f64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AckErrorState {
    pub app: Option<String>,
    pub event_id: Option<String>,
    pub error: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MessageState {
    pub message_id: String,
    pub chat_id: String,
    pub from: String,
    pub msg_type: String,
    pub content: String,
    pub deleted: bool,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub thread_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub parent_id: Option<String>,
    pub reactions: Vec<(String, String)>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeliveryState {
    pub app: String,
    pub event_id: String,
    pub event_type: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub message_id: Option<String>,
    pub phase: String,
    pub attempts: usize,
    /// Positive acknowledgements in time.
    pub acks: u32,
    /// Of each attempt: what it was answered, `null` for silence or no connection.
    pub ack_codes: Vec<Option<i64>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ack_ms: Option<f64>,
}
