//! What rooma itself has to say.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ids::{ChatId, MessageId, UserId};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Started {
    pub version: String,
    pub profiles: Vec<String>,
    pub pid: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Connecting {
    /// Counts the attempts since the last usable connection, from 1.
    pub attempt: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Connected {
    pub bot_name: String,
    pub bot_open_id: UserId,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Disconnected {
    pub reason: String,
    pub retry_in_ms: u64,
    pub attempt: u32,
}

/// This profile needs a person; it is retried slowly meanwhile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Parked {
    pub reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    pub retry_in_ms: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Crashed {
    /// What broke, where it is no connection: `chat_registry`, `sessions`, `relays`, `rooms`, `control`, `care`, `profiles`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// The profile that it looked after, where it was one's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part_of: Option<String>,
    pub reason: String,
    pub retry_in_ms: u64,
    /// Crashes counted against the restart budget, this one included.
    pub crashes: u32,
}

/// Another process consumes this app's events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Conflict {
    pub online: u32,
    pub ours: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Deaf {
    /// Where somebody wrote what did not arrive.
    pub chat_id: ChatId,
    pub quiet_ms: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Catchup {
    /// Absent where it is about all chats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chat_id: Option<ChatId>,
    /// Messages that became new lines.
    pub count: u32,
    /// RFC 3339: what was written before was not asked for.
    pub since: String,
    /// What was left out, and by which bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut: Option<CatchupCut>,
    /// Why the chat could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A bound on catching up that left something out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CatchupCut {
    /// Older messages of this chat (`catchup.per_chat`).
    PerChat,
    /// Older messages of this chat, and all of the chats after it (`catchup.total`).
    Total,
    /// What is older than `catchup.max_age`.
    MaxAge,
    /// Chats beyond those that are looked into after one outage.
    Chats,
}

/// Lines that retention removed before this reader came to them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Gap {
    pub from_seq: u64,
    pub to_seq: u64,
    pub count: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JournalReset {
    pub reason: String,
    /// Where the damaged journal was set aside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept_as: Option<String>,
}

/// This bot joined a chat, or is no longer in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChatChange {
    pub chat_id: ChatId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chat_name: Option<String>,
    /// `added`, `removed`, `disbanded`, or `reconciled` where no event told and the platform's list did.
    pub reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator_id: Option<UserId>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Dropped {
    pub reason: String,
    pub count: u64,
}

/// A shift that is armed: whoever ends it, the farewell is said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SessionArmed {
    pub session: String,
    pub chats: Vec<ChatId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_pid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_name: Option<String>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GreetingSent {
    pub session: String,
    pub chats: Vec<ChatId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<NotSaid>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FarewellSent {
    pub session: String,
    pub reason: String,
    pub chats: Vec<ChatId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<NotSaid>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NotSaid {
    pub chat_id: ChatId,
    pub error: String,
}

/// A shift that ended too long ago for a farewell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SessionExpired {
    pub session: String,
    pub chats: Vec<ChatId>,
    /// RFC 3339, when its owner was seen last.
    pub seen: String,
}

/// Sends into this room are refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RoomPaused {
    pub chat_id: ChatId,
    /// `turns`, `per_minute`, `alike`, `ping_pong`, or `manual`.
    pub reason: String,
    /// Turns of bots since a person spoke.
    pub turns: u64,
    /// RFC 3339; absent: until somebody resumes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RoomResumed {
    pub chat_id: ChatId,
}

/// The first line of a watch: where it begins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Watching {
    pub cursor: String,
    /// The position it begins behind: lines after this `seq` follow.
    pub from: u64,
    /// Lines that wait for this watch.
    pub waiting: u64,
}

/// The last line of a watch whose time is over: start it again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rearm {
    pub cursor: String,
    /// Lines that wait for this watch.
    pub pending: u64,
}

/// The expression of a watch failed on the event at this `seq`; the line stands in its place, with what is known of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JqFailed {
    pub message: String,
    /// Of that event. The line's `profile` is whose it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<MessageId>,
    /// It was a message for this profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mentioned: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_id: Option<ChatId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_id: Option<UserId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_name: Option<String>,
    /// How to read it all the same.
    pub hint: String,
}

/// The supervisor that a watch reads from has ended; the watch waits for the next one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SupervisorGone {
    pub cursor: String,
}

/// How the disk under the journal is. It comes through the supervisor's socket, since the journal cannot take it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Storage {
    pub state: StorageState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StorageState {
    Ok,
    /// There is no space left.
    Full,
    /// It cannot be written, or does not say that it holds what was written.
    Failing,
    /// The journal's files were removed, replaced or emptied under the supervisor, which ends.
    Lost,
}

impl Storage {
    pub fn fine() -> Storage {
        Storage { state: StorageState::Ok, reason: None, hint: None }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Stopped {
    pub reason: String,
}
