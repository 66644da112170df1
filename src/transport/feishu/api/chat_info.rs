//! `GET im/v1/chats/:chat_id`: one chat's name and mode.

use std::sync::Arc;

use serde::Deserialize;

use super::super::rest::{Call, Rest};
use crate::error::Result;

#[derive(Debug, PartialEq, Eq)]
pub struct ChatInfo {
    pub name: String,
    /// Each root message opens a topic.
    pub topic: bool,
}

#[derive(Deserialize)]
struct Body {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    chat_mode: Option<String>,
    #[serde(default)]
    group_message_type: Option<String>,
}

pub async fn chat_info(rest: &Arc<Rest>, chat_id: &str) -> Result<ChatInfo> {
    let body: Body = rest.call(Call::get(&["im", "v1", "chats", chat_id], &[])).await?;
    let Data { name, chat_mode, group_message_type } = body.data;
    let topic = chat_mode.as_deref() == Some("topic") || group_message_type.as_deref() == Some("thread");
    Ok(ChatInfo { name: name.unwrap_or_default(), topic })
}
