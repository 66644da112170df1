//! Reactions to messages.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::Value;

use super::emoji;
use super::reply::{ApiError, Reply, data};
use super::request::{Caller, Params, body, index_page, need_scope};
use crate::sandbox::delivery;
use crate::sandbox::feishu::ids::{self, Kind};
use crate::sandbox::feishu::scopes;
use crate::sandbox::shared::{Shared, lock};
use crate::sandbox::world::World;
use crate::sandbox::world::actor::Actor;
use crate::sandbox::world::message::Message;

const PAGE: (usize, usize) = (20, 50);

#[derive(Default, Deserialize)]
#[serde(default)]
struct NewReaction {
    reaction_type: ReactionType,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ReactionType {
    emoji_type: String,
}

/// A message that can be reacted to, with the codes of this API.
fn target<'a>(world: &'a World, app: usize, message_id: &str) -> Result<&'a Message, ApiError> {
    let message = world.message_by_id(message_id).filter(|message| !message.deleted);
    let message = message.ok_or_else(|| ApiError::new(231_003, "The message is not found or recalled."))?;
    if world.chats[message.chat].dissolved {
        return Err(ApiError::new(232_009, "the chat has been dissolved"));
    }
    if !world.is_member(message.chat, Actor::Bot(app)) {
        return Err(ApiError::new(231_002, "The operator has no permission to react on this message."));
    }
    if message.msg_type == "system" {
        return Err(ApiError::new(231_017, "The message type is not supported."));
    }
    Ok(message)
}

pub async fn add(
    State(shared): State<Arc<Shared>>,
    Caller(app): Caller,
    Path(message_id): Path<String>,
    bytes: Bytes,
) -> Reply {
    let request: NewReaction = body(&bytes)?;
    let emoji = request.reaction_type.emoji_type;
    let mut world = lock(&shared.world);
    need_scope(&world, app, scopes::WRITE_REACTIONS)?;
    let number = target(&world, app, &message_id)?.number;
    if !emoji::is_valid(&emoji) {
        return Err(ApiError::new(231_001, "reaction type is invalid"));
    }
    let now_ms = shared.clock.wall_ms();
    let (reaction, fresh) = world.react(number, &emoji, Actor::Bot(app), now_ms);
    let view = world.reaction_view(app, &reaction);
    let notices = if fresh {
        world.reaction_notices(number, &emoji, Actor::Bot(app), true, now_ms)
    } else {
        Vec::new()
    };
    drop(world);
    delivery::publish(&shared, notices);
    data(view)
}

pub async fn list(
    State(shared): State<Arc<Shared>>,
    Caller(app): Caller,
    Path(message_id): Path<String>,
    params: Params,
) -> Reply {
    let world = lock(&shared.world);
    need_scope(&world, app, scopes::READ_REACTIONS)?;
    let message = target(&world, app, &message_id)?;
    let wanted = params.get("reaction_type");
    let matching =
        message.reactions.iter().filter(|reaction| wanted.is_none_or(|wanted| wanted == reaction.emoji));
    let items: Vec<Value> = matching.map(|reaction| world.reaction_view(app, reaction)).collect();
    data(index_page(&params, world.seed, 231_012, PAGE, items)?)
}

pub async fn remove(
    State(shared): State<Arc<Shared>>,
    Caller(app): Caller,
    Path((message_id, reaction_id)): Path<(String, String)>,
) -> Reply {
    let mut world = lock(&shared.world);
    need_scope(&world, app, scopes::WRITE_REACTIONS)?;
    let message = target(&world, app, &message_id)?;
    let wanted = ids::open(world.seed, Kind::Reaction, &reaction_id);
    let wanted = wanted.ok_or_else(|| ApiError::new(231_011, "reaction_id is invalid"))?;
    let reaction = message.reactions.iter().find(|reaction| reaction.number == wanted).cloned();
    let reaction = reaction.ok_or_else(|| ApiError::new(231_010, "The reaction is not of this message."))?;
    if reaction.by != Actor::Bot(app) {
        return Err(ApiError::new(231_007, "The operator is not the owner of the reaction."));
    }
    let number = message.number;
    let view = world.reaction_view(app, &reaction);
    let now_ms = shared.clock.wall_ms();
    world.unreact(number, reaction.number);
    let notices = world.reaction_notices(number, &reaction.emoji, reaction.by, false, now_ms);
    drop(world);
    delivery::publish(&shared, notices);
    data(view)
}
