//! Lists that come in pages.

use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::super::call::Call;
use super::super::loose::{self, Rows};
use super::super::rest::Rest;
use super::body::data;
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
pub struct Page<T> {
    #[serde(default)]
    pub items: Rows<T>,
    #[serde(default, deserialize_with = "loose::flag")]
    has_more: bool,
    #[serde(default, deserialize_with = "loose::some_text")]
    page_token: Option<String>,
}

/// What was read of a list.
#[derive(Debug)]
pub struct Listed<T> {
    pub items: Vec<T>,
    pub more: bool,
    /// Entries that could not be read.
    pub odd: usize,
}

impl<T> Listed<T> {
    /// What is to be said of entries that are missing.
    pub fn warnings(&self, what: &str) -> Vec<String> {
        if self.odd == 0 { Vec::new() } else { vec![unreadable(self.odd, what)] }
    }
}

pub fn unreadable(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural} of the platform's answer could not be read")
}

impl<T> Default for Page<T> {
    fn default() -> Page<T> {
        Page { items: Rows::default(), has_more: false, page_token: None }
    }
}

impl<T> Page<T> {
    /// Where the list continues.
    pub fn next(&self) -> Option<String> {
        self.page_token.clone().filter(|_| self.has_more)
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
    data(rest, Call::get(path, &query)).await
}

/// Reads pages, and says whether there is more. A page token that comes twice ends the list: it would never
/// end itself.
pub async fn read<T: DeserializeOwned>(
    rest: &Arc<Rest>,
    path: &[&str],
    query: &[(&str, &str)],
    pages: Pages,
) -> Result<Listed<T>> {
    let mut listed = Listed { items: Vec::new(), more: false, odd: 0 };
    let mut token: Option<String> = None;
    for _ in 0..pages.max {
        let page = one(rest, path, query, pages.size, token.as_deref()).await?;
        let next = page.next();
        listed.items.extend(page.items.items);
        listed.odd += page.items.odd;
        listed.more = next.is_some();
        if next.is_none() || next == token || listed.items.len() >= pages.enough {
            break;
        }
        token = next;
    }
    listed.more |= listed.items.len() > pages.enough;
    listed.items.truncate(pages.enough);
    Ok(listed)
}
