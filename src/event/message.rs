//! A message as an agent reads it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ids::{ChatId, MessageId, ThreadId, UserId};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Message {
    /// True only when this message is meant for this bot.
    pub mentioned: bool,
    pub mention: MentionScope,
    pub trust: Trust,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender_name: Option<String>,
    pub sender_type: SenderType,
    /// Set when the sender is one of our own profiles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender_profile: Option<String>,
    /// Rendered text. `truncated` tells when it was cut.
    pub content: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truncated: Option<bool>,
    /// How many characters of `content` stand as U+FFFD in place of one that nobody would have seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden: Option<u64>,
    pub chat_id: ChatId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chat_name: Option<String>,
    pub chat_type: ChatType,
    pub message_id: MessageId,
    /// The platform's own name: `text`, `post`, `image`, …
    pub message_type: String,
    pub sender_id: UserId,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<Mention>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread_id: Option<ThreadId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_id: Option<MessageId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<MessageId>,
    /// RFC 3339, when the platform says the message was written.
    pub create_time: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<Resource>,
    /// Known by a send of ours, whether or not the platform delivers it too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relayed: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<RoomMark>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floor: Option<FloorMark>,
    /// The platform's own name of the event.
    pub event_type: String,
}

/// How the room is at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RoomMark {
    /// Sends into it are refused.
    pub paused: bool,
}

/// Who of several that are addressed speaks first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FloorMark {
    pub holder: String,
    pub order: Vec<String>,
    /// RFC 3339: then the next one may.
    pub expires: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChatType {
    P2p,
    Group,
    Topic,
}

impl ChatType {
    pub fn name(self) -> &'static str {
        match self {
            ChatType::P2p => "p2p",
            ChatType::Group => "group",
            ChatType::Topic => "topic",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SenderType {
    User,
    Bot,
}

impl SenderType {
    pub fn name(self) -> &'static str {
        match self {
            SenderType::User => "user",
            SenderType::Bot => "bot",
        }
    }
}

/// Whom a message addresses, seen from this bot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MentionScope {
    Me,
    All,
    Others,
    None,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Mention {
    pub id: UserId,
    pub name: String,
    pub r#type: MentionKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MentionKind {
    User,
    Bot,
    All,
}

/// Something a message carries that can be downloaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Resource {
    pub key: String,
    /// `image`, `file`, `audio`, `video` or `sticker`.
    pub r#type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Who speaks, decided from ids and never from display names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    Owner,
    Allowed,
    Peer,
    Stranger,
}
