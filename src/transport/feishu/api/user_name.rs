//! `GET contact/v3/users/:user_id`: a person's name and open_id. Needs the person inside the app's contact range.

use std::sync::Arc;

use serde::Deserialize;

use super::super::call::Call;
use super::super::loose;
use super::super::rest::Rest;
use super::body::data;
use crate::error::{Error, Kind, Result};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Data {
    #[serde(deserialize_with = "loose::object")]
    user: User,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct User {
    #[serde(deserialize_with = "loose::text")]
    open_id: String,
    /// Missing without the scope for it.
    #[serde(deserialize_with = "loose::some_text")]
    name: Option<String>,
}

pub async fn user_name(rest: &Arc<Rest>, open_id: &str) -> Result<Option<String>> {
    let path = ["contact", "v3", "users", open_id];
    let data: Data = data(rest, Call::get(&path, &[("user_id_type", "open_id")])).await?;
    Ok(data.user.name)
}

/// The open_id, which is this app's own, and the name.
pub async fn user_by_union(rest: &Arc<Rest>, union_id: &str) -> Result<(String, Option<String>)> {
    let path = ["contact", "v3", "users", union_id];
    let data: Data = data(rest, Call::get(&path, &[("user_id_type", "union_id")])).await?;
    let User { open_id, name } = data.user;
    if open_id.is_empty() {
        return Err(Error::new(Kind::Api, "the directory names no open_id").subtype("not_found"));
    }
    Ok((open_id, name))
}
