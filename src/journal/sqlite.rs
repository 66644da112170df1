//! What everybody who reads the file needs of SQLite: how it is opened, and what its failures are to a person.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::tables::{VERSION, create_view, newer_version};
use crate::error::{Error, Result};

/// How long somebody who is in the way is waited for.
pub const BUSY_MS: u64 = 5000;

/// Opens the journal for reading, beside whoever writes it.
pub fn open_reader(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags).map_err(|error| failed("open", path, &error))?;
    db.busy_timeout(Duration::from_millis(BUSY_MS)).map_err(|error| failed("open", path, &error))?;
    db.pragma_update(None, "cache_size", -2048).map_err(|error| failed("open", path, &error))?;
    let version: i64 = db
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(|error| failed("open", path, &error))?;
    if version > VERSION {
        return Err(failed("open", path, &newer_version(&db, version)));
    }
    create_view(&db).map_err(|error| failed("open", path, &error))?;
    Ok(db)
}

/// A number that the journal keeps; 0 where it has none. `trimmed` is the last position that retention has removed, `born`
/// tells this journal from any other.
pub fn read_meta(db: &Connection, key: &str) -> rusqlite::Result<u64> {
    let value = db.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0)).optional();
    value.map(Option::unwrap_or_default)
}

pub fn read_cursor(db: &Connection, name: &str) -> rusqlite::Result<Option<u64>> {
    db.query_row("SELECT seq FROM cursor WHERE name = ?1", [name], |row| row.get(0)).optional()
}

/// The `subtype` of an error that a damaged file causes.
pub const CORRUPT: &str = "corrupt";

pub fn failed(what: &str, path: &Path, error: &rusqlite::Error) -> Error {
    use rusqlite::ErrorCode::{
        DatabaseBusy, DatabaseCorrupt, DatabaseLocked, DiskFull, NotADatabase, TypeMismatch,
    };
    let text = Error::storage(format!("failed to {what} {}: {error}", path.display()));
    match error.sqlite_error_code() {
        Some(DatabaseCorrupt | NotADatabase) => text.subtype(CORRUPT),
        Some(DiskFull) => text.subtype("disk_full").hint("free some space on that disk"),
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
