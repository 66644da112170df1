//! What was seen before. Keys are random, and an index of random keys writes a page for each; so new keys are
//! appended and held in memory, and go into the index in sorted batches.

use std::cell::Cell;
use std::collections::HashSet;
use std::hash::Hasher;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};
use siphasher::sip128::{Hasher128, SipHasher24};

use crate::clock::WallMs;

/// Keys held in memory (about 2 MiB) before they are merged into the index.
const RECENT_MAX: usize = 65_536;

/// Longer than any platform delivers again, with room for clocks and clean-up.
pub const DUPLICATES_KEPT: Duration = Duration::from_secs(48 * 3600);
const KEEP_MS: i64 = DUPLICATES_KEPT.as_millis() as i64;

/// Old keys are looked for at most this often: it reads the whole index.
const PRUNE_EVERY_MS: i64 = 3600 * 1000;

/// What a key takes of the file, with what is free beside it.
const KEY_BYTES: u64 = 42;

/// 128 bits of what identifies an event: two different ones meet once in more events than there will be.
type Key = [u8; 16];

#[derive(Debug, Default)]
pub struct Seen {
    recent: HashSet<Key>,
    /// Of the running transaction, in case it fails.
    added: Vec<Key>,
    pruned_at: WallMs,
    /// Keys in the index, once they were counted.
    indexed: Cell<Option<u64>>,
}

impl Seen {
    pub fn open(db: &Connection) -> rusqlite::Result<Seen> {
        let mut statement = db.prepare("SELECT key FROM recent")?;
        let recent = statement.query_map([], |row| row.get::<_, Key>(0))?.collect::<rusqlite::Result<_>>()?;
        Ok(Seen { recent, ..Seen::default() })
    }

    /// Notes a key; false when it was there already.
    pub fn first_time(
        &mut self,
        db: &Connection,
        profile: &str,
        key: &str,
        now: WallMs,
    ) -> rusqlite::Result<bool> {
        let key = fingerprint(profile, key);
        if self.recent.contains(&key) || is_indexed(db, &key)? {
            return Ok(false);
        }
        db.prepare_cached("INSERT INTO recent(key, at) VALUES (?1, ?2)")?.execute(params![key, now])?;
        self.recent.insert(key);
        self.added.push(key);
        Ok(true)
    }

    pub fn committed(&mut self) {
        self.added.clear();
    }

    pub fn rolled_back(&mut self) {
        for key in self.added.drain(..) {
            self.recent.remove(&key);
        }
    }

    /// What the keys take of the file, roughly.
    pub fn bytes(&self, db: &Connection) -> rusqlite::Result<u64> {
        let indexed = match self.indexed.get() {
            Some(indexed) => indexed,
            None => {
                let stored = "SELECT value FROM meta WHERE key = 'keys'";
                let stored = db.query_row(stored, [], |row| row.get(0)).optional()?;
                let count = || db.query_row("SELECT count(*) FROM seen", [], |row| row.get(0));
                stored.map_or_else(count, Ok)?
            }
        };
        self.indexed.set(Some(indexed));
        Ok((indexed + self.recent.len() as u64) * KEY_BYTES)
    }

    pub fn is_full(&self) -> bool {
        self.recent.len() >= RECENT_MAX
    }

    /// Moves what is in memory into the index, and forgets what is too old to come again. A transaction of its
    /// own: if it fails, everything is as before.
    pub fn merge(&mut self, db: &mut Connection, now: WallMs) -> rusqlite::Result<()> {
        let before = self.bytes(db)? / KEY_BYTES - self.recent.len() as u64;
        let transaction = db.transaction()?;
        let added = transaction
            .execute("INSERT OR IGNORE INTO seen(key, at) SELECT key, at FROM recent ORDER BY key", [])?;
        transaction.execute("DELETE FROM recent", [])?;
        let prune = now - self.pruned_at >= PRUNE_EVERY_MS;
        let mut indexed = before + added as u64;
        if prune {
            let gone = transaction.execute("DELETE FROM seen WHERE at < ?1", [now - KEEP_MS])?;
            indexed = indexed.saturating_sub(gone as u64);
        }
        transaction.execute(
            "INSERT INTO meta(key, value) VALUES ('keys', ?1) ON CONFLICT(key) DO UPDATE SET value = excluded.value",
            [indexed],
        )?;
        transaction.commit()?;
        self.indexed.set(Some(indexed));
        self.recent.clear();
        if prune {
            self.pruned_at = now;
        }
        Ok(())
    }
}

/// For readers, who do not have what the writer holds in memory.
pub fn is_known(db: &Connection, key: &Key) -> rusqlite::Result<bool> {
    let mut statement = db.prepare_cached("SELECT 1 FROM recent WHERE key = ?1 LIMIT 1")?;
    let recent = statement.query_row(params![key], |_| Ok(())).optional()?;
    Ok(recent.is_some() || is_indexed(db, key)?)
}

fn is_indexed(db: &Connection, key: &Key) -> rusqlite::Result<bool> {
    let mut statement = db.prepare_cached("SELECT 1 FROM seen WHERE key = ?1")?;
    Ok(statement.query_row(params![key], |_| Ok(())).optional()?.is_some())
}

/// Stable over versions and machines: it is on disk.
pub fn fingerprint(profile: &str, key: &str) -> Key {
    let mut hasher = SipHasher24::new();
    hasher.write(profile.as_bytes());
    // No profile's name holds a zero, so no two pairs run together.
    hasher.write(&[0]);
    hasher.write(key.as_bytes());
    hasher.finish128().as_bytes()
}

/// The same as text: for keys and names of files.
pub fn fingerprint_hex(profile: &str, key: &str) -> String {
    fingerprint(profile, key).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory() -> Connection {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(
            "CREATE TABLE seen (key BLOB PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
             CREATE TABLE recent (id INTEGER PRIMARY KEY, key BLOB NOT NULL, at INTEGER NOT NULL);
             CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;",
        )
        .unwrap();
        db
    }

    #[test]
    fn a_key_is_known_before_and_after_a_merge_and_after_a_restart() {
        let mut db = memory();
        let mut seen = Seen::open(&db).unwrap();
        assert!(seen.first_time(&db, "alice", "m:1", 0).unwrap());
        assert!(!seen.first_time(&db, "alice", "m:1", 0).unwrap());
        assert!(seen.first_time(&db, "bob", "m:1", 0).unwrap());
        seen.committed();
        seen.merge(&mut db, 0).unwrap();
        assert!(seen.recent.is_empty());
        assert_eq!(seen.bytes(&db).unwrap(), 2 * KEY_BYTES);
        assert_eq!(Seen::open(&db).unwrap().bytes(&db).unwrap(), 2 * KEY_BYTES, "counted once for all");
        assert!(!seen.first_time(&db, "alice", "m:1", 0).unwrap());
        assert!(seen.first_time(&db, "alice", "m:2", 0).unwrap());
        let mut seen = Seen::open(&db).unwrap();
        assert!(!seen.first_time(&db, "alice", "m:2", 0).unwrap());
        assert!(!seen.first_time(&db, "bob", "m:1", 0).unwrap());
    }

    #[test]
    fn a_failed_transaction_leaves_no_key_behind() {
        let db = memory();
        let mut seen = Seen::open(&db).unwrap();
        db.execute_batch("BEGIN").unwrap();
        assert!(seen.first_time(&db, "alice", "m:1", 0).unwrap());
        db.execute_batch("ROLLBACK").unwrap();
        seen.rolled_back();
        assert!(seen.first_time(&db, "alice", "m:1", 0).unwrap());
    }

    #[test]
    fn keys_are_kept_for_two_days_at_least() {
        let mut db = memory();
        let mut seen = Seen::open(&db).unwrap();
        seen.first_time(&db, "alice", "m:1", 1).unwrap();
        seen.merge(&mut db, 1).unwrap();
        seen.merge(&mut db, KEEP_MS).unwrap();
        assert!(!seen.first_time(&db, "alice", "m:1", KEEP_MS).unwrap());
        seen.merge(&mut db, KEEP_MS + PRUNE_EVERY_MS + 2).unwrap();
        assert!(seen.first_time(&db, "alice", "m:1", KEEP_MS).unwrap());
    }

    #[test]
    fn the_fingerprint_is_what_older_files_hold() {
        assert_eq!(fingerprint_hex("alice", "m:om_1"), "0994f45e52481191b1f5d810e506b62b");
    }
}
