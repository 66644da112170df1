//! Lists that come in pages.

use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::super::call::Call;
use super::super::rest::Rest;
use crate::error::Result;

/// How much of a list is read.
#[derive(Clone, Copy, Debug)]
pub struct Pages {
    /// Items of one page.
    pub size: usize,
    /// Pages at most: a list that never ends is the platform's trouble, not ours.
    pub max: usize,
    /// Items that are enough.
    pub enough: usize,
}

/// The largest page that chats and members have.
const PAGE_MAX: usize = 100;

/// Nothing the platform has is longer than this.
const PAGES_MAX: usize = 1000;

impl Pages {
    /// That many pages of the largest size.
    pub fn of(max: usize) -> Pages {
        Pages { size: PAGE_MAX, max, enough: usize::MAX }
    }

    /// As many pages as `enough` items take, or all.
    pub fn until(enough: Option<usize>) -> Pages {
        let enough = enough.unwrap_or(usize::MAX);
        Pages { size: enough.clamp(1, PAGE_MAX), max: PAGES_MAX, enough }
    }
}

#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
struct Body<T> {
    data: Page<T>,
}

#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
pub struct Page<T> {
    #[serde(default = "Vec::new")]
    pub items: Vec<T>,
    #[serde(default)]
    has_more: bool,
    #[serde(default)]
    page_token: Option<String>,
}

impl<T> Page<T> {
    /// Where the list continues.
    pub fn next(&self) -> Option<String> {
        self.page_token.clone().filter(|next| self.has_more && !next.is_empty())
    }
}

/// One page, from `token` on.
pub async fn one<T: DeserializeOwned>(
    rest: &Arc<Rest>,
    path: &[&str],
    query: &[(&str, &str)],
    size: usize,
    token: Option<&str>,
) -> Result<Page<T>> {
    let size = size.to_string();
    let mut query = query.to_vec();
    query.push(("page_size", &size));
    query.extend(token.map(|token| ("page_token", token)));
    let body: Body<T> = rest.call(Call::get(path, &query)).await?;
    Ok(body.data)
}

/// Reads pages, and says whether there is more. A page token that comes twice ends the list: it would never
/// end itself.
pub async fn read<T: DeserializeOwned>(
    rest: &Arc<Rest>,
    path: &[&str],
    query: &[(&str, &str)],
    pages: Pages,
) -> Result<(Vec<T>, bool)> {
    let mut items = Vec::new();
    let mut token: Option<String> = None;
    let mut more = false;
    for _ in 0..pages.max {
        let page = one(rest, path, query, pages.size, token.as_deref()).await?;
        let next = page.next();
        items.extend(page.items);
        more = next.is_some();
        if next.is_none() || next == token || items.len() >= pages.enough {
            break;
        }
        token = next;
    }
    more |= items.len() > pages.enough;
    items.truncate(pages.enough);
    Ok((items, more))
}
