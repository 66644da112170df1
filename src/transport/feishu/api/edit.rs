//! `PUT` and `DELETE im/v1/messages/:message_id`: change a message, take it back.

use std::sync::Arc;

use reqwest::Method;
use serde::de::IgnoredAny;
use serde_json::json;

use super::super::call::{Call, Payload};
use super::super::codes;
use super::super::rest::Rest;
use crate::error::Result;

/// Repeating an edit leaves the same text. At worst it counts twice of the twenty that a message may have.
pub async fn edit(rest: &Arc<Rest>, message_id: &str, message_type: &str, content: &str) -> Result<()> {
    let body = json!({"msg_type": message_type, "content": content});
    let path = ["im", "v1", "messages", message_id];
    let call = Call::write(&Method::PUT, &path, Payload::Json(&body)).repeatable();
    rest.call::<IgnoredAny>(call).await.map(drop)
}

/// Where the answer to a first attempt was lost, a message that is gone says that it took effect.
pub async fn recall(rest: &Arc<Rest>, message_id: &str) -> Result<()> {
    let path = ["im", "v1", "messages", message_id];
    let call = Call::write(&Method::DELETE, &path, Payload::None).repeatable();
    match rest.called::<IgnoredAny>(call).await {
        Ok(_) => Ok(()),
        Err(failed) if failed.in_doubt && failed.error.code == Some(codes::RECALLED) => Ok(()),
        Err(failed) => Err(failed.error),
    }
}
