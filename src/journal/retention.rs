//! How long lines are kept: by age and by size, oldest first, in small steps between the writer's groups.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};

use crate::clock::WallMs;

/// Lines removed in one transaction: some ten milliseconds, which a reader does not notice.
const STEP: u64 = 2000;

/// How often the journal is looked at.
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

/// Removes one step of lines that are too old or too many. False when there is nothing to remove. The newest
/// line always stays: it is what the next position is counted from.
pub fn step(db: &mut Connection, retention: Retention, now: WallMs) -> rusqlite::Result<bool> {
    let Some(last) = last_to_go(db, retention, now)? else { return Ok(false) };
    let transaction = db.transaction()?;
    transaction.execute("DELETE FROM line WHERE seq <= ?1", [last])?;
    transaction.execute(
        "INSERT INTO meta(key, value) VALUES ('trimmed', ?1) ON CONFLICT(key) DO UPDATE SET value = excluded.value",
        [last],
    )?;
    transaction.commit()?;
    // Gives the file's free end back; a file made before this was possible reuses its space.
    db.execute_batch("PRAGMA incremental_vacuum(512)")?;
    Ok(true)
}

fn last_to_go(db: &Connection, retention: Retention, now: WallMs) -> rusqlite::Result<Option<u64>> {
    let newest: u64 = db.query_row("SELECT coalesce(max(seq), 0) FROM line", [], |row| row.get(0))?;
    let oldest = db
        .query_row("SELECT seq, at FROM line ORDER BY seq LIMIT 1", [], |row| {
            Ok((row.get::<_, u64>(0)?, row.get::<_, WallMs>(1)?))
        })
        .optional()?;
    let Some((oldest, at)) = oldest.filter(|(seq, _)| *seq < newest) else { return Ok(None) };
    let keep = i64::try_from(retention.keep.as_millis()).unwrap_or(i64::MAX);
    let cutoff = now.saturating_sub(keep);
    let end = oldest.saturating_add(STEP).min(newest);
    if at < cutoff {
        // A clock that jumped may have left an older line behind a newer one; it goes with its neighbours.
        let kept: Option<u64> = db.query_row(
            "SELECT min(seq) FROM line WHERE seq < ?1 AND at >= ?2",
            params![end, cutoff],
            |row| row.get(0),
        )?;
        return Ok(Some(kept.unwrap_or(end) - 1));
    }
    Ok((used_bytes(db)? > retention.max_bytes).then_some(end - 1))
}

fn used_bytes(db: &Connection) -> rusqlite::Result<u64> {
    let pragma = |name: &str| db.pragma_query_value(None, name, |row| row.get::<_, u64>(0));
    Ok((pragma("page_count")? - pragma("freelist_count")?) * pragma("page_size")?)
}
