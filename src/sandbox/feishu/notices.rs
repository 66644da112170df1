//! What Feishu pushes to its apps of what happened: events of protocol section 4, addressed and serialised.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};

use super::received::received;
use super::seal::Kind;
use super::{Feishu, Shared, scopes};
use crate::sandbox::ledger::record::Notice;
use crate::sandbox::world::World;
use crate::sandbox::world::actor::Actor;
use crate::sandbox::world::change::{Change, Renamed};

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

/// Those who hear of a change, each with an event of its own.
pub fn of(feishu: &Feishu, world: &World, change: &Change, now_ms: i64) -> Vec<Notice> {
    let teller = Teller { feishu, world, now_ms };
    match change {
        Change::Said { message } => teller.said(*message),
        // Nobody is told of an edit.
        Change::Edited { .. } => Vec::new(),
        Change::Recalled { message, by_right } => teller.recalled(*message, by_right.as_deref()),
        Change::Reacted { message, emoji, by, added } => teller.reacted(*message, emoji, *by, *added),
        Change::ChatMade { chat, by } => teller.chat_made(*chat, *by),
        Change::Joined { chat, who, by } => teller.joined(*chat, *who, *by),
        Change::Left { chat, who, by, withdrawn } => teller.left(*chat, *who, *by, *withdrawn),
        Change::Described { chat, by, name, description } => {
            teller.described(*chat, *by, [("name", name), ("description", description)])
        }
        Change::Dissolved { chat, by } => {
            let scopes = scopes::CHAT_CHANGES;
            teller.chat(*chat, "im.chat.disbanded_v1", scopes, |app| teller.group(app, *chat, *by))
        }
    }
}

/// Writes the events of one moment.
#[derive(Clone, Copy)]
pub struct Teller<'a> {
    feishu: &'a Feishu,
    world: &'a World,
    now_ms: i64,
}

impl Shared {
    pub fn teller<'a>(&'a self, world: &'a World, now_ms: i64) -> Teller<'a> {
        Teller { feishu: &self.platform, world, now_ms }
    }
}

impl Teller<'_> {
    /// One event in its envelope. Serialising plain strings and maps cannot fail.
    pub fn notice<E: Serialize>(&self, app: usize, event_type: &str, event: E) -> Notice {
        let number = self.feishu.next_event.fetch_add(1, Ordering::Relaxed);
        let event_id = self.feishu.ids.seal(Kind::Event, number);
        let header = EventHeader {
            event_id: &event_id,
            event_type,
            create_time: self.now_ms.to_string(),
            token: "sandbox-verification-token",
            app_id: &self.world.apps[app].id,
            tenant_key: &self.feishu.tenant_key,
        };
        let envelope = Envelope { schema: "2.0", header, event };
        let body: Bytes = serde_json::to_vec(&envelope).unwrap_or_default().into();
        Notice {
            app,
            event_type: event_type.to_owned(),
            event_id,
            body,
            message: None,
            callback: false,
            envelope: "event",
        }
    }

    /// The same event to every bot of a chat that may know; it differs by the ids each app sees.
    pub fn chat(
        &self,
        chat: usize,
        event_type: &str,
        scopes: &[&str],
        event: impl Fn(usize) -> Value,
    ) -> Vec<Notice> {
        let bots = self.world.chats[chat].bots().filter(|app| self.world.granted(*app, scopes));
        bots.map(|app| self.notice(app, event_type, event(app))).collect()
    }

    fn said(&self, number: u64) -> Vec<Notice> {
        let Some(message) = self.world.message(number) else { return Vec::new() };
        let bots = self.world.chats[message.chat].bots();
        let hearing = bots.filter(|app| scopes::hears(self.world, *app, message));
        let notice = |app| {
            let event = received(self.feishu, self.world, app, message);
            Notice { message: Some(number), ..self.notice(app, "im.message.receive_v1", event) }
        };
        hearing.map(notice).collect()
    }

    fn recalled(&self, number: u64, by_right: Option<&str>) -> Vec<Notice> {
        let Some(message) = self.world.message(number) else { return Vec::new() };
        let chat = &self.world.chats[message.chat];
        self.chat(message.chat, "im.message.recalled_v1", scopes::READ_MESSAGES, |_| {
            json!({
                "message_id": self.world.message_id(number), "chat_id": chat.id,
                "recall_time": self.now_ms.to_string(), "recall_type": by_right.unwrap_or("message_owner"),
            })
        })
    }

    /// To all bots of the chat, the reacting one included: filtering oneself is the client's job.
    fn reacted(&self, number: u64, emoji: &str, by: Actor, added: bool) -> Vec<Notice> {
        let Some(message) = self.world.message(number) else { return Vec::new() };
        let event_type =
            if added { "im.message.reaction.created_v1" } else { "im.message.reaction.deleted_v1" };
        self.chat(message.chat, event_type, scopes::READ_REACTIONS, |app| {
            let mut event = json!({
                "message_id": self.world.message_id(number), "reaction_type": { "emoji_type": emoji },
                "action_time": self.now_ms.to_string(),
            });
            match by {
                Actor::Bot(index) => {
                    event["operator_type"] = json!("app");
                    event["app_id"] = json!(self.world.apps[index].id);
                }
                Actor::Person(_) => {
                    event["operator_type"] = json!("user");
                    event["user_id"] = self.feishu.user_id_object(self.world, app, by);
                }
            }
            event
        })
    }

    fn chat_made(&self, chat: usize, by: Option<Actor>) -> Vec<Notice> {
        let Some(by) = by else { return Vec::new() };
        let bots = self.world.chats[chat].bots();
        bots.filter_map(|app| self.bot(app, chat, by, "im.chat.member.bot.added_v1")).collect()
    }

    fn joined(&self, chat: usize, who: Actor, by: Actor) -> Vec<Notice> {
        match who {
            // A bot that adds a bot causes no event.
            Actor::Bot(_) if by.is_bot() => Vec::new(),
            Actor::Bot(app) => self.bot(app, chat, by, "im.chat.member.bot.added_v1").into_iter().collect(),
            Actor::Person(_) => self.users(chat, who, by, "im.chat.member.user.added_v1"),
        }
    }

    fn left(&self, chat: usize, who: Actor, by: Actor, withdrawn: bool) -> Vec<Notice> {
        match who {
            Actor::Bot(app) => self.bot(app, chat, by, "im.chat.member.bot.deleted_v1").into_iter().collect(),
            Actor::Person(_) if withdrawn => self.users(chat, who, by, "im.chat.member.user.withdrawn_v1"),
            Actor::Person(_) => self.users(chat, who, by, "im.chat.member.user.deleted_v1"),
        }
    }

    /// To the bot that came or went, and to no other.
    fn bot(&self, app: usize, chat: usize, by: Actor, event_type: &str) -> Option<Notice> {
        let told = self.world.granted(app, scopes::BOT_MEMBERSHIP);
        told.then(|| self.notice(app, event_type, self.group(app, chat, by)))
    }

    fn users(&self, chat: usize, who: Actor, by: Actor, event_type: &str) -> Vec<Notice> {
        self.chat(chat, event_type, scopes::USER_MEMBERSHIP, |app| {
            let mut event = self.group(app, chat, by);
            event["users"] = json!([{
                "name": self.world.actor_name(who), "tenant_key": self.feishu.tenant_key,
                "user_id": self.feishu.user_id_object(self.world, app, who),
            }]);
            event
        })
    }

    fn described(&self, chat: usize, by: Actor, changed: [(&str, &Option<Renamed>); 2]) -> Vec<Notice> {
        let (mut before, mut after) = (json!({}), json!({}));
        for (key, renamed) in changed {
            if let Some(renamed) = renamed {
                before[key] = json!(renamed.before);
                after[key] = json!(renamed.after);
            }
        }
        self.chat(chat, "im.chat.updated_v1", scopes::CHAT_CHANGES, |app| {
            let mut event = self.group(app, chat, by);
            event["before_change"] = before.clone();
            event["after_change"] = after.clone();
            event
        })
    }

    /// What all events about a group have in common.
    fn group(&self, app: usize, chat: usize, operator: Actor) -> Value {
        let shown = &self.world.chats[chat];
        let name = &shown.name;
        json!({
            "chat_id": shown.id, "external": false, "operator_tenant_key": self.feishu.tenant_key,
            "name": name, "i18n_names": { "zh_cn": name, "en_us": name, "ja_jp": name },
            "operator_id": self.feishu.user_id_object(self.world, app, operator),
        })
    }
}
