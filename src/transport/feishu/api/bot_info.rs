//! `GET bot/v3/info`: who this bot is.

use std::sync::Arc;

use serde::Deserialize;

use super::super::call::Call;
use super::super::loose;
use super::super::rest::Rest;
use super::super::tidy;
use crate::error::{Error, Kind, Result};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bot {
    pub name: String,
    /// As this app sees itself.
    pub open_id: String,
}

/// `bot` stands at the top level, not in `data`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    #[serde(deserialize_with = "loose::object")]
    bot: Info,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Info {
    #[serde(deserialize_with = "loose::text")]
    app_name: String,
    #[serde(deserialize_with = "loose::some_text")]
    open_id: Option<String>,
}

/// Fails where the app has no bot: without its own id nothing can tell who is mentioned.
pub async fn bot_info(rest: &Arc<Rest>) -> Result<Bot> {
    let body: Body = rest.call(Call::get(&["bot", "v3", "info"], &[])).await?;
    match body.bot.open_id {
        Some(open_id) => Ok(Bot { name: tidy::name(&body.bot.app_name), open_id: tidy::id(&open_id) }),
        None => Err(Error::new(Kind::Config, "the app has no bot")
            .hint("enable the bot capability in the developer console and publish a version")),
    }
}
