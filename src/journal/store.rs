//! The journal's file: its tables, their versions, and how a position is never given twice.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, params};

use super::activity::store_heard_to;
use super::bots::{self, KnownBot};
use super::damage;
use super::entry::Entry;
use super::membership;
use super::place::{Lost, Place, Stuck};
use super::retention::{self, Retention};
use super::seen::Seen;
use super::sqlite::{BUSY_MS, failed, read_cursor};
use super::tables::{VERSION, create_view, migrate, newer_version, sign};
use crate::clock::{WallMs, rfc3339_ms};
use crate::core::gate::Held;
use crate::error::{Error, Result};
use crate::event::ids::{ChatId, MessageId, ThreadId};
use crate::event::{ChatType, Origin, SenderType, head, tail, with_fields};

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
    place: Arc<Place>,
    seen: Seen,
    next_seq: u64,
    reserved: u64,
}

impl Store {
    /// Opens or creates the journal and marks it as in use.
    pub fn open(path: &Path) -> Result<Store> {
        keep_private(path)?;
        let open = || {
            let mut db = Connection::open(path)?;
            prepare(&mut db)?;
            let seen = Seen::open(&db)?;
            let next_seq = begin(&db)?;
            Ok((db, seen, next_seq))
        };
        let (db, seen, next_seq) = open().map_err(|error| failed("open", path, &error))?;
        let place = Place::of(path)
            .map_err(|error| Error::storage(format!("failed to open {}: {error}", path.display())))?;
        Ok(Store {
            db,
            path: path.to_owned(),
            place: Arc::new(place),
            seen,
            next_seq,
            reserved: next_seq + RESERVE,
        })
    }

    pub fn place(&self) -> &Arc<Place> {
        &self.place
    }

    pub fn last_seq(&self) -> u64 {
        self.next_seq - 1
    }

    /// The position up to which lines may be given once everything before is synced.
    pub fn reserved(&self) -> u64 {
        self.reserved
    }

    /// Rows that were written so far.
    pub fn changes(&self) -> u64 {
        self.db.total_changes()
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
        if membership::is_told(&self.db, entry, now)? {
            return Ok(false);
        }
        let profile = entry.profile.as_deref();
        let (rendered, facts) = (&entry.rendered, &entry.facts);
        let head = head(profile, rendered.type_name, &rfc3339_ms(now));
        let body = with_fields(rendered.body.clone(), &tail(entry.transport, entry.event_id.as_deref()));
        self.db
            .prepare_cached(
                "INSERT INTO line(seq, at, profile, type, mentioned, replayed, held, origin, chat_id, chat_type, message_id,
                                  thread_id, sender_type, floor, trouble, head, body, raw)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
            )?
            .execute(params![
                self.next_seq,
                now,
                profile,
                rendered.type_name,
                rendered.mentioned,
                entry.replayed,
                entry.held.map(Held::name),
                entry.origin.map(Origin::name),
                facts.chat_id.as_ref().map(ChatId::as_str),
                facts.chat_type.map(ChatType::name),
                facts.message_id.as_ref().map(MessageId::as_str),
                facts.thread_id.as_ref().map(ThreadId::as_str),
                facts.sender_type.map(SenderType::name),
                facts.opens_floor,
                facts.is_trouble,
                head,
                body,
                entry.raw.as_deref()
            ])?;
        self.next_seq += 1;
        Ok(true)
    }

    /// One step of what is kept no longer, no longer than `patience`; false when there is none.
    pub fn trim(&mut self, retention: Retention, now: WallMs, patience: Duration) -> rusqlite::Result<bool> {
        let keys = self.seen.bytes(&self.db)?;
        retention::step(&mut self.db, retention, keys, now, patience)
    }

    /// Is there more in the file than is kept?
    pub fn is_over(&self, retention: Retention) -> rusqlite::Result<bool> {
        Ok(retention::excess(&self.db, retention, self.seen.bytes(&self.db)?)? > 0)
    }

    /// What the main file is longer than it will be once the log is moved into it.
    pub fn spare_bytes(&self) -> rusqlite::Result<u64> {
        Ok(self.place.main_bytes().saturating_sub(retention::bytes(&self.db)?))
    }

    /// Writes something that tells nothing: does the disk take it again? It has to differ: SQLite writes no page that
    /// stays as it is.
    pub fn touch(&mut self) -> rusqlite::Result<()> {
        let count = "INSERT INTO meta VALUES ('touched', 1) ON CONFLICT(key) DO UPDATE SET value = value + 1";
        self.db.execute(count, []).map(drop)
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

    /// Moves the log's content into the main file and empties the log, unless a reader is in the way.
    pub fn checkpoint(&self) -> Result<(), Stuck> {
        let wait = |ms| self.db.busy_timeout(Duration::from_millis(ms)).map_err(Stuck::Sqlite);
        wait(0)?;
        let busy = self.place.checkpoint(|| self.move_log("TRUNCATE"));
        wait(BUSY_MS)?;
        if busy? == 0 {
            self.place.note_emptied();
        }
        Ok(())
    }

    fn move_log(&self, mode: &str) -> rusqlite::Result<i64> {
        self.db.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| row.get(0))
    }

    /// Marks a clean end: the next start continues without a gap.
    pub fn close(self) -> Result<(), Stuck> {
        self.db.execute("UPDATE meta SET value = 1 WHERE key = 'clean'", []).map_err(Stuck::Sqlite)?;
        self.place.checkpoint(|| self.move_log("TRUNCATE"))?;
        self.db.close().map_err(|(_, error)| Stuck::Sqlite(error))
    }

    /// The files were taken away: saves what can be, and leaves what stands under their names to others. Tells whether
    /// all that was written is in the main file.
    pub fn give_up(&mut self, lost: &Lost, now: WallMs) -> bool {
        // Closing would remove the files of these names, whosever they are by now.
        let _ = self.db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        let saved = lost.main_stands
            && lost.readable
            && self.place.log_is_whole()
            && self.place.checkpoint(|| self.move_log("FULL")).is_ok_and(|busy| busy == 0);
        if lost.main_stands != lost.log_stands {
            self.place.part(now);
            // Whether what is left is whole, the next start looks at page by page.
            damage::leave_note(&self.path);
        }
        saved
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// What people say to each other is for nobody else's eyes on this machine. SQLite gives its other files the mode
/// of the first. Where that cannot be had, opening says why.
fn keep_private(path: &Path) -> Result<()> {
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
    // A pipe in its place would be waited for, by us and by SQLite.
    if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(Error::storage(format!("failed to open {}: it is not a plain file", path.display()))
            .hint("move it away: the journal is begun anew"));
    }
    let _ = crate::plain::unwaiting().create(true).append(true).mode(0o600).open(path);
    for file in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(file);
        let _ = std::fs::set_permissions(&name, std::fs::Permissions::from_mode(0o600));
    }
    Ok(())
}

fn prepare(db: &mut Connection) -> rusqlite::Result<()> {
    db.busy_timeout(Duration::from_millis(BUSY_MS))?;
    // Only a new file takes this: the space of removed lines can be given back.
    db.pragma_update(None, "auto_vacuum", "incremental")?;
    db.pragma_update(None, "journal_mode", "wal")?;
    // In WAL mode NORMAL leaves the sync of a commit to us: the syncer does it for a group at once.
    db.pragma_update(None, "synchronous", "normal")?;
    db.pragma_update(None, "wal_autocheckpoint", 0)?;
    db.pragma_update(None, "cache_size", -8192)?;
    db.set_prepared_statement_cache_capacity(16);
    migrate(db)?;
    create_view(db)?;
    sign(db)
}

/// Marks the journal as in use, reserves the first positions, and tells the first that is free.
fn begin(db: &Connection) -> rusqlite::Result<u64> {
    let meta =
        |key: &str| db.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get::<_, u64>(0));
    let last: u64 = db.query_row("SELECT coalesce(max(seq), 0) FROM line", [], |row| row.get(0))?;
    let clean = meta("clean")? == 1;
    let next_seq = if clean { last + 1 } else { last.max(meta("reserved")?) + 1 };
    db.execute("UPDATE meta SET value = 0 WHERE key = 'clean'", [])?;
    db.execute("UPDATE meta SET value = ?1 WHERE key = 'reserved'", [next_seq + RESERVE])?;
    Ok(next_seq)
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
    db.busy_timeout(Duration::from_millis(BUSY_MS))?;
    match db.pragma_query_value(None, "user_version", |row| row.get(0))? {
        // Cursors are what they were in every version.
        ..=VERSION => {}
        other => return Err(newer_version(&db, other)),
    }
    let newest: u64 = db.query_row("SELECT coalesce(max(seq), 0) FROM line", [], |row| row.get(0))?;
    let moved = seq <= newest && advance_cursor(&db, name, seq, now)?;
    Ok((moved, read_cursor(&db, name)?))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_at_the_disk_writes_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.db");
        let mut store = Store::open(&path).unwrap();
        let other = Connection::open(&path).unwrap();
        let version = || other.pragma_query_value(None, "data_version", |row| row.get::<_, i64>(0)).unwrap();
        let mut last = version();
        for _ in 0..3 {
            store.group(Store::touch).unwrap();
            assert_ne!(last, version(), "nothing was written");
            last = version();
        }
    }
}
