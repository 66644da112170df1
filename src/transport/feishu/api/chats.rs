//! `GET im/v1/chats`: the groups this bot is in. Direct conversations are not among them.

use std::sync::Arc;

use serde::Deserialize;

use super::super::rest::Rest;
use super::page;
use crate::error::Result;

#[derive(Debug, Deserialize)]
pub struct ChatRow {
    pub chat_id: String,
    #[serde(default)]
    pub name: Option<String>,
    /// `group`, `topic` or `p2p`; not in older answers.
    #[serde(default)]
    pub chat_mode: Option<String>,
}

pub async fn chats(rest: &Arc<Rest>, pages_max: usize) -> Result<Vec<ChatRow>> {
    page::all(rest, &["im", "v1", "chats"], &[("sort_type", "ByCreateTimeAsc")], pages_max).await
}
