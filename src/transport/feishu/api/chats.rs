//! `GET im/v1/chats`: the groups this bot is in. Direct conversations are not among them.

use std::sync::Arc;

use serde::Deserialize;

use super::super::rest::Rest;
use super::page::{self, Pages};
use crate::error::Result;

#[derive(Debug, Deserialize)]
pub struct ChatRow {
    pub chat_id: String,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub description: Option<String>,
    /// `group`, `topic` or `p2p`; not in older answers.
    #[serde(default)]
    pub chat_mode: Option<String>,
    #[serde(default)]
    pub chat_status: Option<String>,
    #[serde(default)]
    pub owner_id: Option<String>,
    #[serde(default)]
    pub external: Option<bool>,
}

pub async fn chats(rest: &Arc<Rest>, pages: Pages) -> Result<(Vec<ChatRow>, bool)> {
    page::read(rest, &["im", "v1", "chats"], &[("sort_type", "ByCreateTimeAsc")], pages).await
}
