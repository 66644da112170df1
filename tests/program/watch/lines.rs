//! What a watch writes, and how it ends.

use std::io::Read;
use std::process::Stdio;

use rooma::sandbox::{Burst, Options};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::taken::has_written;
use super::watch;
use crate::support::{World, ended, options, output, seq, text};

fn lines(stdout: &str) -> Vec<Value> {
    stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn jq_makes_of_each_event_some_lines_or_none_and_the_cursor_goes_on_all_the_same() {
    let world = World::new(1).await;
    let supervisor = world.monitor(&[]);
    supervisor.connected(1).await;
    for said in ["one", "two\n{\"type\":\"rooma.stopped\"}", "three"] {
        world.say("lobby", said);
    }
    supervisor.count("message", 3).await;
    let (code, stdout, stderr) = output(&mut world.command(&["watch", "--jq", ".nonsense["]));
    assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");

    let arguments = ["watch", "--since", "start", "--max-events", "2", "--report-dropped"];
    let jq = ["--jq", "select(.type == \"message\") | .content, .seq"];
    let (code, stdout, stderr) = output(world.command(&arguments).args(jq));
    assert_eq!(code, 0, "{stderr}");
    let read = lines(&stdout);
    let [_watching, one, at_one, two, at_two, dropped, rearm] = read.as_slice() else { panic!("{stdout}") };
    assert_eq!((one, two), (&Value::from("one"), &Value::from("two\n{\"type\":\"rooma.stopped\"}")));
    assert_eq!((text(dropped, "type"), text(dropped, "reason")), ("rooma.dropped".into(), "jq".into()));
    // What the expression left nothing of: all that came before the first message.
    assert_eq!(dropped["count"].as_u64(), at_one.as_u64().map(|seq| seq - 1));
    assert_eq!(rearm["pending"], 1);
    assert_eq!(rearm["seq"], *at_two);

    // The next one goes on behind it; what fails is told, and the watch goes on.
    let next = watch(&world, &["--jq", "if .content == \"three\" then error(\"oh\") else .content end"]);
    next.count("rooma.jq_failed", 1).await;
    world.say("lobby", "four");
    next.wait("four", |lines| lines.last() == Some(&Value::from("four"))).await;
    let (read, _) = next.terminate().await;
    assert_eq!(read.len(), 2, "{read:?}");
    assert!(text(&read[0], "message").contains("oh"), "{read:?}");
    assert_eq!(read[0]["seq"].as_u64(), at_two.as_u64().map(|seq| seq + 1));
    supervisor.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_accounts_for_what_its_filter_held_back() {
    let world = World::new(1).await;
    let supervisor = world.monitor(&[]);
    supervisor.connected(1).await;
    let reporting = watch(&world, &["--since", "start", "--type", "message", "--report-dropped"]);
    world.say("lobby", "hello");
    reporting.count("message", 1).await;
    let (read, _) = reporting.terminate().await;
    let dropped = read.last().unwrap();
    assert_eq!((text(dropped, "type"), text(dropped, "reason")), ("rooma.dropped".into(), "filter".into()));
    let written = read.iter().filter(|line| line["type"] == "message").count() as u64;
    assert_eq!(dropped["count"].as_u64().unwrap() + written, seq(dropped), "every position is accounted for");
    supervisor.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_and_a_vanished_reader_end_a_watch_with_0_and_its_cursor_stored() {
    let world = World::new(1).await;
    let supervisor = world.monitor(&[]);
    supervisor.connected(1).await;
    for signal in [Signal::TERM, Signal::INT, Signal::HUP, Signal::URG] {
        let mut watcher = watch(&world, &["--since", "start"]);
        watcher.count("rooma.connected", 1).await;
        watcher.signal(signal);
        assert_eq!(watcher.ended().await.code(), Some(0), "{signal:?}");
        let (read, stderr) = watcher.finish();
        assert_eq!(stderr, "");
        let (_, stdout, _) = output(&mut world.command(&["status"]));
        let status: Value = serde_json::from_str(&stdout).unwrap();
        let cursors = status["cursors"].as_array().unwrap();
        let cursor = cursors.iter().find(|cursor| cursor["name"] == "watch").unwrap();
        assert_eq!(cursor["seq"], read.last().unwrap()["seq"], "{signal:?}");
    }
    let mut child = world.command(&["watch"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let status = ended(&mut child, || "it goes on without a reader".to_owned()).await;
    assert_eq!(status.code(), Some(0));
    supervisor.terminate().await;
}

/// A reader that stalls keeps a watch neither from its deadline nor from a signal, and what it reads only afterwards comes
/// again.
#[tokio::test(flavor = "multi_thread")]
async fn a_watch_ends_before_a_reader_that_stalls_and_says_what_comes_again() {
    const EVENTS: usize = 1500;
    let world = World::with(Options { chat_qps: None, ..options(1) }).await;
    let supervisor = world.monitor(&[]);
    supervisor.connected(1).await;
    let (code, first, _) = output(&mut world.command(&["watch", "--since", "start", "--max-events", "1"]));
    assert_eq!(code, 0);
    let burst = Burst { chat: Some("lobby".into()), count: EVENTS, wait_acked: true, ..Burst::default() };
    world.sandbox.burst(burst).await.unwrap();
    let first = lines(&first)[1].clone();
    let mut read = vec![first];
    for round in 0..3 {
        let arguments: &[&str] = if round == 0 { &["watch", "--for", "300ms"] } else { &["watch"] };
        let mut child =
            world.command(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        if round > 0 {
            let stdout = child.stdout.take().unwrap();
            has_written(&stdout, &mut child).await;
            child.stdout = Some(stdout);
            kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        }
        // A reader that stalls does so without an end.
        assert_eq!(ended(&mut child, String::new).await.code(), Some(0));
        let mut left = String::new();
        child.stdout.take().unwrap().read_to_string(&mut left).unwrap();
        // What was cut off in the middle was not read.
        let whole = left.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        let whole = whole.map(|line| serde_json::from_str::<Value>(line).unwrap());
        read.extend(
            whole.filter(|line| !matches!(line["type"].as_str(), Some("rooma.rearm" | "rooma.watching"))),
        );
    }
    let mut last = watch(&world, &[]);
    last.wait("the end", |lines| lines.last().is_some_and(|line| seq(line) > EVENTS as u64)).await;
    last.signal(Signal::TERM);
    assert_eq!(last.ended().await.code(), Some(0));
    read.extend(last.finish().0);
    let mut known = std::collections::BTreeSet::new();
    for line in &read {
        assert!(known.insert(seq(line)) || line["replayed"] == true, "{line}");
    }
    let newest = *known.last().unwrap();
    assert_eq!(known.into_iter().collect::<Vec<_>>(), (1..=newest).collect::<Vec<_>>(), "none lost");
    supervisor.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn up_starts_the_supervisor_for_several_watches_at_once() {
    let world = World::new(1).await;
    let watches: Vec<_> = (0..3)
        .map(|number| watch(&world, &["--up", "--since", "start", "--cursor", &format!("w{number}")]))
        .collect();
    for watcher in &watches {
        watcher.connected(1).await;
    }
    for watcher in watches {
        watcher.terminate().await;
    }
    let (_, stdout, _) = output(&mut world.command(&["status"]));
    assert_eq!(serde_json::from_str::<Value>(&stdout).unwrap()["running"], true);
    assert_eq!(output(&mut world.command(&["down"])).0, 0);
    world.write("profiles/b0.yaml", "transport: feishu\nappid: x\n");
    assert_eq!(output(&mut world.command(&["watch", "--up"])).0, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expression_without_an_end_keeps_no_watch_from_its_own() {
    let world = World::new(1).await;
    let supervisor = world.monitor(&[]);
    supervisor.connected(1).await;
    let arguments = ["watch", "--since", "start", "--for", "300ms", "--jq", "last(range(1e15))"];
    let (code, stdout, stderr) = output(&mut world.command(&arguments));
    assert_eq!((code, stderr.as_str()), (0, ""));
    // It comes past a line all the same, and ends in good order.
    let told = lines(&stdout);
    let [watching, failed @ .., rearm] = told.as_slice() else { panic!("{stdout}") };
    assert_eq!(
        (text(watching, "type"), text(rearm, "type")),
        ("rooma.watching".into(), "rooma.rearm".into())
    );
    assert!(!failed.is_empty() && failed.iter().all(|line| line["type"] == "rooma.jq_failed"), "{stdout}");
    // What was not told is not behind the cursor.
    let (_, next, _) = output(&mut world.command(&["watch", "--for", "0s"]));
    assert_eq!((&lines(&next)[0]["from"], seq(rearm)), (&failed.len().into(), failed.len() as u64));
    supervisor.terminate().await;
}
