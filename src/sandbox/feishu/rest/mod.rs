//! The open API: routes, and what happens to every call before and after its handler.

pub mod announcement;
pub mod bot;
pub mod change;
pub mod chats;
pub mod compose;
pub mod contact;
pub mod emoji;
mod loose;
pub mod messages;
pub mod reactions;
pub mod reply;
pub mod request;
pub mod resources;
pub mod send;
pub mod token;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};

use self::reply::ApiError;
use crate::clock::rfc3339_ms;
use crate::sandbox::faults::{At, FaultKind};
use crate::sandbox::feishu::gate::{pause, status};
use crate::sandbox::feishu::ids;
use crate::sandbox::shared::{Shared, lock};

/// Multipart framing around the largest file.
const UPLOAD_BODY_MAX: usize = resources::FILE_BYTES_MAX + 64 * 1024;
/// What `x-ogw-ratelimit-limit` says; informational.
const RATE_LIMIT_QUOTA: &str = "50";

pub fn router() -> Router<Arc<Shared>> {
    let uploads = Router::new()
        .route("/open-apis/im/v1/files", post(resources::upload_file))
        .route("/open-apis/im/v1/images", post(resources::upload_image))
        .layer(DefaultBodyLimit::max(UPLOAD_BODY_MAX));
    Router::new()
        .route("/open-apis/auth/v3/tenant_access_token/internal", post(token::issue))
        .route("/open-apis/event/v1/connection", get(bot::connection_count))
        .route("/open-apis/bot/v3/info", get(bot::info))
        .route("/open-apis/bot/v3/bots/basic_batch", get(bot::basic_batch))
        .merge(chat_routes())
        .merge(message_routes())
        .merge(uploads)
        .route("/open-apis/im/v1/images/{key}", get(resources::own_image))
        .route("/open-apis/im/v1/files/{key}", get(resources::own_file))
        .route("/open-apis/contact/v3/users/batch", get(contact::batch))
        .route("/open-apis/contact/v3/users/basic_batch", get(contact::batch))
        .route("/open-apis/contact/v3/users/batch_get_id", post(contact::batch_get_id))
        .route("/open-apis/contact/v3/users/{user_id}", get(contact::user))
        .method_not_allowed_fallback(wrong_method)
        .fallback(not_found)
}

/// Every answer of the platform passes here: faults before, the log id after.
pub fn wrap(router: Router<Arc<Shared>>, shared: &Arc<Shared>) -> Router<Arc<Shared>> {
    router.layer(from_fn_with_state(Arc::clone(shared), around))
}

fn chat_routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/open-apis/im/v1/chats", get(chats::list))
        .route("/open-apis/im/v1/chats/{chat_id}", get(chats::info))
        .route("/open-apis/im/v1/chats/{chat_id}/members", get(chats::members))
        .route("/open-apis/im/v1/chats/{chat_id}/members/bots", get(chats::bots))
        .route("/open-apis/im/v1/chats/{chat_id}/members/is_in_chat", get(chats::is_in_chat))
        .route("/open-apis/im/v1/chats/{chat_id}/announcement", get(announcement::legacy))
        .route("/open-apis/docx/v1/chats/{chat_id}/announcement", get(announcement::info))
        .route("/open-apis/docx/v1/chats/{chat_id}/announcement/blocks", get(announcement::blocks))
}

fn message_routes() -> Router<Arc<Shared>> {
    let one = get(messages::get).put(change::edit).patch(change::patch).delete(change::recall);
    Router::new()
        .route("/open-apis/im/v1/messages", get(messages::list).post(send::send))
        .route("/open-apis/im/v1/messages/mget", get(messages::mget))
        .route("/open-apis/im/v1/messages/{message_id}", one)
        .route("/open-apis/im/v1/messages/{message_id}/reply", post(send::reply))
        .route("/open-apis/im/v1/messages/{message_id}/forward", post(send::forward))
        .route("/open-apis/im/v1/messages/{message_id}/reactions", get(reactions::list).post(reactions::add))
        .route("/open-apis/im/v1/messages/{message_id}/reactions/{reaction_id}", delete(reactions::remove))
        .route("/open-apis/im/v1/messages/{message_id}/resources/{key}", get(resources::download))
}

async fn not_found() -> Response {
    ApiError::new(99_991_201, "404 page not found").status(StatusCode::NOT_FOUND).into_response()
}

async fn wrong_method() -> Response {
    ApiError::new(99_991_301, "method not allowed").status(StatusCode::METHOD_NOT_ALLOWED).into_response()
}

/// Faults first, then the call; every answer has its log id.
async fn around(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let app = caller(&shared, request.headers());
    let mut response = match fault_before(&shared, app, &path).await {
        Some(response) => response,
        None => {
            let armed = shared.faults.armed() > 0;
            let lost = armed.then(|| take_lost_answer(&shared, app, &path)).flatten();
            let loose =
                armed.then(|| shared.faults.take_on_path(FaultKind::LooseTypes, false, &path, app)).flatten();
            let late = armed.then(|| shared.faults.take_on_path(FaultKind::Slow, true, &path, app)).flatten();
            let response = next.run(request).await;
            if let Some(late) = late {
                pause(&late).await;
            }
            let response = lost.unwrap_or(response);
            match loose {
                Some(loose) => loose::loosened(response, &loose).await,
                None => response,
            }
        }
    };
    if let Ok(value) = HeaderValue::from_str(&log_id(shared.clock.wall_ms())) {
        response.headers_mut().insert("x-tt-logid", value);
    }
    response
}

fn caller(shared: &Shared, headers: &HeaderMap) -> Option<usize> {
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let mut world = lock(&shared.world);
    let app = world.bearer(header, shared.clock.now()).ok()?;
    world.apps[app].counters.rest_calls += 1;
    Some(app)
}

/// `20260101000000` and noise, as the platform's log ids look.
fn log_id(now_ms: i64) -> String {
    let digits = rfc3339_ms(now_ms).chars().filter(char::is_ascii_digit).take(14).collect::<String>();
    digits + &ids::random_hex(20).to_uppercase()
}

async fn fault_before(shared: &Shared, app: Option<usize>, path: &str) -> Option<Response> {
    // The gate asks for its own faults, the token endpoint too.
    if shared.faults.armed() == 0 || !path.starts_with("/open-apis/") || path == token::PATH {
        return None;
    }
    if let Some(slow) = shared.faults.take_on_path(FaultKind::Slow, false, path, app) {
        pause(&slow).await;
    }
    if shared.faults.take_on_path(FaultKind::Stall, false, path, app).is_some() {
        shared.stopped().await;
    }
    if let Some(fault) = shared.faults.take_on_path(FaultKind::RateLimit, false, path, app) {
        return Some(rate_limited(fault.reset_s.unwrap_or(1)));
    }
    if let Some(fault) = shared.faults.take_on_path(FaultKind::ApiError, false, path, app) {
        let msg = fault.message.unwrap_or_else(|| "refused by a fault of the sandbox".to_owned());
        let error = ApiError::new(fault.code.unwrap_or(500), msg);
        return Some(error.status(status(fault.status.unwrap_or(400))).into_response());
    }
    let fault = shared.faults.take_5xx(false, At::Rest, path, app)?;
    Some(status(fault.status.unwrap_or(503)).into_response())
}

/// The call takes effect, its answer does not arrive.
fn take_lost_answer(shared: &Shared, app: Option<usize>, path: &str) -> Option<Response> {
    let fault = shared.faults.take_5xx(true, At::Rest, path, app)?;
    Some(status(fault.status.unwrap_or(502)).into_response())
}

fn rate_limited(reset_s: u64) -> Response {
    let error = ApiError::new(99_991_400, "request trigger frequency limit");
    let mut response = error.status(StatusCode::TOO_MANY_REQUESTS).into_response();
    let headers = response.headers_mut();
    headers.insert("x-ogw-ratelimit-limit", HeaderValue::from_static(RATE_LIMIT_QUOTA));
    headers.insert("x-ogw-ratelimit-reset", HeaderValue::from(reset_s));
    response
}
