//! The control API: what a test or a demo does in the place of people, administrators and bad luck.
//! Every operation is a plain function, reached by `POST /sandbox/<name>` or in process. A platform adds
//! operations of its own.

pub mod burst;
pub mod chats;
pub mod members;
pub mod react;
pub mod report;
pub mod say;
pub mod state;
pub mod time;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Json, Router};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::lock::lock;
use super::platform::Platform;
use super::shared::Shared;
use super::world::World;
use super::world::actor::Actor;
use crate::error::{Error, Result};

pub fn router<P: Platform>() -> Router<Arc<Shared<P>>> {
    Router::new()
        .route("/sandbox/say", operation(say::say::<P>))
        .route("/sandbox/react", operation(react::react::<P>))
        .route("/sandbox/recall", operation(react::recall::<P>))
        .route("/sandbox/member", operation(members::member::<P>))
        .route("/sandbox/chat", operation(chats::chat::<P>))
        .route("/sandbox/redeliver", operation(time::redeliver::<P>))
        .route("/sandbox/clock", operation(time::clock::<P>))
        .route("/sandbox/burst", post(burst::<P>))
        .route("/sandbox/state", get(state::<P>))
}

/// An operation without waiting as a route.
pub fn operation<P, I, O>(run: fn(&Arc<Shared<P>>, I) -> Result<O>) -> MethodRouter<Arc<Shared<P>>>
where
    P: Platform,
    I: DeserializeOwned + Send + 'static,
    O: Serialize + Send + 'static,
{
    post(move |State(shared): State<Arc<Shared<P>>>, body: Bytes| async move {
        answer(parse(&body).and_then(|input| run(&shared, input)))
    })
}

async fn burst<P: Platform>(State(shared): State<Arc<Shared<P>>>, body: Bytes) -> Response {
    match parse(&body) {
        Ok(input) => answer(burst::burst(&shared, input).await),
        Err(error) => answer::<()>(Err(error)),
    }
}

async fn state<P: Platform>(
    State(shared): State<Arc<Shared<P>>>,
    query: Query<report::StateQuery>,
) -> Response {
    answer(state::state(&shared, query.0))
}

pub fn parse<I: DeserializeOwned>(body: &[u8]) -> Result<I> {
    let body = if body.is_empty() { b"{}".as_slice() } else { body };
    serde_json::from_slice(body)
        .map_err(|error| Error::validation(format!("the request does not fit: {error}")))
}

pub fn answer<O: Serialize>(result: Result<O>) -> Response {
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

/// By name, or the first person.
pub fn find_somebody(world: &World, name: Option<&str>) -> Result<Actor> {
    match name {
        Some(name) => find_actor(world, name),
        None => Ok(Actor::Person(find_person(world, None)?)),
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
pub fn app_filter<P: Platform>(shared: &Shared<P>, name: Option<&str>) -> Result<Option<usize>> {
    name.map(|name| find_app(&lock(&shared.world), name)).transpose()
}
