//! How a room is silenced, and what ends that.

use serde::{Deserialize, Serialize};

use super::turn::Turn;
use super::{Change, Guard, Limits};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    pub why: Why,
    /// In steady time; absent: until somebody resumes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
    /// How long it was to last, where a person said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_ms: Option<i64>,
    /// Whether the room was told.
    #[serde(default)]
    pub told: bool,
    /// Tells one pause from another, once somebody has named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// A person paused the room.
    Manual,
    /// Too many turns of bots in a row.
    Turns,
    PerMinute,
    /// Bots said the same again and again.
    Alike,
    /// Two bots answered each other with the same words.
    PingPong,
}

impl Guard {
    /// Until somebody resumes, or for a while.
    pub fn pause(&mut self, now: i64, for_ms: Option<i64>) -> Change {
        let until = for_ms.map(|for_ms| now.saturating_add(for_ms));
        self.pause = Some(Pause { why: Why::Manual, until, for_ms, told: true, id: None });
        Change::Paused(Why::Manual)
    }

    /// What was said before counts no more.
    pub fn resume(&mut self) -> Option<Change> {
        self.turns = 0;
        self.recent.clear();
        self.pause.take().map(|_| Change::Resumed)
    }

    /// Ends a pause whose time is over.
    pub fn lift(&mut self, now: i64) -> Option<Change> {
        let over = self.pause.as_ref().and_then(|pause| pause.until).is_some_and(|until| now >= until);
        if over { self.resume() } else { None }
    }

    pub fn paused(&self) -> Option<&Pause> {
        self.pause.as_ref()
    }

    /// Gives the pause an id, where it has none.
    pub fn name_pause(&mut self, id: impl FnOnce() -> String) {
        if let Some(pause) = &mut self.pause {
            pause.id.get_or_insert_with(id);
        }
    }

    /// The room was told of this pause.
    pub fn told(&mut self, id: &str) {
        if let Some(pause) = self.pause.as_mut().filter(|pause| pause.id.as_deref() == Some(id)) {
            pause.told = true;
        }
    }

    /// Steady time begins anew with the machine: what was counted then is kept, as if it were now.
    pub fn rebase(&mut self, now: i64, limits: Limits) {
        self.recent.iter_mut().chain(&mut self.parts).for_each(|turn| turn.at = now);
        if let Some(pause) = self.pause.as_mut().filter(|pause| pause.until.is_some()) {
            pause.until = Some(now.saturating_add(pause.for_ms.unwrap_or(limits.cooldown_ms)));
        }
    }

    /// A person's word: whatever the bots said before it is forgiven, a pause by a person stays. A word may come late:
    /// what was said after it counts on.
    pub(super) fn person(&mut self, written: &str, limits: Limits) -> Option<Change> {
        if self.person.as_deref().is_none_or(|person| person < written) {
            self.person = Some(written.to_owned());
        }
        let later = |turn: &&Turn| turn.written.as_deref().is_none_or(|turn| turn > written);
        self.turns = self.run().rev().take_while(later).count();
        self.recent.drain(..self.recent.len() - self.turns);
        let forgiven = match self.pause.as_ref()?.why {
            Why::Manual => false,
            Why::Turns => self.turns < limits.turns,
            Why::PerMinute | Why::Alike | Why::PingPong => self.turns == 0,
        };
        if forgiven { self.pause.take().map(|_| Change::Resumed) } else { None }
    }
}
