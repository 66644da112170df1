//! `GET im/v1/chats/:chat_id`: what one chat is.

use std::sync::Arc;

use serde::Deserialize;

use super::super::call::Call;
use super::super::rest::Rest;
use crate::error::Result;

/// Counts are strings here, and only basic fields come for a chat this bot is not in.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ChatInfo {
    pub name: Option<String>,
    pub description: Option<String>,
    pub chat_mode: Option<String>,
    pub chat_type: Option<String>,
    pub chat_status: Option<String>,
    pub group_message_type: Option<String>,
    pub user_count: Option<String>,
    pub bot_count: Option<String>,
    pub owner_id: Option<String>,
    pub external: Option<bool>,
}

impl ChatInfo {
    /// Each root message opens a topic.
    pub fn topic(&self) -> bool {
        self.chat_mode.as_deref() == Some("topic") || self.group_message_type.as_deref() == Some("thread")
    }
}

#[derive(Deserialize)]
struct Body {
    data: ChatInfo,
}

pub async fn chat_info(rest: &Arc<Rest>, chat_id: &str) -> Result<ChatInfo> {
    let body: Body = rest.call(Call::get(&["im", "v1", "chats", chat_id], &[])).await?;
    Ok(body.data)
}
