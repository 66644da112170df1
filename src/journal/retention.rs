//! How long lines are kept: by age and by size, oldest first, in small steps between the writer's groups.

use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::clock::{WallMs, thread_now};

/// Lines looked at in one go, of which as many are removed as have to.
const SLICE: usize = 64;

/// Pages given back in one go.
const PAGES: u64 = 32;

/// Free pages beyond this are given back; below, the next lines use them.
const SPARE_PAGES: u64 = 256;

/// How often the journal is looked at for lines that are too old.
pub const EVERY: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    pub keep: Duration,
    /// Of the file, without what is free in it.
    pub max_bytes: u64,
}

impl Default for Retention {
    fn default() -> Retention {
        Retention { keep: Duration::from_secs(7 * 24 * 3600), max_bytes: 512 * 1024 * 1024 }
    }
}

impl Retention {
    /// The log is emptied when it grows beyond this.
    pub fn log_max(self) -> u64 {
        (self.max_bytes / 8).clamp(3 * 1024 * 1024, 64 * 1024 * 1024)
    }

    /// What one transaction may add, so that the file is looked at before it is far too large.
    pub fn group_max(self) -> usize {
        usize::try_from(self.max_bytes / 8).unwrap_or(usize::MAX).clamp(256 * 1024, 16 * 1024 * 1024)
    }
}

/// Works for `patience` at removing what is too old or too much, or at giving back what is free. False when there is
/// nothing left to do. The newest line always stays: it is what the next position is counted from.
pub fn step(
    db: &mut Connection,
    retention: Retention,
    keys: u64,
    now: WallMs,
    patience: Duration,
) -> rusqlite::Result<bool> {
    let until = thread_now() + patience;
    let transaction = db.transaction()?;
    let mut removed = None;
    while let Some(last) = last_to_go(&transaction, retention, keys, now)? {
        transaction.prepare_cached("DELETE FROM line WHERE seq <= ?1")?.execute([last])?;
        removed = Some(last);
        if thread_now() >= until {
            break;
        }
    }
    if let Some(last) = removed {
        transaction.execute(
            "INSERT INTO meta(key, value) VALUES ('trimmed', ?1) ON CONFLICT(key) DO UPDATE SET value = excluded.value",
            [last],
        )?;
        transaction.commit()?;
        return Ok(true);
    }
    let worked = give_back(&transaction, until)?;
    transaction.commit()?;
    Ok(worked)
}

/// Gives the file's free end back. A file made before this was possible reuses its space.
fn give_back(db: &Transaction<'_>, until: Instant) -> rusqlite::Result<bool> {
    if number(db, "auto_vacuum")? == 0 || number(db, "freelist_count")? <= SPARE_PAGES {
        return Ok(false);
    }
    // It frees a page with each step of the statement.
    let mut vacuum = db.prepare(&format!("PRAGMA incremental_vacuum({PAGES})"))?;
    loop {
        let mut rows = vacuum.query([])?;
        while rows.next()?.is_some() {}
        if number(db, "freelist_count")? <= SPARE_PAGES {
            return Ok(false);
        }
        if thread_now() >= until {
            return Ok(true);
        }
    }
}

fn last_to_go(
    db: &Connection,
    retention: Retention,
    keys: u64,
    now: WallMs,
) -> rusqlite::Result<Option<u64>> {
    let newest: u64 = db.query_row("SELECT coalesce(max(seq), 0) FROM line", [], |row| row.get(0))?;
    let mut rows = db.prepare_cached(
        "SELECT seq, at, octet_length(head) + octet_length(body) + coalesce(octet_length(raw), 0)
         FROM line WHERE seq < ?1 ORDER BY seq LIMIT ?2",
    )?;
    let keep = crate::clock::millis(retention.keep);
    let cutoff = now.saturating_sub(keep);
    let mut excess = excess(db, retention, keys)?;
    let mut last = None;
    let mut oldest = rows.query(params![newest, SLICE])?;
    while let Some(row) = oldest.next()? {
        let (seq, at, bytes): (u64, WallMs, u64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        // A clock that jumped may have left an older line behind a newer one; it goes with its neighbours.
        if at >= cutoff && excess == 0 {
            break;
        }
        excess = excess.saturating_sub(bytes);
        last = Some(seq);
    }
    Ok(last)
}

/// What is in the file beyond what is kept. Keys stay, whatever is kept, since they tell what came before; where they take
/// most of it, lines have half of it all the same.
pub fn excess(db: &Connection, retention: Retention, keys: u64) -> rusqlite::Result<u64> {
    let pages = number(db, "page_count")?.saturating_sub(number(db, "freelist_count")?);
    let kept = retention.max_bytes.max(keys.saturating_add(retention.max_bytes / 2));
    Ok((pages * number(db, "page_size")?).saturating_sub(kept))
}

/// Of the file, as it is after the last transaction.
pub fn bytes(db: &Connection) -> rusqlite::Result<u64> {
    Ok(number(db, "page_count")? * number(db, "page_size")?)
}

fn number(db: &Connection, pragma: &str) -> rusqlite::Result<u64> {
    db.prepare_cached(&format!("PRAGMA {pragma}"))?
        .query_row([], |row| row.get(0))
        .optional()
        .map(Option::unwrap_or_default)
}
