mod small;
mod versions;

use std::sync::Arc;

use proptest::prelude::*;
use tokio::sync::mpsc;

use super::*;
use crate::core::dedupe::DedupeKey;
use crate::event::ids::ChatId;
use crate::event::{ChatType, Event, Facts, Origin, SenderType, Stopped};

fn entry(profile: &str, key: &str) -> Entry {
    let mut entry =
        Entry::own(Some((Arc::from(profile), "feishu")), &Event::Stopped(Stopped { reason: key.to_owned() }));
    entry.key = Some(DedupeKey::event(key));
    entry
}

fn open(folder: &tempfile::TempDir) -> Journal {
    Journal::open(&folder.path().join("data/journal.db"), Sync::Disk, Clock::system()).unwrap()
}

async fn append(journal: &Journal, entries: Vec<Entry>) -> Result<Appended, String> {
    let (answer, mut settled) = mpsc::unbounded_channel();
    journal.appender().append(entries, &answer, 1).await;
    settled.recv().await.unwrap().outcome
}

fn seqs(journal: &Journal) -> Vec<u64> {
    let page = journal.reader().unwrap().page(0, &Filter::default(), &Had::default()).unwrap();
    page.ends.iter().map(|(seq, _)| *seq).collect()
}

#[tokio::test]
async fn positions_start_at_one_and_have_no_holes() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(&folder);
    for key in ["a", "b", "a", "c"] {
        append(&journal, vec![entry("alice", key)]).await.unwrap();
    }
    assert_eq!(seqs(&journal), [1, 2, 3]);
    journal.close().await;
}

#[tokio::test]
async fn a_duplicate_is_acknowledged_and_makes_no_line_even_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(&folder);
    assert_eq!(append(&journal, vec![entry("alice", "a")]).await, Ok(Appended::Fresh));
    assert_eq!(append(&journal, vec![entry("alice", "a")]).await, Ok(Appended::Duplicate));
    assert_eq!(append(&journal, vec![entry("bob", "a")]).await, Ok(Appended::Fresh));
    journal.close().await;
    let journal = open(&folder);
    assert_eq!(append(&journal, vec![entry("alice", "a")]).await, Ok(Appended::Duplicate));
    assert_eq!(seqs(&journal), [1, 2]);
    journal.close().await;
}

#[tokio::test]
async fn a_clean_end_leaves_no_gap_and_an_unclean_one_leaves_one() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(&folder);
    append(&journal, vec![entry("alice", "a")]).await.unwrap();
    journal.close().await;
    let journal = open(&folder);
    append(&journal, vec![entry("alice", "b")]).await.unwrap();
    assert_eq!(seqs(&journal), [1, 2]);
    // A copy of the files of a running journal is what a crash leaves.
    let crashed = tempfile::tempdir().unwrap();
    std::fs::create_dir(crashed.path().join("data")).unwrap();
    for name in ["journal.db", "journal.db-wal"] {
        std::fs::copy(folder.path().join("data").join(name), crashed.path().join("data").join(name)).unwrap();
    }
    let after = open(&crashed);
    append(&after, vec![entry("alice", "c")]).await.unwrap();
    let found = seqs(&after);
    assert_eq!(found[..2], [1, 2]);
    assert!(found[2] > 3, "position 3 may have been read before the crash: {found:?}");
    after.close().await;
    journal.close().await;
}

#[tokio::test]
async fn a_refused_group_takes_no_position_and_the_rest_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(&folder);
    append(&journal, vec![entry("alice", "a")]).await.unwrap();
    // Another program holds the file longer than the writer is ready to wait.
    let blocker = rusqlite::Connection::open(folder.path().join("data/journal.db")).unwrap();
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = append(&journal, vec![entry("alice", "b")]).await;
    assert!(refused.unwrap_err().contains("locked"));
    blocker.execute_batch("ROLLBACK").unwrap();
    assert_eq!(append(&journal, vec![entry("alice", "b")]).await, Ok(Appended::Fresh));
    assert_eq!(seqs(&journal), [1, 2]);
    journal.close().await;
}

#[tokio::test]
async fn a_cursor_is_where_its_reader_left_it() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(&folder);
    assert_eq!(journal.reader().unwrap().cursor("stdout").unwrap(), None);
    journal.cursors().store("stdout", 7);
    journal.cursors().store("stdout", 9);
    journal.close().await;
    let journal = open(&folder);
    assert_eq!(journal.reader().unwrap().cursor("stdout").unwrap(), Some(9));
    journal.close().await;
}

#[tokio::test]
async fn after_close_nothing_is_taken_and_nobody_waits_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(&folder);
    let appender = journal.appender();
    let (answer, mut settled) = mpsc::unbounded_channel();
    journal.close().await;
    appender.append(vec![entry("alice", "late")], &answer, 3).await;
    assert!(settled.recv().await.unwrap().outcome.is_err());
}

#[tokio::test]
async fn more_lines_than_one_reservation_arrive_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(&folder);
    let (answer, mut settled) = mpsc::unbounded_channel();
    for tag in 0..20_000 {
        journal.appender().append(vec![entry("alice", &tag.to_string())], &answer, tag).await;
    }
    for tag in 0..20_000 {
        assert_eq!(settled.recv().await.unwrap(), Settled { tag, outcome: Ok(Appended::Fresh) });
    }
    let reader = journal.reader().unwrap();
    let (mut after, mut count) = (0, 0);
    loop {
        let page = reader.page(after, &Filter::default(), &Had::default()).unwrap();
        if page.looked_to == after {
            break;
        }
        after = page.looked_to;
        count += page.ends.len();
    }
    assert_eq!((after, count), (20_000, 20_000));
    journal.close().await;
}

#[tokio::test]
async fn a_damaged_journal_is_set_aside_and_a_new_one_begun() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    std::fs::write(&path, b"this was never a database, and it is long enough to be looked at").unwrap();
    let journal = Journal::open(&path, Sync::Disk, Clock::system()).unwrap();
    let kept = journal.reset().unwrap().kept_as.clone().unwrap();
    assert!(std::fs::read(kept).unwrap().starts_with(b"this was never"));
    append(&journal, vec![entry("alice", "a")]).await.unwrap();
    assert_eq!(seqs(&journal), [1]);
    journal.close().await;
    assert!(Journal::open(&path, Sync::Disk, Clock::system()).unwrap().reset().is_none());
}

#[tokio::test]
async fn a_journal_of_a_newer_version_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    rusqlite::Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
    let error = Journal::open(&path, Sync::Disk, Clock::system()).unwrap_err();
    assert!(error.message.contains("newer rooma"), "{error}");
}

#[tokio::test]
async fn a_reader_sees_what_its_filter_wants_and_knows_how_far_it_looked() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(&folder);
    append(&journal, vec![entry("alice", "a"), entry("bob", "b"), entry("alice", "c")]).await.unwrap();
    let filter = Filter { profiles: vec!["alice".into()], ..Filter::default() };
    let given = vec![Stretch { to: 1, ..Stretch::default() }];
    let had = Had { given, ..Had::default() };
    let page = journal.reader().unwrap().page(0, &filter, &had).unwrap();
    assert_eq!(page.looked_to, 3);
    let text = String::from_utf8(page.bytes).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(page.ends.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), [1, 3]);
    assert!(lines[0].contains("\"replayed\":true") && !lines[1].contains("replayed"));
    journal.close().await;
}

/// Trims until nothing is left to trim.
async fn trim(journal: &Journal, retention: Retention) {
    journal.appender.give(Work::Trim(retention));
    journal.settled().await;
    // The steps run between groups; each of these lets at least one happen.
    for _ in 0..50 {
        journal.settled().await;
    }
}

#[tokio::test]
async fn old_lines_go_and_a_reader_that_was_behind_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::simulated(1_000_000_000);
    let journal = Journal::open(&folder.path().join("journal.db"), Sync::Disk, clock.clone()).unwrap();
    append(&journal, (0..5000).map(|n| entry("alice", &format!("old{n}"))).collect()).await.unwrap();
    clock.sleep_machine(std::time::Duration::from_secs(100));
    append(&journal, (0..10).map(|n| entry("alice", &format!("new{n}"))).collect()).await.unwrap();
    trim(&journal, Retention { keep: std::time::Duration::from_secs(50), max_bytes: u64::MAX }).await;

    let reader = journal.reader().unwrap();
    let page = reader
        .page(7, &Filter { types: vec!["message".into()], ..Filter::default() }, &Had::default())
        .unwrap();
    let text = String::from_utf8(page.bytes).unwrap();
    assert!(
        text.contains("\"type\":\"rooma.gap\"")
            && text.contains("\"from_seq\":8,\"to_seq\":5000,\"count\":4993"),
        "{text}"
    );
    assert_eq!(text.lines().count(), 1);
    assert_eq!(page.ends[0].0, 5000);
    assert_eq!(page.looked_to, 5010);
    let page = reader.page(5000, &Filter::default(), &Had::default()).unwrap();
    assert_eq!(page.ends.len(), 10);
    assert!(!String::from_utf8(page.bytes).unwrap().contains("rooma.gap"));
    // What was removed is still known: it is not new when it comes again.
    assert_eq!(append(&journal, vec![entry("alice", "old3")]).await, Ok(Appended::Duplicate));
    journal.close().await;
}

#[tokio::test]
async fn a_journal_that_is_too_large_loses_its_oldest_lines_and_never_its_newest() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(&folder);
    for part in 0..9 {
        let keys = part * 1000..(part + 1) * 1000;
        append(&journal, keys.map(|n| entry("alice", &format!("k{n}"))).collect()).await.unwrap();
    }
    trim(&journal, Retention { max_bytes: 1024 * 1024, ..Retention::default() }).await;
    let reader = journal.reader().unwrap();
    let left = reader.page(0, &Filter::default(), &Had::default()).unwrap();
    assert!(left.ends[0].0 > 1000, "{:?}", left.ends[0]);
    trim(&journal, Retention { max_bytes: 0, ..Retention::default() }).await;
    let left = reader.page(8999, &Filter::default(), &Had::default()).unwrap();
    assert_eq!(left.ends.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), [9000]);
    append(&journal, vec![entry("alice", "next")]).await.unwrap();
    assert_eq!(reader.page(9000, &Filter::default(), &Had::default()).unwrap().looked_to, 9001);
    journal.close().await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// Whatever is appended in whatever order, across clean restarts: each key is one line, positions are 1..=n.
    #[test]
    fn each_key_is_one_line(runs in prop::collection::vec(prop::collection::vec((0u8..3, 0u8..12), 0..20), 1..4)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut expected = std::collections::BTreeSet::new();
        runtime.block_on(async {
            for run in &runs {
                let journal = open(&folder);
                for (profile, key) in run {
                    let fresh = expected.insert((*profile, *key));
                    let outcome = append(&journal, vec![entry(&format!("p{profile}"), &format!("k{key}"))]).await;
                    assert_eq!(outcome, Ok(if fresh { Appended::Fresh } else { Appended::Duplicate }));
                }
                assert_eq!(seqs(&journal), (1..=expected.len() as u64).collect::<Vec<_>>());
                journal.close().await;
            }
        });
    }
}

#[tokio::test]
async fn what_came_without_an_event_tells_nothing_of_the_connection() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(&folder);
    let message = |key: &str, origin: Origin| {
        let mut entry = entry("alice", key);
        entry.rendered.type_name = "message";
        entry.facts = Facts {
            chat_id: Some(ChatId::new("oc_1")),
            chat_type: Some(ChatType::Group),
            sender_type: Some(SenderType::Bot),
            ..Facts::default()
        };
        entry.origin = Some(origin);
        entry
    };
    // Relayed, or asked for.
    append(&journal, vec![message("a", Origin::Relay), message("b", Origin::History)]).await.unwrap();
    let hears = || journal.reader().unwrap().activity("alice").unwrap().hears;
    assert_eq!((journal.heard().last_event("alice"), hears().every_bot), (None, false));
    append(&journal, vec![message("c", Origin::Pushed)]).await.unwrap();
    assert!(journal.heard().last_event("alice").is_some() && hears().every_bot);
    journal.close().await;
}

#[tokio::test]
async fn nobody_else_on_the_machine_reads_the_journal() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data/journal.db");
    let modes = || {
        let files = std::fs::read_dir(folder.path().join("data")).unwrap().flatten();
        files.map(|file| file.metadata().unwrap().permissions().mode() & 0o777).collect::<Vec<_>>()
    };
    let journal = open(&folder);
    append(&journal, vec![entry("alice", "a")]).await.unwrap();
    assert!(modes().iter().all(|mode| *mode == 0o600), "{:?}", modes());
    journal.close().await;
    // One of an earlier version.
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let journal = open(&folder);
    append(&journal, vec![entry("alice", "b")]).await.unwrap();
    assert!(modes().iter().all(|mode| *mode == 0o600), "{:?}", modes());
    journal.close().await;
}
