//! Where a watch writes to: its reader, at that one's pace, and how far it has come.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::super::jq::Jq;
use super::backlog::Backlog;
use super::dropped::Held;
use super::lines::Lines;
use super::out::{Done, How, Out};
use super::paced::{Paced, ToWrite};
use crate::error::Result;
use crate::event::Event;
use crate::supervisor::Given;

/// Why a watch ends in good order.
pub enum End {
    TimeOver,
    /// As many events as were asked for.
    Enough,
    Asked,
    ReaderGone,
}

pub struct Sink {
    pub out: Out,
    pub jq: Option<Arc<Jq>>,
    /// Lines in the short form, at a reader's pace.
    pub paced: Option<Paced>,
    held: Option<Held>,
    /// Everything up to here was written and flushed, or held back.
    pub position: u64,
    /// Where the cursor is stored.
    pub stored: u64,
    /// Whether what waited is given.
    pub backlog: Backlog,
    /// Events that may still be written.
    pub left: Option<u64>,
}

impl Sink {
    pub fn new(given: Given, position: u64) -> Sink {
        let backlog = Backlog::default();
        let out = Out::new(given, backlog.clone());
        Sink { out, jq: None, paced: None, held: None, position, stored: position, backlog, left: None }
    }

    pub fn report_dropped(&mut self, wanted: bool) {
        self.held = wanted.then(|| Held::new(Instant::now()));
    }

    /// Begins to write; `Err` is how soon to look again where there is nothing to write.
    pub fn write(&mut self, what: ToWrite) -> std::result::Result<(), Option<Duration>> {
        match what {
            ToWrite::Page(page) => self.out.page(self.position, page, self.jq.clone(), self.left),
            ToWrite::Lines(lines) => self.out.lines(self.position, lines),
            ToWrite::Nothing(wait) => return Err(wait),
        }
        Ok(())
    }

    /// Begins to write a line of the watch itself.
    pub async fn own(&mut self, event: &Event) {
        let lines = match &mut self.paced {
            Some(paced) => paced.own(&mut self.out, self.position, event).await,
            None => Lines::own(self.position, event),
        };
        self.out.lines(self.position, lines);
    }

    /// Takes note of what was written.
    pub fn account(&mut self, done: Done) -> Result<Option<End>> {
        self.position = done.position;
        if let Some(held) = &mut self.held {
            held.add(done.by_filter, done.by_jq);
        }
        self.left = self.left.map(|left| left.saturating_sub(done.events));
        match done.how {
            How::All if self.left == Some(0) => Ok(Some(End::Enough)),
            How::All | How::Halted => Ok(None),
            How::Cut | How::ReaderGone => Ok(Some(End::ReaderGone)),
            How::Failed(error) => Err(error),
        }
    }

    /// What is to be said of lines that were held back, if it is time; or all of it.
    pub fn dropped(&mut self, all: bool) -> Vec<Event> {
        let now = Instant::now();
        match &mut self.held {
            Some(held) if all => held.take(now),
            Some(held) => held.due(now),
            None => Vec::new(),
        }
    }

    /// The journal is another one.
    pub fn begin_anew(&mut self, given: Given) {
        self.out.begin_anew(given);
        (self.position, self.stored) = (0, 0);
        if let Some(paced) = &mut self.paced {
            paced.forget();
        }
    }
}
