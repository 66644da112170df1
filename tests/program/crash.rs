//! The process ends at every step of the pipeline, starts again, and nothing is lost, doubled or
//! acknowledged too early.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::Value;
use tokio::time::Instant;

use crate::support::{Monitor, PATIENCE, World, seq, text};

/// At least this many messages in a run, some of them after the crash.
const MESSAGES: usize = 60;

/// After this many it is said more slowly, until the step is reached.
const MESSAGES_FAST: usize = 1000;

/// Where a process can be cut off between a socket and its reader, and at which passages. The cursor is
/// stored ten times a second, the rest is passed with each event or group of them.
const PASSAGES: [u32; 4] = [1, 4, 9, 17];

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_before_a_commit_loses_nothing_and_doubles_nothing() {
    crash_at("journal.before_commit", PASSAGES).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_after_a_commit_loses_nothing_and_doubles_nothing() {
    crash_at("journal.committed", PASSAGES).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_after_a_sync_loses_nothing_and_doubles_nothing() {
    crash_at("journal.synced", PASSAGES).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_after_a_line_is_written_loses_nothing_and_doubles_nothing() {
    crash_at("outlet.written", PASSAGES).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_before_a_cursor_is_stored_loses_nothing_and_doubles_nothing() {
    crash_at("outlet.before_cursor", [1, 2, 3, 4]).await;
}

/// At each of these passages, all at a time.
async fn crash_at(step: &str, passages: [u32; 4]) {
    join_all(passages.map(|passage| crash_and_count(step, passage))).await;
}

async fn crash_and_count(step: &str, passage: u32) {
    let world = World::redelivering(1).await;
    let arm = format!("{step}:{passage}");
    let mut first = Monitor::spawn(world.command(&["monitor"]).env("ROOMA_CRASH_AT", &arm));
    let mut sent = BTreeSet::new();
    let mut early = None;
    let deadline = Instant::now() + PATIENCE;
    while sent.len() < MESSAGES || (early.is_none() && Instant::now() < deadline) {
        sent.insert(world.say("lobby", &format!("message {}", sent.len())));
        tokio::time::sleep(Duration::from_millis(if sent.len() < MESSAGES_FAST { 4 } else { 150 })).await;
        if early.is_none() && first.child.try_wait().unwrap().is_some() {
            early = Some(acked_but_not_journalled(&world));
        }
    }
    let status = first.ended().await;
    assert_eq!(status.signal(), Some(6), "{arm} was never reached\n{}", first.stderr());
    let early = early.unwrap_or_else(|| acked_but_not_journalled(&world));
    assert_eq!(early, BTreeSet::new(), "{arm}: acknowledged before it was in the journal");
    let (mut lines, _) = first.finish();

    let second = world.monitor(&[]);
    second.connected(1).await;
    world.all_acked().await;
    second
        .wait("every message", |after| {
            let seen: BTreeSet<String> =
                lines.iter().chain(after).map(|line| text(line, "message_id")).collect();
            sent.is_subset(&seen)
        })
        .await;
    let (after, _) = second.terminate().await;
    check_repetitions(&arm, &lines, &after);
    lines.extend(after);
    let mut positions: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
    for line in lines.iter().filter(|line| line["type"] == "message") {
        positions.entry(text(line, "message_id")).or_default().insert(seq(line));
    }
    assert_eq!(positions.keys().cloned().collect::<BTreeSet<_>>(), sent, "{arm}");
    assert!(
        positions.values().all(|seqs| seqs.len() == 1),
        "{arm}: a message became two lines: {positions:?}"
    );
    let state = world.full_state();
    let doubled = state.deliveries.unwrap().into_iter().filter(|delivery| delivery.acks > 1).count();
    assert_eq!(doubled, 0, "{arm}: acknowledged twice");
}

/// What the crash left half said does not parse and is not counted; what is said again is marked.
fn check_repetitions(arm: &str, before: &[Value], after: &[Value]) {
    let mut known: BTreeSet<u64> = before.iter().filter_map(|line| line["seq"].as_u64()).collect();
    for line in after {
        if !known.insert(seq(line)) {
            assert_eq!(line["replayed"], true, "{arm}: {line} is a repetition");
        }
    }
}

/// Messages the platform was told are safe, and that the journal does not hold.
fn acked_but_not_journalled(world: &World) -> BTreeSet<String> {
    let acked =
        world.full_state().deliveries.unwrap_or_default().into_iter().filter(|delivery| delivery.acks > 0);
    let acked: BTreeSet<String> = acked.filter_map(|delivery| delivery.message_id).collect();
    let journalled: BTreeSet<String> = match rusqlite::Connection::open(world.journal()) {
        Ok(journal) => {
            let mut bodies = journal.prepare("SELECT body FROM line WHERE type = 'message'").unwrap();
            let bodies = bodies.query_map([], |row| row.get::<_, String>(0)).unwrap();
            bodies
                .map(|body| {
                    let body: Value = serde_json::from_str(&format!("{{{}}}", body.unwrap())).unwrap();
                    text(&body, "message_id")
                })
                .collect()
        }
        Err(_) => BTreeSet::new(),
    };
    acked.difference(&journalled).cloned().collect()
}

/// A line may be read once it is committed; the platform hears of it only once the disk has it.
#[tokio::test(flavor = "multi_thread")]
async fn while_the_disk_does_not_sync_nothing_is_acknowledged() {
    let world = World::redelivering(1).await;
    let monitor = Monitor::spawn(world.command(&["monitor"]).env("ROOMA_FAIL_AT", "journal.sync:1000000"));
    monitor.connected(1).await;
    let message_id = world.say("lobby", "is it safe?");
    monitor.count("message", 1).await;
    // Two more deliveries of the same event, and still no line more and no acknowledgement.
    let deadline = Instant::now() + PATIENCE;
    while world.state().totals.attempts < 3 {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(world.state().totals.acked, 0);
    assert_eq!(monitor.of_type("message").len(), 1);
    assert_eq!(monitor.of_type("message")[0]["message_id"], message_id.as_str());
    monitor.kill().await;
    let monitor = world.monitor(&[]);
    world.all_acked().await;
    let (lines, _) = monitor.terminate().await;
    assert!(lines.iter().filter(|line| line["type"] == "message").all(|line| line["replayed"] == true));
}

/// After a failed sync the kernel may call the next one a success without having written: everything is written
/// again first. This process ends where that begins.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_failed_sync_the_content_is_written_again() {
    let world = World::redelivering(1).await;
    let mut command = world.command(&["monitor"]);
    command.env("ROOMA_FAIL_AT", "journal.sync:1").env("ROOMA_CRASH_AT", "journal.written_again:1");
    let mut monitor = Monitor::spawn(&mut command);
    assert_eq!(monitor.ended().await.signal(), Some(6), "{}", monitor.stderr());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_recovers_is_trusted_again() {
    let world = World::redelivering(1).await;
    let monitor = Monitor::spawn(world.command(&["monitor"]).env("ROOMA_FAIL_AT", "journal.sync:3"));
    monitor.connected(1).await;
    for text in ["one", "two", "three"] {
        world.say("lobby", text);
    }
    let state = world.all_acked().await;
    assert_eq!(state.totals.acked, 3);
    monitor.count("message", 3).await;
    let (lines, _) = monitor.terminate().await;
    assert_eq!(lines.iter().filter(|line| line["type"] == "message").count(), 3);
}
