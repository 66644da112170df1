//! What happened. The platform tells it to its listeners in its own words, or keeps it to itself.

use super::actor::Actor;
use super::message::Content;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Said {
        message: u64,
    },
    Edited {
        message: u64,
        /// What it said until then.
        before: Content,
    },
    Recalled {
        message: u64,
        /// Whose right it was, in the platform's word; absent for the author's own.
        by_right: Option<String>,
    },
    Reacted {
        message: u64,
        emoji: String,
        by: Actor,
        added: bool,
    },
    ChatMade {
        chat: usize,
        by: Option<Actor>,
    },
    Joined {
        chat: usize,
        who: Actor,
        by: Actor,
    },
    Left {
        chat: usize,
        who: Actor,
        by: Actor,
        /// It was the withdrawal of an invitation.
        withdrawn: bool,
    },
    Described {
        chat: usize,
        by: Actor,
        name: Option<Renamed>,
        description: Option<Renamed>,
    },
    Dissolved {
        chat: usize,
        by: Actor,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renamed {
    pub before: String,
    pub after: String,
}
