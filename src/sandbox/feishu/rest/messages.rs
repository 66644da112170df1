//! Reading messages: history, one by id, several by id.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::extract::{Path, State};
use serde_json::{Value, json};

use super::reply::{ApiError, Reply, data};
use super::request::{Caller, Params, need_scope, page_value};
use crate::sandbox::feishu::options::Cards;
use crate::sandbox::feishu::scopes;
use crate::sandbox::feishu::views::{CardForm, MessageShape};
use crate::sandbox::shared::{Shared, lock};
use crate::sandbox::world::World;
use crate::sandbox::world::actor::Actor;
use crate::sandbox::world::chat::Mode;
use crate::sandbox::world::message::Message;

const PAGE_DEFAULT: usize = 20;
const PAGE_MAX: usize = 50;
const MGET_MAX: usize = 50;
const BAD_PARAMETER: i64 = 230_001;

/// What a caller wants to see who asked for nothing in particular.
pub fn shape<'a>(app: usize, params: &'a Params) -> MessageShape<'a> {
    MessageShape { app, user_id_type: params.get("user_id_type"), card: CardForm::default() }
}

fn asked<'a>(shared: &Shared, app: usize, params: &'a Params) -> Result<MessageShape<'a>, ApiError> {
    let wanted = match params.get("card_msg_content_type") {
        None | Some("") => CardForm::Rendered,
        Some("user_card_content") => CardForm::User,
        Some("raw_card_content") => CardForm::Raw,
        Some(_) => return Err(ApiError::new(BAD_PARAMETER, "invalid card_msg_content_type")),
    };
    let card = match shared.options.cards {
        Cards::Authored => wanted,
        Cards::Ignored => CardForm::Rendered,
        Cards::Refused if wanted == CardForm::Rendered => wanted,
        Cards::Refused => return Err(ApiError::field("card_msg_content_type", "is not supported")),
    };
    Ok(MessageShape { card, ..shape(app, params) })
}

/// A message in a chat of the caller.
pub fn visible<'a>(world: &'a World, app: usize, message_id: &str) -> Result<&'a Message, ApiError> {
    let message = world
        .message_by_id(message_id)
        .ok_or_else(|| ApiError::new(BAD_PARAMETER, format!("invalid message_id: {message_id}")))?;
    if !world.is_member(message.chat, Actor::Bot(app)) {
        return Err(ApiError::new(230_002, "The bot can not be outside the group."));
    }
    Ok(message)
}

fn readable<'a>(world: &'a World, app: usize, message_id: &str) -> Result<&'a Message, ApiError> {
    need_scope(world, app, scopes::READ_MESSAGES)?;
    visible(world, app, message_id)
}

pub async fn get(
    State(shared): State<Arc<Shared>>,
    Caller(app): Caller,
    Path(message_id): Path<String>,
    params: Params,
) -> Reply {
    let world = lock(&shared.world);
    let message = readable(&world, app, &message_id)?;
    params.user_id_type()?;
    data(json!({ "items": world.message_views(message, asked(&shared, app, &params)?) }))
}

pub async fn mget(State(shared): State<Arc<Shared>>, Caller(app): Caller, params: Params) -> Reply {
    let world = lock(&shared.world);
    let ids = params.all("message_ids");
    if ids.is_empty() || ids.len() > MGET_MAX {
        return Err(ApiError::field("message_ids", "between 1 and 50 ids are needed"));
    }
    need_scope(&world, app, scopes::READ_MESSAGES)?;
    let found = ids.iter().filter_map(|id| visible(&world, app, id).ok());
    let shape = asked(&shared, app, &params)?;
    let items: Vec<Value> = found.map(|message| world.message_view(message, shape)).collect();
    data(json!({ "items": items }))
}

struct Container<'a> {
    /// Message numbers, ascending.
    log: &'a VecDeque<u64>,
    thread: Option<u64>,
}

pub async fn list(State(shared): State<Arc<Shared>>, Caller(app): Caller, params: Params) -> Reply {
    let world = lock(&shared.world);
    need_scope(&world, app, scopes::READ_HISTORY)?;
    params.user_id_type()?;
    let container = container(&world, app, &params)?;
    let size = params.page_size(PAGE_DEFAULT, PAGE_MAX)?;
    let start = params.page_start(world.seed, BAD_PARAMETER)?;
    let range = (params.number("start_time")?, params.number("end_time")?);
    if container.thread.is_some() && range != (None, None) {
        return Err(ApiError::new(BAD_PARAMETER, "start_time and end_time are for chats only"));
    }
    let descending = match params.get("sort_type").unwrap_or("ByCreateTimeAsc") {
        "ByCreateTimeAsc" => false,
        "ByCreateTimeDesc" => true,
        _ => return Err(ApiError::new(BAD_PARAMETER, "invalid sort_type")),
    };
    let log = container.log;
    let ordered: Box<dyn Iterator<Item = &u64>> = match (descending, start) {
        (false, None) => Box::new(log.iter()),
        (false, Some(start)) => Box::new(log.range(log.partition_point(|number| *number < start)..)),
        (true, None) => Box::new(log.iter().rev()),
        (true, Some(start)) => Box::new(log.range(..log.partition_point(|number| *number <= start)).rev()),
    };
    let listed = |message: &&Message| match container.thread {
        Some(thread) => message.thread == Some(thread),
        None => message.listed_in_chat() && in_range(message, range),
    };
    let found = ordered.filter_map(|number| world.message(*number)).filter(listed);
    let mut page: Vec<&Message> = found.take(size + 1).collect();
    let next = if page.len() > size { page.pop().map(|message| message.number) } else { None };
    let shape = asked(&shared, app, &params)?;
    let items = page.iter().map(|message| world.message_view(message, shape)).collect();
    data(page_value(items, next, world.seed))
}

/// Both ends are whole seconds and inclusive.
fn in_range(message: &Message, (start, end): (Option<i64>, Option<i64>)) -> bool {
    let second = message.created_ms / 1000;
    start.is_none_or(|start| second >= start) && end.is_none_or(|end| second <= end)
}

fn container<'a>(world: &'a World, app: usize, params: &Params) -> Result<Container<'a>, ApiError> {
    let id = params.get("container_id").ok_or_else(|| ApiError::field("container_id", "is required"))?;
    let (chat, thread) = match params.get("container_id_type") {
        Some("chat") => {
            let chat = world.chat_by_id(id);
            (chat.ok_or_else(|| ApiError::new(BAD_PARAMETER, "invalid container_id"))?, None)
        }
        Some("thread") => {
            let thread = world.thread_by_id(id).and_then(|thread| world.message(thread));
            let first = thread.ok_or_else(|| ApiError::new(BAD_PARAMETER, "invalid container_id"))?;
            (first.chat, Some(first.number))
        }
        _ => return Err(ApiError::field("container_id_type", "must be chat or thread")),
    };
    if !world.is_member(chat, Actor::Bot(app)) {
        let code = if thread.is_some() { 230_073 } else { 230_002 };
        return Err(ApiError::new(code, "The bot can not be outside the group."));
    }
    if world.chats[chat].mode != Mode::P2p && !world.may_read_groups(app) {
        return Err(ApiError::new(
            230_027,
            "Lack of necessary permissions, ext=need scope: im:message.group_msg",
        ));
    }
    Ok(Container { log: &world.chats[chat].log, thread })
}
