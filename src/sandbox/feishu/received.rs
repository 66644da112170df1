//! The event of a message, as each app that hears it is given it.

use serde::Serialize;
use serde_json::{Value, json};

use super::Feishu;
use super::options::BotInfo;
use crate::sandbox::world::World;
use crate::sandbox::world::actor::Actor;
use crate::sandbox::world::chat::Mode;
use crate::sandbox::world::message::{Mention, Mentioned, Message};

#[derive(Serialize)]
pub struct Received<'a> {
    sender: Sender<'a>,
    message: ReceivedMessage<'a>,
}

#[derive(Serialize)]
struct Sender<'a> {
    sender_id: UserId<'a>,
    sender_type: &'static str,
    tenant_key: &'a str,
}

#[derive(Serialize)]
struct UserId<'a> {
    union_id: String,
    user_id: &'a str,
    open_id: String,
}

#[derive(Serialize)]
struct ReceivedMessage<'a> {
    message_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    root_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thread_id: Option<String>,
    create_time: String,
    update_time: String,
    chat_id: &'a str,
    chat_type: &'static str,
    message_type: &'a str,
    content: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    mentions: Vec<Value>,
}

/// A message as this app hears of it.
pub fn received<'a>(feishu: &'a Feishu, world: &'a World, app: usize, message: &'a Message) -> Received<'a> {
    let chat = &world.chats[message.chat];
    let mentions = message.content.mentions.iter();
    let sender_id = UserId {
        union_id: feishu.ids.union_id(message.sender),
        user_id: feishu.user_id(world, app, message.sender),
        open_id: feishu.open_id(app, message.sender),
    };
    let sender_type = if message.sender.is_bot() { "bot" } else { "user" };
    Received {
        sender: Sender { sender_id, sender_type, tenant_key: &feishu.tenant_key },
        message: ReceivedMessage {
            message_id: world.message_id(message.number),
            root_id: message.root.map(|root| world.message_id(root)),
            parent_id: message.parent.map(|parent| world.message_id(parent)),
            thread_id: message.thread.map(|thread| world.thread_id(thread)),
            create_time: message.created_ms.to_string(),
            update_time: message.updated_ms.to_string(),
            chat_id: &chat.id,
            chat_type: if chat.mode == Mode::P2p { "p2p" } else { "group" },
            message_type: &message.content.kind,
            content: if message.deleted { "{}" } else { &message.content.body },
            mentions: mentions.map(|m| mention(feishu, world, app, message.number, m)).collect(),
        },
    }
}

fn mention(feishu: &Feishu, world: &World, app: usize, number: u64, mention: &Mention) -> Value {
    let key = &mention.key;
    let Mentioned::One(actor) = mention.who else {
        let nobody = json!({ "union_id": "", "user_id": "", "open_id": "" });
        return json!({ "key": key, "id": nobody, "name": "Everyone", "tenant_key": "" });
    };
    let mut mention = json!({
        "key": key, "id": feishu.user_id_object(world, app, actor), "name": world.actor_name(actor),
        "mentioned_type": if actor.is_bot() { "bot" } else { "user" },
        "tenant_key": feishu.tenant_key,
    });
    let told = match feishu.options.bot_info {
        BotInfo::Always => true,
        BotInfo::Some => (number + app as u64).is_multiple_of(2),
        BotInfo::Never => false,
    };
    if let (Actor::Bot(index), true) = (actor, told) {
        mention["bot_info"] = json!({ "app_id": world.apps[index].id });
    }
    mention
}
