//! `GET im/v1/chats/:chat_id/members`: the people of a chat. Bots are not among them.

use std::sync::Arc;

use serde::Deserialize;

use super::super::rest::Rest;
use super::page::{self, Pages};
use crate::error::Result;

#[derive(Debug, Deserialize)]
pub struct MemberRow {
    pub member_id: String,
    #[serde(default)]
    pub name: Option<String>,
}

pub async fn members(rest: &Arc<Rest>, chat_id: &str, pages: Pages) -> Result<(Vec<MemberRow>, bool)> {
    members_as(rest, chat_id, "open_id", pages).await
}

/// By the kind of id that is asked for.
pub async fn members_as(
    rest: &Arc<Rest>,
    chat_id: &str,
    id_type: &str,
    pages: Pages,
) -> Result<(Vec<MemberRow>, bool)> {
    let path = ["im", "v1", "chats", chat_id, "members"];
    page::read(rest, &path, &[("member_id_type", id_type)], pages).await
}
