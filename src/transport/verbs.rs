//! What the verbs of the command line ask of an adapter, and what they get: the platform's shape, lightly
//! cleaned. Field order here is the order of keys in the output; absent values are left out.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::pace::Pace;
use crate::error::{Error, Result};
use crate::event::ids::{ChatId, MessageId, ThreadId, UserId};
use crate::event::{Mention, Resource};

/// How an account behaves for one command, in contrast to a connection that lives for weeks.
#[derive(Clone, Debug)]
pub struct Acting {
    /// Where the token is kept between commands. Never the secret.
    pub token_file: PathBuf,
    /// How long rate limits and passing trouble are waited out.
    pub patience: Duration,
}

/// A list, and whether there is more of it than was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Items<T> {
    pub items: Vec<T>,
    pub has_more: bool,
    /// What could not be read, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl<T> Items<T> {
    pub fn new(items: Vec<T>, has_more: bool) -> Items<T> {
        Items { items, has_more, warnings: Vec::new() }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Chat {
    pub chat_id: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// `group`, `topic` or `p2p`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_mode: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_status: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChatInfo {
    pub chat_id: String,
    pub name: String,
    pub description: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announcement: Option<Announcement>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_mode: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_status: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_count: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bot_count: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<bool>,
    /// What could not be read, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl From<Chat> for ChatInfo {
    fn from(listed: Chat) -> ChatInfo {
        let Chat { chat_id, name, description, chat_mode, chat_status, owner_id, external } = listed;
        let (announcement, chat_type, user_count, bot_count) = (None, None, None, None);
        let warnings = Vec::new();
        ChatInfo {
            chat_id,
            name,
            description,
            announcement,
            chat_mode,
            chat_type,
            chat_status,
            user_count,
            bot_count,
            owner_id,
            external,
            warnings,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Announcement {
    pub text: String,
    /// `docx`, or `doc` in older groups.
    pub announcement_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_time: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Member {
    pub member_id: UserId,
    pub name: String,
    pub member_type: MemberType,
    /// Set when the member is one of our own profiles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberType {
    User,
    Bot,
}

/// Who this bot is on its platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Myself {
    pub name: String,
    #[serde(rename = "open_id")]
    pub user_id: UserId,
}

/// A message as the history tells it. The names are those of a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PastMessage {
    pub message_id: MessageId,
    pub chat_id: ChatId,
    pub message_type: String,
    pub create_time: String,
    pub sender: Sender,
    pub sender_id: UserId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_name: Option<String>,
    pub sender_type: MemberType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_profile: Option<String>,
    /// Rendered text.
    pub content: String,
    /// Something was left out of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truncated: Option<bool>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<Mention>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread_id: Option<ThreadId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_id: Option<MessageId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<MessageId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted: Option<bool>,
    /// Edited, and when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_time: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<Resource>,
    /// What a merged forward holds, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<PastMessage>,
}

/// The sender as the platform's API names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sender {
    pub id: String,
    pub id_type: String,
    pub sender_type: String,
}

/// Which part of a history is wanted; the newest `limit` messages of it.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct HistoryQuery {
    pub place: Place,
    pub limit: usize,
    /// Milliseconds since the epoch, both ends included.
    pub since: Option<i64>,
    pub until: Option<i64>,
    /// Only what is older than this message.
    pub before: Option<MessageId>,
}

#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub enum Place {
    Chat(ChatId),
    Thread(ThreadId),
}

/// What an id names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdKind {
    Chat,
    /// A person or a bot, as one app sees them.
    Person,
    /// The same, as all apps of one developer see them.
    Union,
    Message,
    Thread,
}

/// By which id a person is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PersonId {
    /// As this app sees them.
    Open(UserId),
    /// As all apps of one developer see them.
    Union(String),
}

impl PersonId {
    pub fn as_str(&self) -> &str {
        match self {
            PersonId::Open(id) => id.as_str(),
            PersonId::Union(id) => id,
        }
    }
}

/// Where a message goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Target {
    Chat(ChatId),
    /// A direct conversation.
    Person(PersonId),
    Reply {
        to: MessageId,
        in_thread: bool,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posted {
    pub message_id: MessageId,
    pub chat_id: ChatId,
    pub thread_id: Option<ThreadId>,
    pub create_time: Option<String>,
}

/// A file to be uploaded. The adapter decides by the name what it is.
#[derive(Clone, Debug)]
pub struct Upload {
    pub name: String,
    pub bytes: bytes::Bytes,
}

/// What the platform made of an upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Uploaded {
    pub key: String,
    pub kind: UploadKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UploadKind {
    Image,
    File,
    Audio,
    Video,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reacted {
    pub message_id: MessageId,
    pub reaction_id: String,
    pub emoji: String,
}

/// The longest [`Download::patience`].
const STALLED_AFTER: Duration = Duration::from_secs(30);

/// A resource that is being fetched. Dropping it ends the transfer.
pub struct Download {
    response: reqwest::Response,
    pace: Pace,
    /// The platform's own name for it, unsafe as it is.
    pub name: Option<String>,
    pub content_type: Option<String>,
    /// Bytes, where the platform says so beforehand.
    pub length: Option<u64>,
    /// A transfer that brings nothing for this long has failed.
    pub patience: Duration,
}

impl Download {
    pub(in crate::transport) fn new(response: reqwest::Response, name: Option<String>) -> Download {
        let kind = response.headers().get("content-type").and_then(|kind| kind.to_str().ok());
        let (content_type, length) = (kind.map(str::to_owned), response.content_length());
        Download { response, pace: Pace::default(), name, content_type, length, patience: STALLED_AFTER }
    }

    /// The next bytes, or none at the end.
    pub async fn chunk(&mut self) -> Result<Option<bytes::Bytes>> {
        let began = tokio::time::Instant::now();
        let patience = self.patience.min(self.pace.patience());
        let chunk = tokio::time::timeout(patience, self.response.chunk()).await;
        let chunk = chunk.map_err(|_| Error::network("the download stands still"))?;
        let chunk = chunk.map_err(super::net::failed)?;
        let bytes = chunk.as_ref().map_or(0, bytes::Bytes::len);
        if chunk.is_some() && !self.pace.goes_on(began.elapsed(), bytes) {
            return Err(Error::network("the download brings next to nothing"));
        }
        Ok(chunk)
    }
}
