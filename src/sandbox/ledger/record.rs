//! One event on its way to one app, and what became of each attempt.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use crate::sandbox::feishu::notices::Notice;

pub struct Record {
    pub number: u64,
    pub notice: Notice,
    pub service: i32,
    pub created_ms: i64,
    pub phase: Phase,
    pub failures: usize,
    pub acks: u32,
    pub attempts: Vec<Attempt>,
    /// Body of `notice`, until it is no longer needed.
    pub body: Option<Bytes>,
    /// The first attempt's frame, encoded ahead of a burst.
    pub planned: Option<(Attempt, Bytes)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// On its way to a connection's writer.
    Queued,
    InFlight,
    /// Failed; a retry is scheduled.
    Waiting,
    Acked,
    GivenUp,
}

pub struct Attempt {
    pub seq_id: u64,
    pub log_id: u64,
    pub connection: u64,
    pub sent: Option<Instant>,
    pub outcome: Outcome,
    /// Bounds what a burst has unacknowledged; given back with the outcome.
    pub permit: Option<OwnedSemaphorePermit>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Pending,
    Acked { after: Duration },
    Refused { code: i64 },
    TimedOut,
    NoConnection,
}

/// Something in an acknowledgement that a correct client never sends.
#[derive(Clone, Debug)]
pub struct AckError {
    pub app: Option<usize>,
    pub event_id: Option<String>,
    pub error: String,
}

/// Something to do at a time: look for an acknowledgement, or deliver again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    pub at: Instant,
    pub record: u64,
    pub attempt: usize,
    pub retry: bool,
}

impl Record {
    pub fn finished(&self) -> bool {
        matches!(self.phase, Phase::Acked | Phase::GivenUp)
    }
}
