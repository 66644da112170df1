//! `GET im/v1/chats/:chat_id`: what one chat is.

use std::sync::Arc;

use serde::Deserialize;

use super::super::call::Call;
use super::super::loose;
use super::super::rest::Rest;
use super::body::data;
use crate::error::Result;

/// Counts are strings here, and only basic fields come for a chat this bot is not in.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ChatInfo {
    #[serde(deserialize_with = "loose::some_text")]
    pub name: Option<String>,
    #[serde(deserialize_with = "loose::some_text")]
    pub description: Option<String>,
    #[serde(deserialize_with = "loose::some_text")]
    pub chat_mode: Option<String>,
    #[serde(deserialize_with = "loose::some_text")]
    pub chat_type: Option<String>,
    #[serde(deserialize_with = "loose::some_text")]
    pub chat_status: Option<String>,
    #[serde(deserialize_with = "loose::some_text")]
    pub group_message_type: Option<String>,
    #[serde(deserialize_with = "loose::some_text")]
    pub user_count: Option<String>,
    #[serde(deserialize_with = "loose::some_text")]
    pub bot_count: Option<String>,
    #[serde(deserialize_with = "loose::some_text")]
    pub owner_id: Option<String>,
    #[serde(deserialize_with = "loose::some_flag")]
    pub external: Option<bool>,
}

impl ChatInfo {
    /// Each root message opens a topic.
    pub fn topic(&self) -> bool {
        self.chat_mode.as_deref() == Some("topic") || self.group_message_type.as_deref() == Some("thread")
    }
}

pub async fn chat_info(rest: &Arc<Rest>, chat_id: &str) -> Result<ChatInfo> {
    data(rest, Call::get(&["im", "v1", "chats", chat_id], &[])).await
}
