//! A platform like none of the others: ids that hold a chat and a time, people under the same id in every app, own
//! posts that come back, envelopes of text, and on request a copy for each connection.

use std::sync::Arc;

use bytes::Bytes;

use crate::error::Result;
use crate::sandbox::ledger::record::{Attempt, Notice, Record};
use crate::sandbox::links::Outgoing;
use crate::sandbox::lock::lock;
use crate::sandbox::platform::{Platform, Spoken};
use crate::sandbox::shared::Shared;
use crate::sandbox::world::World;
use crate::sandbox::world::actor::Actor;
use crate::sandbox::world::change::Change;
use crate::sandbox::world::chat::Mode;
use crate::sandbox::world::ids::Ids;
use crate::sandbox::world::message::{Content, Mention, Mentioned, Message};
use crate::sandbox::{delivery, people};

pub struct Slate {
    pub copies: bool,
}

pub struct SlateIds;

impl Ids for SlateIds {
    fn app(&self, number: usize) -> String {
        format!("A{number}")
    }

    fn chat(&self, number: usize, mode: Mode) -> String {
        format!("{}{number}", if mode == Mode::P2p { "D" } else { "C" })
    }

    fn message(&self, world: &World, number: u64) -> String {
        let place = |m: &Message| format!("{}:{}.{number}", world.chats[m.chat].id, m.created_ms);
        world.message(number).map(place).unwrap_or_default()
    }

    fn message_number(&self, world: &World, id: &str) -> Option<u64> {
        let chat = world.chat_by_id(id.split_once(':')?.0)?;
        world.chats[chat].log.iter().copied().find(|number| world.message_id(*number) == id)
    }

    fn thread(&self, world: &World, first: u64) -> String {
        self.message(world, first)
    }

    fn thread_number(&self, world: &World, id: &str) -> Option<u64> {
        self.message_number(world, id)
    }

    fn file(&self, _: bool) -> String {
        "F1".to_owned()
    }
}

fn user(actor: Actor) -> String {
    format!("U{}", actor.number())
}

impl Platform for Slate {
    fn compose(&self, world: &World, spoken: &Spoken<'_>) -> Result<Content> {
        let mut content = self.plain(spoken.words.unwrap_or_default());
        for name in spoken.mention {
            let who = people::find_actor(world, name)?;
            let key = format!("<{}>", user(who));
            content.body = content.body.replace(&format!("@{name}"), &key);
            content.mentions.push(Mention { key, who: Mentioned::One(who) });
        }
        content.files = spoken.file.iter().map(|file| file.key.clone()).collect();
        Ok(content)
    }

    fn plain(&self, words: &str) -> Content {
        Content { kind: "post".to_owned(), body: words.to_owned(), ..Content::default() }
    }

    fn has_emoji(&self, name: &str) -> bool {
        name == "wave"
    }

    fn notices(&self, world: &World, change: &Change, _: i64) -> Vec<Notice> {
        let (chat, message, text) = match change {
            Change::Said { message } => {
                let said = world.message(*message).expect("it was said now");
                let text = format!("said {} by {}", said.content.body, user(said.sender));
                (said.chat, Some(*message), text)
            }
            Change::Edited { message, before } => {
                let said = world.message(*message).expect("it was edited now");
                let text = format!("edited {}, was {}", said.content.body, before.body);
                (said.chat, Some(*message), text)
            }
            Change::Recalled { message, .. } => {
                let text = format!("recalled {}", world.message_id(*message));
                (world.message(*message).expect("known").chat, Some(*message), text)
            }
            Change::Reacted { message, emoji, by, .. } => {
                let text = format!("reacted {emoji} by {}", user(*by));
                (world.message(*message).expect("known").chat, Some(*message), text)
            }
            Change::Joined { chat, who, .. } => (*chat, None, format!("joined {}", user(*who))),
            Change::ChatMade { .. }
            | Change::Left { .. }
            | Change::Described { .. }
            | Change::Dissolved { .. } => return Vec::new(),
        };
        let notice = |app| Notice {
            app,
            event_type: "event".to_owned(),
            event_id: String::new(),
            body: text.clone().into(),
            message,
            callback: false,
            envelope: "event",
        };
        world.chats[chat].bots().map(notice).collect()
    }

    fn publish(shared: &Arc<Shared<Slate>>, notices: Vec<Notice>) {
        for notice in notices {
            if shared.platform.copies {
                for link in lock(&shared.links).of_app(Some(notice.app)) {
                    link.offer(Outgoing::Text(String::from_utf8_lossy(&notice.body).into_owned()));
                }
            } else {
                delivery::send(shared, notice, None);
            }
        }
    }

    fn faults_armed(&self) -> usize {
        0
    }

    fn encode_ahead(&self, _: &Record, _: &Attempt, _: &Bytes) -> Option<Bytes> {
        None
    }
}
