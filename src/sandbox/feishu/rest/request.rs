//! What REST handlers read: the caller behind the token, query parameters, JSON bodies, pages.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Query};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::reply::ApiError;
use crate::sandbox::feishu::ids::{self, Kind};
use crate::sandbox::feishu::tokens::BadToken;
use crate::sandbox::shared::{Shared, lock};
use crate::sandbox::world::World;
use crate::sandbox::world::actor::{Actor, UnknownId};

/// The app whose tenant token the request carries.
#[derive(Clone, Copy, Debug)]
pub struct Caller(pub usize);

impl FromRequestParts<Arc<Shared>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Caller, ApiError> {
        let header = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let bearer = lock(&shared.world).bearer(header, shared.clock.now());
        bearer.map(Caller).map_err(|bad| match bad {
            BadToken::Missing => ApiError::new(99_991_661, "Missing access token for authorization"),
            BadToken::Malformed => ApiError::new(99_991_671, "Invalid access token format"),
            BadToken::OfUser => ApiError::new(99_991_668, "Invalid access token: user token not supported"),
            BadToken::Unknown => ApiError::new(99_991_663, "Invalid access token for authorization"),
        })
    }
}

/// Query parameters, repeated keys included.
#[derive(Clone, Debug, Default)]
pub struct Params(Vec<(String, String)>);

impl FromRequestParts<Arc<Shared>> for Params {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Shared>) -> Result<Params, ApiError> {
        let query = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        query.map(|Query(pairs)| Params(pairs)).map_err(|_| ApiError::field("query", "is not valid"))
    }
}

impl Params {
    pub fn get(&self, key: &str) -> Option<&str> {
        let pair = self.0.iter().find(|(name, value)| name == key && !value.is_empty());
        pair.map(|(_, value)| value.as_str())
    }

    /// Repeated (`a=1&a=2`), joined (`a=1,2`), or both.
    pub fn all(&self, key: &str) -> Vec<&str> {
        let pairs = self.0.iter().filter(|(name, _)| name == key);
        pairs.flat_map(|(_, value)| value.split(',')).filter(|value| !value.is_empty()).collect()
    }

    pub fn number(&self, key: &str) -> Result<Option<i64>, ApiError> {
        let parsed = self.get(key).map(str::parse).transpose();
        parsed.map_err(|_| ApiError::field(key, "is not a number"))
    }

    /// `open_id` unless said otherwise.
    pub fn user_id_type(&self) -> Result<&str, ApiError> {
        match self.get("user_id_type").unwrap_or("open_id") {
            known @ ("open_id" | "union_id" | "user_id") => Ok(known),
            _ => Err(ApiError::field("user_id_type", "must be one of open_id, union_id, user_id")),
        }
    }

    pub fn page_size(&self, default: usize, max: usize) -> Result<usize, ApiError> {
        match self.number("page_size")? {
            None => Ok(default),
            Some(size) if size >= 1 && size <= max as i64 => Ok(size as usize),
            Some(_) => Err(ApiError::field("page_size", &format!("must be between 1 and {max}"))),
        }
    }

    /// Where a listing continues; `bad_token` is the API's own code for an unknown token.
    pub fn page_start(&self, seed: u64, bad_token: i64) -> Result<Option<u64>, ApiError> {
        let Some(token) = self.get("page_token") else { return Ok(None) };
        match ids::open(seed, Kind::Page, token) {
            Some(position) => Ok(Some(position)),
            None => Err(ApiError::new(bad_token, "invalid page_token")),
        }
    }
}

/// One page of a listing whose positions are indices.
pub fn index_page(
    params: &Params,
    seed: u64,
    bad_token: i64,
    sizes: (usize, usize),
    items: Vec<Value>,
) -> Result<Value, ApiError> {
    let size = params.page_size(sizes.0, sizes.1)?;
    let start = params.page_start(seed, bad_token)?.unwrap_or(0) as usize;
    let total = items.len();
    let page: Vec<Value> = items.into_iter().skip(start).take(size).collect();
    let next = start + page.len();
    Ok(page_value(page, (next < total).then_some(next as u64), seed))
}

pub fn page_value(items: Vec<Value>, next: Option<u64>, seed: u64) -> Value {
    let token = next.map_or_else(String::new, |position| ids::seal(seed, Kind::Page, position));
    json!({ "items": items, "has_more": next.is_some(), "page_token": token })
}

/// A JSON body. Types that do not fit are the caller's mistake, with the place where it is.
pub fn body<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(bytes).map_err(|error| ApiError::field("body", &error.to_string()))
}

/// A required string of a body.
pub fn required<'a>(field: &str, value: &'a str) -> Result<&'a str, ApiError> {
    if value.is_empty() { Err(ApiError::field(field, "is required")) } else { Ok(value) }
}

/// Any of `scopes`, or 99991672.
pub fn need_scope(world: &World, app: usize, any_of: &[&str]) -> Result<(), ApiError> {
    if world.has_scope(app, any_of) { Ok(()) } else { Err(ApiError::scope(&world.apps[app].app_id, any_of)) }
}

/// A user id of the caller's app, with the platform's codes for one that is not.
pub fn actor(world: &World, app: usize, id_type: &str, id: &str) -> Result<Actor, ApiError> {
    world.actor_by_id(app, id_type, id).map_err(|unknown| match unknown {
        UnknownId::OtherApp => ApiError::new(99_992_361, "open_id cross app"),
        UnknownId::Nobody => ApiError::new(99_992_351, format!("not a valid {{{id_type}}}: {id}")),
    })
}
