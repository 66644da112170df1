//! The one owner of stdout: a reader of the journal like any other, on a thread of its own.
//!
//! A reader that stalls holds up this thread and nothing else; one that is gone is noticed even while there
//! is nothing to write.

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};

use super::given::{Begins, Given, Patience};
use super::part::cannot_start;
use super::since::Since;
use crate::clock::{Clock, rfc3339_ms, thread_now};
use crate::error::Result;
use crate::event::{Event, Line, Past, Rendered, Storage, StorageState, brief, head};
use crate::journal::{Cursors, Filter, Had, Journal, Page, Reader, beyond};

/// A pipe that is ready takes this much without blocking, so that the thread can always be told to stop.
const CHUNK: usize = 4096;

/// How stale a stored cursor may be.
const CURSOR_EVERY: Duration = Duration::from_millis(100);

/// How often an idle outlet looks whether its reader is still there.
const LOOK_EVERY: Duration = Duration::from_millis(250);

pub struct Outlet {
    pub filter: Filter,
    pub cursor: String,
    pub since: Since,
    /// The position before `rooma.started`, which is written first whatever waits to be replayed.
    pub started_after: u64,
    pub data: PathBuf,
    /// Lines in the short form, of this width.
    pub brief: Option<usize>,
    /// How the disk is. The journal cannot take that.
    pub storage: watch::Receiver<Storage>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutletEnd {
    /// All that was asked for is written, or its time is over.
    Finished,
    ReaderGone,
    Failed(String),
}

/// The handle of the running thread.
pub struct Running {
    ended: oneshot::Receiver<OutletEnd>,
    end: Option<OutletEnd>,
    finish: watch::Sender<Option<Finish>>,
}

/// Write up to this position, at most until then.
#[derive(Clone, Copy, Debug)]
struct Finish {
    last: u64,
    deadline: Instant,
}

impl Outlet {
    pub fn start(self, journal: &Journal, stdout: OwnedFd) -> Result<Running> {
        let reader = journal.reader()?;
        let stored = reader.cursor(&self.cursor)?;
        let position = match self.since {
            Since::Start => 0,
            Since::Now => self.started_after,
            Since::Seq(seq) if seq > self.started_after => return Err(beyond(seq, self.started_after)),
            Since::Seq(seq) => seq,
            Since::Cursor => stored.unwrap_or(self.started_after).min(self.started_after),
        };
        let begins = Begins { position, known: stored, newest: self.started_after };
        let filter = Filter { ready: true, ..self.filter.clone() };
        let given = Given::open(&self.data, &self.cursor, &reader, &filter, begins)?;
        let had = given.had().clone();
        // Stored before the first event can be: a crash right after the start must not make the next one
        // begin behind lines that nobody has read.
        journal.cursors().store(&self.cursor, position);
        let (finish, asked) = watch::channel(None);
        let (end, ended) = oneshot::channel();
        let thread = Thread {
            storage: self.storage.clone(),
            in_trouble: false,
            reader,
            cursors: journal.cursors(),
            newest: journal.newest(),
            asked,
            runtime: Handle::current(),
            stdout,
            outlet: self,
            given,
            had,
            position,
            stored: position,
            stored_at: thread_now(),
        };
        std::thread::Builder::new()
            .name("outlet".to_owned())
            .spawn(move || {
                let _ = end.send(thread.run());
            })
            .map_err(|error| cannot_start("the outlet", error))?;
        Ok(Running { ended, end: None, finish })
    }
}

impl Running {
    /// Resolves when the thread has ended by itself.
    pub async fn ended(&mut self) -> OutletEnd {
        let end =
            (&mut self.ended).await.unwrap_or_else(|_| OutletEnd::Failed("the outlet crashed".to_owned()));
        self.end = Some(end.clone());
        end
    }

    /// Waits until everything up to `last` is written. A reader that does not read is left behind.
    pub async fn finish(mut self, last: u64, patience: Duration) {
        if self.end.is_some() {
            return;
        }
        let _ = self.finish.send(Some(Finish { last, deadline: thread_now() + patience }));
        if tokio::time::timeout(patience + LOOK_EVERY + CURSOR_EVERY, self.ended()).await.is_err() {
            tracing::warn!("stdout's reader did not take everything; the rest waits in the journal");
        }
    }
}

struct Thread {
    outlet: Outlet,
    reader: Reader,
    cursors: Cursors,
    newest: watch::Receiver<u64>,
    asked: watch::Receiver<Option<Finish>>,
    runtime: Handle,
    stdout: OwnedFd,
    storage: watch::Receiver<Storage>,
    /// The reader was told so.
    in_trouble: bool,
    given: Given,
    /// What this reader had before.
    had: Had,
    /// Everything up to here is written.
    position: u64,
    stored: u64,
    stored_at: Instant,
}

/// Why writing went no further.
enum Halt {
    ReaderGone,
    OutOfTime,
    Failed(String),
}

impl Thread {
    fn run(mut self) -> OutletEnd {
        let end = match self.serve() {
            Ok(()) | Err(Halt::OutOfTime) => OutletEnd::Finished,
            Err(Halt::ReaderGone) => OutletEnd::ReaderGone,
            Err(Halt::Failed(error)) => OutletEnd::Failed(error),
        };
        self.store_cursor();
        end
    }

    fn serve(&mut self) -> Result<(), Halt> {
        let started = self.outlet.started_after + 1;
        self.write_started(started)?;
        loop {
            self.tell_storage()?;
            let looked_from = self.position;
            // A journal that has nothing new is left alone: it may be gone.
            if *self.newest.borrow() > looked_from {
                let page = self.page(looked_from, &self.outlet.filter)?;
                self.write_page(&page, started)?;
            }
            if self.position == looked_from {
                self.given.look(&self.stdout);
                let finish = *self.asked.borrow();
                // The last lines count once they are taken.
                if finish.is_some_and(|finish| {
                    (self.position >= finish.last && self.given.is_all_taken()) || late(&finish)
                }) {
                    return Ok(());
                }
                self.wait()?;
            }
            if self.stored_at.elapsed_since() >= CURSOR_EVERY {
                self.store_cursor();
            }
        }
    }

    fn page(&self, after: u64, filter: &Filter) -> Result<Page, Halt> {
        let page = self.reader.page(after, filter, &self.had);
        let page = page.map_err(|error| Halt::Failed(error.message))?;
        Ok(match self.outlet.brief {
            Some(width) => page.in_brief(width, &self.reader),
            None => page,
        })
    }

    /// The ready line comes first, whatever the filter and whatever waits to be replayed.
    fn write_started(&mut self, started: u64) -> Result<(), Halt> {
        let filter = Filter { types: vec!["rooma.started".to_owned()], ..Filter::default() };
        loop {
            let page = self.page(self.outlet.started_after, &filter)?;
            if let Some((seq, end)) = page.ends.first() {
                debug_assert_eq!(*seq, started, "the first line of this run says that it has started");
                if self.position + 1 == started {
                    self.given.gives(started);
                }
                return self.write(&page.bytes[..*end]);
            }
            if self.asked.borrow().is_some_and(|finish| late(&finish)) {
                return Err(Halt::OutOfTime);
            }
            self.wait()?;
        }
    }

    /// Says when the disk takes nothing, and when it does again, as a watch does.
    fn tell_storage(&mut self) -> Result<(), Halt> {
        let storage = self.storage.borrow_and_update().clone();
        let trouble = storage.state != StorageState::Ok;
        if trouble == self.in_trouble {
            return Ok(());
        }
        self.in_trouble = trouble;
        let bytes = own_line(self.position, &Event::Storage(storage), self.outlet.brief);
        self.write(&bytes)
    }

    fn write_page(&mut self, page: &Page, started: u64) -> Result<(), Halt> {
        // The ready line was written before; lines that follow each other go out together.
        let ready = page.ends.iter().position(|(seq, _)| *seq == started);
        if let Some(at) = ready {
            self.write_lines(page, 0..at)?;
        }
        self.write_lines(page, ready.map_or(0, |at| at + 1)..page.ends.len())?;
        self.position = page.looked_to;
        self.given.reached(page.looked_to);
        Ok(())
    }

    /// Writes some lines of a page; `position` follows line by line, so that a halt in the middle leaves it
    /// behind the last line that went out whole.
    fn write_lines(&mut self, page: &Page, lines: std::ops::Range<usize>) -> Result<(), Halt> {
        let Some(last) = page.ends[lines.clone()].last() else { return Ok(()) };
        let begin = if lines.start == 0 { 0 } else { page.ends[lines.start - 1].1 };
        let bytes = &page.bytes[begin..last.1];
        let mut written = 0;
        let mut next = lines.start;
        while written < bytes.len() {
            let upto = self.upto(&page.ends[..lines.end], next, begin + written)? - begin;
            let done = self.write_some(&bytes[written..upto]);
            written += *done.as_ref().unwrap_or(&0);
            self.given.gave(*done.as_ref().unwrap_or(&0));
            while next < lines.end && page.ends[next].1 <= begin + written {
                self.position = page.ends[next].0;
                self.given.reached(self.position);
                next += 1;
            }
            done?;
        }
        crate::fault::point("outlet.written");
        Ok(())
    }

    /// How far may be written now, given that `at` bytes of the page are: to the end of the line, while each line waits for
    /// the last one to be taken. What is written from here on may have been read.
    fn upto(&mut self, ends: &[(u64, usize)], next: usize, at: usize) -> Result<usize, Halt> {
        let mut patience = Patience::default();
        let begins = next == 0 || ends[next - 1].1 <= at;
        loop {
            if !begins || self.given.is_ready(&self.stdout) {
                let end = self.given.next_end(ends, next, at);
                if end > at {
                    return Ok(end);
                }
            }
            if self.asked.borrow().is_some_and(|finish| late(&finish)) {
                return Err(Halt::OutOfTime);
            }
            self.look(PollFlags::empty(), Duration::ZERO)?;
            if self.stored_at.elapsed_since() >= CURSOR_EVERY {
                self.store_cursor();
            }
            patience.wait();
        }
    }

    fn write(&mut self, mut bytes: &[u8]) -> Result<(), Halt> {
        while !bytes.is_empty() {
            let written = self.write_some(bytes)?;
            self.given.gave(written);
            bytes = &bytes[written..];
        }
        // It stands before lines that are older: the reader is no further with it.
        self.given.reached(self.position);
        Ok(())
    }

    /// Waits until the reader takes something, and gives it one chunk.
    fn write_some(&self, bytes: &[u8]) -> Result<usize, Halt> {
        loop {
            let ready = self.look(PollFlags::OUT, LOOK_EVERY)?;
            if self.asked.borrow().is_some_and(|finish| late(&finish)) {
                return Err(Halt::OutOfTime);
            }
            if !ready {
                continue;
            }
            match rustix::io::write(&self.stdout, &bytes[..bytes.len().min(CHUNK)]) {
                Ok(written) => return Ok(written),
                Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
                Err(rustix::io::Errno::PIPE) => return Err(Halt::ReaderGone),
                Err(error) => return Err(Halt::Failed(error.to_string())),
            }
        }
    }

    /// Is stdout ready, within `patience`? Tells when nobody reads it any more.
    fn look(&self, wanted: PollFlags, patience: Duration) -> Result<bool, Halt> {
        let mut polled = [PollFd::new(&self.stdout, wanted)];
        let patience = Timespec { tv_sec: 0, tv_nsec: i64::from(patience.subsec_nanos()) };
        match poll(&mut polled, Some(&patience)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => Ok(false),
            Ok(_) => {
                let seen = polled[0].revents();
                if seen.intersects(PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL) {
                    return Err(Halt::ReaderGone);
                }
                Ok(seen.contains(PollFlags::OUT))
            }
            Err(error) => Err(Halt::Failed(error.to_string())),
        }
    }

    /// Sleeps until there is something to do, and stores the cursor when it is due.
    fn wait(&mut self) -> Result<(), Halt> {
        self.given.rests();
        self.given.look(&self.stdout);
        let dirty = self.stored != self.given.taken() || !self.given.is_all_taken();
        let patience = if dirty { CURSOR_EVERY } else { LOOK_EVERY };
        let (newest, asked) = (&mut self.newest, &mut self.asked);
        let mut storage = self.storage.clone();
        self.runtime.block_on(async {
            tokio::select! {
                _ = newest.changed() => {}
                _ = asked.changed() => {}
                Ok(()) = storage.changed() => {}
                () = tokio::time::sleep(patience) => {}
            }
        });
        if dirty && self.stored_at.elapsed_since() >= CURSOR_EVERY {
            self.store_cursor();
        }
        self.look(PollFlags::empty(), Duration::ZERO).map(|_| ())
    }

    fn store_cursor(&mut self) {
        self.given.look(&self.stdout);
        let taken = self.given.taken();
        if self.stored != taken {
            crate::fault::point("outlet.before_cursor");
            self.cursors.store(&self.outlet.cursor, taken);
            self.stored = taken;
        }
        self.stored_at = thread_now();
    }
}

/// A line that is in no journal; it stands where the reader stands.
fn own_line(position: u64, event: &Event, width: Option<usize>) -> Vec<u8> {
    let rendered = Rendered::new(event);
    let head = head(None, rendered.type_name, &rfc3339_ms(Clock::system().wall_ms()));
    let mut line = Vec::new();
    let seq = position.max(1);
    Line { seq, head: &head, body: &rendered.body, past: Past::New, raw: None }.write(&mut line);
    let Some(width) = width else { return line };
    let told = serde_json::from_slice(&line).expect("a line is an object");
    (brief(&told, width, &|_| None) + "\n").into_bytes()
}

fn late(finish: &Finish) -> bool {
    thread_now() >= finish.deadline
}

trait ElapsedSince {
    fn elapsed_since(&self) -> Duration;
}

impl ElapsedSince for Instant {
    fn elapsed_since(&self) -> Duration {
        thread_now().saturating_duration_since(*self)
    }
}
