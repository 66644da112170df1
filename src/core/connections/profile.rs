//! One profile: whether it has a connection, and what is known of those it had.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::end::End;
use super::super::redial::{Policy, Redial, Step};
use super::messages::{Do, Now, Signs, Tag};
use crate::event::{Crashed, Disconnected, Event, Parked};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProfileState {
    Connecting,
    Connected,
    Disconnected,
    Parked,
}

#[derive(Debug)]
pub struct Profile {
    pub name: Arc<str>,
    /// What a person is told: the state, since when (milliseconds since the epoch), and why it is not connected.
    pub state: ProfileState,
    pub since: i64,
    pub reason: Option<String>,
    pub hint: Option<String>,
    /// Connections that were made.
    pub connects: u32,
    pub(super) generation: u64,
    redial: Redial,
    open: Option<Open>,
    /// It was changed or removed: what follows the end of the connection that is closing.
    next: Option<Next>,
    /// What a deaf connection has left to its successor.
    deaf_since: Option<i64>,
    deaf_in_a_row: u32,
}

#[derive(Debug, Default)]
struct Open {
    usable_since: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Dial,
    Leave,
}

/// What a connection that has ended leaves to decide by.
pub(super) struct Closed {
    pub next: Option<Next>,
    pub usable_for: Option<Duration>,
    pub heard_to: Option<i64>,
}

impl Profile {
    pub(super) fn new(name: Arc<str>, policy: Policy, now: Now) -> Profile {
        Profile {
            name,
            state: ProfileState::Connecting,
            since: now.wall,
            reason: None,
            hint: None,
            connects: 0,
            generation: 0,
            redial: Redial::new(policy),
            open: None,
            next: None,
            deaf_since: None,
            deaf_in_a_row: 0,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    pub(super) fn leaving(&self) -> bool {
        self.next == Some(Next::Leave)
    }

    pub(super) fn dial(&mut self, tag: Tag, now: Now) -> Option<Do> {
        if self.is_open() {
            return None;
        }
        self.stands(ProfileState::Connecting, now);
        self.open = Some(Open::default());
        Some(Do::Dial { tag, attempt: self.redial.dialling() })
    }

    pub(super) fn usable(&mut self, now: Now) {
        if let Some(open) = &mut self.open {
            open.usable_since.get_or_insert(now.steady);
        }
    }

    pub(super) fn connected(&mut self, tag: Tag, now: Now) -> Option<Do> {
        self.stands(ProfileState::Connected, now);
        (self.reason, self.hint) = (None, None);
        self.connects = self.connects.saturating_add(1);
        self.open.as_ref()?;
        Some(Do::Care { tag, deaf_since: self.deaf_since.take(), strikes: self.deaf_in_a_row })
    }

    /// It is replaced; the next one asks for what this one missed.
    pub(super) fn deaf(&mut self, number: usize, since: i64, heard: bool) -> Vec<Do> {
        if !self.is_open() {
            return Vec::new();
        }
        self.deaf_since = Some(since);
        self.deaf_in_a_row = if heard { 1 } else { self.deaf_in_a_row.saturating_add(1) };
        self.next = Some(Next::Dial);
        self.generation += 1;
        let reason = "deaf".to_owned();
        self.reason = Some(reason.clone());
        let event = Event::Disconnected(Disconnected { reason, retry_in_ms: 0, attempt: 1 });
        vec![Do::Say { number, event }, Do::Close { number }]
    }

    /// Forgets the troubles so far and connects, once a connection that stands has closed.
    pub(super) fn begin_anew(&mut self, number: usize) -> Do {
        self.redial.forget();
        self.generation += 1;
        if self.is_open() {
            self.next = Some(Next::Dial);
            return Do::Close { number };
        }
        Do::Wait { tag: Tag { number, generation: self.generation }, after: Duration::ZERO }
    }

    /// True where that has to wait for a connection to close.
    pub(super) fn leave(&mut self) -> bool {
        self.next = Some(Next::Leave);
        self.generation += 1;
        self.is_open()
    }

    /// The connection is over; nothing where there was none.
    pub(super) fn closed(&mut self, end: &End, signs: Signs, now: Now) -> Option<Closed> {
        let open = self.open.take()?;
        let usable_for = open.usable_since.map(|since| now.steady.saturating_sub(since));
        let heard_to = signs.complete.then(|| self.heard_to(end, signs, now)).flatten();
        let next = self.next;
        // Who leaves goes on to leave, also where everything stops at that moment.
        self.next.take_if(|next| *next == Next::Dial);
        Some(Closed { next, usable_for, heard_to })
    }

    /// Up to when everything was heard: a connection in good order heard all until it closed, any other one until
    /// the other side's last sign of life.
    fn heard_to(&self, end: &End, signs: Signs, now: Now) -> Option<i64> {
        // What a deaf one missed begins earlier, and its successor knows where.
        self.deaf_since.or(match end {
            End::Asked => Some(now.wall),
            _ => signs.last,
        })
    }

    /// What follows an end that nobody asked for: a line, and another try when it is time.
    pub(super) fn after(
        &mut self,
        number: usize,
        end: &End,
        usable_for: Option<Duration>,
        now: Now,
    ) -> Vec<Do> {
        let reason = end.reason();
        let (after, hint, event) = match self.redial.next(end, usable_for, now.steady) {
            Step::Stay => return Vec::new(),
            Step::Park { after, hint } => {
                let retry_in_ms = millis(after);
                let parked = Parked { reason: reason.clone(), hint: hint.clone(), retry_in_ms };
                self.stands(ProfileState::Parked, now);
                (after, hint, Event::Parked(parked))
            }
            Step::Redial { after } => {
                self.stands(ProfileState::Disconnected, now);
                (after, None, self.line(end, reason.clone(), millis(after)))
            }
        };
        self.generation += 1;
        (self.reason, self.hint) = (Some(reason), hint);
        let tag = Tag { number, generation: self.generation };
        vec![Do::Say { number, event }, Do::Wait { tag, after }]
    }

    fn line(&self, end: &End, reason: String, retry_in_ms: u64) -> Event {
        match end {
            End::Crashed { .. } => {
                let crashes = self.redial.crashes();
                Event::Crashed(Crashed { part: None, part_of: None, reason, retry_in_ms, crashes })
            }
            _ => {
                let attempt = self.redial.attempts();
                Event::Disconnected(Disconnected { reason, retry_in_ms, attempt })
            }
        }
    }

    fn stands(&mut self, state: ProfileState, now: Now) {
        (self.state, self.since) = (state, now.wall);
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
