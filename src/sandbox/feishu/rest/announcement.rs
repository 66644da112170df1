//! The announcement of a group: the docx generation as blocks, the older one as a document string.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::reply::{ApiError, Reply, data};
use super::request::{Caller, Params, index_page, need_scope};
use crate::sandbox::feishu::ids::{self, Kind};
use crate::sandbox::feishu::scopes;
use crate::sandbox::shared::{Shared, lock};
use crate::sandbox::world::World;
use crate::sandbox::world::actor::Actor;
use crate::sandbox::world::chat::Mode;

const PAGE: (usize, usize) = (500, 500);
const PAGE_BLOCK: u8 = 1;
const TEXT_BLOCK: u8 = 2;

fn group(world: &World, app: usize, chat_id: &str) -> Result<usize, ApiError> {
    need_scope(world, app, scopes::READ_ANNOUNCEMENT)?;
    let chat = world.chat_by_id(chat_id).filter(|chat| world.chats[*chat].mode != Mode::P2p);
    let not_found = || ApiError::new(1_770_002, "not found").status(StatusCode::NOT_FOUND);
    let chat = chat.ok_or_else(not_found)?;
    if !world.is_member(chat, Actor::Bot(app)) {
        return Err(ApiError::new(1_772_003, "operator is not in the chat"));
    }
    Ok(chat)
}

fn times(world: &World, app: usize, chat: usize) -> Value {
    let shown = &world.chats[chat];
    let owner = shown.owner.map(|owner| world.open_id(app, owner)).unwrap_or_default();
    json!({
        "create_time": (shown.created_ms / 1000).to_string(),
        "update_time": (shown.announcement.updated_ms / 1000).to_string(),
        "owner_id": owner, "owner_id_type": "open_id", "modifier_id": owner, "modifier_id_type": "open_id",
    })
}

pub async fn info(
    State(shared): State<Arc<Shared>>,
    Caller(app): Caller,
    Path(chat_id): Path<String>,
) -> Reply {
    let world = lock(&shared.world);
    let chat = group(&world, app, &chat_id)?;
    let announcement = &world.chats[chat].announcement;
    let mut view = times(&world, app, chat);
    view["revision_id"] = json!(announcement.revision);
    view["announcement_type"] = json!(if announcement.legacy { "doc" } else { "docx" });
    data(view)
}

pub async fn blocks(
    State(shared): State<Arc<Shared>>,
    Caller(app): Caller,
    Path(chat_id): Path<String>,
    params: Params,
) -> Reply {
    let world = lock(&shared.world);
    let chat = group(&world, app, &chat_id)?;
    let announcement = &world.chats[chat].announcement;
    if announcement.legacy {
        return Err(ApiError::new(1_772_006, "announcement type is not supported"));
    }
    let lines: Vec<&str> = announcement.text.lines().collect();
    let block_id = |line: usize| format!("doxcn{}", &ids::seal(world.seed, Kind::Page, line as u64)[..20]);
    let children: Vec<String> = (0..lines.len()).map(block_id).collect();
    let mut items = vec![json!({
        "block_id": chat_id, "parent_id": "", "children": children, "block_type": PAGE_BLOCK,
        "page": { "style": {}, "elements": [text_run("")] },
    })];
    items.extend(lines.iter().zip(&children).map(|(line, id)| {
        json!({
            "block_id": id, "parent_id": chat_id, "block_type": TEXT_BLOCK,
            "text": { "style": {}, "elements": [text_run(line)] },
        })
    }));
    data(index_page(&params, world.seed, 1_770_001, PAGE, items)?)
}

fn text_run(text: &str) -> Value {
    json!({ "text_run": { "content": text, "text_element_style": {} } })
}

pub async fn legacy(
    State(shared): State<Arc<Shared>>,
    Caller(app): Caller,
    Path(chat_id): Path<String>,
) -> Reply {
    let world = lock(&shared.world);
    let chat = group(&world, app, &chat_id)?;
    let announcement = &world.chats[chat].announcement;
    if !announcement.legacy {
        return Err(ApiError::new(232_097, "docx announcements cannot be read with this call"));
    }
    let mut view = times(&world, app, chat);
    let body = json!({ "title": {}, "body": { "blocks": [{
        "type": "paragraph",
        "paragraph": { "elements": [{ "type": "textRun", "textRun": { "text": announcement.text } }] },
    }] } });
    view["content"] = Value::String(body.to_string());
    view["revision"] = Value::String(announcement.revision.to_string());
    data(view)
}
