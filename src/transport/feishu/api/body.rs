//! What nearly every answer wraps its content in: `{"code":0,"msg":"…","data":{…}}`.

use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::super::call::Call;
use super::super::loose;
use super::super::rest::Rest;
use crate::error::{Error, Kind, Result};

#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
struct Body<T> {
    #[serde(default, deserialize_with = "loose::some_object")]
    data: Option<T>,
}

/// The content; where there is none, or none that can be read, an empty one.
pub async fn data<T: DeserializeOwned + Default>(rest: &Arc<Rest>, call: Call<'_>) -> Result<T> {
    Ok(content(rest, call).await?.unwrap_or_default())
}

/// The content of an answer that is worth nothing without it; `what` is missing then.
pub async fn vital<T: DeserializeOwned>(rest: &Arc<Rest>, call: Call<'_>, what: &str) -> Result<T> {
    content(rest, call).await?.ok_or_else(|| {
        Error::new(Kind::Api, format!("the platform took the call, but its answer names no {what}"))
            .subtype("unread_answer")
            .hint("it may have taken effect: look with `rooma pull` before you repeat it")
    })
}

async fn content<T: DeserializeOwned>(rest: &Arc<Rest>, call: Call<'_>) -> Result<Option<T>> {
    rest.call::<Body<T>>(call).await.map(|body| body.data)
}
