//! A message of the history, in our own words. Ids are strings here and bots are apps, unlike in events.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Value, json};

use super::content::{self, Around};
use super::known::Known;
use super::loose::{self, List, Text};
use super::mention::{self, Doubt, Me};
use super::strangers::Given;
use super::wire::WireMention;
use super::{tidy, time};
use crate::core::mention::{Addressed, scope};
use crate::event::ids::{ChatId, MessageId, ThreadId, UserId};
use crate::event::{ChatType, Message, SenderType, Trust};
use crate::transport::Identity;
use crate::transport::verbs::{MemberType, PastMessage, Sender};

/// Stands for the type of a message that names none.
const UNKNOWN: &str = "unknown";

/// Stands for the words of a message that was taken back.
const RECALLED: &str = "[recalled]";

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wire<'a> {
    #[serde(borrow)]
    pub message_id: Text<'a>,
    #[serde(borrow)]
    root_id: Text<'a>,
    #[serde(borrow)]
    parent_id: Text<'a>,
    #[serde(borrow)]
    pub thread_id: Text<'a>,
    #[serde(borrow)]
    pub msg_type: Text<'a>,
    #[serde(borrow)]
    create_time: Text<'a>,
    #[serde(borrow)]
    update_time: Text<'a>,
    #[serde(deserialize_with = "loose::flag")]
    deleted: bool,
    #[serde(deserialize_with = "loose::flag")]
    updated: bool,
    #[serde(borrow)]
    pub chat_id: Text<'a>,
    #[serde(borrow, deserialize_with = "loose::object")]
    pub sender: WireSender<'a>,
    #[serde(borrow, deserialize_with = "loose::object")]
    body: WireBody<'a>,
    #[serde(borrow)]
    pub mentions: List<WireMention<'a>>,
    /// The merged forward it lies in.
    #[serde(borrow)]
    pub upper_message_id: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct WireSender<'a> {
    #[serde(borrow)]
    pub id: Text<'a>,
    #[serde(borrow)]
    id_type: Text<'a>,
    #[serde(borrow)]
    sender_type: Text<'a>,
    #[serde(borrow)]
    sender_name: Text<'a>,
    /// A bot's open_id, in newer answers.
    #[serde(borrow)]
    open_bot_id: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WireBody<'a> {
    #[serde(borrow, deserialize_with = "loose::content")]
    content: Text<'a>,
}

/// What a push of a message tells in its own fields.
#[derive(Debug)]
pub struct Told {
    pub message_type: String,
    pub content: String,
    pub mentions: Vec<Value>,
    /// It was taken back meanwhile.
    pub recalled: bool,
}

impl Wire<'_> {
    /// None where the history has no words either.
    pub fn told(&self) -> Option<Told> {
        if self.deleted {
            let content = json!({"text": RECALLED}).to_string();
            return Some(Told {
                message_type: "text".to_owned(),
                content,
                mentions: Vec::new(),
                recalled: true,
            });
        }
        let mention = |mention: &WireMention<'_>| {
            let id = json!({"open_id": mention.id.open_id.as_str()});
            json!({"key": mention.key.as_str(), "id": id, "name": mention.name.as_str()})
        };
        let mentions = self.mentions.0.iter().map(mention).collect();
        let content = self.body.content.as_str();
        (!content.trim().is_empty()).then(|| Told {
            message_type: self.kind().to_owned(),
            content: content.to_owned(),
            mentions,
            recalled: false,
        })
    }

    /// Milliseconds since the epoch.
    pub fn written(&self) -> i64 {
        time::millis(self.create_time.as_str()).unwrap_or(0)
    }

    /// What its mentions are looked at by.
    pub fn given(&self) -> Given<'_> {
        Given {
            message_id: self.message_id.as_str(),
            content: self.body.content.as_str(),
            mentions: &self.mentions.0,
        }
    }

    pub fn is_card(&self) -> bool {
        self.msg_type.as_str() == "interactive"
    }

    pub fn content(&self) -> &str {
        self.body.content.as_str()
    }

    pub fn deleted(&self) -> bool {
        self.deleted
    }

    /// What kind of message it is, where that can be read.
    fn kind(&self) -> &str {
        if self.msg_type.is_empty() { UNKNOWN } else { self.msg_type.as_str() }
    }

    /// The chat it was listed for, where it does not say so itself.
    pub fn stands_in(&mut self, chat: &ChatId) {
        if self.chat_id.is_empty() {
            self.chat_id = Text(Cow::Owned(chat.to_string()));
        }
    }

    /// Without an id and a chat it is nothing that could be told or answered.
    pub fn names_itself(&self) -> bool {
        !self.message_id.is_empty() && !self.chat_id.is_empty()
    }

    /// What this message tells of its sender.
    pub fn gossip(&self, known: &mut Known) {
        let sender = &self.sender;
        let bot = sender.open_bot_id.as_str();
        if is_app(sender) && !bot.is_empty() {
            known.learn_app(bot, sender.id.as_str());
            known.learn_name(bot, &tidy::name(sender.sender_name.as_str()));
        }
        known.learn_name(sender.id.as_str(), &tidy::name(sender.sender_name.as_str()));
    }

    /// Is the sender's name still to be found?
    pub fn nameless(&self, known: &Known) -> bool {
        known.person(self.sender.id.as_str()).is_none_or(|person| person.name.is_none())
    }
}

fn is_app(sender: &WireSender<'_>) -> bool {
    sender.id_type.as_str() == "app_id" || matches!(sender.sender_type.as_str(), "app" | "bot")
}

/// Renders as a line would be.
pub fn render(wire: &Wire<'_>, identity: &Identity, me: Me<'_>, known: &Known) -> PastMessage {
    let profile_of = |app_id: &str| profile_of(identity, app_id);
    let mut mentions = mention::read(&wire.mentions.0, me, known, profile_of, Doubt::Name);
    let around = Around { mentions: &mentions, known, message_id: None };
    let content = content::render(wire.kind(), wire.body.content.as_str(), around);
    mentions.join(content.mentions);
    let (sender_id, sender_type) = sender_id(&wire.sender, me);
    let name = |id: &str| known.person(id).and_then(|person| person.name.as_deref()).map(str::to_owned);
    let edited = wire.updated && !wire.deleted;
    let some_id = |id: &Text<'_>| tidy::some(id.as_str(), |id| MessageId::new(tidy::id(id)));
    PastMessage {
        message_id: MessageId::new(tidy::id(wire.message_id.as_str())),
        chat_id: ChatId::new(tidy::id(wire.chat_id.as_str())),
        message_type: tidy::word(wire.kind()),
        create_time: time::rfc3339(wire.written()),
        sender_name: name(wire.sender.id.as_str()).or_else(|| name(sender_id.as_str())),
        sender_profile: (sender_type == MemberType::Bot)
            .then(|| profile_of(wire.sender.id.as_str()))
            .flatten(),
        sender: sender(&wire.sender),
        sender_id,
        sender_type,
        content: if wire.deleted { RECALLED.to_owned() } else { content.text },
        truncated: (!wire.deleted && (content.truncated || mentions.cut)).then_some(true),
        mentions: if wire.deleted { Vec::new() } else { mentions.list },
        thread_id: tidy::some(wire.thread_id.as_str(), |id| ThreadId::new(tidy::id(id))),
        root_id: some_id(&wire.root_id),
        reply_to: some_id(&wire.parent_id),
        deleted: wire.deleted.then_some(true),
        updated: edited.then_some(true),
        update_time: edited.then(|| time::millis(wire.update_time.as_str()).map(time::rfc3339)).flatten(),
        resources: if wire.deleted { Vec::new() } else { content.resources },
        children: Vec::new(),
    }
}

/// What the history does not say of a message's chat.
#[derive(Clone, Copy, Debug)]
pub struct Scene {
    pub chat_type: ChatType,
}

/// The line a push of this message would have made. Absent for this bot's own words and for what was taken back.
pub fn message(
    wire: &Wire<'_>,
    identity: &Identity,
    me: Me<'_>,
    known: &Known,
    scene: Scene,
) -> Option<Message> {
    let (sender_id, kind) = sender_id(&wire.sender, me);
    let own = sender_id.as_str() == me.open_id || wire.sender.id.as_str() == me.app_id;
    if wire.deleted || own || !wire.names_itself() {
        return None;
    }
    let profile_of = |app_id: &str| profile_of(identity, app_id);
    let mut mentions = mention::read(&wire.mentions.0, me, known, profile_of, Doubt::Name);
    let around = Around { mentions: &mentions, known, message_id: Some(wire.message_id.as_str()) };
    let content = content::render(wire.kind(), wire.body.content.as_str(), around);
    mentions.join(content.mentions);
    let sender_type = match kind {
        MemberType::User => SenderType::User,
        MemberType::Bot => SenderType::Bot,
    };
    let (mentioned, mention) = scope(Addressed {
        directly: scene.chat_type == ChatType::P2p && sender_type == SenderType::User,
        me: mentions.me || content.me,
        all: mentions.all || content.all,
        others: mentions.others || content.others,
    });
    let name = |id: &str| known.person(id).and_then(|person| person.name.as_deref()).map(tidy::name);
    let chat = known.chat(wire.chat_id.as_str());
    let chat_id = ChatId::new(tidy::id(wire.chat_id.as_str()));
    let some_id = |id: &Text<'_>| tidy::some(id.as_str(), |id| MessageId::new(tidy::id(id)));
    Some(Message {
        // Whose word it is to this profile is judged where all that comes in is.
        trust: Trust::Stranger,
        chat_name: chat.and_then(|chat| chat.name.as_deref()).map(tidy::name),
        chat_id,
        chat_type: scene.chat_type,
        message_id: MessageId::new(tidy::id(wire.message_id.as_str())),
        message_type: tidy::word(wire.kind()),
        sender_name: name(wire.sender.id.as_str()).or_else(|| name(sender_id.as_str())),
        sender_type,
        sender_profile: (sender_type == SenderType::Bot)
            .then(|| profile_of(wire.sender.id.as_str()))
            .flatten(),
        mentioned,
        mention,
        hidden: crate::event::hidden(&content.text),
        content: content.text,
        truncated: (content.truncated || mentions.cut).then_some(true),
        mentions: mentions.list,
        thread_id: tidy::some(wire.thread_id.as_str(), |id| ThreadId::new(tidy::id(id))),
        root_id: some_id(&wire.root_id),
        reply_to: some_id(&wire.parent_id),
        create_time: time::rfc3339(wire.written()),
        resources: content.resources,
        relayed: None,
        room: None,
        floor: None,
        sender_id,
        // What the push of it is called.
        event_type: "im.message.receive_v1".to_owned(),
    })
}

fn sender(sender: &WireSender<'_>) -> Sender {
    Sender {
        id: tidy::id(sender.id.as_str()),
        id_type: tidy::word(sender.id_type.as_str()),
        sender_type: tidy::word(sender.sender_type.as_str()),
    }
}

/// The id by which a sender can be mentioned, where it is known.
fn sender_id(sender: &WireSender<'_>, me: Me<'_>) -> (UserId, MemberType) {
    if !is_app(sender) {
        return (UserId::new(tidy::id(sender.id.as_str())), MemberType::User);
    }
    let id = match sender.open_bot_id.as_str() {
        "" if sender.id.as_str() == me.app_id => me.open_id,
        "" => sender.id.as_str(),
        open_id => open_id,
    };
    (UserId::new(tidy::id(id)), MemberType::Bot)
}

pub fn profile_of(identity: &Identity, app_id: &str) -> Option<String> {
    if app_id == identity.app_id {
        return Some(identity.profile.to_string());
    }
    identity.siblings.profile(app_id)
}
