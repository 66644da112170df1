//! `PUT` and `DELETE im/v1/messages/:message_id`: change a message, take it back.

use std::sync::Arc;

use reqwest::Method;
use serde::de::IgnoredAny;
use serde_json::json;

use super::super::call::{Call, Payload};
use super::super::rest::Rest;
use crate::error::Result;

pub async fn edit(rest: &Arc<Rest>, message_id: &str, message_type: &str, content: &str) -> Result<()> {
    let body = json!({"msg_type": message_type, "content": content});
    let path = ["im", "v1", "messages", message_id];
    rest.call::<IgnoredAny>(Call::write(&Method::PUT, &path, Payload::Json(&body))).await.map(drop)
}

pub async fn recall(rest: &Arc<Rest>, message_id: &str) -> Result<()> {
    let path = ["im", "v1", "messages", message_id];
    rest.call::<IgnoredAny>(Call::write(&Method::DELETE, &path, Payload::None)).await.map(drop)
}
