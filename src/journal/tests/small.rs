//! A journal that is kept small while much comes: its files stay within their bound, and the newest lines stay in it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::super::*;
use super::entry;

const MIB: u64 = 1024 * 1024;

/// About what a message takes.
const RAW: usize = 3000;

fn sized(key: usize, bytes: usize) -> Entry {
    let mut entry = entry("alice", &format!("k{key}"));
    entry.raw = Some(Arc::from(format!("\"{}\"", "x".repeat(bytes))));
    entry
}

fn bytes_on_disk(path: &Path) -> u64 {
    let size = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        std::fs::metadata(name).map_or(0, |metadata| metadata.len())
    };
    size("") + size("-wal")
}

/// What came of a burst: the most that the files held, and the longest wait of an append.
struct Burst {
    most: u64,
    longest: Duration,
}

/// `count` entries, `at_once` of them on their way at any time.
async fn burst(
    journal: &Journal,
    path: &Path,
    entries: impl Iterator<Item = Entry>,
    at_once: usize,
) -> Burst {
    let (answer, mut settled) = mpsc::unbounded_channel();
    let appender = journal.appender();
    let mut given = std::collections::VecDeque::new();
    let mut burst = Burst { most: 0, longest: Duration::ZERO };
    let mut entries = entries.fuse();
    let mut tag = 0;
    loop {
        while given.len() < at_once
            && let Some(entry) = entries.next()
        {
            given.push_back(Instant::now());
            appender.append(vec![entry], &answer, tag).await;
            tag += 1;
        }
        let Some(since) = given.pop_front() else { return burst };
        assert_eq!(settled.recv().await.unwrap().outcome, Ok(Appended::Fresh));
        burst.longest = burst.longest.max(since.elapsed());
        burst.most = burst.most.max(bytes_on_disk(path));
    }
}

/// Waits until the files are as small as wanted.
async fn shrinks_to(path: &Path, bytes: u64) {
    const PATIENCE: Duration = Duration::from_secs(60);
    let deadline = Instant::now() + PATIENCE;
    while bytes_on_disk(path) > bytes {
        assert!(Instant::now() < deadline, "{} bytes, wanted {bytes}", bytes_on_disk(path));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The positions that are kept, and what their lines take.
fn kept(path: &Path) -> (Vec<u64>, u64) {
    let db = rusqlite::Connection::open(path).unwrap();
    let seqs = db.prepare("SELECT seq FROM line ORDER BY seq").unwrap();
    let seqs = { seqs }.query_map([], |row| row.get(0)).unwrap().collect::<rusqlite::Result<_>>().unwrap();
    let bytes = "SELECT sum(length(head) + length(body) + length(raw)) FROM line";
    (seqs, db.query_row(bytes, [], |row| row.get(0)).unwrap())
}

#[tokio::test]
async fn a_small_journal_stays_within_its_bound_and_keeps_its_newest_lines() {
    const LIMIT: u64 = 2 * MIB;
    const COUNT: usize = 6000;
    for sizes in [&[RAW][..], &[10], &[100_000, 50, 50, 50, 50, 3000]] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.db");
        let journal = Journal::open(&path, Sync::Process, Clock::system()).unwrap();
        journal.keep(Retention { max_bytes: LIMIT, ..Retention::default() });
        let count = if sizes.len() > 1 { COUNT / 4 } else { COUNT };
        let entries = (0..count).map(|key| sized(key, sizes[key % sizes.len()]));
        let burst = burst(&journal, &path, entries, 500).await;
        assert!(burst.most <= LIMIT * 3 / 2 + 8 * MIB, "{sizes:?}: {} bytes", burst.most);
        journal.close().await;
        let (seqs, bytes) = kept(&path);
        let last = count as u64;
        assert_eq!(seqs, (last + 1 - seqs.len() as u64..=last).collect::<Vec<_>>(), "{sizes:?}: the newest");
        assert!(bytes > LIMIT / 3 || seqs.len() == count, "{sizes:?}: {bytes} bytes of lines are kept");
        assert!(bytes_on_disk(&path) <= LIMIT * 3 / 2 + MIB, "{sizes:?}: {}", bytes_on_disk(&path));
    }
}

#[tokio::test]
async fn a_large_file_shrinks_once_its_limit_is_lower() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let journal = Journal::open(&path, Sync::Process, Clock::system()).unwrap();
    burst(&journal, &path, (0..6000).map(|key| sized(key, RAW)), 500).await;
    assert!(bytes_on_disk(&path) > 15 * MIB);
    journal.close().await;
    let journal = Journal::open(&path, Sync::Process, Clock::system()).unwrap();
    journal.keep(Retention { max_bytes: 2 * MIB, ..Retention::default() });
    shrinks_to(&path, 2 * MIB + 4 * MIB).await;
    journal.close().await;
    let (seqs, bytes) = kept(&path);
    assert_eq!(seqs.last(), Some(&6000));
    // What a close finds in the middle of its work is as large as it was when it was looked at.
    assert!(bytes > MIB && bytes_on_disk(&path) <= 6 * MIB, "{bytes} of {}", bytes_on_disk(&path));
}

/// How long an append waits at most, and what the files hold at most: `cargo test --release --lib -- --ignored small --nocapture`.
#[tokio::test]
#[ignore = "a figure, of a machine that does nothing else"]
#[allow(clippy::print_stderr, reason = "it is the figure")]
async fn figure_of_a_small_journal_under_load() {
    for (limit, at_once) in
        [(u64::MAX, 1), (2 * MIB, 1), (16 * MIB, 1), (u64::MAX, 256), (2 * MIB, 256), (16 * MIB, 256)]
    {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.db");
        let journal = Journal::open(&path, Sync::Disk, Clock::system()).unwrap();
        journal.keep(Retention { max_bytes: limit, ..Retention::default() });
        let began = Instant::now();
        let burst = burst(&journal, &path, (0..20_000).map(|key| sized(key, RAW)), at_once).await;
        eprintln!(
            "limit {limit}, {at_once} at once: {:?} in all, longest wait {:?}, most {} KiB",
            began.elapsed(),
            burst.longest,
            burst.most / 1024
        );
        journal.close().await;
    }
}
