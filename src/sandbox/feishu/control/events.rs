//! Events beside messages: arbitrary ones, read receipts, an opened chat, a menu.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::sandbox::feishu::publish::publish;
use crate::sandbox::feishu::{Shared, scopes};
use crate::sandbox::ledger::record::Notice;
use crate::sandbox::lock::lock;
use crate::sandbox::people::{DONE, Done, find_app, find_message, find_person};
use crate::sandbox::world::actor::Actor;
use crate::sandbox::world::chat::Mode;

/// Any event to one app: `event` in an envelope of `event_type`, or `raw` as the whole payload.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Event {
    pub app: String,
    pub event_type: String,
    pub event: Value,
    /// The payload as it is, which need not be JSON.
    pub raw: Option<String>,
    /// In a frame of type `card`.
    pub card: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EventAnswer {
    pub event_id: String,
}

pub fn event(shared: &Arc<Shared>, request: Event) -> Result<EventAnswer> {
    let world = lock(&shared.world);
    let app = find_app(&world, &request.app)?;
    let teller = shared.teller(&world, shared.clock.wall_ms());
    let notice = teller.notice(app, &request.event_type, request.event);
    let body = request.raw.map_or_else(|| notice.body.clone(), Into::into);
    let envelope = if request.card { "card" } else { notice.envelope };
    let answer = EventAnswer { event_id: notice.event_id.clone() };
    drop(world);
    publish(shared, vec![Notice { body, envelope, ..notice }]);
    Ok(answer)
}

/// A person reads a bot's message in the chat of the two.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Read {
    pub message_id: String,
}

pub fn read(shared: &Arc<Shared>, request: Read) -> Result<Done> {
    let now_ms = shared.clock.wall_ms();
    let world = lock(&shared.world);
    let number = find_message(&world, &request.message_id)?;
    let chat = world.message(number).map_or(0, |message| message.chat);
    let reader = world.chats[chat].people().next().map(Actor::Person);
    let Some(reader) = reader.filter(|_| world.chats[chat].mode == Mode::P2p) else {
        return Err(Error::validation("read receipts exist in direct chats only"));
    };
    let teller = shared.teller(&world, now_ms);
    let notices = teller.chat(chat, "im.message.message_read_v1", scopes::READ_MESSAGES, |app| {
        let feishu = &shared.platform;
        json!({
            "reader": { "reader_id": feishu.user_id_object(&world, app, reader),
                        "read_time": now_ms.to_string(), "tenant_key": feishu.tenant_key },
            "message_id_list": [world.message_id(number)],
        })
    });
    drop(world);
    publish(shared, notices);
    Ok(DONE)
}

/// A person opens the chat with a bot.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Enter {
    pub app: String,
    pub from: Option<String>,
}

pub fn enter(shared: &Arc<Shared>, request: Enter) -> Result<Done> {
    let now_ms = shared.clock.wall_ms();
    let mut world = lock(&shared.world);
    let app = find_app(&world, &request.app)?;
    let person = find_person(&world, request.from.as_deref())?;
    let chat = world.p2p_chat(app, person, now_ms);
    let event_type = "im.chat.access_event.bot_p2p_chat_entered_v1";
    let teller = shared.teller(&world, now_ms);
    let notices = teller.chat(chat, event_type, scopes::P2P_ENTERED, |app| {
        let mut event = json!({
            "chat_id": world.chats[chat].id,
            "operator_id": shared.platform.user_id_object(&world, app, Actor::Person(person)),
        });
        let last = world.chats[chat].log.back().and_then(|number| world.message(*number));
        if let Some(message) = last {
            event["last_message_id"] = json!(world.message_id(message.number));
            event["last_message_create_time"] = json!(message.created_ms.to_string());
        }
        event
    });
    drop(world);
    publish(shared, notices);
    Ok(DONE)
}

/// A person picks an item of a bot's menu.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Menu {
    pub app: String,
    pub from: Option<String>,
    pub event_key: String,
}

pub fn menu(shared: &Arc<Shared>, request: Menu) -> Result<Done> {
    let now_ms = shared.clock.wall_ms();
    let world = lock(&shared.world);
    let app = find_app(&world, &request.app)?;
    let person = Actor::Person(find_person(&world, request.from.as_deref())?);
    let event = json!({
        "operator": { "operator_name": world.actor_name(person),
                      "operator_id": shared.platform.user_id_object(&world, app, person) },
        "event_key": request.event_key, "timestamp": now_ms / 1000,
    });
    let notice = shared.teller(&world, now_ms).notice(app, "application.bot.menu_v6", event);
    drop(world);
    publish(shared, vec![notice]);
    Ok(DONE)
}
