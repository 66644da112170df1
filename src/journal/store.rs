//! The journal's file: its tables, their versions, and how a position is never given twice.

use std::fs::File;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

use super::activity::store_heard_to;
use super::bots::{self, KnownBot};
use super::entry::Entry;
use super::retention::{self, Retention};
use super::seen::{Seen, fingerprint};
use crate::clock::{WallMs, rfc3339_ms};
use crate::core::gate::Held;
use crate::error::{Error, Result};
use crate::event::head;

/// Version of the tables below, in the file's `user_version`.
const VERSION: i64 = 4;

const CREATE: &str = "
CREATE TABLE line (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, profile TEXT, type TEXT NOT NULL,
    mentioned INTEGER NOT NULL, replayed INTEGER NOT NULL DEFAULT 0, held TEXT,
    head TEXT NOT NULL, body TEXT NOT NULL, raw TEXT
);
CREATE INDEX line_of_registry ON line(seq)
    WHERE type IN ('rooma.chat_joined', 'rooma.chat_left', 'chat.updated');
CREATE TABLE seen (key BLOB PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE recent (id INTEGER PRIMARY KEY, key BLOB NOT NULL, at INTEGER NOT NULL);
CREATE TABLE cursor (name TEXT PRIMARY KEY, seq INTEGER NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES ('clean', 1), ('reserved', 0);
";

/// Version 1 had no lines about the past, no index for the registry, and held keys as text.
const FROM_1: &str = "
ALTER TABLE seen RENAME TO seen_1;
CREATE TABLE seen (key BLOB PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE recent (id INTEGER PRIMARY KEY, key BLOB NOT NULL, at INTEGER NOT NULL);
ALTER TABLE line ADD COLUMN replayed INTEGER NOT NULL DEFAULT 0;
CREATE INDEX line_of_registry ON line(seq)
    WHERE type IN ('rooma.chat_joined', 'rooma.chat_left', 'chat.updated');
";

/// Version 2 had no lines that are held back.
const FROM_2: &str = "ALTER TABLE line ADD COLUMN held TEXT;";

/// Positions reserved ahead. Lines may be read before they are synced, so after a power cut the lines behind
/// the last sync are gone while a reader has seen their positions: the journal goes on behind the reservation.
const RESERVE: u64 = 8192;
/// A new reservation is made while this many positions of the old one are left, so that it is synced in time.
const RESERVE_LOW: u64 = 4096;

/// The writing side of the file. There is one per process, on the writer's thread.
#[derive(Debug)]
pub struct Store {
    db: Connection,
    path: PathBuf,
    seen: Seen,
    next_seq: u64,
    reserved: u64,
}

impl Store {
    /// Opens or creates the journal and marks it as in use.
    pub fn open(path: &Path) -> Result<Store> {
        keep_private(path);
        let db = Connection::open(path).map_err(|error| failed("open", path, &error))?;
        let mut store = Store { db, path: path.to_owned(), seen: Seen::default(), next_seq: 1, reserved: 0 };
        store.prepare().map_err(|error| failed("open", path, &error))?;
        Ok(store)
    }

    fn prepare(&mut self) -> rusqlite::Result<()> {
        self.db.busy_timeout(std::time::Duration::from_secs(5))?;
        // Only a new file takes this: the space of removed lines can be given back.
        self.db.pragma_update(None, "auto_vacuum", "incremental")?;
        self.db.pragma_update(None, "journal_mode", "wal")?;
        // In WAL mode NORMAL leaves the sync of a commit to us: the syncer does it for a group at once.
        self.db.pragma_update(None, "synchronous", "normal")?;
        self.db.pragma_update(None, "wal_autocheckpoint", 0)?;
        self.db.pragma_update(None, "cache_size", -8192)?;
        self.db.set_prepared_statement_cache_capacity(16);
        migrate(&mut self.db)?;
        sign(&self.db)?;
        self.seen = Seen::open(&self.db)?;
        let last: u64 = self.db.query_row("SELECT coalesce(max(seq), 0) FROM line", [], |row| row.get(0))?;
        let reserved = self.meta("reserved")?;
        let clean = self.meta("clean")? == 1;
        self.next_seq = if clean { last + 1 } else { last.max(reserved) + 1 };
        self.reserved = self.next_seq + RESERVE;
        self.db.execute("UPDATE meta SET value = 0 WHERE key = 'clean'", [])?;
        self.db.execute("UPDATE meta SET value = ?1 WHERE key = 'reserved'", [self.reserved])?;
        Ok(())
    }

    fn meta(&self, key: &str) -> rusqlite::Result<u64> {
        self.db.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0))
    }

    pub fn last_seq(&self) -> u64 {
        self.next_seq - 1
    }

    /// The position up to which lines may be given once everything before is synced.
    pub fn reserved(&self) -> u64 {
        self.reserved
    }

    /// Runs `work` as one transaction; nothing of it remains if it fails.
    pub fn group<T>(&mut self, work: impl FnOnce(&mut Store) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        let (next_seq, reserved) = (self.next_seq, self.reserved);
        self.db.execute_batch("BEGIN IMMEDIATE")?;
        let done = work(self)
            .and_then(|value| self.extend_reservation().map(|()| value))
            .and_then(|value| self.db.execute_batch("COMMIT").map(|()| value));
        if done.is_err() {
            // A failed COMMIT may have ended the transaction already; then there is nothing to roll back.
            let _ = self.db.execute_batch("ROLLBACK");
            (self.next_seq, self.reserved) = (next_seq, reserved);
            self.seen.rolled_back();
        } else {
            self.seen.committed();
        }
        done
    }

    /// Between groups: moves what was seen into its index when enough has come together.
    pub fn tidy(&mut self, now: WallMs) -> rusqlite::Result<()> {
        if self.seen.is_full() { self.seen.merge(&mut self.db, now) } else { Ok(()) }
    }

    fn extend_reservation(&mut self) -> rusqlite::Result<()> {
        if self.next_seq + RESERVE_LOW > self.reserved {
            self.reserved = self.next_seq + RESERVE;
            self.db
                .prepare_cached("UPDATE meta SET value = ?1 WHERE key = 'reserved'")?
                .execute([self.reserved])?;
        }
        Ok(())
    }

    /// Adds a line, unless its key was seen before. Within [`Store::group`] only.
    pub fn insert(&mut self, entry: &Entry, now: WallMs) -> rusqlite::Result<bool> {
        if let Some(key) = &entry.key {
            let profile = entry.profile.as_deref().unwrap_or("");
            if !self.seen.first_time(&self.db, profile, key.as_str(), now)? {
                return Ok(false);
            }
        }
        let profile = entry.profile.as_deref();
        let rendered = &entry.rendered;
        let head =
            head(profile, entry.transport, rendered.type_name, &rfc3339_ms(now), entry.event_id.as_deref());
        self.db
            .prepare_cached(
                "INSERT INTO line(seq, at, profile, type, mentioned, replayed, held, head, body, raw)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?
            .execute(params![
                self.next_seq,
                now,
                profile,
                rendered.type_name,
                rendered.mentioned,
                entry.replayed,
                entry.held.map(Held::name),
                head,
                rendered.body,
                entry.raw.as_deref()
            ])?;
        self.next_seq += 1;
        Ok(true)
    }

    /// One step of what is kept no longer; false when there is none.
    pub fn trim(&mut self, retention: Retention, now: WallMs) -> rusqlite::Result<bool> {
        retention::step(&mut self.db, retention, now)
    }

    pub fn store_cursor(&mut self, name: &str, seq: u64, now: WallMs) -> rusqlite::Result<()> {
        self.db
            .prepare_cached(
                "INSERT INTO cursor(name, seq, at) VALUES (?1, ?2, ?3)
                 ON CONFLICT(name) DO UPDATE SET seq = excluded.seq, at = excluded.at",
            )?
            .execute(params![name, seq, now])?;
        Ok(())
    }

    pub fn note_bot(&mut self, viewer: &str, bot: &KnownBot, now: WallMs) -> rusqlite::Result<()> {
        bots::note(&self.db, viewer, bot, now)
    }

    pub fn bots(&self, viewer: &str) -> rusqlite::Result<Vec<KnownBot>> {
        bots::read(&self.db, viewer)
    }

    pub fn store_heard_to(&mut self, profile: &str, at: WallMs, certain: bool) -> rusqlite::Result<()> {
        store_heard_to(&self.db, profile, at, certain)
    }

    /// Moves a cursor forward to a line that is there, never back. True when it moved.
    pub fn advance_cursor(&mut self, name: &str, seq: u64, now: WallMs) -> rusqlite::Result<bool> {
        Ok(seq <= self.last_seq() && advance_cursor(&self.db, name, seq, now)?)
    }

    pub fn cursor(&self, name: &str) -> rusqlite::Result<Option<u64>> {
        read_cursor(&self.db, name)
    }

    /// Moves the log's content into the main file and empties the log.
    pub fn checkpoint(&self) -> rusqlite::Result<()> {
        self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
    }

    /// Marks a clean end: the next start continues without a gap.
    pub fn close(self) -> rusqlite::Result<()> {
        self.db.execute("UPDATE meta SET value = 1 WHERE key = 'clean'", [])?;
        self.checkpoint()?;
        self.db.close().map_err(|(_, error)| error)
    }

    /// A second handle on the log file, to sync it from another thread. SQLite's own locks are on other files.
    pub fn log_file(&self) -> std::io::Result<File> {
        let mut name = self.path.clone().into_os_string();
        name.push("-wal");
        File::open(name)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// What people say to each other is for nobody else's eyes on this machine. SQLite gives its other files the mode
/// of the first. Where that cannot be had, opening says why.
fn keep_private(path: &Path) {
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
    let _ = std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path);
    for file in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(file);
        let _ = std::fs::set_permissions(&name, std::fs::Permissions::from_mode(0o600));
    }
}

fn migrate(db: &mut Connection) -> rusqlite::Result<()> {
    let version: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let steps: &[&str] = match version {
        0 => &[CREATE, bots::CREATE],
        1 => &[FROM_1, FROM_2, bots::CREATE],
        2 => &[FROM_2, bots::CREATE],
        // Version 3 knew no bots.
        3 => &[bots::CREATE],
        VERSION => return Ok(()),
        newer => return Err(newer_version(db, newer)),
    };
    let transaction = db.transaction()?;
    steps.iter().try_for_each(|step| transaction.execute_batch(step))?;
    if version == 1 {
        carry_keys_over(&transaction)?;
    }
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}

fn carry_keys_over(db: &Connection) -> rusqlite::Result<()> {
    let mut old = db.prepare("SELECT profile, key, at FROM seen_1")?;
    let mut rows = old.query([])?;
    while let Some(row) = rows.next()? {
        let key = fingerprint(row.get_ref(0)?.as_str()?, row.get_ref(1)?.as_str()?);
        db.execute(
            "INSERT OR IGNORE INTO seen(key, at) VALUES (?1, ?2)",
            params![key, row.get::<_, i64>(2)?],
        )?;
    }
    drop(rows);
    drop(old);
    db.execute_batch("DROP TABLE seen_1")
}

fn newer_version(db: &Connection, version: i64) -> rusqlite::Error {
    let by =
        db.query_row("SELECT value FROM meta WHERE key = 'written_by'", [], |row| row.get::<_, String>(0));
    let by = by
        .map_or_else(|_| "a newer rooma".to_owned(), |by| format!("rooma {}", crate::event::neutralise(&by)));
    let text = format!(
        "it has version {version}, written by {by}; this is rooma {}, which knows {VERSION}",
        env!("CARGO_PKG_VERSION")
    );
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_MISMATCH), Some(text))
}

/// Whoever cannot read the file can say whose it is.
fn sign(db: &Connection) -> rusqlite::Result<()> {
    let sign =
        "INSERT INTO meta VALUES ('written_by', ?1) ON CONFLICT(key) DO UPDATE SET value = excluded.value
        WHERE value IS NOT excluded.value";
    db.execute(sign, [env!("CARGO_PKG_VERSION")]).map(drop)
}

/// Opens the journal for reading, beside whoever writes it.
pub fn open_reader(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags).map_err(|error| failed("open", path, &error))?;
    db.busy_timeout(std::time::Duration::from_secs(5)).map_err(|error| failed("open", path, &error))?;
    db.pragma_update(None, "cache_size", -2048).map_err(|error| failed("open", path, &error))?;
    let version: i64 = db
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(|error| failed("open", path, &error))?;
    if version > VERSION {
        return Err(failed("open", path, &newer_version(&db, version)));
    }
    Ok(db)
}

/// The last position that retention has removed.
pub fn read_trimmed(db: &Connection) -> rusqlite::Result<u64> {
    let trimmed =
        db.query_row("SELECT value FROM meta WHERE key = 'trimmed'", [], |row| row.get(0)).optional();
    trimmed.map(Option::unwrap_or_default)
}

pub fn read_cursor(db: &Connection, name: &str) -> rusqlite::Result<Option<u64>> {
    db.query_row("SELECT seq FROM cursor WHERE name = ?1", [name], |row| row.get(0)).optional()
}

fn advance_cursor(db: &Connection, name: &str, seq: u64, now: WallMs) -> rusqlite::Result<bool> {
    let mut update = db.prepare_cached("UPDATE cursor SET seq = ?2, at = ?3 WHERE name = ?1 AND seq < ?2")?;
    Ok(update.execute(params![name, seq, now])? > 0)
}

/// Moves a cursor while nobody writes the journal. It is not marked as in use: whether the last end was a clean
/// one is the next writer's to know. Tells whether it moved, and where it stands.
pub fn advance_cursor_alone(
    path: &Path,
    name: &str,
    seq: u64,
    now: WallMs,
) -> rusqlite::Result<(bool, Option<u64>)> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    db.busy_timeout(std::time::Duration::from_secs(5))?;
    match db.pragma_query_value(None, "user_version", |row| row.get(0))? {
        VERSION => {}
        other => return Err(newer_version(&db, other)),
    }
    let newest: u64 = db.query_row("SELECT coalesce(max(seq), 0) FROM line", [], |row| row.get(0))?;
    let moved = seq <= newest && advance_cursor(&db, name, seq, now)?;
    Ok((moved, read_cursor(&db, name)?))
}

/// The `subtype` of an error that a damaged file causes.
pub const CORRUPT: &str = "corrupt";

pub fn failed(what: &str, path: &Path, error: &rusqlite::Error) -> Error {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseCorrupt, DatabaseLocked, NotADatabase, TypeMismatch};
    let text = Error::storage(format!("failed to {what} {}: {error}", path.display()));
    match error.sqlite_error_code() {
        Some(DatabaseCorrupt | NotADatabase) => text.subtype(CORRUPT),
        Some(TypeMismatch) => text.subtype(crate::error::NEWER).hint(crate::error::NEWER_HINT),
        Some(DatabaseBusy | DatabaseLocked) => {
            let (subtype, hint) = ("locked", super::holder::hint(path));
            Error { message: format!("{} is locked by another process", text.message), ..text }
                .subtype(subtype)
                .retryable(true)
                .hint(hint)
        }
        _ => text,
    }
}

/// Moves a damaged journal out of the way, whole, and says where to.
pub fn set_aside(path: &Path, now: WallMs) -> Result<PathBuf> {
    let beside = |suffix: &str| {
        let mut name = path.to_owned().into_os_string();
        name.push(suffix);
        PathBuf::from(name)
    };
    let kept = beside(&format!(".corrupt-{now}"));
    for suffix in ["", "-wal", "-shm"] {
        let to = beside(&format!(".corrupt-{now}{suffix}"));
        match std::fs::rename(beside(suffix), &to) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(Error::storage(format!("failed to set {} aside: {error}", path.display())));
            }
        }
    }
    Ok(kept)
}
