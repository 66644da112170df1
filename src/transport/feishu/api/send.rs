//! `POST im/v1/messages` and `POST im/v1/messages/:message_id/reply`.

use std::sync::Arc;

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::super::call::{Call, Payload};
use super::super::loose;
use super::super::rest::Rest;
use super::body::vital;
use crate::error::Result;

#[derive(Debug, Deserialize)]
pub struct Sent {
    #[serde(deserialize_with = "loose::needed")]
    pub message_id: String,
    #[serde(default, deserialize_with = "loose::text")]
    pub chat_id: String,
    #[serde(default, deserialize_with = "loose::some_text")]
    pub thread_id: Option<String>,
    #[serde(default, deserialize_with = "loose::text")]
    pub create_time: String,
}

/// One message in wire form. The uuid makes it harmless to ask again.
#[derive(Clone, Copy, Debug)]
pub struct Letter<'a> {
    pub message_type: &'a str,
    pub content: &'a str,
    pub uuid: &'a str,
}

/// To a chat or a person; `id_type` says what `to` is.
pub async fn send(rest: &Arc<Rest>, id_type: &str, to: &str, letter: Letter<'_>) -> Result<Sent> {
    let body = json!({
        "receive_id": to, "msg_type": letter.message_type, "content": letter.content, "uuid": letter.uuid,
    });
    let path = ["im", "v1", "messages"];
    let query = [("receive_id_type", id_type)];
    let call = Call::write(&Method::POST, &path, Payload::Json(&body)).query(&query).repeatable();
    vital(rest, call, "message_id").await
}

pub async fn reply(rest: &Arc<Rest>, to: &str, in_thread: bool, letter: Letter<'_>) -> Result<Sent> {
    let body = json!({
        "msg_type": letter.message_type, "content": letter.content, "uuid": letter.uuid,
        "reply_in_thread": in_thread,
    });
    let path = ["im", "v1", "messages", to, "reply"];
    let call = Call::write(&Method::POST, &path, Payload::Json(&body)).repeatable();
    vital(rest, call, "message_id").await
}
