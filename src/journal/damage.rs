//! A journal that turns out to be damaged while it is in use. Opening one looks at a few pages only, and looking at all
//! of them takes long; so whoever meets a damaged page leaves a note, and the next start looks at everything.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode};

/// Leaves the note, where the error tells of damage. True when it does.
pub fn note(path: &Path, error: &rusqlite::Error) -> bool {
    let damaged =
        matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase));
    if damaged {
        leave_note(path);
    }
    damaged
}

pub fn leave_note(path: &Path) {
    if let Err(error) = std::fs::File::create(note_path(path)) {
        tracing::warn!(%error, "the next start will not know that the journal may be damaged");
    }
}

/// Looks at every page where there is a note. What is wrong with them, if something is.
pub fn look(path: &Path) -> Option<String> {
    let note = note_path(path);
    if !note.exists() {
        return None;
    }
    let check = || -> rusqlite::Result<String> {
        Connection::open(path)?.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
    };
    let found = check().unwrap_or_else(|error| error.to_string());
    let _ = std::fs::remove_file(note);
    (found != "ok").then_some(found)
}

fn note_path(path: &Path) -> PathBuf {
    let mut name = path.to_owned().into_os_string();
    name.push(".damaged");
    PathBuf::from(name)
}
