//! One turn of a talk, and which one a message is that is seen before its send is answered.

use serde::{Deserialize, Serialize};

use super::words::normalised;
use super::{Guard, MINUTE_MS};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    pub who: String,
    /// Normalised words.
    pub words: String,
    pub at: i64,
    /// When it was written, as the platform says: RFC 3339 in one zone, so that the later one is greater. Absent while it
    /// is being sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<String>,
    /// Absent while it is being sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// Of a turn that is being sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

impl Turn {
    pub fn new(who: &str, text: &str, at: i64) -> Turn {
        let (written, message_id, key) = Default::default();
        Turn { who: who.to_owned(), words: normalised(text), at, written, message_id, key }
    }

    /// Is it this bot's send with this key? Two bots may use one key.
    pub fn is_send(&self, bot: &str, key: &str) -> bool {
        self.who == bot && self.key.as_deref() == Some(key)
    }
}

impl Guard {
    /// A message of ours may be seen before its send is answered, also by somebody who does not know whose it is: then its
    /// words tell.
    pub(super) fn being_sent(&mut self, bot: &str, text: &str) -> Option<&mut Turn> {
        let open = |turn: &Turn| turn.message_id.is_none() && turn.key.is_some();
        let by_bot = self.recent.iter().position(|turn| open(turn) && turn.who == bot);
        let by_words = || {
            let words = normalised(text);
            self.recent.iter().position(|turn| open(turn) && turn.words == words)
        };
        let found = by_bot.or_else(by_words)?;
        self.recent.get_mut(found)
    }

    /// Is it a part of a message that is being sent, by its words or else by whose it is? Then it is known from now on.
    pub(super) fn part_of(&mut self, bot: &str, text: &str, now: i64, message_id: &str) -> bool {
        let open = |part: &Turn| part.message_id.is_none() && now.saturating_sub(part.at) < MINUTE_MS;
        let words = normalised(text);
        let by_words = self.parts.iter().position(|part| open(part) && part.words == words);
        let first = |turn: &Turn| turn.message_id.is_none() && turn.key.is_some() && turn.who == bot;
        let by_bot = || {
            // A turn of its own that is being sent comes first.
            let others = self.recent.iter().any(first);
            self.parts.iter().position(|part| open(part) && part.who == bot && !others)
        };
        let Some(found) = by_words.or_else(by_bot) else { return false };
        self.parts[found].message_id = Some(message_id.to_owned());
        true
    }
}
