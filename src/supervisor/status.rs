//! What `rooma status` and `rooma up` print.

use serde::{Deserialize, Serialize};

pub use crate::core::connections::ProfileState;
use crate::event::Storage;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    pub ok: bool,
    pub running: bool,
    pub version: String,
    pub pid: u32,
    pub profiles: Vec<ProfileStatus>,
    pub cursors: Vec<CursorStatus>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub readers: Vec<ReaderStatus>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal: Option<JournalStatus>,
    /// How the disk is, where it is not as it should be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<Storage>,
}

/// Who reads at the moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReaderStatus {
    pub cursor: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// RFC 3339.
    pub since: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalStatus {
    pub path: String,
    /// On disk, its log included.
    pub bytes: u64,
    /// The oldest line that is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest: Option<LineStatus>,
    /// The newest position; 0 before the first line.
    pub newest: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineStatus {
    pub seq: u64,
    pub time: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CursorStatus {
    pub name: String,
    pub seq: u64,
    /// Lines behind the newest.
    pub lag: u64,
    /// The process that reads with it now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileStatus {
    pub profile: String,
    pub transport: String,
    pub state: ProfileState,
    /// RFC 3339, since when.
    pub since: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What a person can do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Connections that were made beyond the first.
    pub reconnects: u32,
    /// When the platform's newest event was journalled, since this start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_event: Option<String>,
}
