//! What goes over the control socket: newline JSON, one request per line.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::change::Reloaded;
use super::super::{lock, room};
use crate::error::{Error, Result};
use crate::event::Storage;
use crate::event::ids::ChatId;
use crate::transport::Call;

/// The protocol's version; a client of another one is told so.
pub const VERSION: u32 = 1;

/// How often a verb hears that its errand is being worked at.
pub const WORKING_EVERY: Duration = Duration::from_millis(250);

/// What a supervisor says to a request that it does not know: one of an older version, to some of ours.
pub const UNKNOWN: &str = "the request is not one this supervisor knows";

/// The `subtype` of the refusal of an errand that has to go another way.
pub const ELSEWHERE: &str = "elsewhere";

/// Longest path of a socket, with room to spare on every Unix.
const PATH_MAX: usize = 100;

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    pub v: u32,
    pub op: Op,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// To be added, where that was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat: Option<ChatId>,
    /// The id of a session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errand: Option<Errand>,
}

/// A call that a verb wants made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Errand {
    pub profile: String,
    /// As the verb knows it: where the profile was changed meanwhile, the verb goes its own way.
    pub app_id: String,
    pub patience_ms: u64,
    pub call: Call,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    Status,
    Stop,
    /// Tell about commits until the connection ends.
    Follow,
    /// Store a cursor.
    Cursor,
    /// Look at the profiles.
    Reload,
    /// Make a call for a verb.
    Call,
    /// Compare the list of a profile's chats with the platform's, for a verb.
    Chats,
    /// Look at the sessions of the profiles named: a command has changed them.
    Session,
    /// Look at the room `chat`: a command has changed it.
    Room,
    /// Hold the session `held` of the profile named until the connection ends.
    Hold,
    /// Move a cursor forward to a line that is there.
    Ack,
}

impl Request {
    pub fn new(op: Op) -> Request {
        Request {
            v: VERSION,
            op,
            cursor: None,
            seq: None,
            profiles: Vec::new(),
            chat: None,
            held: None,
            errand: None,
        }
    }
}

/// What a following client is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct News {
    pub newest: u64,
    /// How the disk is, where that has changed and is not as it should be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<Storage>,
}

/// The answer to an acknowledgement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acked {
    pub ok: bool,
    pub cursor: String,
    /// Where the cursor stands now.
    pub seq: u64,
    /// False when it stood there or further already.
    pub moved: bool,
}

/// The answer to what has nothing to tell.
#[derive(Serialize)]
pub(super) struct Done {
    ok: bool,
}

impl Done {
    pub const DONE: Done = Done { ok: true };
}

/// What became of the profiles that changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReloadedAll {
    pub ok: bool,
    pub profiles: Vec<Reloaded>,
}

/// What a verb hears of its errand: now and then that it is being worked at, and at the end the value.
#[derive(Debug, Serialize, Deserialize)]
pub struct Answered {
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub working: bool,
    pub value: serde_json::Value,
}

impl Answered {
    pub(super) fn with(value: serde_json::Value) -> Answered {
        Answered { working: false, value }
    }
}

/// Where a home's socket is. A path that is too long for a socket has a short one in its place.
pub fn path(home: &Path) -> Result<PathBuf> {
    let path = home.join("data/rooma.sock");
    if path.as_os_str().len() <= PATH_MAX {
        return Ok(path);
    }
    let home = std::path::absolute(home).unwrap_or_else(|_| home.to_owned());
    let name = crate::journal::fingerprint_hex("home", &home.display().to_string());
    Ok(lock::folder()?.join(format!("{name}.sock")))
}

/// A cursor's name is a key and a file name. `registry` and `rooms` are rooma's own.
pub fn is_cursor_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !name.is_empty()
        && name.len() <= 64
        && !name.starts_with('.')
        && name.chars().all(plain)
        && name != "registry"
        && name != room::CURSOR
}

pub fn named(request: &Request) -> Result<(&str, u64)> {
    match (&request.cursor, request.seq) {
        (Some(name), Some(seq)) if is_cursor_name(name) => Ok((name, seq)),
        _ => Err(Error::validation("a cursor has a name and a seq")),
    }
}

pub fn checked(request: Request) -> Result<Request> {
    if request.v == VERSION {
        return Ok(request);
    }
    Err(Error::validation(format!(
        "this supervisor speaks version {VERSION} of the control protocol, not {}",
        request.v
    ))
    .subtype("version")
    .hint("restart the supervisor with the version you use: rooma down, then rooma up"))
}
