//! What is still to be said, to which chats, and what became of it.

use serde::{Deserialize, Serialize};

use super::session::Sessions;
use crate::error::Result;
use crate::event::ids::ChatId;

/// The platform forgets an idempotency key after an hour. What may have arrived is not repeated after that.
pub const REPEATABLE_MS: i64 = 55 * 60 * 1000;

/// What is said to several chats.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    pub session: String,
    pub kind: Kind,
    /// Why a farewell is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub text: String,
    pub created_at: i64,
    pub parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Greeting,
    Farewell,
}

/// One chat's share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    pub chat_id: ChatId,
    /// The idempotency key.
    pub key: String,
    pub state: PartState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartState {
    Pending,
    Sent,
    Failed,
}

impl Sessions {
    /// Notes what became of one part. Unknown parts were dropped meanwhile.
    pub fn settle(&mut self, key: &str, outcome: Result<(), String>) {
        let parts = self.outbox.iter_mut().flat_map(|words| &mut words.parts);
        for part in parts.filter(|part| part.key == key && part.state == PartState::Pending) {
            match &outcome {
                Ok(()) => part.state = PartState::Sent,
                Err(error) => (part.state, part.error) = (PartState::Failed, Some(error.clone())),
            }
        }
    }

    /// Gives up what is too old to be said, or to be repeated.
    pub fn give_up(&mut self, now: i64, max_age_ms: i64) {
        for words in &mut self.outbox {
            let age = now.saturating_sub(words.created_at);
            if age > max_age_ms.min(REPEATABLE_MS) {
                for part in words.parts.iter_mut().filter(|part| part.state == PartState::Pending) {
                    (part.state, part.error) = (PartState::Failed, Some("it is too late for it".to_owned()));
                }
            }
        }
    }

    /// Takes out the words of which every part is settled.
    pub fn take_settled(&mut self) -> Vec<Words> {
        let (settled, open) = std::mem::take(&mut self.outbox).into_iter().partition(Words::is_settled);
        self.outbox = open;
        settled
    }

    pub fn pending(&self) -> impl Iterator<Item = (&Words, &Part)> {
        let parts = |words| Words::pending(words).map(move |part| (words, part));
        self.outbox.iter().flat_map(parts)
    }
}

impl Words {
    /// `first` is the number of the first part's key: no two greetings of a session share one.
    pub(super) fn new(
        (session, first): (&str, usize),
        kind: Kind,
        reason: Option<String>,
        text: String,
        chats: &[ChatId],
        now: i64,
    ) -> Words {
        let mut parts: Vec<Part> = Vec::with_capacity(chats.len());
        for chat_id in chats {
            if !parts.iter().any(|part| part.chat_id == *chat_id) {
                // One greeting and one farewell per chat and session, however often either is begun.
                let what = match kind {
                    Kind::Greeting => "hello",
                    Kind::Farewell => "bye",
                };
                let key = format!("{session}-{what}-{}", first + parts.len());
                parts.push(Part { chat_id: chat_id.clone(), key, state: PartState::Pending, error: None });
            }
        }
        Words { session: session.to_owned(), kind, reason, text, created_at: now, parts }
    }

    pub(super) fn is_settled(&self) -> bool {
        self.pending().next().is_none()
    }

    fn pending(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(|part| part.state == PartState::Pending)
    }

    pub fn failed(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(|part| part.state == PartState::Failed)
    }

    pub fn sent(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(|part| part.state == PartState::Sent)
    }
}

/// What an attempt settles: that it was said, or why it never will be. Nothing where the trouble may pass.
pub fn settled<T>(outcome: &Result<T>) -> Option<std::result::Result<(), String>> {
    match outcome {
        Ok(_) => Some(Ok(())),
        Err(error) if error.may_pass() => None,
        Err(error) => Some(Err(error.sentence())),
    }
}
