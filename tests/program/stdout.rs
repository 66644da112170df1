//! stdout is the wire: readers that stall, vanish, or are asked to share.

use std::io::Read;
use std::process::Stdio;
use std::time::Duration;

use rooma::sandbox::{Burst, Options};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::time::Instant;

use crate::support::{Monitor, PATIENCE, World, ended, options, output, seq};

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_vanishes_while_idle_ends_it_with_0() {
    let world = World::new(1).await;
    let mut child =
        world.command(&["monitor"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while world.state().apps[0].connections == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(child.stdout.take());
    let status = ended(&mut child, || "it goes on without a reader".to_owned()).await;
    assert_eq!(status.code(), Some(0));
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(stderr, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn both_signals_end_it_with_0_and_everything_committed() {
    for signal in [Signal::TERM, Signal::INT] {
        let world = World::new(1).await;
        let mut monitor = world.monitor(&[]);
        monitor.connected(1).await;
        world.say("lobby", "last words");
        monitor.count("message", 1).await;
        monitor.signal(signal);
        assert_eq!(monitor.ended().await.code(), Some(0));
        let (lines, _) = monitor.finish();
        assert_eq!(lines.last().unwrap()["type"], "rooma.stopped");
        world.all_acked().await;
        let journal = rusqlite::Connection::open(world.journal()).unwrap();
        let last: u64 = journal.query_row("SELECT max(seq) FROM line", [], |row| row.get(0)).unwrap();
        assert_eq!(last, seq(lines.last().unwrap()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_it_now() {
    let world = World::new(1).await;
    // A reader that never reads keeps a graceful end waiting.
    let mut child = world.command(&["monitor"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    while world.state().apps[0].connections == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let burst = Burst { chat: Some("lobby".into()), count: 2000, wait_acked: true, ..Burst::default() };
    world.sandbox.burst(burst).await.unwrap();
    // Two of one kind may arrive as one.
    let pid = Pid::from_child(&child);
    kill_process(pid, Signal::TERM).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    // A graceful end, which the first alone would have brought, is 0.
    let code = ended(&mut child, String::new).await.code();
    assert!([Some(143), Some(130)].contains(&code), "{code:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_stalls_costs_disk_and_nothing_else() {
    const EVENTS: usize = 21_000;
    let world = World::with(Options { chat_qps: None, ..options(1) }).await;
    let mut child = world.command(&["monitor"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    while world.state().apps[0].connections == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let burst = |count| Burst { chat: Some("lobby".into()), count, wait_acked: true, ..Burst::default() };
    world.sandbox.burst(burst(EVENTS / 3)).await.unwrap();
    let memory = |child: &std::process::Child| {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap().to_owned();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    let before = memory(&child);
    world.sandbox.burst(burst(EVENTS - EVENTS / 3)).await.unwrap();
    let after = memory(&child);
    let state = world.all_acked().await;
    assert_eq!(state.totals.acked, EVENTS as u64);
    assert_eq!(state.totals.timeouts, 0, "acknowledged late: {:?}", state.totals);
    assert!(after < before + 8 * 1024, "memory grew from {before} to {after} KiB");
    // It reads again: everything is there.
    let stdout = child.stdout.take().unwrap();
    let read = std::thread::spawn(move || {
        let mut messages = Vec::new();
        for line in std::io::BufRead::lines(std::io::BufReader::new(stdout)) {
            let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
            if line["type"] == "message" {
                messages.push(seq(&line));
            }
            if messages.len() == EVENTS {
                break;
            }
        }
        messages
    });
    let deadline = Instant::now() + PATIENCE;
    while !read.is_finished() {
        assert!(Instant::now() < deadline, "not everything arrived");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let seqs = read.join().unwrap();
    assert!(seqs.windows(2).all(|pair| pair[0] < pair[1]));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_supervisor_is_told_who_holds_the_app_and_a_killed_one_holds_nothing() {
    let world = World::new(1).await;
    let monitor = world.monitor(&[]);
    monitor.connected(1).await;
    let (code, stdout, stderr) = output(&mut world.command(&["monitor"]));
    assert_eq!((code, stdout.as_str()), (7, ""));
    let error: Value = serde_json::from_str(&stderr).unwrap();
    assert_eq!(error["error"]["type"], "conflict");
    let message = error["error"]["message"].as_str().unwrap();
    assert!(message.contains(&format!("pid {}", monitor.child.id())), "{message}");
    // The same app from another home.
    let other = tempfile::tempdir().unwrap();
    std::fs::create_dir(other.path().join("profiles")).unwrap();
    std::fs::copy(world.home.path().join("profiles/b0.yaml"), other.path().join("profiles/x.yaml")).unwrap();
    let (code, _, stderr) = output(crate::support::program(other.path()).arg("monitor"));
    assert_eq!(code, 7);
    assert!(
        stderr.contains(&format!("is held by a running supervisor (pid {}", monitor.child.id())),
        "{stderr}"
    );
    monitor.kill().await;
    let again = world.monitor(&[]);
    again.connected(1).await;
    again.terminate().await;
}

/// A journal has one writer, also when the profiles are different ones.
#[tokio::test(flavor = "multi_thread")]
async fn a_home_has_one_supervisor_whatever_its_profiles() {
    let world = World::new(2).await;
    let first = world.monitor(&["--profile", "b0"]);
    first.connected(1).await;
    let (code, stdout, stderr) = output(&mut world.command(&["monitor", "--profile", "b1"]));
    assert_eq!((code, stdout.as_str()), (7, ""));
    assert!(stderr.contains("a supervisor runs in this home"), "{stderr}");
    first.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_else_on_the_same_app_is_a_conflict() {
    let world = World::new(1).await;
    let first = world.monitor(&[]);
    first.connected(1).await;
    // The lock of this machine is per user and app; another machine is played by an SDK-like client.
    let app = &world.sandbox.apps()[0];
    let url = format!("{}/callback/ws/endpoint", world.sandbox.base_url());
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let body = serde_json::json!({"AppID": app.app_id, "AppSecret": app.app_secret});
    let answer: Value = http.post(url).json(&body).send().await.unwrap().json().await.unwrap();
    let (_socket, _) =
        tokio_tungstenite::connect_async(answer["data"]["URL"].as_str().unwrap()).await.unwrap();
    first.terminate().await;
    let second = Monitor::spawn(&mut world.command(&["monitor"]));
    second.count("rooma.conflict", 1).await;
    let line = &second.of_type("rooma.conflict")[0];
    assert_eq!((line["online"].as_u64(), line["ours"].as_u64()), (Some(1), Some(0)));
    second.terminate().await;
}

/// What nobody took out of the pipe before the end comes again, and says so where it may have been read after it.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_before_a_reader_that_stalls_loses_nothing_and_marks_what_comes_again() {
    const EVENTS: usize = 3000;
    let world = World::with(Options { chat_qps: None, ..options(1) }).await;
    let mut child = world.command(&["monitor"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    while world.state().apps[0].connections == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let burst = Burst { chat: Some("lobby".into()), count: EVENTS, wait_acked: true, ..Burst::default() };
    world.sandbox.burst(burst).await.unwrap();
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(ended(&mut child, String::new).await.code(), Some(0));
    let mut left = String::new();
    child.stdout.take().unwrap().read_to_string(&mut left).unwrap();
    // A line that was cut off in the middle was not read.
    let whole: Vec<Value> = left.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert!(!whole.is_empty() && whole.len() < EVENTS, "{} lines", whole.len());

    let again = world.monitor(&[]);
    again.count("message", EVENTS).await;
    let (after, _) = again.terminate().await;
    let seqs: Vec<u64> = after.iter().filter(|line| line["type"] == "message").map(seq).collect();
    assert_eq!((seqs.len(), seqs.iter().max()), (EVENTS, seqs.last()));
    let before: Vec<u64> = whole.iter().map(seq).collect();
    // One more may have been about to be written when the end came.
    let about = before.iter().max().map_or(0, |last| last + 1);
    for line in after.iter().filter(|line| seq(line) != about) {
        assert_eq!(line["replayed"] == true, before.contains(&seq(line)), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stdout_that_fails_is_an_error() {
    let world = World::new(1).await;
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = world.command(&["monitor"]).stdout(full).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(5));
    let error: Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(error["error"]["type"], "storage");
}

/// As a watch does: it would otherwise begin somewhere else than asked, and say nothing of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_position_beyond_the_newest_line_is_refused() {
    let world = World::new(1).await;
    let (code, stdout, stderr) = output(&mut world.command(&["monitor", "--since", "9000000"]));
    assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
    assert!(stderr.contains("there is no line 9000000") && stderr.contains("\"hint\""), "{stderr}");
}
