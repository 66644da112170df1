//! `GET bot/v3/info`: who this bot is.

use std::sync::Arc;

use serde::Deserialize;

use super::super::call::Call;
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
#[derive(Deserialize)]
struct Body {
    bot: Option<Info>,
}

#[derive(Deserialize)]
struct Info {
    #[serde(default)]
    app_name: Option<String>,
    #[serde(default)]
    open_id: Option<String>,
}

/// Fails where the app has no bot: without its own id nothing can tell who is mentioned.
pub async fn bot_info(rest: &Arc<Rest>) -> Result<Bot> {
    let body: Body = rest.call(Call::get(&["bot", "v3", "info"], &[])).await?;
    let info = body.bot.unwrap_or(Info { app_name: None, open_id: None });
    match info.open_id.filter(|id| !id.is_empty()) {
        Some(open_id) => {
            Ok(Bot { name: tidy::name(&info.app_name.unwrap_or_default()), open_id: tidy::id(&open_id) })
        }
        None => Err(Error::new(Kind::Config, "the app has no bot")
            .hint("enable the bot capability in the developer console and publish a version")),
    }
}
