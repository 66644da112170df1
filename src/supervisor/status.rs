//! What `rooma status` and `rooma up` print.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    pub ok: bool,
    pub running: bool,
    pub version: String,
    pub pid: u32,
    pub profiles: Vec<ProfileStatus>,
    pub cursors: Vec<CursorStatus>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CursorStatus {
    pub name: String,
    pub seq: u64,
    /// Lines behind the newest.
    pub lag: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileStatus {
    pub profile: String,
    pub transport: String,
    pub state: State,
    /// RFC 3339, since when.
    pub since: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Connections that were made beyond the first.
    pub reconnects: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Connecting,
    Connected,
    Disconnected,
    Parked,
}
