//! What a reader's own options add to a message.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ids::{MessageId, UserId};
use super::message::SenderType;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Added {
    /// With `--coalesce`: who received this message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profiles: Option<Vec<String>>,
    /// For whom of them it is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mentioned_profiles: Option<Vec<String>>,
    /// The line of another profile came before, and did not wait for this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coalesced_late: Option<bool>,
    /// With `--context`: what was said there before, the oldest first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Vec<Earlier>>,
}

/// A message that came before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Earlier {
    pub message_id: MessageId,
    pub sender_id: UserId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_name: Option<String>,
    pub sender_type: SenderType,
    /// RFC 3339.
    pub create_time: String,
    /// Rendered text, cut where it is long.
    pub content: String,
}
