//! `GET im/v1/messages/:message_id/resources/:key`: what a message carries.

use std::sync::Arc;

use reqwest::Response;

use super::super::call::Call;
use super::super::rest::Rest;
use crate::error::Result;

/// The platform hands out no larger ones.
const RESOURCE_MAX: usize = 100 * 1024 * 1024;

/// `kind` is `image`, or `file` for all the rest.
pub async fn resource(rest: &Arc<Rest>, message_id: &str, key: &str, kind: &str) -> Result<Response> {
    let path = ["im", "v1", "messages", message_id, "resources", key];
    rest.download(Call::get(&path, &[("type", kind)]).bytes(RESOURCE_MAX)).await
}
