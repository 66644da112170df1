//! The loop guard of one chat: bots that answer each other without end are stopped, whoever runs them.
//!
//! Time is steady time, which nobody sets; a pause cannot be opened by turning a clock.

mod judge;
mod pause;
#[cfg(test)]
mod tests;
mod turn;
mod words;

use std::collections::{BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

pub use pause::{Pause, Why};
use turn::Turn;

/// Messages remembered, to count each once however many profiles saw it.
const SEEN_MAX: usize = 100;

/// Further parts of messages that are being sent. Whoever sends more at a time has each counted.
const PARTS_MAX: usize = 32;

/// Bots remembered per chat.
const BOTS_MAX: usize = 32;

const MINUTE_MS: i64 = 60_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Turns of bots in a row.
    pub turns: usize,
    pub per_minute: usize,
    pub cooldown_ms: i64,
}

/// What is known of a chat's talk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guard {
    /// Of bots, since a person spoke.
    #[serde(default)]
    turns: usize,
    /// The newest turns of bots: who, what, when.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    recent: VecDeque<Turn>,
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    seen: VecDeque<String>,
    /// Further parts of messages that are being sent: none of them is a turn.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    parts: VecDeque<Turn>,
    /// Every bot that was heard here. One alone cannot loop.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    bots: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pause: Option<Pause>,
    /// When a person's newest word was written: what bots wrote before it is forgiven also where it is heard later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    person: Option<String>,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who<'a> {
    Person,
    Bot(&'a str),
}

/// A message that was seen in the chat.
#[derive(Clone, Copy, Debug)]
pub struct Heard<'a> {
    pub message_id: &'a str,
    pub who: Who<'a>,
    pub text: &'a str,
    /// As the platform says, in RFC 3339.
    pub written: &'a str,
}

/// What a change did to the pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Paused(Why),
    Resumed,
}

impl Guard {
    /// Was this message counted already?
    pub fn has_heard(&self, message_id: &str) -> bool {
        self.seen.iter().any(|seen| seen == message_id)
    }

    /// Counts a message that was seen in the chat, once.
    pub fn hear(&mut self, heard: Heard<'_>, now: i64, limits: Limits) -> Option<Change> {
        let Heard { message_id, who, text, written } = heard;
        if self.has_heard(message_id) {
            return None;
        }
        self.remember(message_id);
        match who {
            Who::Person => self.person(written, limits),
            // What is said while the room is paused, our own notice too, is no turn of a talk.
            Who::Bot(bot) if self.pause.is_some() => {
                self.meet(bot);
                None
            }
            Who::Bot(bot) => {
                if self.part_of(bot, text, now, message_id) {
                    return None;
                }
                if let Some(turn) = self.being_sent(bot, text) {
                    turn.message_id = Some(message_id.to_owned());
                    turn.written = Some(written.to_owned());
                    return None;
                }
                if self.person.as_deref().is_some_and(|person| written < person) {
                    self.meet(bot);
                    return None;
                }
                let (message_id, written) = (Some(message_id.to_owned()), Some(written.to_owned()));
                self.turn(Turn { message_id, written, ..Turn::new(bot, text, now) }, limits);
                self.judge(now, limits)
            }
        }
    }

    /// May this bot speak now? If so the turn is counted, to be settled by [`Guard::sent`] or [`Guard::unsent`].
    pub fn speak(
        &mut self,
        bot: &str,
        text: &str,
        key: &str,
        now: i64,
        limits: Limits,
    ) -> Result<Option<Change>, Pause> {
        self.lift(now);
        if let Some(pause) = &self.pause {
            return Err(pause.clone());
        }
        if self.recent.iter().any(|turn| turn.is_send(bot, key)) {
            // The same send again.
            return Ok(None);
        }
        self.turn(Turn { key: Some(key.to_owned()), ..Turn::new(bot, text, now) }, limits);
        Ok(self.judge(now, limits))
    }

    /// May this bot go on with what it began to say? A message in several parts is one turn, also the one that was the
    /// last; only a person's pause ends it. Settled like a turn.
    pub fn go_on(&mut self, bot: &str, text: &str, key: &str, now: i64) -> Result<(), Pause> {
        self.lift(now);
        if let Some(pause) = self.pause.as_ref().filter(|pause| pause.why == Why::Manual) {
            return Err(pause.clone());
        }
        self.parts.retain(|part| !part.is_send(bot, key) && now.saturating_sub(part.at) < MINUTE_MS);
        if self.parts.len() < PARTS_MAX {
            self.parts.push_back(Turn { key: Some(key.to_owned()), ..Turn::new(bot, text, now) });
        }
        Ok(())
    }

    /// The send was answered with this message, written then.
    pub fn sent(&mut self, bot: &str, key: &str, message_id: &str, written: Option<&str>) {
        let parts = self.parts.len();
        self.parts.retain(|part| !part.is_send(bot, key));
        if self.parts.len() < parts {
            // It may have been heard from a bot that nobody knew to be this one.
            let before = self.recent.len();
            self.recent.retain(|turn| turn.key.is_some() || turn.message_id.as_deref() != Some(message_id));
            self.turns = self.turns.saturating_sub(before - self.recent.len());
        }
        if let Some(turn) = self.recent.iter_mut().find(|turn| turn.is_send(bot, key)) {
            turn.message_id = Some(message_id.to_owned());
            turn.written = written.map(str::to_owned).or(turn.written.take());
            // It may have been heard from a bot that nobody knew to be this one.
            let before = self.recent.len();
            self.recent
                .retain(|turn| turn.is_send(bot, key) || turn.message_id.as_deref() != Some(message_id));
            self.turns = self.turns.saturating_sub(before - self.recent.len());
        }
        if !self.has_heard(message_id) {
            self.remember(message_id);
        }
    }

    /// Nothing was sent after all.
    pub fn unsent(&mut self, bot: &str, key: &str) {
        self.parts.retain(|part| !part.is_send(bot, key));
        let before = self.recent.len();
        self.recent.retain(|turn| !turn.is_send(bot, key) || turn.message_id.is_some());
        if self.recent.len() < before {
            self.turns = self.turns.saturating_sub(1);
        }
    }

    /// A bot that sits here, whether it speaks or not.
    pub fn meet(&mut self, bot: &str) {
        if self.bots.len() < BOTS_MAX {
            self.bots.insert(bot.to_owned());
        }
    }

    pub fn turns(&self) -> usize {
        self.turns
    }

    fn remember(&mut self, message_id: &str) {
        if self.seen.len() == SEEN_MAX {
            self.seen.pop_front();
        }
        self.seen.push_back(message_id.to_owned());
    }
}
