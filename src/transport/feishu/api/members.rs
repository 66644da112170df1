//! `GET im/v1/chats/:chat_id/members`: the people of a chat. Bots are not among them.

use std::sync::Arc;

use serde::Deserialize;

use super::super::loose;
use super::super::rest::Rest;
use super::page::{self, Listed, Pages};
use crate::error::Result;

#[derive(Debug, Deserialize)]
pub struct MemberRow {
    #[serde(deserialize_with = "loose::needed")]
    pub member_id: String,
    #[serde(default, deserialize_with = "loose::some_text")]
    pub name: Option<String>,
}

pub async fn members(rest: &Arc<Rest>, chat_id: &str, pages: Pages) -> Result<Listed<MemberRow>> {
    members_as(rest, chat_id, "open_id", pages).await
}

/// By the kind of id that is asked for.
pub async fn members_as(
    rest: &Arc<Rest>,
    chat_id: &str,
    id_type: &str,
    pages: Pages,
) -> Result<Listed<MemberRow>> {
    let path = ["im", "v1", "chats", chat_id, "members"];
    page::read(rest, &path, &[("member_id_type", id_type)], pages).await
}
