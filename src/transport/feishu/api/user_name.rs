//! `GET contact/v3/users/:user_id`: a person's name. Needs the person inside the app's contact range.

use std::sync::Arc;

use serde::Deserialize;

use super::super::call::Call;
use super::super::rest::Rest;
use crate::error::Result;

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
    /// Missing without the scope for it.
    #[serde(default)]
    name: Option<String>,
}

pub async fn user_name(rest: &Arc<Rest>, open_id: &str) -> Result<Option<String>> {
    let path = ["contact", "v3", "users", open_id];
    let body: Body = rest.call(Call::get(&path, &[("user_id_type", "open_id")])).await?;
    Ok(body.data.user.name.filter(|name| !name.is_empty()))
}
