//! Chats: who is in, what was said, how often the bots spoke in the last second.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::World;
use super::actor::Actor;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Group,
    Topic,
    P2p,
}

impl Mode {
    pub fn name(self) -> &'static str {
        match self {
            Mode::Group => "group",
            Mode::Topic => "topic",
            Mode::P2p => "p2p",
        }
    }
}

pub struct Chat {
    pub id: String,
    pub name: String,
    pub description: String,
    pub mode: Mode,
    pub members: Vec<Actor>,
    pub owner: Option<Actor>,
    pub created_ms: i64,
    pub active_ms: i64,
    pub dissolved: bool,
    /// A muted group: bots may not speak.
    pub muted: bool,
    pub announcement: Announcement,
    /// Numbers of its messages, oldest first.
    pub log: VecDeque<u64>,
    sends: VecDeque<Instant>,
}

#[derive(Clone, Debug, Default)]
pub struct Announcement {
    pub text: String,
    /// Of an older kind, where a platform has two.
    pub legacy: bool,
    pub revision: u64,
    pub updated_ms: i64,
}

impl Chat {
    pub fn new(name: &str, mode: Mode, members: Vec<Actor>, now_ms: i64) -> Chat {
        let owner = members.iter().copied().find(|member| !member.is_bot());
        Chat {
            id: String::new(),
            name: name.to_owned(),
            description: String::new(),
            mode,
            members,
            owner: owner.filter(|_| mode != Mode::P2p),
            created_ms: now_ms,
            active_ms: now_ms,
            dissolved: false,
            muted: false,
            announcement: Announcement { updated_ms: now_ms, ..Announcement::default() },
            log: VecDeque::new(),
            sends: VecDeque::new(),
        }
    }

    pub fn bots(&self) -> impl Iterator<Item = usize> + '_ {
        self.members.iter().filter_map(|member| match member {
            Actor::Bot(index) => Some(*index),
            Actor::Person(_) => None,
        })
    }

    pub fn people(&self) -> impl Iterator<Item = usize> + '_ {
        self.members.iter().filter_map(|member| match member {
            Actor::Person(index) => Some(*index),
            Actor::Bot(_) => None,
        })
    }

    /// Counts one send of any bot; `false` when the last second is full. A refused send does not count.
    pub fn admit_send(&mut self, limit: Option<u32>, now: Instant) -> bool {
        let Some(limit) = limit else { return true };
        while self.sends.front().is_some_and(|sent| now.duration_since(*sent) >= Duration::from_secs(1)) {
            self.sends.pop_front();
        }
        let free = self.sends.len() < limit as usize;
        if free {
            self.sends.push_back(now);
        }
        free
    }
}

impl World {
    pub fn is_member(&self, chat: usize, actor: Actor) -> bool {
        self.chats[chat].members.contains(&actor)
    }

    /// What a person reads above the chat; p2p chats have no name of their own.
    pub fn chat_title(&self, chat: usize) -> String {
        let chat = &self.chats[chat];
        if chat.mode != Mode::P2p {
            return chat.name.clone();
        }
        let names: Vec<&str> = chat.members.iter().map(|member| self.actor_name(*member)).collect();
        names.join("/")
    }
}
