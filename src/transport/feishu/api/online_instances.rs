//! `GET event/v1/connection`: how many connections of this app are open, on any machine.

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
    #[serde(default)]
    online_instance_cnt: u32,
}

pub async fn online_instances(rest: &Arc<Rest>) -> Result<u32> {
    let body: Body = rest.call(Call::get(&["event", "v1", "connection"], &[])).await?;
    Ok(body.data.online_instance_cnt)
}
