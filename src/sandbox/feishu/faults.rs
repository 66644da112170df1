//! What can go wrong on purpose with Feishu, and where.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::sandbox::faults::Faults;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// Disarms all faults (of the app, if given).
    #[default]
    Clear,
    /// At once: ends the app's connections without a close frame.
    Drop,
    /// At once: closes the app's connections with close code `code` (default 1001).
    Close,
    /// Refuses discovery or handshake: `at`, `code` (default 403) or HTTP `status`.
    Refuse,
    /// Discovery answers code 1.
    Busy,
    /// The handshake is refused as if 50 connections were open (`at: discovery` for the other place).
    ConnLimit,
    /// Never answers: `at` handshake (default), discovery, token or rest.
    Stall,
    /// The connection stays open and nothing is answered or pushed.
    Mute,
    /// Pings are answered, nothing is pushed.
    Deaf,
    /// At once: an undecodable binary message and a text message.
    Garbage,
    /// At once: the first half of a frame.
    Truncated,
    /// At once: a well-formed frame of `bytes` (default 32 MiB).
    Oversized,
    /// At once: all issued tokens become invalid.
    TokenExpiry,
    /// REST answers 429 with reset headers: `reset_s`, `path` (part of the path).
    RateLimit,
    /// REST answers 5xx: `status` (default 503), `after` (the call has its effect first), `at: token|discovery`.
    #[serde(rename = "error5xx")]
    Error5xx,
    /// REST answers `code` with HTTP `status` (default 400).
    ApiError,
    /// Events are split: `parts`, `shuffle`, `duplicate` (one chunk twice), `missing` (one never sent).
    Chunk,
    /// Every event is pushed twice.
    Duplicate,
    /// Messages are pushed without their content; the history has it.
    EmptyContent,
    /// Events are pushed as `{"encrypt":…}`.
    Encrypt,
    /// Pongs carry a broken client configuration (`payload` for another one).
    BadPong,
    /// Pongs carry the client configuration of the options (`payload` for another one).
    PongConfig,
    /// REST answers in other types: numbers as words, words as numbers, null for an empty list (`path`). With
    /// `missing`, lists have entries that are none.
    LooseTypes,
    /// Waits `ms` first: `at` rest (default; with `after` the call has its effect first), push, pong, discovery or
    /// handshake.
    Slow,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum At {
    Token,
    Discovery,
    Handshake,
    Rest,
    Push,
    Pong,
}

/// What a test asks for. Fields that a kind does not use are ignored.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fault {
    pub kind: FaultKind,
    /// Name or app_id; absent means every app.
    pub app: Option<String>,
    /// How often; absent means until cleared. For `drop`, `close`: how many connections; for frames: how many.
    pub count: Option<u32>,
    pub at: Option<At>,
    pub code: Option<i64>,
    pub status: Option<u16>,
    pub message: Option<String>,
    pub reset_s: Option<u64>,
    pub path: Option<String>,
    pub after: bool,
    pub parts: Option<usize>,
    pub shuffle: bool,
    pub duplicate: bool,
    pub missing: bool,
    pub ms: Option<u64>,
    pub bytes: Option<usize>,
    pub payload: Option<String>,
}

impl Fault {
    pub fn new(kind: FaultKind) -> Fault {
        Fault { kind, ..Fault::default() }
    }

    fn place(&self) -> At {
        self.at.unwrap_or(match self.kind {
            FaultKind::Refuse => At::Discovery,
            FaultKind::Stall | FaultKind::ConnLimit => At::Handshake,
            _ => At::Rest,
        })
    }
}

/// Takes the time that a slow fault says.
pub async fn pause(fault: &Fault) {
    tokio::time::sleep(Duration::from_millis(fault.ms.unwrap_or(0))).await;
}

impl Faults<Fault> {
    /// Uses a fault once, if one of this kind is armed for this app.
    pub fn take(&self, kind: FaultKind, app: Option<usize>) -> Option<Fault> {
        self.take_if(app, |fault| fault.kind == kind)
    }

    /// The same for kinds that can strike in several places.
    pub fn take_at(&self, kind: FaultKind, at: At, app: Option<usize>) -> Option<Fault> {
        self.take_if(app, |fault| fault.kind == kind && fault.place() == at)
    }

    /// The same for REST, where a fault can name the path it waits for,
    /// and whether it strikes before the call takes effect or after it.
    pub fn take_on_path(
        &self,
        kind: FaultKind,
        after: bool,
        path: &str,
        app: Option<usize>,
    ) -> Option<Fault> {
        self.take_if(app, |fault| {
            fault.kind == kind
                && fault.after == after
                && fault.place() == At::Rest
                && fault.path.as_ref().is_none_or(|part| path.contains(part.as_str()))
        })
    }

    /// A 5xx before the call takes effect, or after it.
    pub fn take_5xx(&self, after: bool, at: At, path: &str, app: Option<usize>) -> Option<Fault> {
        self.take_if(app, |fault| {
            fault.kind == FaultKind::Error5xx
                && fault.after == after
                && fault.place() == at
                && fault.path.as_ref().is_none_or(|part| path.contains(part.as_str()))
        })
    }
}
