//! Is what is open still what a restart will read? A journal can be removed, replaced or emptied under a running
//! process, and everything that process writes goes on to succeed, into files that nobody finds again. So before each
//! group, and again before it is acknowledged, the names are compared with what was opened, and the contents with what
//! this process left in them.

use std::fs::{File, Metadata};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, TryLockError};

/// SQLite's header of a database.
const HEAD: usize = 100;
/// Of which this much never changes: the format's name and the size of a page.
const HEAD_FIXED: usize = 18;
/// SQLite's header of a log.
const LOG_HEAD: usize = 32;
/// The index has this much from its first use on, and is mapped: beyond its end there is nothing to touch.
const INDEX_MIN: u64 = 32 * 1024;

/// The files of an open journal.
#[derive(Debug)]
pub struct Place {
    path: PathBuf,
    /// Open as long as the journal: closing it would release the locks that SQLite holds on the same file.
    file: File,
    log: File,
    ids: [Id; 3],
    /// Held by whoever moves the log into the file.
    main: Mutex<Main>,
    /// Of the writer alone; the lock is for the compiler.
    log_mark: Mutex<LogMark>,
}

/// Which file a name means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Id(u64, u64);

/// How the main file was left.
#[derive(Debug)]
struct Main {
    bytes: u64,
    modified: (i64, i64),
    head: Vec<u8>,
}

/// How the log was left; empty after it was moved as a whole.
#[derive(Debug, Default)]
struct LogMark {
    bytes: u64,
    head: Option<[u8; LOG_HEAD]>,
}

/// What became of the files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    pub what: String,
    /// The file is what it was.
    pub main_stands: bool,
    /// The name of the log means what it did, whatever is in it.
    pub log_stands: bool,
    /// What was written can still be read through what is open.
    pub readable: bool,
}

/// Why the log was not moved.
#[derive(Debug, thiserror::Error)]
pub enum Stuck {
    #[error("{}", .0.what)]
    Lost(Lost),
    #[error(transparent)]
    Sqlite(rusqlite::Error),
}

impl From<Lost> for Stuck {
    fn from(lost: Lost) -> Stuck {
        Stuck::Lost(lost)
    }
}

/// The three names, as SQLite makes them.
const SUFFIXES: [&str; 3] = ["", "-wal", "-shm"];

impl Place {
    /// Looks at a journal that was just opened and written to.
    pub fn of(path: &Path) -> std::io::Result<Place> {
        let file = File::open(path)?;
        let log = File::open(beside(path, SUFFIXES[1]))?;
        let index = std::fs::metadata(beside(path, SUFFIXES[2]))?;
        let ids = [Id::of(&file.metadata()?), Id::of(&log.metadata()?), Id::of(&index)];
        let main = Mutex::new(Main::read(&file)?);
        let place =
            Place { path: path.to_owned(), file, log, ids, main, log_mark: Mutex::new(LogMark::default()) };
        place.note_log().map_err(|lost| std::io::Error::other(lost.what))?;
        Ok(place)
    }

    pub fn log(&self) -> &File {
        &self.log
    }

    pub fn main_bytes(&self) -> u64 {
        self.file.metadata().map_or(0, |found| found.len())
    }

    /// Do the names still mean what is open? A few microseconds.
    pub fn check_names(&self) -> Result<(), Lost> {
        let mut found = SUFFIXES.iter().zip(self.ids).map(|(suffix, id)| self.look(suffix, id));
        let (main, log, index) = (found.next().flatten(), found.next().flatten(), found.next().flatten());
        let readable = index.as_ref().is_none_or(|(_, whole)| *whole);
        let (main_stands, log_stands) = (main.is_none(), log.is_none());
        match main.or(log).or(index) {
            None => Ok(()),
            Some((what, _)) => Err(Lost { what, main_stands, log_stands, readable }),
        }
    }

    /// The same, and whether the contents are as this process left them. For the writer.
    pub fn check(&self) -> Result<(), Lost> {
        self.check_names()?;
        self.check_log(true)?;
        // Whoever holds it is writing the file at this moment, and looks by itself.
        match self.main.try_lock() {
            Ok(mut main) => self.check_main(&mut main),
            Err(TryLockError::Poisoned(poisoned)) => self.check_main(&mut poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => Ok(()),
        }
    }

    /// The writer has written to the log: remembers how it is now.
    pub fn note_log(&self) -> Result<(), Lost> {
        self.check_log(false)
    }

    /// The writer has emptied the log.
    pub fn note_emptied(&self) {
        *self.log_mark.lock().unwrap_or_else(PoisonError::into_inner) = LogMark::default();
    }

    /// Moves the log into the file by `work`, unless the file is another's by now.
    pub fn checkpoint<T>(&self, work: impl FnOnce() -> rusqlite::Result<T>) -> Result<T, Stuck> {
        let mut main = self.main.lock().unwrap_or_else(PoisonError::into_inner);
        self.check_main(&mut main)?;
        let done = work();
        let now = Main::read(&self.file).map_err(|error| self.main_lost(&error.to_string()))?;
        if now.head.len() < HEAD || now.head[..HEAD_FIXED] != main.head[..HEAD_FIXED] {
            return Err(self.main_lost(CHANGED).into());
        }
        *main = now;
        done.map_err(Stuck::Sqlite)
    }

    /// Is the log, whatever its name means by now, as this process left it?
    pub fn log_is_whole(&self) -> bool {
        self.check_log(true).is_ok()
    }

    /// After a loss of one of file and log: the next start would take them for parts of one whole, so the log goes out of
    /// the way.
    pub fn part(&self, now: i64) {
        for suffix in &SUFFIXES[1..] {
            let kept = beside(&self.path, &format!("{suffix}.corrupt-{now}"));
            let _ = std::fs::rename(beside(&self.path, suffix), kept);
        }
    }

    /// What is wrong with a name, and whether what it meant is whole.
    fn look(&self, suffix: &str, id: Id) -> Option<(String, bool)> {
        let path = beside(&self.path, suffix);
        let shown = path.display();
        match std::fs::metadata(&path) {
            Ok(found) if Id::of(&found) != id => Some((format!("{shown} was replaced"), true)),
            Ok(found) if suffix == SUFFIXES[2] && found.len() < INDEX_MIN => {
                Some((format!("{shown} was emptied"), false))
            }
            Ok(_) => None,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Some((format!("{shown} was removed or renamed"), true))
            }
            Err(error) => Some((format!("{shown} cannot be looked at: {error}"), true)),
        }
    }

    fn check_log(&self, untouched: bool) -> Result<(), Lost> {
        let lost = |why: &str| {
            let shown = beside(&self.path, SUFFIXES[1]);
            let what = format!("{} {why}", shown.display());
            Lost { what, main_stands: true, log_stands: false, readable: true }
        };
        let bytes = self.log.metadata().map_err(|error| lost(&error.to_string()))?.len();
        let mut mark = self.log_mark.lock().unwrap_or_else(PoisonError::into_inner);
        if bytes < mark.bytes && (untouched || bytes < LOG_HEAD as u64) {
            return Err(lost("was cut off"));
        }
        let mut head = [0; LOG_HEAD];
        let read = self.log.read_exact_at(&mut head, 0).is_ok();
        match mark.head {
            _ if !read && mark.head.is_some() => return Err(lost("was cut off")),
            Some(before) if before != head && (untouched || !follows(&before, &head)) => {
                return Err(lost(CHANGED));
            }
            _ => {}
        }
        *mark = LogMark { bytes, head: read.then_some(head) };
        Ok(())
    }

    fn check_main(&self, main: &mut Main) -> Result<(), Lost> {
        let found = self.file.metadata().map_err(|error| self.main_lost(&error.to_string()))?;
        if (found.len(), modified(&found)) == (main.bytes, main.modified) {
            return Ok(());
        }
        if found.len() < main.bytes {
            return Err(self.main_lost("was cut off"));
        }
        let now = Main::read(&self.file).map_err(|error| self.main_lost(&error.to_string()))?;
        if now.bytes != main.bytes || now.head != main.head {
            return Err(self.main_lost(CHANGED));
        }
        // Touched, and no more.
        *main = now;
        Ok(())
    }

    fn main_lost(&self, why: &str) -> Lost {
        let what = format!("{} {why}", self.path.display());
        Lost { what, main_stands: false, log_stands: true, readable: true }
    }
}

const CHANGED: &str = "was changed by somebody else";

/// A log is begun anew only by its writer, who counts that in the first of two salts. The other counter in the head is
/// each connection's own.
fn follows(before: &[u8; LOG_HEAD], now: &[u8; LOG_HEAD]) -> bool {
    let salt = |head: &[u8; LOG_HEAD]| u32::from_be_bytes([head[16], head[17], head[18], head[19]]);
    before[..12] == now[..12] && (1..=RESTARTS_MAX).contains(&salt(now).wrapping_sub(salt(before)))
}

/// How often a log is begun anew between two looks, at most.
const RESTARTS_MAX: u32 = 1024;

impl Id {
    fn of(metadata: &Metadata) -> Id {
        Id(metadata.dev(), metadata.ino())
    }
}

impl Main {
    fn read(file: &File) -> std::io::Result<Main> {
        let found = file.metadata()?;
        let mut head = vec![0; HEAD];
        let read = file.read_at(&mut head, 0)?;
        head.truncate(read);
        Ok(Main { bytes: found.len(), modified: modified(&found), head })
    }
}

fn modified(metadata: &Metadata) -> (i64, i64) {
    (metadata.mtime(), metadata.mtime_nsec())
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
