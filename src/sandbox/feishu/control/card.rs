//! A person presses something in a card.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::sandbox::feishu::publish::publish_callback;
use crate::sandbox::feishu::{Shared, seal};
use crate::sandbox::ledger::record::Notice;
use crate::sandbox::lock::lock;
use crate::sandbox::people::{find_message, find_person};
use crate::sandbox::world::actor::Actor;

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
    let answered = publish_callback(shared, notice);
    let deadline = shared.platform.options.ack_deadline;
    Ok(match tokio::time::timeout(deadline, answered).await {
        Ok(Ok(answer)) => CardAnswer { code: Some(answer.code), data: answer.data },
        Ok(Err(_)) | Err(_) => CardAnswer { code: None, data: None },
    })
}

fn card_notice(shared: &Shared, request: Card) -> Result<Notice> {
    let now_ms = shared.clock.wall_ms();
    let world = lock(&shared.world);
    let number = find_message(&world, &request.message_id)?;
    let person = Actor::Person(find_person(&world, request.from.as_deref())?);
    let Some(message) = world.message(number).filter(|message| message.content.kind == "interactive") else {
        return Err(Error::validation("the message is not a card"));
    };
    let Actor::Bot(app) = message.sender else { return Err(Error::validation("the card is not of a bot")) };
    let action = match request.action {
        Value::Null => {
            json!({ "tag": "button", "value": request.value, "name": "", "option": "", "timezone": "" })
        }
        action => action,
    };
    let feishu = &shared.platform;
    let event = json!({
        "operator": { "tenant_key": feishu.tenant_key, "user_id": feishu.user_id(&world, app, person),
                      "union_id": feishu.ids.union_id(person), "open_id": feishu.open_id(app, person) },
        "token": format!("c-{}", seal::random_hex(32)), "host": "im_message", "delivery_type": "",
        "action": action,
        "context": { "url": "", "preview_token": "", "open_message_id": world.message_id(number),
                     "open_chat_id": world.chats[message.chat].id },
    });
    let notice = shared.teller(&world, now_ms).notice(app, "card.action.trigger", event);
    Ok(Notice { message: Some(number), ..notice })
}
