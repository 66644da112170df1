//! What one of ours has said and others of ours have still to hear, as it is kept.

mod queue;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use queue::{Became, Line, Merge, Queue};

use crate::event::ids::{ChatId, MessageId};

/// Messages that are owed at one time. Beyond, the oldest are left to the platform.
const OWED_MAX: usize = 1000;

/// Profiles that are asked about a message of which nobody knows who else sits in its chat.
const ASKED_MAX: usize = 32;

/// A message that others have still to hear of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owed {
    pub sender: String,
    pub chat_id: ChatId,
    pub message_id: MessageId,
    /// Milliseconds since the epoch.
    pub at: i64,
    /// Absent where the one who posted it did not know who sits there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<BTreeSet<String>>,
}

/// Kept in `relays.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relays {
    pub version: u32,
    #[serde(default)]
    messages: Vec<Owed>,
}

/// A profile has heard of a message, or never will.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    pub profile: String,
    pub message_id: MessageId,
}

/// Who is to hear of a message at once: those who sit there, and those of whom nobody knows yet where they sit.
pub fn hearers(
    sender: &str,
    members: Vec<String>,
    unlisted: impl Iterator<Item = String>,
) -> BTreeSet<String> {
    let all = members.into_iter().chain(unlisted.take(ASKED_MAX));
    all.filter(|profile| profile != sender).collect()
}

impl Owed {
    /// Who may have to hear of a message, where its sender could not tell who sits there.
    pub fn listeners(&self, members: &[String], profiles: &[String]) -> BTreeSet<String> {
        let all = profiles.iter().take(ASKED_MAX).chain(members);
        all.filter(|profile| **profile != self.sender).cloned().collect()
    }
}

impl Relays {
    /// Oldest first.
    pub fn messages(&self) -> &[Owed] {
        &self.messages
    }

    /// Gives back how many of the oldest had to go for it.
    pub fn owe(&mut self, owed: Owed) -> usize {
        // The same send again, by somebody who did not hear that it was done.
        let same = |known: &Owed| (&known.sender, &known.message_id) == (&owed.sender, &owed.message_id);
        if self.messages.iter().any(same) {
            return 0;
        }
        self.messages.push(owed);
        let over = self.messages.len().saturating_sub(OWED_MAX);
        self.messages.drain(..over).count()
    }

    pub fn settle(&mut self, settled: &[Heard]) {
        settle(&mut self.messages, settled);
    }

    /// Says who is to hear of a message whose sender could not tell.
    pub fn address(&mut self, who: impl Fn(&Owed) -> BTreeSet<String>) {
        for message in self.messages.iter_mut().filter(|message| message.to.is_none()) {
            message.to = Some(who(message));
        }
        self.messages.retain(|message| message.to.as_ref().is_some_and(|to| !to.is_empty()));
    }

    /// What is too old, and was tried in vain, is left to the platform. A clock that jumps makes things old.
    pub fn give_up(&mut self, now: i64, max_age_ms: i64, tried: &BTreeSet<MessageId>) {
        self.messages.retain(|message| {
            now.saturating_sub(message.at) <= max_age_ms || !tried.contains(&message.message_id)
        });
    }
}

fn settle(messages: &mut Vec<Owed>, settled: &[Heard]) {
    for message in messages.iter_mut() {
        let id = &message.message_id;
        if let Some(to) = &mut message.to {
            to.retain(|profile| {
                !settled.iter().any(|heard| heard.profile == *profile && heard.message_id == *id)
            });
        }
    }
    messages.retain(|message| message.to.as_ref().is_none_or(|to| !to.is_empty()));
}

#[cfg(test)]
mod tests;
