//! `GET event/v1/connection`: how many connections of this app are open, on any machine.

use std::sync::Arc;

use serde::Deserialize;

use super::super::call::Call;
use super::super::loose;
use super::super::rest::Rest;
use super::body::data;
use crate::error::Result;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Data {
    #[serde(deserialize_with = "loose::number")]
    online_instance_cnt: Option<i64>,
}

pub async fn online_instances(rest: &Arc<Rest>) -> Result<u32> {
    let data: Data = data(rest, Call::get(&["event", "v1", "connection"], &[])).await?;
    Ok(data.online_instance_cnt.and_then(|count| u32::try_from(count).ok()).unwrap_or(0))
}
