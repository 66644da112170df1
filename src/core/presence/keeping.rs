//! What is to be done for a shift as its file is now. Times count from whenever whoever keeps it began.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::lines::armed;
use super::outbox::settled;
use super::session::{Owner, Session, Sessions};
use crate::core::again::{Again, Waits};
use crate::error::Result;
use crate::event::Event;
use crate::event::ids::ChatId;

/// Between attempts, growing.
const WAITS: Waits = Waits { min: Duration::from_secs(1), max: Duration::from_secs(60) };

/// A session whose owner is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    pub session: String,
    pub owner: Owner,
}

/// A session, and when it was armed.
pub type Mark = (String, i64);

/// What is known of one profile's session beside its file.
#[derive(Debug, Default)]
pub struct Keeping {
    watched: Option<Watched>,
    /// Parts that are being said, by key.
    sending: BTreeSet<String>,
    /// Attempts that failed, by key.
    failed: BTreeMap<String, Again>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Do {
    /// A session is armed of which nobody was told.
    TellArmed(Mark, Event),
    /// From now on this one's owner is watched, or nobody's.
    Watch(Option<Watched>),
    /// It was taken back: a farewell late into the next shift.
    Hush(String),
    Say {
        chat: ChatId,
        key: String,
        text: String,
    },
}

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// It was said, or never will be.
    Settled(std::result::Result<(), String>),
    /// It is tried again.
    Later { attempts: u32 },
}

impl Keeping {
    /// `told`: of which session a line has told last.
    pub fn keep(&mut self, sessions: &Sessions, told: Option<&Mark>, now: Duration) -> Vec<Do> {
        let mut todo = Vec::new();
        let session = sessions.session.as_ref();
        let untold = session.filter(|session| told != Some(&mark(session)));
        todo.extend(untold.map(|session| Do::TellArmed(mark(session), armed(session))));
        let wanted = session
            .and_then(|session| Some(Watched { session: session.id.clone(), owner: session.owner.clone()? }));
        if self.watched != wanted {
            self.watched.clone_from(&wanted);
            todo.push(Do::Watch(wanted));
        }
        self.hush(sessions, &mut todo);
        self.say(sessions, now, &mut todo);
        todo
    }

    fn hush(&mut self, sessions: &Sessions, todo: &mut Vec<Do>) {
        let pending: BTreeSet<&str> = sessions.pending().map(|(_, part)| part.key.as_str()).collect();
        self.failed.retain(|key, _| pending.contains(key.as_str()));
        self.sending.retain(|key| {
            let stays = pending.contains(key.as_str());
            todo.extend((!stays).then(|| Do::Hush(key.clone())));
            stays
        });
    }

    fn say(&mut self, sessions: &Sessions, now: Duration, todo: &mut Vec<Do>) {
        for (words, part) in sessions.pending() {
            let is_due = self.failed.get(&part.key).is_none_or(|again| again.is_due(now));
            if is_due && self.sending.insert(part.key.clone()) {
                let (chat, key, text) = (part.chat_id.clone(), part.key.clone(), words.text.clone());
                todo.push(Do::Say { chat, key, text });
            }
        }
    }

    /// An attempt is over.
    pub fn said(&mut self, key: &str, outcome: &Result<()>, now: Duration) -> Said {
        self.sending.remove(key);
        if let Some(settled) = settled(outcome) {
            self.failed.remove(key);
            return Said::Settled(settled);
        }
        let again = WAITS.again(self.failed.get(key), now);
        self.failed.insert(key.to_owned(), again);
        Said::Later { attempts: again.attempts }
    }
}

fn mark(session: &Session) -> Mark {
    (session.id.clone(), session.armed_at)
}
