//! `GET im/v1/messages` and `GET im/v1/messages/:message_id`: what was said.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::call::Call;
use super::super::loose::Rows;
use super::super::rest::Rest;
use super::body::data;
use super::page::{self, Page};
use crate::error::Result;

/// The largest page of a history.
pub const PAGE_MAX: usize = 50;

pub type Raw = Box<RawValue>;

/// Where messages are listed.
#[derive(Clone, Copy, Debug)]
pub struct Container<'a> {
    /// `chat` or `thread`.
    pub kind: &'a str,
    pub id: &'a str,
    /// Whole seconds, both ends included; for chats only.
    pub start: Option<i64>,
    pub end: Option<i64>,
}

/// The form in which cards come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cards {
    /// `user_dsl`: the card as somebody wrote it.
    Authored,
    /// Title and rows of text. What newer clients show may be missing in it.
    Rendered,
}

impl Cards {
    fn query(self) -> Option<(&'static str, &'static str)> {
        match self {
            Cards::Authored => Some(("card_msg_content_type", "user_card_content")),
            Cards::Rendered => None,
        }
    }
}

/// One page, newest first.
pub async fn history(
    rest: &Arc<Rest>,
    container: Container<'_>,
    size: usize,
    token: Option<&str>,
    cards: Cards,
) -> Result<Page<Raw>> {
    let (start, end) = (container.start.map(|at| at.to_string()), container.end.map(|at| at.to_string()));
    let mut query = vec![
        ("container_id_type", container.kind),
        ("container_id", container.id),
        ("sort_type", "ByCreateTimeDesc"),
    ];
    query.extend(start.as_deref().map(|start| ("start_time", start)));
    query.extend(end.as_deref().map(|end| ("end_time", end)));
    query.extend(cards.query());
    page::one(rest, &["im", "v1", "messages"], &query, size, token).await
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Data {
    items: Rows<Raw>,
}

/// One message; behind a merged forward, what it holds.
pub async fn message(rest: &Arc<Rest>, message_id: &str, cards: Cards) -> Result<Vec<Raw>> {
    let query: Vec<_> = cards.query().into_iter().collect();
    let data: Data = data(rest, Call::get(&["im", "v1", "messages", message_id], &query)).await?;
    Ok(data.items.items)
}
