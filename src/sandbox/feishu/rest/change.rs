//! What can still happen to a sent message: edit, patch of a card, recall.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, State};
use serde_json::{Value, json};

use super::compose::render_for;
use super::messages::{shape, visible};
use super::reply::{ApiError, Reply, data};
use super::request::{Caller, Params, body, need_scope, required};
use super::send::NewMessage;
use crate::sandbox::delivery;
use crate::sandbox::feishu::scopes;
use crate::sandbox::shared::{Shared, lock};
use crate::sandbox::world::World;
use crate::sandbox::world::actor::Actor;
use crate::sandbox::world::message::Message;

const EDITS_MAX: u32 = 20;
const PATCHES_PER_SECOND: usize = 5;
const RECALL_WINDOW_MS: i64 = 24 * 60 * 60 * 1000;
const PATCH_WINDOW_MS: i64 = 14 * 24 * 60 * 60 * 1000;

fn own<'a>(
    world: &'a mut World,
    app: usize,
    message_id: &str,
    not_sender: ApiError,
) -> Result<&'a mut Message, ApiError> {
    let message = visible(world, app, message_id)?;
    if message.sender != Actor::Bot(app) {
        return Err(not_sender);
    }
    let (number, chat) = (message.number, message.chat);
    if world.chats[chat].dissolved {
        return Err(ApiError::new(232_009, "the chat has been dissolved"));
    }
    world.message_mut(number).ok_or_else(|| ApiError::new(230_110, "The message has been deleted."))
}

pub async fn edit(
    State(shared): State<Arc<Shared>>,
    Caller(app): Caller,
    Path(message_id): Path<String>,
    bytes: Bytes,
) -> Reply {
    let request: NewMessage = body(&bytes)?;
    required("msg_type", &request.msg_type)?;
    required("content", &request.content)?;
    let mut world = lock(&shared.world);
    need_scope(&world, app, scopes::UPDATE)?;
    let rendered = match request.msg_type.as_str() {
        "text" | "post" => render_for(&world, Actor::Bot(app), &request.msg_type, &request.content)?,
        _ => return Err(ApiError::new(230_054, "This message type is NOT supported.")),
    };
    let not_sender = ApiError::new(230_071, "The operator is NOT the sender of the message.");
    let message = own(&mut world, app, &message_id, not_sender)?;
    if message.deleted {
        return Err(ApiError::new(230_011, "The message was withdrawn."));
    }
    if message.msg_type != request.msg_type {
        return Err(ApiError::new(230_054, "This message type is NOT supported."));
    }
    if message.edits >= EDITS_MAX {
        return Err(ApiError::new(230_072, "The message has reached the number of times it can be edited."));
    }
    message.edits += 1;
    message.updated_ms = shared.clock.wall_ms();
    message.content = rendered.content;
    message.mentions = rendered.mentions;
    let number = message.number;
    let view =
        world.message(number).map(|message| world.message_view(message, shape(app, &Params::default())));
    data(view.unwrap_or_default())
}

pub async fn patch(
    State(shared): State<Arc<Shared>>,
    Caller(app): Caller,
    Path(message_id): Path<String>,
    bytes: Bytes,
) -> Reply {
    let request: NewMessage = body(&bytes)?;
    required("content", &request.content)?;
    let mut world = lock(&shared.world);
    need_scope(&world, app, scopes::UPDATE)?;
    let rendered = render_for(&world, Actor::Bot(app), "interactive", &request.content)?;
    let now_ms = shared.clock.wall_ms();
    let not_sender = ApiError::new(230_012, "Bot is NOT the sender of the message.");
    let message = own(&mut world, app, &message_id, not_sender)?;
    if message.deleted {
        return Err(ApiError::new(230_011, "The message was withdrawn."));
    }
    if message.msg_type != "interactive" {
        return Err(ApiError::new(230_001, "This message is NOT a card."));
    }
    if now_ms - message.created_ms > PATCH_WINDOW_MS {
        return Err(ApiError::new(230_031, "The card has exceeded its validity period."));
    }
    if !message.card.as_deref().is_some_and(updates_for_all) || !updates_for_all(&request.content) {
        return Err(ApiError::new(230_099, "Failed to create card content, ext=update_multi must be true"));
    }
    let now = shared.clock.now();
    message.patches.retain(|at| now.duration_since(*at) < Duration::from_secs(1));
    if message.patches.len() >= PATCHES_PER_SECOND {
        return Err(ApiError::new(230_020, "This operation triggers the frequency limit."));
    }
    message.patches.push(now);
    message.updated_ms = now_ms;
    message.content = rendered.content;
    message.card = rendered.card;
    data(json!({}))
}

/// A patched card is the same for everybody: both versions must say so.
fn updates_for_all(card: &str) -> bool {
    let card: Value = serde_json::from_str(card).unwrap_or_default();
    card["config"]["update_multi"] == true
}

pub async fn recall(
    State(shared): State<Arc<Shared>>,
    Caller(app): Caller,
    Path(message_id): Path<String>,
) -> Reply {
    let mut world = lock(&shared.world);
    need_scope(&world, app, scopes::RECALL)?;
    let now_ms = shared.clock.wall_ms();
    let message = own(&mut world, app, &message_id, ApiError::new(230_026, "No permission to recall."))?;
    if message.deleted {
        return Err(ApiError::new(230_110, "The message has been deleted."));
    }
    if now_ms - message.created_ms > RECALL_WINDOW_MS {
        return Err(ApiError::new(230_009, "The time of recalling message is over."));
    }
    message.deleted = true;
    let number = message.number;
    let notices = world.recalled_notices(number, "message_owner", now_ms);
    drop(world);
    delivery::publish(&shared, notices);
    data(json!({}))
}
