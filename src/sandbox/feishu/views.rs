//! Messages and chats as REST shows them. Not the shape of events: ids are strings here and bots are apps.

use serde_json::{Map, Value, json};

use super::seal::Kind;
use super::{Feishu, Shared};
use crate::sandbox::world::World;
use crate::sandbox::world::actor::Actor;
use crate::sandbox::world::chat::Mode;
use crate::sandbox::world::message::{Mention, Mentioned, Message, Reaction};

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

/// The world as REST shows it.
#[derive(Clone, Copy)]
pub struct View<'a> {
    pub feishu: &'a Feishu,
    pub world: &'a World,
}

impl Shared {
    pub fn view<'a>(&'a self, world: &'a World) -> View<'a> {
        View { feishu: &self.platform, world }
    }
}

impl View<'_> {
    pub fn message(&self, message: &Message, shape: MessageShape<'_>) -> Value {
        let mut view = json!({
            "message_id": self.world.message_id(message.number),
            "msg_type": message.content.kind,
            "create_time": message.created_ms.to_string(),
            "update_time": message.updated_ms.to_string(),
            "deleted": message.deleted,
            "updated": message.edits > 0,
            "chat_id": self.world.chats[message.chat].id,
            "sender": self.sender(message.sender, shape),
            "body": { "content": self.content(message, shape) },
        });
        let optional = [
            ("parent_id", message.parent.map(|number| self.world.message_id(number))),
            ("root_id", message.root.map(|number| self.world.message_id(number))),
            ("thread_id", message.thread.map(|thread| self.world.thread_id(thread))),
        ];
        for (key, value) in optional {
            if let Some(value) = value {
                view[key] = Value::String(value);
            }
        }
        if !message.content.mentions.is_empty() && !message.deleted {
            let mentions = message.content.mentions.iter();
            view["mentions"] = mentions.map(|mention| self.mention(mention, shape)).collect();
        }
        view
    }

    /// The message, and behind a merged forward what it holds, each with the id of what it lies in.
    pub fn with_forwarded(&self, message: &Message, shape: MessageShape<'_>) -> Vec<Value> {
        let mut views = vec![self.message(message, shape)];
        for child in message.forwarded.iter().filter_map(|number| self.world.message(*number)) {
            let mut inner = self.with_forwarded(child, shape);
            inner[0]["upper_message_id"] = Value::String(self.world.message_id(message.number));
            views.extend(inner);
        }
        views
    }

    fn content(&self, message: &Message, shape: MessageShape<'_>) -> String {
        if message.deleted {
            return r#"{"text":"This message was recalled"}"#.to_owned();
        }
        match (&message.content.authored, shape.card) {
            (Some(card), CardForm::User) => json!({ "user_dsl": card }).to_string(),
            (Some(card), CardForm::Raw) => json!({ "json_card": card, "card_schema": 2 }).to_string(),
            (Some(_), CardForm::Rendered) | (None, _) => message.content.body.clone(),
        }
    }

    fn sender(&self, sender: Actor, shape: MessageShape<'_>) -> Value {
        match sender {
            Actor::Bot(index) => json!({
                "id": self.world.apps[index].id, "id_type": "app_id", "sender_type": "app",
                "tenant_key": self.feishu.tenant_key, "sender_name": self.world.apps[index].name,
                "open_bot_id": self.feishu.open_id(shape.app, sender),
            }),
            Actor::Person(_) => {
                let id_type = shape.user_id_type.unwrap_or("open_id");
                json!({
                    "id": self.feishu.id_as(self.world, shape.app, id_type, sender), "id_type": id_type,
                    "sender_type": "user", "tenant_key": self.feishu.tenant_key,
                    "sender_name": self.world.actor_name(sender),
                })
            }
        }
    }

    fn mention(&self, mention: &Mention, shape: MessageShape<'_>) -> Value {
        let key = &mention.key;
        let Mentioned::One(actor) = mention.who else {
            return json!({ "key": key, "id": "", "id_type": "open_id", "name": "Everyone", "tenant_key": "" });
        };
        let (id, id_type) = match (actor, shape.user_id_type) {
            (Actor::Bot(index), Some(_)) => (self.world.apps[index].id.clone(), "app_id"),
            (Actor::Bot(_), None) => (self.feishu.open_id(shape.app, actor), "open_id"),
            (Actor::Person(_), id_type) => {
                let id_type = id_type.unwrap_or("open_id");
                (self.feishu.id_as(self.world, shape.app, id_type, actor), id_type)
            }
        };
        json!({
            "key": key, "id": id, "id_type": id_type, "name": self.world.actor_name(actor),
            "tenant_key": self.feishu.tenant_key,
        })
    }

    pub fn reaction(&self, app: usize, reaction: &Reaction) -> Value {
        let (operator_type, operator_id) = match reaction.by {
            Actor::Bot(index) => ("app", self.world.apps[index].id.clone()),
            Actor::Person(_) => ("user", self.feishu.open_id(app, reaction.by)),
        };
        json!({
            "reaction_id": self.feishu.ids.seal(Kind::Reaction, reaction.number),
            "operator": { "operator_id": operator_id, "operator_type": operator_type },
            "action_time": reaction.at_ms.to_string(),
            "reaction_type": { "emoji_type": reaction.emoji },
        })
    }

    pub fn chat_item(&self, app: usize, chat: usize, id_type: &str) -> Value {
        let shown = &self.world.chats[chat];
        let mut item = json!({
            "chat_id": shown.id, "avatar": "", "name": shown.name, "description": shown.description,
            "external": false, "tenant_key": self.feishu.tenant_key, "labels": [],
            "chat_status": if shown.dissolved { "dissolved" } else { "normal" },
            "chat_mode": shown.mode.name(),
        });
        if let Some(owner) = shown.owner {
            item["owner_id"] = Value::String(self.feishu.id_as(self.world, app, id_type, owner));
            item["owner_id_type"] = Value::String(id_type.to_owned());
        }
        if let (Mode::P2p, Some(person)) = (shown.mode, shown.people().next()) {
            item["p2p_target_type"] = json!("user");
            item["p2p_target_id"] = Value::String(self.feishu.open_id(app, Actor::Person(person)));
        }
        item
    }

    pub fn chat(&self, app: usize, chat: usize, id_type: &str) -> Value {
        let shown = &self.world.chats[chat];
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
        let shown = &self.world.chats[chat];
        let mut outline = Map::new();
        outline.insert("name".to_owned(), json!(shown.name));
        outline.insert("chat_mode".to_owned(), json!(shown.mode.name()));
        outline.insert("chat_status".to_owned(), json!(if shown.dissolved { "dissolved" } else { "normal" }));
        Value::Object(outline)
    }
}
