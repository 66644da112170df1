//! What goes into the journal, and the answer that comes back.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, mpsc};

use crate::core::dedupe::DedupeKey;
use crate::core::gate::Held;
use crate::event::{Event, Facts, Origin, Rendered};

/// What an entry costs beside its own text.
const ENTRY_OVERHEAD: usize = 512;

/// One event on its way into the journal.
#[derive(Clone, Debug)]
pub struct Entry {
    pub profile: Option<Arc<str>>,
    pub transport: Option<&'static str>,
    pub event_id: Option<String>,
    /// Absent for what can never arrive twice.
    pub key: Option<DedupeKey>,
    pub rendered: Rendered,
    pub facts: Facts,
    /// Absent for what rooma says itself.
    pub origin: Option<Origin>,
    /// The platform's payload, valid JSON.
    pub raw: Option<Arc<str>>,
    /// A line that tells of the past, whoever reads it.
    pub replayed: bool,
    /// Why it may not wake its agent: it is kept and explained, and no reader sees it.
    pub held: Option<Held>,
}

impl Entry {
    /// Something rooma has to say, about a profile or about itself.
    pub fn own(profile: Option<(Arc<str>, &'static str)>, event: &Event) -> Entry {
        let (profile, transport) = profile.unzip();
        let rendered = Rendered::new(event);
        Entry {
            profile,
            transport,
            event_id: None,
            key: None,
            rendered,
            facts: event.facts(),
            origin: None,
            raw: None,
            replayed: false,
            held: None,
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.rendered.body.len() + self.raw.as_ref().map_or(0, |raw| raw.len()) + ENTRY_OVERHEAD
    }
}

/// The entries of one delivery: all of them are journalled, or none. A delivery makes one or two; thousands
/// would not fit into the positions that are reserved ahead.
#[derive(Debug)]
pub struct Batch {
    pub entries: Vec<Entry>,
    pub(super) answer: Option<Answer>,
    /// Given back when the writer is done with the batch.
    pub(super) _credit: Option<OwnedSemaphorePermit>,
}

impl Batch {
    pub(super) fn bytes(&self) -> usize {
        self.entries.iter().map(Entry::bytes).sum()
    }
}

/// Where the outcome of a batch is awaited.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) to: mpsc::UnboundedSender<Settled>,
    pub(super) tag: u64,
}

impl Answer {
    pub(super) fn settle(self, outcome: Result<Appended, String>) {
        let _ = self.to.send(Settled { tag: self.tag, outcome });
    }
}

/// The answer to [`Appender::append`](super::Appender::append), sent once nothing can undo it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The caller's own number for the delivery.
    pub tag: u64,
    pub outcome: Result<Appended, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// At least one entry became a line.
    Fresh,
    /// All of it was there already.
    Duplicate,
}

#[doc(hidden)]
impl Batch {
    pub fn settle(self, outcome: Result<Appended, String>) {
        if let Some(answer) = self.answer {
            answer.settle(outcome);
        }
    }
}
