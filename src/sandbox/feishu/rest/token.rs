//! Tenant tokens. The answer is flat, unlike all others.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::reply::{ApiError, Reply};
use crate::sandbox::faults::{At, FaultKind};
use crate::sandbox::feishu::gate::{pause, status};
use crate::sandbox::shared::{Shared, lock};

pub const PATH: &str = "/open-apis/auth/v3/tenant_access_token/internal";

#[derive(Default, Deserialize)]
#[serde(default)]
struct Credentials {
    app_id: String,
    app_secret: String,
}

pub async fn issue(State(shared): State<Arc<Shared>>, body: Bytes) -> Reply {
    let credentials: Credentials = serde_json::from_slice(&body).unwrap_or_default();
    if credentials.app_id.is_empty() || credentials.app_secret.is_empty() {
        return Err(ApiError::new(10_003, "invalid param"));
    }
    let app = lock(&shared.world).app_by_id(&credentials.app_id);
    if let Some(response) = fault(&shared, app).await {
        return Ok(response);
    }
    let mut world = lock(&shared.world);
    let Some(app) = app else { return Err(ApiError::new(10_014, "app not exist or disabled")) };
    if world.apps[app].app_secret != credentials.app_secret {
        return Err(ApiError::new(10_015, "app secret invalid"));
    }
    let (token, expire) = world.issue_token(app, shared.options.token_ttl, shared.clock.now());
    let answer = json!({ "code": 0, "msg": "ok", "tenant_access_token": token, "expire": expire });
    Ok(Json(answer).into_response())
}

async fn fault(shared: &Shared, app: Option<usize>) -> Option<Response> {
    if let Some(slow) = shared.faults.take_at(FaultKind::Slow, At::Token, app) {
        pause(&slow).await;
    }
    if shared.faults.take_at(FaultKind::Stall, At::Token, app).is_some() {
        shared.stopped().await;
    }
    if let Some(fault) = shared.faults.take_at(FaultKind::Error5xx, At::Token, app) {
        return Some(status(fault.status.unwrap_or(503)).into_response());
    }
    let fault = shared.faults.take_at(FaultKind::Refuse, At::Token, app)?;
    let error = ApiError::new(fault.code.unwrap_or(10_014), fault.message.unwrap_or_default());
    Some(error.status(status(fault.status.unwrap_or(400))).into_response())
}
