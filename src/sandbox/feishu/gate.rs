//! The way in: discovery of a connection URL, and the WebSocket handshake that consumes it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::socket::Connection;
use crate::sandbox::faults::{At, Fault, FaultKind};
use crate::sandbox::links::{Issued, Link};
use crate::sandbox::shared::{Shared, lock};

/// Result codes of discovery and handshake (protocol 2.3 and 2.4).
const BUSY: i64 = 1;
const FORBIDDEN: i64 = 403;
const AUTH_FAILED: i64 = 514;
const BAD_CREDENTIALS: i64 = 1_000_040_345;
const TOO_MANY_CONNECTIONS: i64 = 1_000_040_350;
/// Accompanies 514 where the ticket is at fault: anything but the connection limit means "get a new URL".
const BAD_TICKET: i64 = 1_000_040_346;

/// A client's frames are acknowledgements and pings.
const CLIENT_MESSAGE_MAX: usize = 1024 * 1024;
/// tungstenite's default of 128 KiB per connection would be most of a sandbox with 1,000 of them.
const READ_BUFFER: usize = 8 * 1024;
const WRITE_BUFFER: usize = 64 * 1024;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Credentials {
    #[serde(rename = "AppID")]
    app_id: String,
    #[serde(rename = "AppSecret")]
    app_secret: String,
}

/// `POST /callback/ws/endpoint`
pub async fn discover(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    let credentials: Credentials = serde_json::from_slice(&body).unwrap_or_default();
    let known = {
        let mut world = lock(&shared.world);
        let app = world.app_by_id(&credentials.app_id);
        if let Some(app) = app {
            world.apps[app].counters.discoveries += 1;
        }
        app.map(|app| (app, world.apps[app].service, world.apps[app].app_secret == credentials.app_secret))
    };
    let app = known.map(|(app, ..)| app);
    if let Some(refusal) = discovery_fault(&shared, app).await {
        return refusal;
    }
    match known {
        Some((app, service, true)) => connection_url(&shared, app, service),
        Some((_, _, false)) | None => answer(BAD_CREDENTIALS, "app_id or app_secret is invalid"),
    }
}

async fn discovery_fault(shared: &Shared, app: Option<usize>) -> Option<Response> {
    let faults = &shared.faults;
    if let Some(slow) = faults.take_at(FaultKind::Slow, At::Discovery, app) {
        pause(&slow).await;
    }
    if faults.take_at(FaultKind::Stall, At::Discovery, app).is_some() {
        shared.stopped().await;
    }
    if faults.take(FaultKind::Busy, app).is_some() {
        return Some(answer(BUSY, "system busy"));
    }
    if faults.take_at(FaultKind::ConnLimit, At::Discovery, app).is_some() {
        return Some(answer(TOO_MANY_CONNECTIONS, "the number of connections exceeded the limit"));
    }
    if let Some(fault) = faults.take_at(FaultKind::Error5xx, At::Discovery, app) {
        return Some(status(fault.status.unwrap_or(503)).into_response());
    }
    let fault = faults.take_at(FaultKind::Refuse, At::Discovery, app)?;
    let message = fault.message.as_deref().unwrap_or("refused by a fault of the sandbox");
    Some(match fault.status {
        Some(code) => (status(code), Json(json!({ "code": code, "msg": message }))).into_response(),
        None => answer(fault.code.unwrap_or(FORBIDDEN), message),
    })
}

pub async fn pause(fault: &Fault) {
    tokio::time::sleep(Duration::from_millis(fault.ms.unwrap_or(0))).await;
}

pub fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Refusals of discovery come with HTTP 200, a code, and an empty `data`: the Node SDK takes one without
/// for a broken answer and would retry what it means to give up on.
fn answer(code: i64, message: &str) -> Response {
    Json(json!({ "code": code, "msg": message, "data": {} })).into_response()
}

fn connection_url(shared: &Shared, app: usize, service: i32) -> Response {
    let now = shared.clock.now();
    let Issued { device_id, access_key, ticket } =
        lock(&shared.links).issue_ticket(app, shared.options.ticket_ttl, now);
    let gate = shared.options.gate_url.clone().unwrap_or_else(|| format!("ws://{}", shared.address));
    let url = format!(
        "{gate}/ws/v2?fpid=493&aid=552564&device_id={device_id}&access_key={access_key}\
         &service_id={service}&ticket={ticket}"
    );
    let data = json!({ "URL": url, "ClientConfig": shared.options.client_config });
    Json(json!({ "code": 0, "msg": "", "data": data })).into_response()
}

/// A handshake that was refused: what the three headers say.
struct Refusal {
    http: StatusCode,
    status: i64,
    auth_code: Option<i64>,
    message: String,
}

impl Refusal {
    fn new(status: i64, auth_code: Option<i64>, message: &str) -> Refusal {
        let http = if status == FORBIDDEN { StatusCode::FORBIDDEN } else { StatusCode::UNAUTHORIZED };
        Refusal { http, status, auth_code, message: message.to_owned() }
    }

    fn bad_ticket(message: &str) -> Refusal {
        Refusal::new(AUTH_FAILED, Some(BAD_TICKET), message)
    }

    fn too_many() -> Refusal {
        let message = "the number of connections exceeded the limit";
        Refusal::new(AUTH_FAILED, Some(TOO_MANY_CONNECTIONS), message)
    }

    fn of_fault(fault: &Fault) -> Refusal {
        let message = fault.message.as_deref().unwrap_or("refused by a fault of the sandbox");
        let code = fault.code.unwrap_or(FORBIDDEN);
        // A long code is one of the auth codes and travels inside 514.
        let mut refusal = match code {
            AUTH_FAILED => Refusal::bad_ticket(message),
            ..=999 => Refusal::new(code, None, message),
            1000.. => Refusal::new(AUTH_FAILED, Some(code), message),
        };
        if let Some(code) = fault.status {
            refusal.http = status(code);
        }
        refusal
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut headers = HeaderMap::new();
        let mut set = |name: &'static str, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        };
        set("handshake-status", &self.status.to_string());
        set("handshake-msg", &self.message);
        if let Some(code) = self.auth_code {
            set("handshake-autherrcode", &code.to_string());
        }
        (self.http, headers, Body::empty()).into_response()
    }
}

/// `GET /ws/v2`
pub async fn upgrade(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<HashMap<String, String>>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    match admit(&shared, &query).await {
        Err((app, refusal)) => {
            if let Some(app) = app {
                lock(&shared.world).apps[app].counters.handshakes_refused += 1;
            }
            refusal.into_response()
        }
        Ok(connection) => match upgrade {
            Err(rejection) => rejection.into_response(),
            Ok(upgrade) => upgrade
                .read_buffer_size(READ_BUFFER)
                .write_buffer_size(WRITE_BUFFER)
                .max_message_size(CLIENT_MESSAGE_MAX)
                .max_frame_size(CLIENT_MESSAGE_MAX)
                .on_upgrade(move |socket| connection.run(socket)),
        },
    }
}

async fn admit(
    shared: &Arc<Shared>,
    query: &HashMap<String, String>,
) -> Result<Connection, (Option<usize>, Refusal)> {
    let field = |key: &str| query.get(key).map_or("", String::as_str);
    let now = shared.clock.now();
    let admission = lock(&shared.links)
        .redeem(field("ticket"), field("device_id"), field("access_key"), now)
        .ok_or_else(|| (None, Refusal::bad_ticket("ticket is unknown, used or expired")))?;
    let app = admission.app;
    handshake_fault(shared, app).await.map_err(|refusal| (Some(app), refusal))?;
    let service = lock(&shared.world).apps[app].service;
    if !admission.access_key_matches || field("service_id") != service.to_string() {
        return Err((Some(app), Refusal::bad_ticket("the connection URL was changed")));
    }
    let opened = lock(&shared.links).open(app, shared.options.connections_per_app);
    let Some((link, outbox)) = opened else { return Err((Some(app), Refusal::too_many())) };
    lock(&shared.world).apps[app].counters.connections_opened += 1;
    let Link { id, abort, outbox: sender, .. } = link;
    Ok(Connection { shared: Arc::clone(shared), app, service, id, abort, sender: sender.downgrade(), outbox })
}

async fn handshake_fault(shared: &Shared, app: usize) -> Result<(), Refusal> {
    let faults = &shared.faults;
    if let Some(slow) = faults.take_at(FaultKind::Slow, At::Handshake, Some(app)) {
        pause(&slow).await;
    }
    if faults.take_at(FaultKind::Stall, At::Handshake, Some(app)).is_some() {
        shared.stopped().await;
    }
    if faults.take_at(FaultKind::ConnLimit, At::Handshake, Some(app)).is_some() {
        return Err(Refusal::too_many());
    }
    match faults.take_at(FaultKind::Refuse, At::Handshake, Some(app)) {
        Some(fault) => Err(Refusal::of_fault(&fault)),
        None => Ok(()),
    }
}
