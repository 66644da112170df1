//! Messages and chats as REST shows them. Not the shape of events: ids are strings here and bots are apps.

use serde_json::{Map, Value, json};

use crate::sandbox::feishu::ids::{self, Kind};
use crate::sandbox::world::World;
use crate::sandbox::world::actor::Actor;
use crate::sandbox::world::chat::Mode;
use crate::sandbox::world::message::{Mentioned, Message, Reaction};

/// Which of its shapes a caller wants.
#[derive(Clone, Copy, Debug)]
pub struct MessageShape<'a> {
    pub app: usize,
    /// `None` when the caller did not say; bots are then shown by open_id instead of app_id.
    pub user_id_type: Option<&'a str>,
    pub card: CardForm,
}

/// What is told of a card.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CardForm {
    /// Title and rows.
    #[default]
    Rendered,
    /// `user_dsl`: as it was authored.
    User,
    /// `json_card`.
    Raw,
}

impl World {
    pub fn message_view(&self, message: &Message, shape: MessageShape<'_>) -> Value {
        let mut view = json!({
            "message_id": self.message_id(message.number),
            "msg_type": message.msg_type,
            "create_time": message.created_ms.to_string(),
            "update_time": message.updated_ms.to_string(),
            "deleted": message.deleted,
            "updated": message.edits > 0,
            "chat_id": self.chats[message.chat].id,
            "sender": self.sender_view(message.sender, shape),
            "body": { "content": self.content_view(message, shape) },
        });
        let optional = [
            ("parent_id", message.parent.map(|number| self.message_id(number))),
            ("root_id", message.root.map(|number| self.message_id(number))),
            ("thread_id", message.thread.map(|thread| self.thread_id(thread))),
        ];
        for (key, value) in optional {
            if let Some(value) = value {
                view[key] = Value::String(value);
            }
        }
        if !message.mentions.is_empty() && !message.deleted {
            let mentions = message.mentions.iter();
            view["mentions"] = mentions.map(|m| self.mention_view(&m.key, m.who, shape)).collect();
        }
        view
    }

    /// The message, and behind a merged forward what it holds, each with the id of what it lies in.
    pub fn message_views(&self, message: &Message, shape: MessageShape<'_>) -> Vec<Value> {
        let mut views = vec![self.message_view(message, shape)];
        for child in message.forwarded.iter().filter_map(|number| self.message(*number)) {
            let mut inner = self.message_views(child, shape);
            inner[0]["upper_message_id"] = Value::String(self.message_id(message.number));
            views.extend(inner);
        }
        views
    }

    fn content_view(&self, message: &Message, shape: MessageShape<'_>) -> String {
        if message.deleted {
            return r#"{"text":"This message was recalled"}"#.to_owned();
        }
        match (&message.card, shape.card) {
            (Some(card), CardForm::User) => json!({ "user_dsl": card }).to_string(),
            (Some(card), CardForm::Raw) => json!({ "json_card": card, "card_schema": 2 }).to_string(),
            (Some(_), CardForm::Rendered) | (None, _) => message.content.clone(),
        }
    }

    fn sender_view(&self, sender: Actor, shape: MessageShape<'_>) -> Value {
        match sender {
            Actor::Bot(index) => json!({
                "id": self.apps[index].app_id, "id_type": "app_id", "sender_type": "app",
                "tenant_key": self.tenant_key, "sender_name": self.apps[index].name,
                "open_bot_id": self.open_id(shape.app, sender),
            }),
            Actor::Person(_) => {
                let id_type = shape.user_id_type.unwrap_or("open_id");
                json!({
                    "id": self.id_as(shape.app, id_type, sender), "id_type": id_type,
                    "sender_type": "user", "tenant_key": self.tenant_key,
                    "sender_name": self.actor_name(sender),
                })
            }
        }
    }

    fn mention_view(&self, key: &str, who: Mentioned, shape: MessageShape<'_>) -> Value {
        let Mentioned::One(actor) = who else {
            return json!({ "key": key, "id": "", "id_type": "open_id", "name": "Everyone", "tenant_key": "" });
        };
        let (id, id_type) = match (actor, shape.user_id_type) {
            (Actor::Bot(index), Some(_)) => (self.apps[index].app_id.clone(), "app_id"),
            (Actor::Bot(_), None) => (self.open_id(shape.app, actor), "open_id"),
            (Actor::Person(_), id_type) => {
                let id_type = id_type.unwrap_or("open_id");
                (self.id_as(shape.app, id_type, actor), id_type)
            }
        };
        json!({
            "key": key, "id": id, "id_type": id_type, "name": self.actor_name(actor),
            "tenant_key": self.tenant_key,
        })
    }

    pub fn reaction_view(&self, app: usize, reaction: &Reaction) -> Value {
        let (operator_type, operator_id) = match reaction.by {
            Actor::Bot(index) => ("app", self.apps[index].app_id.clone()),
            Actor::Person(_) => ("user", self.open_id(app, reaction.by)),
        };
        json!({
            "reaction_id": ids::seal(self.seed, Kind::Reaction, reaction.number),
            "operator": { "operator_id": operator_id, "operator_type": operator_type },
            "action_time": reaction.at_ms.to_string(),
            "reaction_type": { "emoji_type": reaction.emoji },
        })
    }

    pub fn chat_item(&self, app: usize, chat: usize, id_type: &str) -> Value {
        let shown = &self.chats[chat];
        let mut item = json!({
            "chat_id": shown.id, "avatar": "", "name": shown.name, "description": shown.description,
            "external": false, "tenant_key": self.tenant_key, "labels": [],
            "chat_status": if shown.dissolved { "dissolved" } else { "normal" },
            "chat_mode": shown.mode.name(),
        });
        if let Some(owner) = shown.owner {
            item["owner_id"] = Value::String(self.id_as(app, id_type, owner));
            item["owner_id_type"] = Value::String(id_type.to_owned());
        }
        if let (Mode::P2p, Some(person)) = (shown.mode, shown.people().next()) {
            item["p2p_target_type"] = json!("user");
            item["p2p_target_id"] = Value::String(self.open_id(app, Actor::Person(person)));
        }
        item
    }

    pub fn chat_view(&self, app: usize, chat: usize, id_type: &str) -> Value {
        let shown = &self.chats[chat];
        let mut view = self.chat_item(app, chat, id_type);
        let more = json!({
            "i18n_names": { "zh_cn": "", "en_us": shown.name, "ja_jp": "" },
            "add_member_permission": "all_members", "share_card_permission": "allowed",
            "at_all_permission": "all_members", "edit_permission": "all_members",
            "user_manager_id_list": [], "bot_manager_id_list": [],
            "group_message_type": "chat", "chat_type": "private", "chat_tag": "inner",
            "join_message_visibility": "all_members", "leave_message_visibility": "all_members",
            "membership_approval": "no_approval_required", "moderation_permission": "all_members",
            "user_count": shown.people().count().to_string(),
            "bot_count": shown.bots().count().to_string(),
            "restricted_mode_setting": { "status": false },
            "urgent_setting": "all_members", "video_conference_setting": "all_members",
            "pin_manage_setting": "all_members", "hide_member_count_setting": "all_members",
        });
        if let (Value::Object(view), Value::Object(more)) = (&mut view, more) {
            view.extend(more);
        }
        view
    }

    /// What a bot that is not in the chat may see of it.
    pub fn chat_outline(&self, chat: usize) -> Value {
        let shown = &self.chats[chat];
        let mut outline = Map::new();
        outline.insert("name".to_owned(), json!(shown.name));
        outline.insert("chat_mode".to_owned(), json!(shown.mode.name()));
        outline.insert("chat_status".to_owned(), json!(if shown.dissolved { "dissolved" } else { "normal" }));
        Value::Object(outline)
    }
}
