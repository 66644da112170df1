//! The tables of the journal's file, and how those of older versions become them.

use rusqlite::{Connection, params};

use super::seen::fingerprint;

/// Version of the tables below, in the file's `user_version`.
pub const VERSION: i64 = 5;

const CREATE: &str = "
CREATE TABLE line (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, profile TEXT, type TEXT NOT NULL,
    mentioned INTEGER NOT NULL, replayed INTEGER NOT NULL DEFAULT 0, held TEXT,
    origin TEXT, chat_id TEXT, chat_type TEXT, message_id TEXT, thread_id TEXT, sender_type TEXT,
    floor INTEGER, trouble INTEGER,
    head TEXT NOT NULL, body TEXT NOT NULL, raw TEXT
);
CREATE INDEX line_of_registry ON line(seq)
    WHERE type IN ('rooma.chat_joined', 'rooma.chat_left', 'chat.updated');
CREATE TABLE seen (key BLOB PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE recent (id INTEGER PRIMARY KEY, key BLOB NOT NULL, at INTEGER NOT NULL);
CREATE TABLE cursor (name TEXT PRIMARY KEY, seq INTEGER NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES ('clean', 1), ('reserved', 0), ('born', abs(random() / 2));
";

/// Versions 1 to 3 had no bots: which app is behind an id, as each of our apps sees it.
pub(super) const CREATE_BOT: &str = "
CREATE TABLE bot (
    viewer TEXT NOT NULL, open_id TEXT NOT NULL, app_id TEXT NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (viewer, open_id)
) WITHOUT ROWID;
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

/// Version 4 had what a line tells in its body only. Its lines stay as they are, and [`create_view`] reads them there: nothing
/// is written again, so that a large journal opens at once and a full disk keeps nobody out.
const FROM_4: &str = "
ALTER TABLE line ADD COLUMN origin TEXT;
ALTER TABLE line ADD COLUMN chat_id TEXT;
ALTER TABLE line ADD COLUMN chat_type TEXT;
ALTER TABLE line ADD COLUMN message_id TEXT;
ALTER TABLE line ADD COLUMN thread_id TEXT;
ALTER TABLE line ADD COLUMN sender_type TEXT;
ALTER TABLE line ADD COLUMN floor INTEGER;
ALTER TABLE line ADD COLUMN trouble INTEGER;
";

/// `lines`: every line with its facts in columns, whichever version wrote it. A line of an older one has no `trouble`.
/// Created for a connection, in no file, so that whoever only reads understands older files too.
pub fn create_view(db: &Connection) -> rusqlite::Result<()> {
    let version: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let since = |first: i64, column: &'static str, before: &'static str| {
        if version < first { before } else { column }
    };
    let fact = |column: &str, before: &str| match version {
        5.. => format!("CASE WHEN trouble IS NULL THEN {before} ELSE {column} END AS {column}"),
        _ => format!("{before} AS {column}"),
    };
    let told = |key: &str| fact(key, &format!("json_extract('{{' || body || '}}', '$.{key}')"));
    let holds = |key: &str| format!("instr(body, '\"{key}\":') > 0");
    let columns = [
        "seq, at, profile, type, mentioned, head, body, raw".to_owned(),
        format!("{} AS replayed", since(2, "replayed", "0")),
        format!("{} AS held", since(3, "held", "NULL")),
        told("chat_id"),
        told("chat_type"),
        told("message_id"),
        told("thread_id"),
        told("sender_type"),
        // Only what was pushed had an id of its own. Keys of a body stand in quotes that no text has unescaped.
        fact("origin", "CASE WHEN instr(head || body, '\"event_id\":') > 0 THEN 'pushed' END"),
        fact("floor", &holds("floor")),
        fact("trouble", &["failed", "error", "cut"].map(holds).join(" OR ")),
    ];
    db.pragma_update(None, "temp_store", "memory")?;
    db.execute_batch(&format!("CREATE TEMP VIEW lines AS SELECT {} FROM line", columns.join(", ")))?;
    // Version 3 knew no bots.
    let bots =
        since(4, "", "CREATE TEMP VIEW bot AS SELECT '' AS viewer, '' AS open_id, '' AS app_id WHERE 0");
    db.execute_batch(bots)
}

pub fn migrate(db: &mut Connection) -> rusqlite::Result<()> {
    let version: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let steps: &[&str] = match version {
        0 => &[CREATE, CREATE_BOT],
        1 => &[FROM_1, FROM_2, CREATE_BOT, FROM_4],
        2 => &[FROM_2, CREATE_BOT, FROM_4],
        // Version 3 knew no bots.
        3 => &[CREATE_BOT, FROM_4],
        4 => &[FROM_4],
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

pub fn newer_version(db: &Connection, version: i64) -> rusqlite::Error {
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
pub fn sign(db: &Connection) -> rusqlite::Result<()> {
    let sign =
        "INSERT INTO meta VALUES ('written_by', ?1) ON CONFLICT(key) DO UPDATE SET value = excluded.value
        WHERE value IS NOT excluded.value";
    db.execute(sign, [env!("CARGO_PKG_VERSION")]).map(drop)
}
