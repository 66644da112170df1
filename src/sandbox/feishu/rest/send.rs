//! New messages: send, reply, forward.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, State};
use serde::Deserialize;
use tokio::time::Instant;

use super::compose::{check_resources, name_file, render_for};
use super::messages::{shape, visible};
use super::reply::{ApiError, Reply, data};
use super::request::{Caller, Params, actor, body, need_scope, required};
use crate::sandbox::delivery;
use crate::sandbox::feishu::content::Rendered;
use crate::sandbox::feishu::scopes;
use crate::sandbox::shared::{Shared, lock};
use crate::sandbox::world::World;
use crate::sandbox::world::actor::Actor;
use crate::sandbox::world::chat::Mode;
use crate::sandbox::world::message::Draft;

/// A uuid succeeds at most once in this time.
const UUID_MEMORY: Duration = Duration::from_secs(60 * 60);
const UUID_CHARS_MAX: usize = 50;

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct NewMessage {
    pub receive_id: String,
    pub msg_type: String,
    pub content: String,
    pub uuid: String,
    pub reply_in_thread: bool,
}

pub async fn send(
    State(shared): State<Arc<Shared>>,
    Caller(app): Caller,
    params: Params,
    bytes: Bytes,
) -> Reply {
    let request: NewMessage = body(&bytes)?;
    let id_type =
        params.get("receive_id_type").ok_or_else(|| ApiError::field("receive_id_type", "is required"))?;
    let mut world = lock(&shared.world);
    need_scope(&world, app, scopes::SEND)?;
    required("receive_id", &request.receive_id)?;
    let chat = receiver(&mut world, app, id_type, &request.receive_id, shared.clock.wall_ms())?;
    let said = say(&shared, &mut world, app, Target { chat, reply_to: None }, &request)?;
    finish(&shared, world, app, said)
}

pub async fn reply(
    State(shared): State<Arc<Shared>>,
    Caller(app): Caller,
    Path(message_id): Path<String>,
    bytes: Bytes,
) -> Reply {
    let request: NewMessage = body(&bytes)?;
    let mut world = lock(&shared.world);
    need_scope(&world, app, scopes::SEND)?;
    let answered = visible(&world, app, &message_id)?;
    if answered.deleted {
        return Err(ApiError::new(230_011, "The message was withdrawn."));
    }
    let target = Target { chat: answered.chat, reply_to: Some(answered.number) };
    let said = say(&shared, &mut world, app, target, &request)?;
    finish(&shared, world, app, said)
}

pub async fn forward(
    State(shared): State<Arc<Shared>>,
    Caller(app): Caller,
    Path(message_id): Path<String>,
    params: Params,
    bytes: Bytes,
) -> Reply {
    let request: NewMessage = body(&bytes)?;
    let id_type =
        params.get("receive_id_type").ok_or_else(|| ApiError::field("receive_id_type", "is required"))?;
    let mut world = lock(&shared.world);
    need_scope(&world, app, scopes::SEND)?;
    required("receive_id", &request.receive_id)?;
    let original = visible(&world, app, &message_id)?;
    if original.deleted {
        return Err(ApiError::new(230_011, "The message was withdrawn."));
    }
    let rendered = Rendered {
        content: original.content.clone(),
        card: original.card.clone(),
        mentions: Vec::new(),
        resources: original.resources.clone(),
    };
    let msg_type = original.msg_type.clone();
    let now_ms = shared.clock.wall_ms();
    let target = match id_type {
        "thread_id" => thread_target(&world, app, &request.receive_id)?,
        _ => {
            Target { chat: receiver(&mut world, app, id_type, &request.receive_id, now_ms)?, reply_to: None }
        }
    };
    let uuid = params.get("uuid").unwrap_or("");
    if let Some(number) = remembered(&world, app, uuid, shared.clock.now())? {
        return finish(&shared, world, app, Said { number, fresh: false });
    }
    admit(&shared, &mut world, app, target.chat)?;
    let draft = Draft {
        chat: target.chat,
        sender: Actor::Bot(app),
        msg_type,
        rendered,
        reply_to: target.reply_to,
        in_thread: false,
    };
    let number = world.post(draft, now_ms);
    remember(&mut world, app, uuid, number, shared.clock.now());
    finish(&shared, world, app, Said { number, fresh: true })
}

#[derive(Clone, Copy)]
struct Target {
    chat: usize,
    reply_to: Option<u64>,
}

struct Said {
    number: u64,
    /// Not the repetition of a uuid that already succeeded.
    fresh: bool,
}

fn thread_target(world: &World, app: usize, thread_id: &str) -> Result<Target, ApiError> {
    let first = world.thread_by_id(thread_id).and_then(|thread| world.message(thread));
    let first = first.filter(|message| world.is_member(message.chat, Actor::Bot(app)));
    first
        .map(|message| Target { chat: message.chat, reply_to: Some(message.number) })
        .ok_or_else(|| ApiError::new(230_019, "The topic does NOT exist."))
}

fn receiver(world: &mut World, app: usize, id_type: &str, id: &str, now_ms: i64) -> Result<usize, ApiError> {
    match id_type {
        "chat_id" => world.chat_by_id(id).ok_or_else(|| ApiError::new(230_034, "The receive_id is invalid.")),
        "open_id" | "union_id" | "user_id" => match actor(world, app, id_type, id)? {
            Actor::Person(person) => Ok(world.p2p_chat(app, person, now_ms)),
            Actor::Bot(_) => Err(ApiError::new(230_013, "Bot has NO availability to this user.")),
        },
        "email" => Err(ApiError::new(230_034, "The receive_id is invalid.")),
        _ => Err(ApiError::field(
            "receive_id_type",
            "must be one of open_id, user_id, union_id, email, chat_id",
        )),
    }
}

/// The common middle of send and reply: repeats, content, permission, rate, in this order.
fn say(
    shared: &Shared,
    world: &mut World,
    app: usize,
    target: Target,
    request: &NewMessage,
) -> Result<Said, ApiError> {
    required("msg_type", &request.msg_type)?;
    required("content", &request.content)?;
    let now = shared.clock.now();
    if let Some(number) = remembered(world, app, &request.uuid, now)? {
        return Ok(Said { number, fresh: false });
    }
    if request.msg_type == "system" && world.chats[target.chat].mode != Mode::P2p {
        return Err(ApiError::new(230_001, "system messages are for p2p chats"));
    }
    let mut rendered = render_for(world, Actor::Bot(app), &request.msg_type, &request.content)?;
    check_resources(world, app, &request.msg_type, &rendered)?;
    name_file(world, &request.msg_type, &mut rendered);
    admit(shared, world, app, target.chat)?;
    let draft = Draft {
        chat: target.chat,
        sender: Actor::Bot(app),
        msg_type: request.msg_type.clone(),
        rendered,
        reply_to: target.reply_to,
        in_thread: request.reply_in_thread,
    };
    let number = world.post(draft, shared.clock.wall_ms());
    remember(world, app, &request.uuid, number, now);
    Ok(Said { number, fresh: true })
}

/// The original message for a uuid that already succeeded: same answer, nothing sent.
fn remembered(world: &World, app: usize, uuid: &str, now: Instant) -> Result<Option<u64>, ApiError> {
    if uuid.chars().count() > UUID_CHARS_MAX {
        return Err(ApiError::field("uuid", "the max length is 50"));
    }
    let known = world.uuids.get(&(app, uuid.to_owned()));
    let fresh = known.filter(|(_, at)| now.duration_since(*at) < UUID_MEMORY);
    Ok(fresh.map(|(number, _)| *number).filter(|number| world.message(*number).is_some()))
}

fn remember(world: &mut World, app: usize, uuid: &str, number: u64, now: Instant) {
    if uuid.is_empty() {
        return;
    }
    if world.uuids.len() >= world.keep {
        world.uuids.retain(|_, (_, at)| now.duration_since(*at) < UUID_MEMORY);
    }
    world.uuids.insert((app, uuid.to_owned()), (number, now));
}

fn admit(shared: &Shared, world: &mut World, app: usize, chat: usize) -> Result<(), ApiError> {
    let limit = shared.options.chat_qps;
    let target = &mut world.chats[chat];
    if target.dissolved {
        return Err(ApiError::new(
            232_009,
            "Your request specifies a chat which has already been dissolved.",
        ));
    }
    if !target.members.contains(&Actor::Bot(app)) {
        return Err(ApiError::new(230_002, "The bot can not be outside the group."));
    }
    if target.muted {
        return Err(ApiError::new(230_035, "Send Message Permission deny"));
    }
    if !target.admit_send(limit, shared.clock.now()) {
        return Err(ApiError::new(230_020, "This operation triggers the frequency limit."));
    }
    Ok(())
}

/// Answers with the new message and tells who hears it.
fn finish(
    shared: &Arc<Shared>,
    mut world: std::sync::MutexGuard<'_, World>,
    app: usize,
    Said { number, fresh }: Said,
) -> Reply {
    let notices =
        if fresh { world.message_notices(number, None, shared.clock.wall_ms()) } else { Vec::new() };
    let view =
        world.message(number).map(|message| world.message_view(message, shape(app, &Params::default())));
    drop(world);
    delivery::publish(shared, notices);
    data(view.unwrap_or_default())
}
