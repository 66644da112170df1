//! The control API: what a test or a demo does in the place of people, administrators and bad luck.
//! Every operation is a plain function, reached by `POST /sandbox/<name>` or in process.

pub mod burst;
pub mod chats;

pub mod faults;
pub mod say;
pub mod state;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::shared::{Shared, lock};
use super::world::World;
use super::world::actor::Actor;
use crate::error::{Error, Result};

pub fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/sandbox/say", operation(say::say))
        .route("/sandbox/react", operation(say::react))
        .route("/sandbox/recall", operation(say::recall))
        .route("/sandbox/member", operation(chats::member))
        .route("/sandbox/chat", operation(chats::chat))
        .route("/sandbox/scopes", operation(chats::scopes))
        .route("/sandbox/event", operation(super::feishu::control::events::event))
        .route("/sandbox/read", operation(super::feishu::control::events::read))
        .route("/sandbox/enter", operation(super::feishu::control::events::enter))
        .route("/sandbox/menu", operation(super::feishu::control::events::menu))
        .route("/sandbox/fault", operation(faults::fault))
        .route("/sandbox/redeliver", operation(faults::redeliver))
        .route("/sandbox/clock", operation(faults::clock))
        .route("/sandbox/card", post(card))
        .route("/sandbox/burst", post(burst))
        .route("/sandbox/state", get(state))
}

/// An operation without waiting as a route.
fn operation<I, O>(run: fn(&Arc<Shared>, I) -> Result<O>) -> axum::routing::MethodRouter<Arc<Shared>>
where
    I: DeserializeOwned + Send + 'static,
    O: Serialize + Send + 'static,
{
    post(move |State(shared): State<Arc<Shared>>, body: Bytes| async move {
        answer(parse(&body).and_then(|input| run(&shared, input)))
    })
}

async fn card(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    match parse(&body) {
        Ok(input) => answer(super::feishu::control::events::card(&shared, input).await),
        Err(error) => answer::<()>(Err(error)),
    }
}

async fn burst(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    match parse(&body) {
        Ok(input) => answer(burst::burst(&shared, input).await),
        Err(error) => answer::<()>(Err(error)),
    }
}

async fn state(State(shared): State<Arc<Shared>>, query: Query<state::StateQuery>) -> Response {
    answer(state::state(&shared, query.0))
}

fn parse<I: DeserializeOwned>(body: &[u8]) -> Result<I> {
    let body = if body.is_empty() { b"{}".as_slice() } else { body };
    serde_json::from_slice(body)
        .map_err(|error| Error::validation(format!("the request does not fit: {error}")))
}

fn answer<O: Serialize>(result: Result<O>) -> Response {
    match result {
        Ok(output) => Json(output).into_response(),
        Err(error) => {
            let body = json!({ "ok": false, "error": error.message });
            (StatusCode::BAD_REQUEST, Json(body)).into_response()
        }
    }
}

/// What operations without a result of their own answer.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Done {
    ok: bool,
}

pub const DONE: Done = Done { ok: true };

pub fn find_chat(world: &World, name: &str) -> Result<usize> {
    world.chat_by_name(name).ok_or_else(|| Error::validation(format!("there is no chat `{name}`")))
}

pub fn find_actor(world: &World, name: &str) -> Result<Actor> {
    world.actor_by_name(name).ok_or_else(|| Error::validation(format!("nobody is called `{name}`")))
}

pub fn find_person(world: &World, name: Option<&str>) -> Result<usize> {
    match name {
        None if world.people.is_empty() => Err(Error::validation("this sandbox has no people")),
        None => Ok(0),
        Some(name) => match find_actor(world, name)? {
            Actor::Person(person) => Ok(person),
            Actor::Bot(_) => Err(Error::validation(format!("`{name}` is a bot"))),
        },
    }
}

pub fn find_app(world: &World, name: &str) -> Result<usize> {
    world.app_by_name(name).ok_or_else(|| Error::validation(format!("there is no bot `{name}`")))
}

pub fn find_message(world: &World, message_id: &str) -> Result<u64> {
    let message = world.message_by_id(message_id);
    message.map(|m| m.number).ok_or_else(|| Error::validation(format!("there is no message `{message_id}`")))
}

/// All apps, or the one named.
fn app_filter(shared: &Shared, name: Option<&str>) -> Result<Option<usize>> {
    name.map(|name| find_app(&lock(&shared.world), name)).transpose()
}
