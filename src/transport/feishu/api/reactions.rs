//! `im/v1/messages/:message_id/reactions`: add, list, remove.

use std::sync::Arc;

use reqwest::Method;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;

use super::super::call::{Call, Payload};
use super::super::loose;
use super::super::rest::Rest;
use super::body::data;
use super::page::{self, Pages};
use crate::error::Result;

/// Reactions of one emoji to one message that are looked through.
const PAGES: Pages = Pages { size: 50, max: 40, enough: usize::MAX };

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Reaction {
    #[serde(deserialize_with = "loose::text")]
    pub reaction_id: String,
    #[serde(deserialize_with = "loose::object")]
    pub operator: Operator,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Operator {
    /// An app id for bots.
    #[serde(deserialize_with = "loose::text")]
    pub operator_id: String,
}

/// The same emoji twice is one reaction, so asking again does no harm.
pub async fn react(rest: &Arc<Rest>, message_id: &str, emoji: &str) -> Result<Reaction> {
    let body = json!({"reaction_type": {"emoji_type": emoji}});
    let path = ["im", "v1", "messages", message_id, "reactions"];
    let call = Call::write(&Method::POST, &path, Payload::Json(&body)).repeatable();
    data(rest, call).await
}

pub async fn reactions(rest: &Arc<Rest>, message_id: &str, emoji: &str) -> Result<Vec<Reaction>> {
    let path = ["im", "v1", "messages", message_id, "reactions"];
    page::read(rest, &path, &[("reaction_type", emoji)], PAGES).await.map(|listed| listed.items)
}

pub async fn unreact(rest: &Arc<Rest>, message_id: &str, reaction_id: &str) -> Result<()> {
    let path = ["im", "v1", "messages", message_id, "reactions", reaction_id];
    rest.call::<IgnoredAny>(Call::write(&Method::DELETE, &path, Payload::None)).await.map(drop)
}
