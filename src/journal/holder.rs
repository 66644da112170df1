//! Who holds a lock on the journal: what the kernel tells of it.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What to do about a journal that somebody else has locked.
pub fn hint(path: &Path) -> String {
    let pids = holders(path);
    let named: Vec<String> = pids.into_iter().map(named).collect();
    match named.as_slice() {
        [] => "a program that has the journal open, such as sqlite3 or a backup, holds it: end it".to_owned(),
        named => format!("held by {}: end it, or wait for it", named.join(", ")),
    }
}

/// Other processes with a write lock on the file.
fn holders(path: &Path) -> BTreeSet<u32> {
    let Ok(metadata) = std::fs::metadata(path) else { return BTreeSet::new() };
    let locks = std::fs::read_to_string("/proc/locks").unwrap_or_default();
    let mut holders = writers(&locks, metadata.ino());
    holders.remove(&std::process::id());
    holders
}

/// `1: POSIX  ADVISORY  WRITE 4242 fe:01:1311 0 EOF`
fn writers(locks: &str, inode: u64) -> BTreeSet<u32> {
    let holder = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().filter(|word| *word != "->").collect();
        let (kind, pid, place) = (words.get(3)?, words.get(4)?, words.get(5)?);
        let here = place.rsplit(':').next()?.parse::<u64>().ok()? == inode;
        (*kind == "WRITE" && here).then(|| pid.parse().ok()).flatten()
    };
    locks.lines().filter_map(holder).collect()
}

fn named(pid: u32) -> String {
    match std::fs::read_to_string(format!("/proc/{pid}/comm")) {
        Ok(name) => format!("pid {pid} ({})", crate::event::neutralise(name.trim())),
        Err(_) => format!("pid {pid}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locked_journal_says_so_and_who_holds_it() {
        let busy = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
        let busy = rusqlite::Error::SqliteFailure(busy, Some("database is locked".to_owned()));
        let error = super::super::sqlite::failed("read", Path::new("/home/data/journal.db"), &busy);
        assert!(error.message.contains("journal.db") && error.message.contains("locked by another process"));
        assert_eq!((error.subtype.as_deref(), error.retryable), (Some("locked"), true));
        assert!(error.hint.unwrap().contains("end it"));
    }

    #[test]
    fn whoever_writes_is_found_and_nobody_else() {
        let locks = "1: POSIX  ADVISORY  WRITE 4242 fe:01:1311 0 EOF\n\
                     2: POSIX  ADVISORY  READ 5 fe:01:1311 124 124\n\
                     3: FLOCK  ADVISORY  WRITE 6 fe:01:1312 0 EOF\n\
                     3: -> POSIX  ADVISORY  WRITE 7 fe:01:1311 0 EOF\n\
                     nonsense\n";
        assert_eq!(writers(locks, 1311), BTreeSet::from([7, 4242]));
        assert_eq!(writers(locks, 1), BTreeSet::new());
    }
}
