//! When a talk is a loop.

use super::pause::{Pause, Why};
use super::turn::Turn;
use super::words::alike;
use super::{Change, Guard, Limits, MINUTE_MS};

/// Turns remembered with their words: enough for the patterns below. Where a higher rate is allowed, more are counted.
pub(super) const RECENT_MAX: usize = 40;

/// The same words by bots, this often without a person's word in between, are a loop.
const ALIKE_MAX: usize = 3;

/// Two bots that say again what they said before have nothing new to say.
const PING_PONG: usize = 4;

impl Guard {
    pub(super) fn turn(&mut self, turn: Turn, limits: Limits) {
        self.meet(&turn.who);
        self.turns += 1;
        let over = (self.recent.len() + 1).saturating_sub(RECENT_MAX.max(limits.per_minute));
        self.recent.drain(..over.min(self.recent.len()));
        self.recent.push_back(turn);
        if let Some(old) = self.recent.len().checked_sub(RECENT_MAX + 1) {
            self.recent[old].words = String::new();
        }
    }

    pub(super) fn judge(&mut self, now: i64, limits: Limits) -> Option<Change> {
        if self.pause.is_some() || self.bots.len() < 2 {
            return None;
        }
        let in_a_minute = self.recent.iter().filter(|turn| now.saturating_sub(turn.at) < MINUTE_MS).count();
        let why = if self.turns >= limits.turns {
            Why::Turns
        } else if in_a_minute >= limits.per_minute {
            Why::PerMinute
        } else if self.ping_pong() {
            Why::PingPong
        } else if self.alike() {
            Why::Alike
        } else {
            return None;
        };
        let until = Some(now.saturating_add(limits.cooldown_ms));
        self.pause = Some(Pause { why, until, for_ms: None, told: false, id: None });
        Some(Change::Paused(why))
    }

    /// The turns since a person spoke, newest last.
    pub(super) fn run(&self) -> impl DoubleEndedIterator<Item = &Turn> {
        self.recent.iter().skip(self.recent.len().saturating_sub(self.turns))
    }

    fn alike(&self) -> bool {
        let run: Vec<&Turn> = self.run().collect();
        let Some(last) = run.last() else { return false };
        run.iter().filter(|turn| alike(&turn.words, &last.words)).count() >= ALIKE_MAX
    }

    fn ping_pong(&self) -> bool {
        let last: Vec<&Turn> = self.run().rev().take(PING_PONG).collect();
        match last.as_slice() {
            [a2, b2, a1, b1] => {
                a1.who == a2.who
                    && b1.who == b2.who
                    && a1.who != b1.who
                    && alike(&a1.words, &a2.words)
                    && alike(&b1.words, &b2.words)
            }
            _ => false,
        }
    }
}
