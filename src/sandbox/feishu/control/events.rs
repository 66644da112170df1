//! Events beside messages: arbitrary ones, read receipts, an opened chat, a menu, a pressed button.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::sandbox::delivery;
use crate::sandbox::feishu::ids;
use crate::sandbox::feishu::notices::Notice;
use crate::sandbox::feishu::scopes;
use crate::sandbox::people::{DONE, Done, find_app, find_message, find_person};
use crate::sandbox::shared::{Shared, lock};
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
    let mut world = lock(&shared.world);
    let app = find_app(&world, &request.app)?;
    let notice = world.notice(app, &request.event_type, shared.clock.wall_ms(), request.event);
    let body = request.raw.map_or_else(|| notice.body.clone(), Into::into);
    let answer = EventAnswer { event_id: notice.event_id.clone() };
    drop(world);
    delivery::publish(shared, vec![Notice { body, card: request.card, ..notice }]);
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
    let mut world = lock(&shared.world);
    let number = find_message(&world, &request.message_id)?;
    let chat = world.message(number).map_or(0, |message| message.chat);
    let reader = world.chats[chat].people().next().map(Actor::Person);
    let Some(reader) = reader.filter(|_| world.chats[chat].mode == Mode::P2p) else {
        return Err(Error::validation("read receipts exist in direct chats only"));
    };
    let notices = world.chat_notices(
        chat,
        "im.message.message_read_v1",
        scopes::READ_MESSAGES,
        now_ms,
        |world, app| {
            json!({
                "reader": { "reader_id": world.user_id_object(app, reader), "read_time": now_ms.to_string(),
                            "tenant_key": world.tenant_key },
                "message_id_list": [world.message_id(number)],
            })
        },
    );
    drop(world);
    delivery::publish(shared, notices);
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
    let notices = world.chat_notices(chat, event_type, scopes::P2P_ENTERED, now_ms, |world, app| {
        let mut event = json!({
            "chat_id": world.chats[chat].id,
            "operator_id": world.user_id_object(app, Actor::Person(person)),
        });
        let last = world.chats[chat].log.back().and_then(|number| world.message(*number));
        if let Some(message) = last {
            event["last_message_id"] = json!(world.message_id(message.number));
            event["last_message_create_time"] = json!(message.created_ms.to_string());
        }
        event
    });
    drop(world);
    delivery::publish(shared, notices);
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
    let mut world = lock(&shared.world);
    let app = find_app(&world, &request.app)?;
    let person = Actor::Person(find_person(&world, request.from.as_deref())?);
    let event = json!({
        "operator": { "operator_name": world.actor_name(person), "operator_id": world.user_id_object(app, person) },
        "event_key": request.event_key, "timestamp": now_ms / 1000,
    });
    let notice = world.notice(app, "application.bot.menu_v6", now_ms, event);
    drop(world);
    delivery::publish(shared, vec![notice]);
    Ok(DONE)
}

/// A person presses something in a bot's card.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Card {
    pub message_id: String,
    pub from: Option<String>,
    /// The whole `action`; a button with this `value` when it has no `tag`.
    pub action: Value,
    pub value: Value,
}

/// What the app answered; `code` is absent when it did not within the deadline.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CardAnswer {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

pub async fn card(shared: &Arc<Shared>, request: Card) -> Result<CardAnswer> {
    let notice = card_notice(shared, request)?;
    let answered = delivery::publish_callback(shared, notice);
    let deadline = shared.options.ack_deadline;
    Ok(match tokio::time::timeout(deadline, answered).await {
        Ok(Ok(answer)) => CardAnswer { code: Some(answer.code), data: answer.data },
        Ok(Err(_)) | Err(_) => CardAnswer { code: None, data: None },
    })
}

fn card_notice(shared: &Shared, request: Card) -> Result<Notice> {
    let now_ms = shared.clock.wall_ms();
    let mut world = lock(&shared.world);
    let number = find_message(&world, &request.message_id)?;
    let person = Actor::Person(find_person(&world, request.from.as_deref())?);
    let Some(message) = world.message(number).filter(|message| message.msg_type == "interactive") else {
        return Err(Error::validation("the message is not a card"));
    };
    let Actor::Bot(app) = message.sender else { return Err(Error::validation("the card is not of a bot")) };
    let action = match request.action {
        Value::Null => {
            json!({ "tag": "button", "value": request.value, "name": "", "option": "", "timezone": "" })
        }
        action => action,
    };
    let event = json!({
        "operator": { "tenant_key": world.tenant_key, "user_id": world.user_id(app, person),
                      "union_id": world.union_id(person), "open_id": world.open_id(app, person) },
        "token": format!("c-{}", ids::random_hex(32)), "host": "im_message", "delivery_type": "",
        "action": action,
        "context": { "url": "", "preview_token": "", "open_message_id": world.message_id(number),
                     "open_chat_id": world.chats[message.chat].id },
    });
    let notice = world.notice(app, "card.action.trigger", now_ms, event);
    Ok(Notice { message: Some(number), ..notice })
}
