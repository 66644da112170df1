//! Lists that come in pages.

use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::super::rest::{Call, Rest};
use crate::error::Result;

/// The largest page that chats and members have.
const PAGE_SIZE: &str = "100";

#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
struct Body<T> {
    data: Page<T>,
}

#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
struct Page<T> {
    #[serde(default = "Vec::new")]
    items: Vec<T>,
    #[serde(default)]
    has_more: bool,
    #[serde(default)]
    page_token: Option<String>,
}

/// Reads at most `pages_max` pages. A page token that comes twice ends the list: it would never end itself.
pub async fn all<T: DeserializeOwned>(
    rest: &Arc<Rest>,
    path: &[&str],
    query: &[(&str, &str)],
    pages_max: usize,
) -> Result<Vec<T>> {
    let mut items = Vec::new();
    let mut token: Option<String> = None;
    for _ in 0..pages_max {
        let mut query = query.to_vec();
        query.push(("page_size", PAGE_SIZE));
        query.extend(token.as_deref().map(|token| ("page_token", token)));
        let body: Body<T> = rest.call(Call::get(path, &query)).await?;
        items.extend(body.data.items);
        let next = body.data.page_token.filter(|next| body.data.has_more && !next.is_empty());
        if next.is_none() || next == token {
            break;
        }
        token = next;
    }
    Ok(items)
}
