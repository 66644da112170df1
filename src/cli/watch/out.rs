//! stdout of a watch: written from a thread, so that a reader that stalls holds up nothing else.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;

use super::super::jq::{Each, Jq};
use super::super::print::{self, Took};
use super::backlog::Backlog;
use super::lines::{Apply, Lines};
use crate::clock::thread_now;
use crate::error::{Error, Result};
use crate::journal::Page;
use crate::supervisor::{Given, Patience};

/// How long a reader has for the rest of the line it is in the middle of, once the watch is to end.
const LAST_LINE: Duration = Duration::from_millis(500);

/// How often a waiting thread looks whether it is to end.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How often it is looked whether a reader has taken the rest.
const DRAIN_EVERY: Duration = Duration::from_millis(2);

/// What was written, and how that ended.
#[derive(Debug)]
pub struct Done {
    /// Everything up to here is written, or was held back.
    pub position: u64,
    /// Events that left a line.
    pub events: u64,
    pub by_filter: u64,
    pub by_jq: u64,
    pub how: How,
}

#[derive(Debug)]
pub enum How {
    All,
    /// Asked to end between two lines.
    Halted,
    /// Asked to end, and the reader does not take the rest of a line: nothing may follow it.
    Cut,
    ReaderGone,
    Failed(Error),
}

pub struct Out {
    halt: Arc<AtomicBool>,
    position: Arc<AtomicU64>,
    given: Arc<Mutex<Given>>,
    backlog: Backlog,
    running: Option<JoinHandle<Done>>,
}

impl Out {
    pub fn new(given: Given, backlog: Backlog) -> Out {
        let given = Arc::new(Mutex::new(given));
        Out { halt: Arc::default(), position: Arc::default(), given, backlog, running: None }
    }

    /// The journal is another one.
    pub fn begin_anew(&mut self, given: Given) {
        self.given = Arc::new(Mutex::new(given));
    }

    /// Begins to write what `jq` leaves of a page, at most of `left` events.
    pub fn page(&mut self, position: u64, page: Page, jq: Option<Arc<Jq>>, left: Option<u64>) {
        self.spawn(position, move || {
            let apply = jq.as_deref().map(|jq| |line: &[u8], each: &mut Each<'_>| jq.results(line, each));
            let lines = Lines::of(page, apply.as_ref().map(|apply| apply as &Apply<'_>));
            match left {
                Some(left) => lines.only(left),
                None => lines,
            }
        });
    }

    pub fn lines(&mut self, position: u64, lines: Lines) {
        self.spawn(position, move || lines);
    }

    fn spawn(&mut self, position: u64, make: impl FnOnce() -> Lines + Send + 'static) {
        self.halt = Arc::default();
        self.position = Arc::new(AtomicU64::new(position));
        let (halt, reached) = (Arc::clone(&self.halt), Arc::clone(&self.position));
        let (given, backlog) = (Arc::clone(&self.given), self.backlog.clone());
        self.running = Some(tokio::task::spawn_blocking(move || {
            let mut lines = make();
            // Also where it came past no line.
            lines.looked_to = lines.looked_to.max(position);
            backlog.offers(true);
            let done = write(lines, &halt, &reached, &given, &backlog);
            backlog.offers(false);
            if done.position > position {
                backlog.passes();
            }
            done
        }));
    }

    /// How far the writing has come.
    pub fn position(&self) -> u64 {
        self.position.load(Ordering::Acquire)
    }

    pub fn given(&self) -> MutexGuard<'_, Given> {
        held(&self.given)
    }

    /// How much of what was written the reader has taken: where the cursor stands.
    pub fn taken(&self) -> u64 {
        let mut given = self.given();
        print::look_at(&mut given);
        given.taken()
    }

    /// Waits until the reader has taken everything, this long at most.
    pub async fn drained(&self, patience: Duration) {
        let give_up = thread_now() + patience;
        loop {
            let _ = self.taken();
            if self.given().is_all_taken() || print::reader_is_gone() || thread_now() >= give_up {
                return;
            }
            tokio::time::sleep(DRAIN_EVERY).await;
        }
    }

    /// Waits for the end of what was begun; `None` when nothing was. May be dropped and called again.
    pub async fn done(&mut self) -> Result<Option<Done>> {
        let Some(running) = &mut self.running else { return Ok(None) };
        let done = running.await.map_err(|error| Error::internal(error.to_string()));
        self.running = None;
        done.map(Some)
    }

    /// Ends the writing behind a whole line where the reader lets it.
    pub async fn halt(&mut self, patience: Duration) -> Result<Option<Done>> {
        self.halt.store(true, Ordering::Release);
        // An expression without an end never comes back: then its events come again.
        match tokio::time::timeout(patience, self.done()).await {
            Ok(done) => done,
            Err(_late) => {
                let (position, how) = (self.position(), How::Cut);
                Ok(Some(Done { position, events: 0, by_filter: 0, by_jq: 0, how }))
            }
        }
    }
}

fn held(given: &Mutex<Given>) -> MutexGuard<'_, Given> {
    given.lock().unwrap_or_else(PoisonError::into_inner)
}

fn write(
    mut lines: Lines,
    halt: &AtomicBool,
    reached: &AtomicU64,
    given: &Mutex<Given>,
    backlog: &Backlog,
) -> Done {
    let trouble = lines.trouble.take();
    let lines = &lines;
    let (mut written, mut next, mut give_up) = (0, 0, None);
    let mut patience = Patience::default();
    let how = loop {
        while let Some((seq, end)) = lines.ends.get(next).filter(|(_, end)| *end <= written) {
            held(given).reached(*seq);
            debug_assert!(*end <= lines.bytes.len());
            reached.store(*seq, Ordering::Release);
            next += 1;
        }
        if written == lines.bytes.len() {
            held(given).reached(lines.looked_to);
            reached.store(lines.looked_to, Ordering::Release);
            break trouble.map_or(How::All, How::Failed);
        }
        let begin = next.checked_sub(1).map_or(0, |last| lines.ends[last].1);
        if halt.load(Ordering::Acquire) {
            if written == begin {
                break How::Halted;
            }
            let now = thread_now();
            if now > *give_up.get_or_insert(now + LAST_LINE) {
                break How::Cut;
            }
        }
        // The next line waits until the last one is taken, or else a reader that goes away takes it along.
        if written == begin && !print::is_ready(&mut held(given)) {
            if print::reader_is_gone() {
                break How::ReaderGone;
            }
            patience.wait();
            continue;
        }
        let upto = held(given).next_end(&lines.ends, next, written);
        if upto == written || !held(given).gives(lines.gives) {
            patience.wait();
            continue;
        }
        match print::some(&lines.bytes[written..upto], LOOK_EVERY) {
            Ok(Took::Bytes(count)) => {
                patience = Patience::default();
                written += count;
                backlog.goes_on();
                held(given).gave(count);
            }
            Ok(Took::NotReady) => {}
            Ok(Took::ReaderGone) => break How::ReaderGone,
            Err(error) => break How::Failed(error),
        }
    };
    done(lines, reached.load(Ordering::Acquire), how)
}

fn done(lines: &Lines, position: u64, how: How) -> Done {
    let count = |seqs: &[u64]| seqs.iter().filter(|seq| **seq <= position).count() as u64;
    let by_jq = count(&lines.swallowed);
    let told = lines.ends.iter().filter(|(seq, _)| *seq <= position).count() as u64;
    let events = told.saturating_sub(by_jq + lines.own);
    Done { position, events, by_filter: count(&lines.held_back), by_jq, how }
}
