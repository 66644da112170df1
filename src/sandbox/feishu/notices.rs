//! What the platform pushes to an app: events of protocol section 4, addressed and serialised.

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};

use super::scopes;
use crate::sandbox::feishu::ids::{self, Kind};
use crate::sandbox::feishu::options::BotInfo;
use crate::sandbox::world::World;
use crate::sandbox::world::actor::Actor;
use crate::sandbox::world::chat::Mode;
use crate::sandbox::world::message::{Mentioned, Message};

/// One event on its way to one app.
#[derive(Clone, Debug)]
pub struct Notice {
    pub app: usize,
    pub event_type: String,
    /// Shared by everything that is a repetition of the same push.
    pub event_id: String,
    pub body: Bytes,
    /// The message it is about.
    pub message: Option<u64>,
    /// Answered synchronously and never repeated.
    pub callback: bool,
    /// Goes out in frames of type `card`, as what older cards report does.
    pub card: bool,
}

#[derive(Serialize)]
struct Envelope<'a, E> {
    schema: &'static str,
    header: EventHeader<'a>,
    event: E,
}

#[derive(Serialize)]
struct EventHeader<'a> {
    event_id: &'a str,
    event_type: &'a str,
    create_time: String,
    token: &'static str,
    app_id: &'a str,
    tenant_key: &'a str,
}

#[derive(Serialize)]
struct Received<'a> {
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

impl World {
    fn next_event_id(&mut self) -> String {
        let event_id = ids::seal(self.seed, Kind::Event, self.next_event);
        self.next_event += 1;
        event_id
    }

    /// Wraps an event in its envelope. Serialising plain strings and maps cannot fail.
    fn envelope<E: Serialize>(
        &self,
        event_id: String,
        app: usize,
        event_type: &str,
        now_ms: i64,
        event: E,
    ) -> Notice {
        let header = EventHeader {
            event_id: &event_id,
            event_type,
            create_time: now_ms.to_string(),
            token: "sandbox-verification-token",
            app_id: &self.apps[app].app_id,
            tenant_key: &self.tenant_key,
        };
        let envelope = Envelope { schema: "2.0", header, event };
        let body = serde_json::to_vec(&envelope).unwrap_or_default().into();
        Notice {
            app,
            event_type: event_type.to_owned(),
            event_id,
            body,
            message: None,
            callback: false,
            card: false,
        }
    }

    pub fn notice(&mut self, app: usize, event_type: &str, now_ms: i64, event: Value) -> Notice {
        let event_id = self.next_event_id();
        self.envelope(event_id, app, event_type, now_ms, event)
    }

    /// A message, to every app that hears it (and is in `only`, if given).
    pub fn message_notices(&mut self, number: u64, only: Option<&[usize]>, now_ms: i64) -> Vec<Notice> {
        let Some(message) = self.message(number) else { return Vec::new() };
        let bots = self.chats[message.chat].bots();
        let chosen = bots.filter(|app| only.is_none_or(|only| only.contains(app)));
        let apps: Vec<usize> = chosen.filter(|app| self.hears(*app, message)).collect();
        apps.into_iter().filter_map(|app| self.message_notice(app, number, now_ms)).collect()
    }

    pub fn message_notice(&mut self, app: usize, number: u64, now_ms: i64) -> Option<Notice> {
        let event_id = self.next_event_id();
        let message = self.message(number)?;
        let received = self.received(app, message);
        let notice = self.envelope(event_id, app, "im.message.receive_v1", now_ms, received);
        Some(Notice { message: Some(number), ..notice })
    }

    fn received<'a>(&'a self, app: usize, message: &'a Message) -> Received<'a> {
        let chat = &self.chats[message.chat];
        let sender_id = UserId {
            union_id: self.union_id(message.sender),
            user_id: self.user_id(app, message.sender),
            open_id: self.open_id(app, message.sender),
        };
        let sender_type = if message.sender.is_bot() { "bot" } else { "user" };
        Received {
            sender: Sender { sender_id, sender_type, tenant_key: &self.tenant_key },
            message: ReceivedMessage {
                message_id: self.message_id(message.number),
                root_id: message.root.map(|root| self.message_id(root)),
                parent_id: message.parent.map(|parent| self.message_id(parent)),
                thread_id: message.thread.map(|thread| self.thread_id(thread)),
                create_time: message.created_ms.to_string(),
                update_time: message.updated_ms.to_string(),
                chat_id: &chat.id,
                chat_type: if chat.mode == Mode::P2p { "p2p" } else { "group" },
                message_type: &message.msg_type,
                content: if message.deleted { "{}" } else { &message.content },
                mentions: message
                    .mentions
                    .iter()
                    .map(|m| self.mention(app, message.number, &m.key, m.who))
                    .collect(),
            },
        }
    }

    fn mention(&self, app: usize, number: u64, key: &str, who: Mentioned) -> Value {
        let Mentioned::One(actor) = who else {
            let nobody = json!({ "union_id": "", "user_id": "", "open_id": "" });
            return json!({ "key": key, "id": nobody, "name": "Everyone", "tenant_key": "" });
        };
        let mut mention = json!({
            "key": key, "id": self.user_id_object(app, actor), "name": self.actor_name(actor),
            "mentioned_type": if actor.is_bot() { "bot" } else { "user" },
            "tenant_key": self.tenant_key,
        });
        let told = match self.bot_info {
            BotInfo::Always => true,
            BotInfo::Some => (number + app as u64).is_multiple_of(2),
            BotInfo::Never => false,
        };
        if let (Actor::Bot(index), true) = (actor, told) {
            mention["bot_info"] = json!({ "app_id": self.apps[index].app_id });
        }
        mention
    }

    /// The same event to every bot of a chat that may know; the body differs by the ids each app sees.
    pub fn chat_notices(
        &mut self,
        chat: usize,
        event_type: &str,
        scopes: &[&str],
        now_ms: i64,
        event: impl Fn(&World, usize) -> Value,
    ) -> Vec<Notice> {
        let bots: Vec<usize> = self.chats[chat].bots().filter(|app| self.has_scope(*app, scopes)).collect();
        let mut notices = Vec::with_capacity(bots.len());
        for app in bots {
            let event = event(self, app);
            notices.push(self.notice(app, event_type, now_ms, event));
        }
        notices
    }

    pub fn recalled_notices(&mut self, number: u64, recall_type: &str, now_ms: i64) -> Vec<Notice> {
        let Some(chat) = self.message(number).map(|message| message.chat) else { return Vec::new() };
        self.chat_notices(chat, "im.message.recalled_v1", scopes::READ_MESSAGES, now_ms, |world, _| {
            json!({
                "message_id": world.message_id(number), "chat_id": world.chats[chat].id,
                "recall_time": now_ms.to_string(), "recall_type": recall_type,
            })
        })
    }

    /// To all bots of the chat, the reacting one included: filtering oneself is the client's job.
    pub fn reaction_notices(
        &mut self,
        number: u64,
        emoji: &str,
        by: Actor,
        added: bool,
        now_ms: i64,
    ) -> Vec<Notice> {
        let Some(chat) = self.message(number).map(|message| message.chat) else { return Vec::new() };
        let event_type =
            if added { "im.message.reaction.created_v1" } else { "im.message.reaction.deleted_v1" };
        self.chat_notices(chat, event_type, scopes::READ_REACTIONS, now_ms, |world, app| {
            let mut event = json!({
                "message_id": world.message_id(number), "reaction_type": { "emoji_type": emoji },
                "action_time": now_ms.to_string(),
            });
            match by {
                Actor::Bot(index) => {
                    event["operator_type"] = json!("app");
                    event["app_id"] = json!(world.apps[index].app_id);
                }
                Actor::Person(_) => {
                    event["operator_type"] = json!("user");
                    event["user_id"] = world.user_id_object(app, by);
                }
            }
            event
        })
    }

    /// What all events about a group have in common.
    pub fn group_event(&self, app: usize, chat: usize, operator: Option<Actor>) -> Value {
        let name = &self.chats[chat].name;
        let mut event = json!({
            "chat_id": self.chats[chat].id, "external": false, "operator_tenant_key": self.tenant_key,
            "name": name, "i18n_names": { "zh_cn": name, "en_us": name, "ja_jp": name },
        });
        if let Some(operator) = operator {
            event["operator_id"] = self.user_id_object(app, operator);
        }
        event
    }
}
