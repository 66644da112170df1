//! Chats and their members.

use std::sync::Arc;

use axum::extract::{Path, State};
use serde_json::{Value, json};

use super::reply::{ApiError, Reply, data};
use super::request::{Caller, Params, index_page, need_scope};
use crate::sandbox::feishu::scopes;
use crate::sandbox::shared::{Shared, lock};
use crate::sandbox::world::World;
use crate::sandbox::world::actor::Actor;
use crate::sandbox::world::chat::Mode;

const PAGE: (usize, usize) = (20, 100);
const BAD_PARAMETER: i64 = 232_001;

pub async fn list(State(shared): State<Arc<Shared>>, Caller(app): Caller, params: Params) -> Reply {
    let world = lock(&shared.world);
    need_scope(&world, app, scopes::READ_CHATS)?;
    let id_type = params.user_id_type()?;
    let kinds = params.all("types");
    let listed = |mode: Mode| match mode {
        Mode::P2p => kinds.contains(&"p2p"),
        Mode::Group | Mode::Topic => kinds.is_empty() || kinds.contains(&"group"),
    };
    let mine = (0..world.chats.len()).filter(|chat| {
        let shown = &world.chats[*chat];
        !shown.dissolved && listed(shown.mode) && shown.members.contains(&Actor::Bot(app))
    });
    let mut chats: Vec<usize> = mine.collect();
    match params.get("sort_type").unwrap_or("ByCreateTimeAsc") {
        "ByCreateTimeAsc" => {}
        "ByActiveTimeDesc" => chats.sort_by_key(|chat| std::cmp::Reverse(world.chats[*chat].active_ms)),
        _ => return Err(ApiError::new(BAD_PARAMETER, "invalid sort_type")),
    }
    let items = chats.into_iter().map(|chat| world.chat_item(app, chat, id_type)).collect();
    data(index_page(&params, world.seed, BAD_PARAMETER, PAGE, items)?)
}

/// A chat of the caller, with the codes of the chat API.
fn own_chat(world: &World, app: usize, chat_id: &str) -> Result<usize, ApiError> {
    let chat = any_chat(world, chat_id)?;
    if !world.is_member(chat, Actor::Bot(app)) {
        return Err(ApiError::new(232_011, "operator is not in the chat"));
    }
    if world.chats[chat].dissolved {
        return Err(ApiError::new(232_009, "the chat has been dissolved"));
    }
    Ok(chat)
}

fn any_chat(world: &World, chat_id: &str) -> Result<usize, ApiError> {
    world.chat_by_id(chat_id).ok_or_else(|| ApiError::new(232_006, "invalid chat_id"))
}

pub async fn info(
    State(shared): State<Arc<Shared>>,
    Caller(app): Caller,
    Path(chat_id): Path<String>,
    params: Params,
) -> Reply {
    let world = lock(&shared.world);
    need_scope(&world, app, scopes::READ_CHATS)?;
    let id_type = params.user_id_type()?;
    let chat = any_chat(&world, &chat_id)?;
    if !world.is_member(chat, Actor::Bot(app)) {
        return data(world.chat_outline(chat));
    }
    data(world.chat_view(app, chat, id_type))
}

pub async fn members(
    State(shared): State<Arc<Shared>>,
    Caller(app): Caller,
    Path(chat_id): Path<String>,
    params: Params,
) -> Reply {
    let world = lock(&shared.world);
    need_scope(&world, app, scopes::READ_MEMBERS)?;
    let chat = own_chat(&world, app, &chat_id)?;
    let id_type = params.get("member_id_type").unwrap_or("open_id");
    // Bots are not members here; they have their own listing.
    let people: Vec<Value> = world.chats[chat]
        .people()
        .map(|person| {
            let actor = Actor::Person(person);
            json!({
                "member_id_type": id_type, "member_id": world.id_as(app, id_type, actor),
                "name": world.actor_name(actor), "tenant_key": world.tenant_key,
            })
        })
        .collect();
    let total = people.len();
    let mut page = index_page(&params, world.seed, BAD_PARAMETER, PAGE, people)?;
    page["member_total"] = json!(total);
    data(page)
}

pub async fn bots(
    State(shared): State<Arc<Shared>>,
    Caller(app): Caller,
    Path(chat_id): Path<String>,
) -> Reply {
    let world = lock(&shared.world);
    need_scope(&world, app, scopes::READ_BOT_MEMBERS)?;
    let chat = own_chat(&world, app, &chat_id)?;
    let bots = world.chats[chat].bots();
    let items: Vec<Value> = bots
        .map(|bot| json!({ "bot_id": world.open_id(app, Actor::Bot(bot)), "bot_name": world.apps[bot].name }))
        .collect();
    data(json!({ "items": items }))
}

pub async fn is_in_chat(
    State(shared): State<Arc<Shared>>,
    Caller(app): Caller,
    Path(chat_id): Path<String>,
) -> Reply {
    let world = lock(&shared.world);
    let chat = any_chat(&world, &chat_id)?;
    data(json!({ "is_in_chat": world.is_member(chat, Actor::Bot(app)) }))
}
