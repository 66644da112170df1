//! What a reader of lines was given, and what it has taken. A cursor stands behind what left the pipe; what was written
//! and not taken comes again, and is marked, since some of it may have been read all the same.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::clock::thread_now;
use crate::core::pace::Budget;
use crate::core::written::Written;
use crate::error::{Error, Result};
use crate::journal::{Had, Reader};
use crate::pipe;

const VERSION: u32 = 1;

/// The whole file, so that one write replaces it: a process that is killed leaves the old one or the new one.
const SIZE: usize = 512;

/// So many lines are given one by one, each once the last was taken: a reader that wants one line and goes away, such as
/// `head -1`, takes no other with it. One that is still there then reads what comes.
const SINGLY: u64 = 1000;

/// How long lines wait for a disk that does not take the note about them.
const NOTED_WITHIN: Duration = Duration::from_secs(5);

/// Then so much of them at a time.
const CHUNK: usize = 4096;

/// Beside the lock of its cursor, in `data/cursors/NAME.given`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    version: u32,
    /// Which journal the positions are of.
    born: u64,
    /// Lines behind `from` and up to here were written, whether or not they were taken.
    given: u64,
    #[serde(default)]
    from: u64,
    /// What is left of the reader's notifications.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    budget: Option<Budget>,
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
    /// For a reader that begins behind `position`. `newest` is the journal's; `known` says whether the cursor was there
    /// before: versions that kept no such file may have given all there was.
    pub fn open(
        data: &Path,
        cursor: &str,
        reader: &Reader,
        position: u64,
        known: Option<u64>,
        newest: u64,
    ) -> Result<Given> {
        let folder = data.join("cursors");
        crate::folder::make(&folder)
            .map_err(|error| Error::storage(format!("failed to create {}: {error}", folder.display())))?;
        let path = folder.join(format!("{cursor}.given"));
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let mut file =
            file.map_err(|error| Error::storage(format!("failed to open {}: {error}", path.display())))?;
        let born = reader.born()?;
        let given = known.map_or(0, |_| newest);
        let all = || Mark { version: VERSION, born, given, from: 0, budget: None };
        let mark = match read(&mut file) {
            Some(mark) if mark.born == born => mark,
            // Of another journal, of which nothing is left: only the budget is the reader's own.
            Some(mark) => Mark { born, given: 0, from: 0, ..mark },
            None => all(),
        };
        let had = Had { given_from: mark.from, given_to: mark.given, late_to: newest };
        // What this run gives is joined to what was given before; where nothing was, it begins here.
        let from = if mark.given <= mark.from { position } else { mark.from.min(position) };
        let mark = Mark { from, ..mark };
        let given = Given { file, mark, had, failing: None, written: Written::new(position), lines: 0 };
        // From here on it is known, whatever is given.
        given.write();
        Ok(given)
    }

    /// What this reader had before.
    pub fn had(&self) -> Had {
        self.had
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
        if seq <= self.mark.given {
            return true;
        }
        let before = std::mem::replace(&mut self.mark.given, seq);
        if self.write() {
            self.failing = None;
            return true;
        }
        let now = thread_now();
        if now.saturating_duration_since(*self.failing.get_or_insert(now)) >= NOTED_WITHIN {
            return true;
        }
        self.mark.given = before;
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
        let mut text = serde_json::to_vec(&self.mark).expect("numbers are plain data");
        text.resize(SIZE - 1, b' ');
        text.push(b'\n');
        let written = self.file.write_all_at(&text, 0);
        if let Err(error) = &written {
            tracing::debug!(%error, "what a reader was given is not noted");
        }
        written.is_ok()
    }
}

fn read(file: &mut File) -> Option<Mark> {
    let mut text = String::new();
    file.take(SIZE as u64).read_to_string(&mut text).ok()?;
    serde_json::from_str(text.trim()).ok().filter(|mark: &Mark| mark.version == VERSION)
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
