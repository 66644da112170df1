//! `GET im/v1/chats`: the groups this bot is in. Direct conversations are not among them.

use std::sync::Arc;

use serde::Deserialize;

use super::super::loose;
use super::super::rest::Rest;
use super::page::{self, Listed, Pages};
use crate::error::Result;

#[derive(Debug, Deserialize)]
pub struct ChatRow {
    #[serde(deserialize_with = "loose::needed")]
    pub chat_id: String,
    #[serde(default, deserialize_with = "loose::some_text")]
    pub name: Option<String>,
    #[serde(default, deserialize_with = "loose::some_text")]
    pub description: Option<String>,
    /// `group`, `topic` or `p2p`; not in older answers.
    #[serde(default, deserialize_with = "loose::some_text")]
    pub chat_mode: Option<String>,
    #[serde(default, deserialize_with = "loose::some_text")]
    pub chat_status: Option<String>,
    #[serde(default, deserialize_with = "loose::some_text")]
    pub owner_id: Option<String>,
    #[serde(default, deserialize_with = "loose::some_flag")]
    pub external: Option<bool>,
}

pub async fn chats(rest: &Arc<Rest>, pages: Pages) -> Result<Listed<ChatRow>> {
    page::read(rest, &["im", "v1", "chats"], &[("sort_type", "ByCreateTimeAsc")], pages).await
}
