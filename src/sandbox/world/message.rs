//! Messages: their place in a chat, in a reply chain and in a thread.

use super::World;
use super::actor::Actor;
use super::chat::Mode;
use crate::sandbox::feishu::content::Rendered;
use crate::sandbox::feishu::ids::{self, Kind};

pub struct Message {
    pub number: u64,
    pub chat: usize,
    pub sender: Actor,
    pub msg_type: String,
    /// As receivers see it: mentions are keys, cards are simplified.
    pub content: String,
    /// The card as it was authored.
    pub card: Option<String>,
    pub mentions: Vec<Mention>,
    /// Keys of images and files in it.
    pub resources: Vec<String>,
    pub parent: Option<u64>,
    pub root: Option<u64>,
    /// Number of the thread's first message.
    pub thread: Option<u64>,
    pub created_ms: i64,
    pub updated_ms: i64,
    pub edits: u32,
    pub deleted: bool,
    pub reactions: Vec<Reaction>,
    /// What a merged forward holds, oldest first.
    pub forwarded: Vec<u64>,
    /// When the card was patched in the last second.
    pub patches: Vec<tokio::time::Instant>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mention {
    /// `@_user_1`, or `@_all`.
    pub key: String,
    pub who: Mentioned,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mentioned {
    Everyone,
    One(Actor),
}

#[derive(Clone, Debug)]
pub struct Reaction {
    pub number: u64,
    pub emoji: String,
    pub by: Actor,
    pub at_ms: i64,
}

/// A message about to be said.
pub struct Draft {
    pub chat: usize,
    pub sender: Actor,
    pub msg_type: String,
    pub rendered: Rendered,
    pub reply_to: Option<u64>,
    pub in_thread: bool,
}

impl Message {
    /// Mentions inside a card never count (protocol 4.4); rendering leaves them out.
    pub fn mentions_actor(&self, actor: Actor) -> bool {
        self.mentions.iter().any(|mention| mention.who == Mentioned::One(actor))
    }

    /// A plain listing of a chat shows thread roots, not what was answered in the thread.
    pub fn listed_in_chat(&self) -> bool {
        self.thread.is_none_or(|thread| thread == self.number)
    }
}

struct Place {
    parent: Option<u64>,
    root: Option<u64>,
    thread: Option<u64>,
}

impl World {
    /// Appends the message to its chat and returns its number.
    pub fn post(&mut self, draft: Draft, now_ms: i64) -> u64 {
        let number = self.first_message + self.messages.len() as u64;
        let place = self.place(&draft, number);
        let chat = &mut self.chats[draft.chat];
        chat.log.push_back(number);
        chat.active_ms = now_ms;
        self.messages.push_back(Message {
            number,
            chat: draft.chat,
            sender: draft.sender,
            msg_type: draft.msg_type,
            content: draft.rendered.content,
            card: draft.rendered.card,
            mentions: draft.rendered.mentions,
            resources: draft.rendered.resources,
            parent: place.parent,
            root: place.root,
            thread: place.thread,
            created_ms: now_ms,
            updated_ms: now_ms,
            edits: 0,
            deleted: false,
            reactions: Vec::new(),
            forwarded: Vec::new(),
            patches: Vec::new(),
        });
        self.forget_oldest();
        number
    }

    fn place(&mut self, draft: &Draft, number: u64) -> Place {
        let topic = self.chats[draft.chat].mode == Mode::Topic;
        let Some(answered) = draft.reply_to.and_then(|parent| self.message_mut(parent)) else {
            return Place { parent: None, root: None, thread: topic.then_some(number) };
        };
        if draft.in_thread && answered.thread.is_none() {
            // The answered message becomes the thread's first.
            answered.thread = Some(answered.number);
        }
        let (parent, root, thread) =
            (answered.number, answered.root.unwrap_or(answered.number), answered.thread);
        match thread {
            // In topic groups every answer hangs on the topic's first message.
            Some(first) if topic => Place { parent: Some(first), root: Some(first), thread },
            Some(_) | None => Place { parent: Some(parent), root: Some(root), thread },
        }
    }

    fn forget_oldest(&mut self) {
        while self.messages.len() > self.keep {
            let Some(oldest) = self.messages.pop_front() else { return };
            self.first_message = oldest.number + 1;
            let log = &mut self.chats[oldest.chat].log;
            if log.front() == Some(&oldest.number) {
                log.pop_front();
            }
        }
    }

    pub fn message(&self, number: u64) -> Option<&Message> {
        self.messages.get(usize::try_from(number.checked_sub(self.first_message)?).ok()?)
    }

    pub fn message_mut(&mut self, number: u64) -> Option<&mut Message> {
        self.messages.get_mut(usize::try_from(number.checked_sub(self.first_message)?).ok()?)
    }

    pub fn message_id(&self, number: u64) -> String {
        format!("om_{}", ids::seal(self.seed, Kind::Message, number))
    }

    pub fn message_by_id(&self, message_id: &str) -> Option<&Message> {
        let number = ids::open(self.seed, Kind::Message, message_id.strip_prefix("om_")?)?;
        self.message(number)
    }

    pub fn thread_id(&self, thread: u64) -> String {
        format!("omt_{}", ids::seal(self.seed, Kind::Thread, thread))
    }

    pub fn thread_by_id(&self, thread_id: &str) -> Option<u64> {
        ids::open(self.seed, Kind::Thread, thread_id.strip_prefix("omt_")?)
    }
}

impl World {
    /// Adds a reaction; the same emoji of the same actor exists once. Tells whether it is new.
    pub fn react(&mut self, number: u64, emoji: &str, by: Actor, at_ms: i64) -> (Reaction, bool) {
        let reaction = Reaction { number: self.next_reaction, emoji: emoji.to_owned(), by, at_ms };
        let Some(message) = self.message_mut(number) else { return (reaction, false) };
        let same = message.reactions.iter().find(|known| known.emoji == emoji && known.by == by);
        if let Some(known) = same {
            return (known.clone(), false);
        }
        message.reactions.push(reaction.clone());
        self.next_reaction += 1;
        (reaction, true)
    }

    pub fn unreact(&mut self, number: u64, reaction: u64) {
        if let Some(message) = self.message_mut(number) {
            message.reactions.retain(|known| known.number != reaction);
        }
    }
}
