//! Somebody says something.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{find_actor, find_chat, find_message, find_somebody};
use crate::error::{Error, Result};
use crate::sandbox::delivery;
use crate::sandbox::lock::lock;
use crate::sandbox::platform::{Attached, Platform, Spoken};
use crate::sandbox::shared::Shared;
use crate::sandbox::world::World;
use crate::sandbox::world::actor::Actor;
use crate::sandbox::world::change::Change;
use crate::sandbox::world::message::Draft;
use crate::sandbox::world::resource::{PICTURE, Resource};

/// A message of a person (or of a bot, as if it had called the platform).
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

pub fn say<P: Platform>(shared: &Arc<Shared<P>>, say: Say) -> Result<Said> {
    let now_ms = shared.clock.wall_ms();
    let mut world = lock(&shared.world);
    let sender = find_somebody(&world, say.from.as_deref())?;
    let reply_to = say.reply_to.as_deref().map(|id| find_message(&world, id)).transpose()?;
    let chat = target(&mut world, &say, sender, reply_to, now_ms)?;
    if !world.is_member(chat, sender) {
        let (who, title) = (world.actor_name(sender), world.chat_title(chat));
        return Err(Error::validation(format!("{who} is not in {title}")));
    }
    if world.chats[chat].dissolved {
        return Err(Error::validation("the chat is dissolved"));
    }
    let spoken = Spoken {
        sender,
        words: say.text.as_deref(),
        mention: &say.mention,
        file: attach(&mut world, &say, sender)?,
        forwards: !say.forward.is_empty(),
        native: say.content.as_ref(),
        kind: say.msg_type.as_deref(),
        raw: say.raw,
    };
    let content = shared.platform.compose(&world, &spoken)?;
    let forwarded = say.forward.iter().map(|id| find_message(&world, id)).collect::<Result<Vec<u64>>>()?;
    let draft = Draft { chat, sender, content, reply_to, in_thread: say.in_thread, forwarded };
    let number = world.post(draft, now_ms);
    let thread = world.message(number).and_then(|message| message.thread);
    let said = Said {
        message_id: world.message_id(number),
        chat_id: world.chats[chat].id.clone(),
        thread_id: thread.map(|thread| world.thread_id(thread)),
    };
    delivery::tell(shared, world, &[Change::Said { message: number }], now_ms);
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

/// Stores the file that goes with it.
fn attach<'a>(world: &mut World, say: &'a Say, owner: Actor) -> Result<Option<Attached<'a>>> {
    let (name, kind, bytes) = match &say.file {
        _ if say.image => ("picture.png", "image", Bytes::from_static(PICTURE)),
        Some(name) => {
            let text = say.text.clone().unwrap_or_else(|| "a file of the sandbox\n".to_owned());
            (name.as_str(), "file", text.into())
        }
        None => return Ok(None),
    };
    let resource = Resource { owner, kind: kind.to_owned(), name: name.to_owned(), bytes };
    let key = world.store(resource).ok_or_else(|| Error::storage("the sandbox's storage is full"))?;
    Ok(Some(Attached { key, name, image: say.image }))
}
