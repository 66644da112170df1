//! What a reader of lines was given, and what it has taken. A cursor stands behind what left the pipe; what was written
//! and not taken comes again, and is marked, since some of it may have been read all the same.

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use super::given_mark::{Mark, open, read};
use crate::clock::thread_now;
use crate::core::pace::Budget;
use crate::core::written::Written;
use crate::error::Result;
use crate::journal::{Filter, Had, Reader};
use crate::pipe;

/// So many lines are given one by one, each once the last was taken: a reader that wants one line and goes away, such as
/// `head -1`, takes no other with it. One that is still there then reads what comes.
const SINGLY: u64 = 1000;

/// How long lines wait for a disk that does not take the note about them.
const NOTED_WITHIN: Duration = Duration::from_secs(5);

/// Then so much of them at a time.
const CHUNK: usize = 4096;

/// Where a reader begins.
#[derive(Clone, Copy, Debug, Default)]
pub struct Begins {
    pub position: u64,
    /// Where the cursor stood before: versions that kept no such file may have given all there was.
    pub known: Option<u64>,
    /// The journal's newest line.
    pub newest: u64,
}

/// One reader's.
#[derive(Debug)]
pub struct Given {
    file: File,
    mark: Mark,
    had: Had,
    /// Since when nothing can be noted.
    failing: Option<Instant>,
    written: Written,
    lines: u64,
}

impl Given {
    /// For a reader of what this filter lets through.
    pub fn open(
        data: &Path,
        cursor: &str,
        reader: &Reader,
        filter: &Filter,
        begins: Begins,
    ) -> Result<Given> {
        let mut file = open(data, cursor)?;
        let born = reader.born()?;
        let mut mark = match read(&mut file) {
            Some(mark) if mark.born == born => mark.in_parts(),
            // Of another journal, of which nothing is left: only the budget is the reader's own.
            Some(mark) => Mark { born, given: 0, from: 0, stretches: Vec::new(), ..mark },
            None => Mark::of_all(born, begins.known.map_or(0, |_| begins.newest)),
        };
        if let Some(last) = mark.stretches.last_mut()
            && begins.known == Some(begins.position)
        {
            // It was come to with that filter, noted or not.
            last.to = last.to.max(begins.position);
        }
        let had = Had { given: mark.stretches.clone(), late_to: begins.newest };
        mark.begin(begins.position, filter);
        let written = Written::new(begins.position);
        let given = Given { file, mark, had, failing: None, written, lines: 0 };
        // From here on it is known, whatever is given.
        given.write();
        Ok(given)
    }

    /// What this reader had before.
    pub fn had(&self) -> &Had {
        &self.had
    }

    pub fn budget(&self) -> Option<Budget> {
        self.mark.budget
    }

    pub fn set_budget(&mut self, budget: Budget) {
        self.mark.budget = Some(budget);
        self.write();
    }

    /// False where that cannot be noted for the moment, as on a full disk; lines do not wait for ever for it.
    pub fn gives(&mut self, seq: u64) -> bool {
        let Some(before) = self.mark.gives(seq) else { return true };
        if self.write() {
            self.failing = None;
            return true;
        }
        let now = thread_now();
        if now.saturating_duration_since(*self.failing.get_or_insert(now)) >= NOTED_WITHIN {
            return true;
        }
        self.mark.ungive(before);
        false
    }

    /// So much was written.
    pub fn gave(&mut self, bytes: usize) {
        self.written.gave(bytes);
    }

    /// A line was written whole, or what was held back is passed.
    pub fn reached(&mut self, position: u64) {
        self.written.reached(position);
    }

    /// Nothing waits: who reads what comes next may be somebody who wants one line.
    pub fn rests(&mut self) {
        self.lines = 0;
    }

    /// Looks into the pipe.
    pub fn look(&mut self, to: impl AsFd) {
        self.written.look(pipe::unread(to));
    }

    /// May the next line be written, or is the reader still to take the last one?
    pub fn is_ready(&mut self, to: impl AsFd) -> bool {
        self.look(to);
        !self.is_single() || self.written.is_all_taken()
    }

    fn is_single(&self) -> bool {
        self.lines < SINGLY
    }

    /// To where the lines from `next` on may be written now, `at` bytes of which are; `at`: not yet. Notes that they may be read from here
    /// on. `ends` are the lines' positions and where their bytes end.
    pub fn next_end(&mut self, ends: &[(u64, usize)], next: usize, at: usize) -> usize {
        let last = match ends[next..].iter().position(|(_, end)| *end >= at + CHUNK) {
            _ if self.is_single() => next,
            Some(more) => next + more,
            None => ends.len() - 1,
        };
        let (seq, end) = ends[last];
        if !self.gives(seq) {
            return at;
        }
        self.lines += (last + 1 - next) as u64;
        end
    }

    pub fn is_all_taken(&self) -> bool {
        self.written.is_all_taken()
    }

    /// Where the cursor stands.
    pub fn taken(&self) -> u64 {
        self.written.taken()
    }

    /// Where it fails, a line that is read again may stand there unmarked.
    fn write(&self) -> bool {
        let written = self.file.write_all_at(&self.mark.text(), 0);
        if let Err(error) = &written {
            tracing::debug!(%error, "what a reader was given is not noted");
        }
        written.is_ok()
    }
}

/// How long to wait for a reader: at once at first, and rarely where it stalls.
#[derive(Debug, Default)]
pub struct Patience(u32);

impl Patience {
    /// Waits a little, a little longer each time.
    pub fn wait(&mut self) {
        const YIELDS: u32 = 20;
        match self.0.checked_sub(YIELDS) {
            None => std::thread::yield_now(),
            Some(step) => std::thread::park_timeout(Duration::from_micros(50 << step.min(9))),
        }
        self.0 = self.0.saturating_add(1);
    }
}
