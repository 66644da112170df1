//! `GET im/v1/chats/:chat_id/members/bots`: the bots of a chat, by the open_ids this app sees.

use std::sync::Arc;

use serde::Deserialize;

use super::super::call::Call;
use super::super::rest::Rest;
use crate::error::Result;

#[derive(Debug, Deserialize)]
pub struct BotRow {
    pub bot_id: String,
    #[serde(default)]
    pub bot_name: Option<String>,
}

#[derive(Deserialize)]
struct Body {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    #[serde(default)]
    items: Vec<BotRow>,
}

pub async fn chat_bots(rest: &Arc<Rest>, chat_id: &str) -> Result<Vec<BotRow>> {
    let path = ["im", "v1", "chats", chat_id, "members", "bots"];
    let body: Body = rest.call(Call::get(&path, &[])).await?;
    Ok(body.data.items)
}
