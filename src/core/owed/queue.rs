//! Who hears what next, and what becomes of it. Times count from the queue's beginning.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Heard, Owed, Relays, settle};
use crate::core::again::{Again, Waits};
use crate::error::{Error, Kind, Result};
use crate::event::ids::{ChatId, MessageId};

/// A message that could not be read so often lets the next ones pass.
const BLOCKS: u32 = 2;

/// After trouble that passes, growing.
const WAITS: Waits = Waits { min: Duration::from_secs(2), max: Duration::from_secs(300) };

/// One profile in one chat: it hears one message after the other.
pub type Line = (ChatId, String);

/// What is known of relays beside their file.
#[derive(Debug, Default)]
pub struct Queue {
    owed: Vec<Owed>,
    /// Settled, and not yet taken out of the file.
    settled: Vec<Heard>,
    /// Owed, and not yet in the file.
    unkept: Vec<Owed>,
    at_work: BTreeSet<Line>,
    /// Attempts so far, and when the next one is due.
    failed: BTreeMap<(MessageId, String), Again>,
    /// Profiles that are parked or gone: none of their messages is tried before that.
    away: BTreeMap<String, Again>,
    /// Profiles of which it was said that they may not read what is relayed.
    told: BTreeSet<String>,
}

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Became {
    Heard,
    /// It is tried again.
    Later,
    /// Its app may not read, which is said once of each profile.
    MayNotRead,
    /// The platform may deliver it.
    GivenUp,
}

/// What the file has still to learn, and what it is to forget.
#[derive(Clone, Debug)]
pub struct Merge {
    unkept: Vec<Owed>,
    settled: Vec<Heard>,
    tried: BTreeSet<MessageId>,
}

impl Merge {
    pub fn into(self, relays: &mut Relays, now: i64, max_age_ms: i64) {
        for owed in self.unkept {
            relays.owe(owed);
        }
        relays.give_up(now, max_age_ms, &self.tried);
        relays.settle(&self.settled);
    }
}

impl Queue {
    /// One of ours has posted something.
    pub fn owe(&mut self, owed: Owed) {
        self.owed.push(owed);
    }

    /// It could not be written.
    pub fn keep(&mut self, owed: Owed) {
        self.unkept.push(owed);
    }

    /// Nothing where file and memory know the same: the file looks as it did last.
    pub fn merge(&self, changed: bool) -> Option<Merge> {
        if !changed && self.settled.is_empty() && self.unkept.is_empty() {
            return None;
        }
        let tried = self.failed.keys().map(|(message, _)| message.clone()).collect();
        Some(Merge { unkept: self.unkept.clone(), settled: self.settled.clone(), tried })
    }

    /// The file was merged with all there was to tell it, and owes this now.
    pub fn merged(&mut self, owed: Vec<Owed>) {
        self.owed = owed;
        self.settled.clear();
        self.unkept.clear();
        let still: BTreeSet<&MessageId> = self.owed.iter().map(|message| &message.message_id).collect();
        self.failed.retain(|(message, _), _| still.contains(message));
    }

    /// Nobody has said yet who is to hear of some.
    pub fn is_unaddressed(&self) -> bool {
        self.owed.iter().any(|message| message.to.is_none())
    }

    pub fn addressed(&mut self, owed: Vec<Owed>) {
        self.owed = owed;
    }

    /// What each profile is to hear next of each chat, where it is not at it already.
    pub fn begin(&mut self, now: Duration) -> Vec<(Line, Owed)> {
        let mut due = self.next(now);
        due.retain(|(line, _)| self.at_work.insert(line.clone()));
        due
    }

    /// An attempt is over.
    pub fn relayed(
        &mut self,
        (chat, profile): Line,
        message_id: MessageId,
        outcome: &Result<()>,
        now: Duration,
    ) -> Became {
        self.at_work.remove(&(chat, profile.clone()));
        let of_message = (message_id.clone(), profile.clone());
        let became = match outcome {
            Ok(()) => Became::Heard,
            Err(error) if passes(error) => {
                if matches!(error.kind, Kind::Authentication | Kind::Config) {
                    let away = WAITS.again(self.away.get(&profile), now);
                    self.away.insert(profile, away);
                }
                let failed = WAITS.again(self.failed.get(&of_message), now);
                self.failed.insert(of_message, failed);
                return Became::Later;
            }
            Err(error) if error.kind == Kind::Authorization && self.told.insert(profile.clone()) => {
                Became::MayNotRead
            }
            Err(_) => Became::GivenUp,
        };
        self.failed.remove(&of_message);
        self.away.remove(&profile);
        let heard = Heard { profile, message_id };
        settle(&mut self.owed, std::slice::from_ref(&heard));
        self.settled.push(heard);
        became
    }

    /// The first that each is owed. One that failed is waited for at first; then the others pass it.
    fn next(&self, now: Duration) -> Vec<(Line, Owed)> {
        let mut next: BTreeMap<Line, Option<&Owed>> = BTreeMap::new();
        for message in &self.owed {
            for profile in message.to.iter().flatten() {
                let line = (message.chat_id.clone(), profile.clone());
                let is_away = self.away.get(profile).is_some_and(|away| !away.is_due(now));
                if is_away || next.contains_key(&line) {
                    continue;
                }
                match self.failed.get(&(message.message_id.clone(), profile.clone())) {
                    Some(failed) if failed.is_due(now) => drop(next.insert(line, Some(message))),
                    Some(failed) if failed.attempts < BLOCKS => drop(next.insert(line, None)),
                    Some(_) => {}
                    None => drop(next.insert(line, Some(message))),
                }
            }
        }
        next.into_iter().filter_map(|(line, message)| Some((line, message?.clone()))).collect()
    }
}

/// Trouble that may pass. A profile that is parked, or is away for a moment, hears of it once that is mended.
fn passes(error: &Error) -> bool {
    error.retryable
        || matches!(
            error.kind,
            Kind::Authentication | Kind::Config | Kind::Network | Kind::Storage | Kind::Internal
        )
}
