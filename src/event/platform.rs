//! What else happens in chats.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ids::{ChatId, MessageId, UserId};
use super::message::SenderType;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MessageRecalled {
    pub chat_id: ChatId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chat_name: Option<String>,
    pub message_id: MessageId,
    /// Who recalled it: `message_owner`, `group_owner`, `group_manager`, `enterprise_manager`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recalled_by: Option<String>,
    pub event_type: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MessageRead {
    pub message_ids: Vec<MessageId>,
    pub reader_id: UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reader_name: Option<String>,
    pub event_type: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reaction {
    pub message_id: MessageId,
    pub emoji: String,
    /// The person's open_id, or the app id of a bot.
    pub sender_id: UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender_name: Option<String>,
    pub sender_type: SenderType,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender_profile: Option<String>,
    pub event_type: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MemberChange {
    pub chat_id: ChatId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chat_name: Option<String>,
    pub members: Vec<Member>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator_id: Option<UserId>,
    pub event_type: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Member {
    pub id: UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChatUpdated {
    pub chat_id: ChatId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chat_name: Option<String>,
    /// Names of the settings that changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator_id: Option<UserId>,
    pub event_type: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChatDisbanded {
    pub chat_id: ChatId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chat_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator_id: Option<UserId>,
    pub event_type: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CardAction {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chat_id: Option<ChatId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<MessageId>,
    pub operator_id: UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator_name: Option<String>,
    /// The control: `button`, `select_static`, …; `unknown` where none is named.
    pub tag: String,
    /// Why the control is not told as usual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What the card's author attached, as JSON text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What was chosen where one thing can be; empty where that was taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub option: Option<String>,
    /// What was chosen where several can be; an empty list where nothing is any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<Vec<String>>,
    /// A box was ticked, or no longer is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked: Option<bool>,
    /// What was typed; empty where that was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_value: Option<String>,
    /// Form fields, as JSON text; `{}` where none was filled in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub form_value: Option<String>,
    /// Where the person is, for a date or a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// What the platform told beside, as a JSON object in text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more: Option<String>,
    /// Something was too long for a line. The journal's raw copy has it whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truncated: Option<bool>,
    pub event_type: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MenuClicked {
    pub operator_id: UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator_name: Option<String>,
    pub key: String,
    pub event_type: String,
}

/// Anything rooma has no words for. The platform's payload is kept with it as `raw`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Unknown {
    /// Why it has no words: `event_type`, `unmapped`, `shape`, `json`, `panic`, `app_id`, `schema`, `encrypted`.
    pub reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_type: Option<String>,
    /// What a person can do so that the next one can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}
