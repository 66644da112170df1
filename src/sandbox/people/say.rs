//! Somebody says something, reacts, takes it back.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{DONE, Done, find_actor, find_chat, find_message, find_person};
use crate::error::{Error, Result};
use crate::sandbox::delivery;
use crate::sandbox::feishu::content::Rendered;
use crate::sandbox::feishu::rest::compose::render_for;
use crate::sandbox::feishu::rest::emoji;
use crate::sandbox::shared::{Shared, lock};
use crate::sandbox::world::World;
use crate::sandbox::world::actor::Actor;
use crate::sandbox::world::message::{Draft, Mention, Mentioned};
use crate::sandbox::world::resource::{PICTURE, Resource};

/// A message of a person (or of a bot, as if it had used REST).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Say {
    /// Id or name of a chat …
    pub chat: Option<String>,
    /// … or a bot, for the chat of the two.
    pub to: Option<String>,
    /// A name; the first person when absent.
    pub from: Option<String>,
    /// `@name` of somebody in `mention` becomes a real mention; mentions without a place come first.
    pub text: Option<String>,
    /// Content of another type, as a JSON string or as JSON: what a sender would write, or `raw` what receivers see.
    pub content: Option<Value>,
    pub msg_type: Option<String>,
    pub raw: bool,
    /// Names, or `all`.
    pub mention: Vec<String>,
    pub reply_to: Option<String>,
    pub in_thread: bool,
    /// A small PNG.
    pub image: bool,
    /// A file of this name, holding `text`.
    pub file: Option<String>,
    /// Ids of messages that are passed on together, from any chat.
    pub forward: Vec<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Said {
    pub message_id: String,
    pub chat_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread_id: Option<String>,
}

pub fn say(shared: &Arc<Shared>, say: Say) -> Result<Said> {
    let now_ms = shared.clock.wall_ms();
    let mut world = lock(&shared.world);
    let sender = match &say.from {
        Some(name) => find_actor(&world, name)?,
        None => Actor::Person(find_person(&world, None)?),
    };
    let reply_to = say.reply_to.as_deref().map(|id| find_message(&world, id)).transpose()?;
    let chat = target(&mut world, &say, sender, reply_to, now_ms)?;
    if !world.is_member(chat, sender) {
        let (who, title) = (world.actor_name(sender), world.chat_title(chat));
        return Err(Error::validation(format!("{who} is not in {title}")));
    }
    if world.chats[chat].dissolved {
        return Err(Error::validation("the chat is dissolved"));
    }
    let (msg_type, rendered) = content(&mut world, &say, sender)?;
    let draft = Draft { chat, sender, msg_type, rendered, reply_to, in_thread: say.in_thread };
    let forwarded = say.forward.iter().map(|id| find_message(&world, id)).collect::<Result<Vec<u64>>>()?;
    let number = world.post(draft, now_ms);
    if let Some(message) = world.message_mut(number) {
        message.forwarded = forwarded;
    }
    let thread = world.message(number).and_then(|message| message.thread);
    let said = Said {
        message_id: world.message_id(number),
        chat_id: world.chats[chat].id.clone(),
        thread_id: thread.map(|thread| world.thread_id(thread)),
    };
    let notices = world.message_notices(number, None, now_ms);
    drop(world);
    delivery::publish(shared, notices);
    Ok(said)
}

fn target(world: &mut World, say: &Say, sender: Actor, reply_to: Option<u64>, now_ms: i64) -> Result<usize> {
    match (&say.chat, &say.to, reply_to) {
        (Some(chat), None, _) => find_chat(world, chat),
        (None, Some(bot), _) => match (find_actor(world, bot)?, sender) {
            (Actor::Bot(bot), Actor::Person(person)) | (Actor::Person(person), Actor::Bot(bot)) => {
                Ok(world.p2p_chat(bot, person, now_ms))
            }
            (Actor::Bot(_), Actor::Bot(_)) | (Actor::Person(_), Actor::Person(_)) => {
                Err(Error::validation("a direct chat is between a person and a bot"))
            }
        },
        (None, None, Some(number)) => {
            let message = world.message(number);
            message.map(|m| m.chat).ok_or_else(|| Error::validation("the answered message is forgotten"))
        }
        (Some(_), Some(_), _) => Err(Error::validation("`chat` and `to` exclude each other")),
        (None, None, None) => Err(Error::validation("one of `chat`, `to`, `reply_to` is needed")),
    }
}

fn content(world: &mut World, say: &Say, sender: Actor) -> Result<(String, Rendered)> {
    if say.image {
        let picture = Resource {
            owner: sender,
            kind: "image".to_owned(),
            name: "picture.png".to_owned(),
            bytes: Bytes::from_static(PICTURE),
        };
        return uploaded(world, picture, "image", |key| json!({ "image_key": key }));
    }
    if let Some(name) = &say.file {
        let text = say.text.clone().unwrap_or_else(|| "a file of the sandbox\n".to_owned());
        let file =
            Resource { owner: sender, kind: "stream".to_owned(), name: name.clone(), bytes: text.into() };
        return uploaded(world, file, "file", |key| json!({ "file_key": key, "file_name": name }));
    }
    if !say.forward.is_empty() {
        // Whatever it holds, this is all that the container says of it.
        let content = json!({ "content": "Merged and Forwarded Message" }).to_string();
        return Ok(("merge_forward".to_owned(), Rendered { content, ..Rendered::default() }));
    }
    let msg_type = say.msg_type.clone().unwrap_or_else(|| "text".to_owned());
    let content = match (&say.content, &say.text) {
        (Some(Value::String(content)), _) => content.clone(),
        (Some(content), _) => content.to_string(),
        (None, Some(text)) => json!({ "text": tagged(text, &say.mention) }).to_string(),
        (None, None) => return Err(Error::validation("`text` or `content` is needed")),
    };
    if say.raw {
        let mentions = plain_mentions(world, &say.mention)?;
        let resources = say.content.as_ref().map(keys).unwrap_or_default();
        return Ok((msg_type, Rendered { content, mentions, resources, card: None }));
    }
    for name in say.mention.iter().filter(|name| *name != "all") {
        find_actor(world, name)?;
    }
    // Names stand for people in the tags made above; a bot's own tags hold ids of its app.
    let author = if say.content.is_none() { Actor::Person(0) } else { sender };
    let rendered = render_for(world, author, &msg_type, &content);
    rendered.map(|rendered| (msg_type, rendered)).map_err(|error| Error::validation(error.msg))
}

/// Whatever is named by a key in a content of any shape.
fn keys(content: &Value) -> Vec<String> {
    let own = |(key, value): (&String, &Value)| match value {
        Value::String(text) if key.ends_with("_key") => vec![text.clone()],
        value => keys(value),
    };
    match content {
        Value::Object(map) => map.iter().flat_map(own).collect(),
        Value::Array(items) => items.iter().flat_map(keys).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

/// `@name` where it stands, otherwise in front.
fn tagged(text: &str, mention: &[String]) -> String {
    let mut text = text.to_owned();
    let mut front = String::new();
    for name in mention {
        let tag = format!("<at user_id=\"{name}\">{name}</at>");
        let written = format!("@{name}");
        if text.contains(&written) {
            text = text.replace(&written, &tag);
        } else {
            front.push_str(&tag);
            front.push(' ');
        }
    }
    front + &text
}

fn plain_mentions(world: &World, names: &[String]) -> Result<Vec<Mention>> {
    let mentions = names.iter().enumerate().map(|(index, name)| {
        if name == "all" {
            return Ok(Mention { key: "@_all".to_owned(), who: Mentioned::Everyone });
        }
        let who = Mentioned::One(find_actor(world, name)?);
        Ok(Mention { key: format!("@_user_{}", index + 1), who })
    });
    mentions.collect()
}

fn uploaded(
    world: &mut World,
    resource: Resource,
    msg_type: &str,
    content: impl Fn(&str) -> Value,
) -> Result<(String, Rendered)> {
    let key = world.store(resource).ok_or_else(|| Error::storage("the sandbox's storage is full"))?;
    let content = content(&key).to_string();
    Ok((msg_type.to_owned(), Rendered { content, resources: vec![key], ..Rendered::default() }))
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct React {
    pub message_id: String,
    pub from: Option<String>,
    pub emoji: String,
    /// Takes the reaction away again.
    pub remove: bool,
}

pub fn react(shared: &Arc<Shared>, react: React) -> Result<Done> {
    if !emoji::is_valid(&react.emoji) {
        return Err(Error::validation(format!("`{}` is no emoji_type", react.emoji)));
    }
    let now_ms = shared.clock.wall_ms();
    let mut world = lock(&shared.world);
    let number = find_message(&world, &react.message_id)?;
    let by = match &react.from {
        Some(name) => find_actor(&world, name)?,
        None => Actor::Person(find_person(&world, None)?),
    };
    let changed = if react.remove {
        let reactions = world.message(number).map(|message| message.reactions.as_slice()).unwrap_or_default();
        let known = reactions.iter().find(|known| known.by == by && known.emoji == react.emoji).cloned();
        let known = known.ok_or_else(|| Error::validation("there is no such reaction"))?;
        world.unreact(number, known.number);
        true
    } else {
        world.react(number, &react.emoji, by, now_ms).1
    };
    let notices = if changed {
        world.reaction_notices(number, &react.emoji, by, !react.remove, now_ms)
    } else {
        Vec::new()
    };
    drop(world);
    delivery::publish(shared, notices);
    Ok(DONE)
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Recall {
    pub message_id: String,
    /// `message_owner` unless said otherwise.
    pub recall_type: Option<String>,
}

pub fn recall(shared: &Arc<Shared>, recall: Recall) -> Result<Done> {
    let now_ms = shared.clock.wall_ms();
    let mut world = lock(&shared.world);
    let number = find_message(&world, &recall.message_id)?;
    if let Some(message) = world.message_mut(number) {
        message.deleted = true;
    }
    let recall_type = recall.recall_type.as_deref().unwrap_or("message_owner");
    let notices = world.recalled_notices(number, recall_type, now_ms);
    drop(world);
    delivery::publish(shared, notices);
    Ok(DONE)
}
