//! What only Feishu's people, administrators and bad luck do.

pub mod card;
pub mod events;
pub mod faults;
pub mod scopes;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;

use super::Shared;
use crate::sandbox::people::{answer, operation, parse};

pub fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/sandbox/scopes", operation(scopes::scopes))
        .route("/sandbox/event", operation(events::event))
        .route("/sandbox/read", operation(events::read))
        .route("/sandbox/enter", operation(events::enter))
        .route("/sandbox/menu", operation(events::menu))
        .route("/sandbox/fault", operation(faults::fault))
        .route("/sandbox/card", post(card))
}

async fn card(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    match parse(&body) {
        Ok(input) => answer(card::card(&shared, input).await),
        Err(error) => answer::<()>(Err(error)),
    }
}
