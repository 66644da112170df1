//! `GET contact/v3/users/:user_id`: a person's name and open_id. Needs the person inside the app's contact range.

use std::sync::Arc;

use serde::Deserialize;

use super::super::call::Call;
use super::super::rest::Rest;
use crate::error::{Error, Kind, Result};

#[derive(Deserialize)]
struct Body {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    user: User,
}

#[derive(Deserialize)]
struct User {
    #[serde(default)]
    open_id: String,
    /// Missing without the scope for it.
    #[serde(default)]
    name: Option<String>,
}

pub async fn user_name(rest: &Arc<Rest>, open_id: &str) -> Result<Option<String>> {
    let path = ["contact", "v3", "users", open_id];
    let body: Body = rest.call(Call::get(&path, &[("user_id_type", "open_id")])).await?;
    Ok(body.data.user.name.filter(|name| !name.is_empty()))
}

/// The open_id, which is this app's own, and the name.
pub async fn user_by_union(rest: &Arc<Rest>, union_id: &str) -> Result<(String, Option<String>)> {
    let path = ["contact", "v3", "users", union_id];
    let body: Body = rest.call(Call::get(&path, &[("user_id_type", "union_id")])).await?;
    let User { open_id, name } = body.data.user;
    if open_id.is_empty() {
        return Err(Error::new(Kind::Api, "the directory names no open_id").subtype("not_found"));
    }
    Ok((open_id, name.filter(|name| !name.is_empty())))
}
