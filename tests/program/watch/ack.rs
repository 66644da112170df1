//! A cursor that moves only when somebody says that a line is dealt with.

use serde_json::Value;

use super::watch;
use crate::support::{World, output, seq};

fn ack(world: &World, arguments: &[&str]) -> (i32, Value) {
    let (code, stdout, stderr) = output(world.command(&["ack"]).args(arguments));
    let said = if code == 0 { stdout } else { stderr };
    (code, serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}")))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_acknowledged_comes_again_marked() {
    let world = World::new(1).await;
    let supervisor = world.monitor(&[]);
    supervisor.connected(1).await;
    let first = watch(&world, &["--ack", "--cursor", "work"]);
    // A new cursor begins now, and stands there from the start.
    let began = loop {
        let (_, stdout, _) = output(&mut world.command(&["status"]));
        let status: Value = serde_json::from_str(&stdout).unwrap();
        let cursors = status["cursors"].as_array().unwrap().clone();
        if let Some(cursor) = cursors.iter().find(|cursor| cursor["name"] == "work") {
            break cursor["seq"].as_u64().unwrap();
        }
    };
    for text in ["one", "two", "three"] {
        world.say("lobby", text);
    }
    first.count("message", 3).await;
    let (read, _) = first.terminate().await;
    let seqs: Vec<u64> = read.iter().map(seq).collect();
    assert_eq!(seqs, [began + 1, began + 2, began + 3]);
    assert!(read.iter().all(|line| line["replayed"].is_null()));

    let said =
        |seq: u64, moved| serde_json::json!({"ok": true, "cursor": "work", "seq": seq, "moved": moved});
    assert_eq!(ack(&world, &["--cursor", "work", "--seq", &seqs[0].to_string()]), (0, said(seqs[0], true)));
    let again = watch(&world, &["--ack", "--cursor", "work"]);
    again.count("message", 2).await;
    let (read, _) = again.kill().await;
    assert_eq!(read.iter().map(seq).collect::<Vec<_>>(), seqs[1..]);
    assert!(read.iter().all(|line| line["replayed"] == true));

    // Behind the cursor nothing changes; beyond the newest line, or without a cursor, it is refused.
    assert_eq!(ack(&world, &["--cursor", "work", "--seq", "1"]), (0, said(seqs[0], false)));
    let (code, refused) = ack(&world, &["--cursor", "work", "--seq", &(seqs[2] + 1).to_string()]);
    assert_eq!((code, refused["error"]["subtype"].as_str()), (2, Some("beyond_newest")));
    let (code, refused) = ack(&world, &["--seq", "1"]);
    assert_eq!((code, refused["error"]["subtype"].as_str()), (2, Some("no_cursor")));
    supervisor.kill().await;

    // Without a supervisor the same, and the journal does not take this for a clean end.
    assert_eq!(ack(&world, &["--cursor", "work", "--seq", &seqs[1].to_string()]), (0, said(seqs[1], true)));
    assert_eq!(ack(&world, &["--cursor", "work", "--seq", "1"]), (0, said(seqs[1], false)));
    assert_eq!(ack(&world, &["--cursor", "work", "--seq", "999999"]).0, 2);
    let supervisor = world.monitor(&[]);
    supervisor.connected(1).await;
    assert!(
        seq(&supervisor.lines()[0]) > seqs[2] + 1000,
        "positions reserved before the kill are not given again"
    );
    let last = watch(&world, &["--ack", "--cursor", "work"]);
    last.count("message", 1).await;
    let (read, _) = last.terminate().await;
    assert_eq!(seq(&read[0]), seqs[2]);
    supervisor.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_ends_without_a_supervisor_leaves_its_cursor_all_the_same() {
    let world = World::new(1).await;
    let supervisor = world.monitor(&[]);
    supervisor.connected(1).await;
    let watcher = watch(&world, &["--since", "start"]);
    watcher.count("rooma.connected", 1).await;
    let stopped = supervisor.terminate().await.0.last().map(seq);
    watcher.count("rooma.supervisor_gone", 1).await;
    let (read, _) = watcher.terminate().await;
    assert_eq!(read.iter().map(seq).max(), stopped);
    let journal = rusqlite::Connection::open(world.journal()).unwrap();
    let stands: u64 =
        journal.query_row("SELECT seq FROM cursor WHERE name = 'watch'", [], |row| row.get(0)).unwrap();
    assert_eq!(Some(stands), stopped);
}

/// What a damaged journal held is kept for people; readers go on with the new one, from its start.
#[tokio::test(flavor = "multi_thread")]
async fn every_cursor_begins_at_the_start_of_a_journal_that_took_a_damaged_one_s_place() {
    let world = World::new(1).await;
    let supervisor = world.monitor(&[]);
    supervisor.connected(1).await;
    for text in ["one", "two", "three"] {
        world.say("lobby", text);
    }
    let alive = watch(&world, &["--since", "start", "--cursor", "alive"]);
    alive.count("message", 3).await;
    let away = watch(&world, &["--since", "start", "--cursor", "away"]);
    away.count("message", 3).await;
    away.terminate().await;
    supervisor.kill().await;
    alive.count("rooma.supervisor_gone", 1).await;
    // With its log it would be mended.
    std::fs::remove_file(world.home.path().join("data/journal.db-wal")).unwrap();
    std::fs::write(world.journal(), b"this is no database any more, whatever it was before").unwrap();

    let supervisor = world.monitor(&[]);
    supervisor.connected(1).await;
    world.say("lobby", "four");
    let away = watch(&world, &["--cursor", "away"]);
    for reader in [&alive, &away] {
        reader.count("rooma.journal_reset", 1).await;
        reader.wait("four", |lines| lines.last().is_some_and(|line| line["content"] == "four")).await;
    }
    let begun = away.terminate().await.0;
    assert_eq!((seq(&begun[0]), begun[0]["type"].as_str()), (1, Some("rooma.started")));
    let (read, _) = alive.terminate().await;
    let after: Vec<u64> =
        read.iter().skip_while(|line| line["type"] != "rooma.supervisor_gone").skip(1).map(seq).collect();
    assert_eq!(after, (1..=after.len() as u64).collect::<Vec<_>>());
    supervisor.terminate().await;
}
