//! `GET im/v1/chats/:chat_id/members/bots`: the bots of a chat, by the open_ids this app sees.

use std::sync::Arc;

use serde::Deserialize;

use super::super::call::Call;
use super::super::loose::{self, Rows};
use super::super::rest::Rest;
use super::body::data;
use crate::error::Result;

#[derive(Debug, Deserialize)]
pub struct BotRow {
    #[serde(deserialize_with = "loose::needed")]
    pub bot_id: String,
    #[serde(default, deserialize_with = "loose::some_text")]
    pub bot_name: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Data {
    items: Rows<BotRow>,
}

pub async fn chat_bots(rest: &Arc<Rest>, chat_id: &str) -> Result<Rows<BotRow>> {
    let path = ["im", "v1", "chats", chat_id, "members", "bots"];
    let data: Data = data(rest, Call::get(&path, &[])).await?;
    Ok(data.items)
}
