//! Readers that may die at any moment, and the supervisor they read from.

mod ack;
mod brief;
mod coalesce;
mod filters;
mod first;
mod harness;
mod lines;
mod taken;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::support::{Monitor, World, output, seq, text};

fn watch(world: &World, arguments: &[&str]) -> Monitor {
    Monitor::spawn(world.command(&["watch"]).args(arguments))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_goes_on_where_the_last_one_stopped_and_says_when_to_start_again() {
    let world = World::new(1).await;
    let supervisor = world.monitor(&[]);
    supervisor.connected(1).await;
    world.say("lobby", "before any watch");
    supervisor.count("message", 1).await;
    let (code, first, stderr) =
        output(&mut world.command(&["watch", "--since", "start", "--max-events", "2"]));
    assert_eq!(code, 0, "{stderr}");
    let lines: Vec<Value> = first.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        lines.iter().map(|line| text(line, "type")).collect::<Vec<_>>(),
        ["rooma.watching", "rooma.started", "rooma.connecting", "rooma.rearm"]
    );
    assert_eq!((&lines[0]["from"], &lines[0]["waiting"]), (&0.into(), &4.into()), "{first}");
    assert_eq!(lines[3]["pending"], 2, "the connected line and the message");
    assert_eq!((&lines[0]["cursor"], &lines[3]["cursor"]), (&"watch".into(), &"watch".into()));
    assert!(lines[1..3].iter().all(|line| line["late"] == true && line["replayed"].is_null()), "{first}");

    let second = watch(&world, &[]);
    second.count("message", 1).await;
    world.say("lobby", "while it watches");
    second.count("message", 2).await;
    let (lines, _) = second.terminate().await;
    assert_eq!(lines.iter().map(seq).collect::<Vec<_>>(), [3, 4, 5]);
    assert!(lines[2]["replayed"].is_null());

    let start = Instant::now();
    let (code, third, _) = output(&mut world.command(&["watch", "--for", "300ms"]));
    assert!(start.elapsed() >= Duration::from_millis(300));
    let third: Vec<Value> = third.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [watching, rearm] = third.as_slice() else { panic!("{third:?}") };
    assert_eq!((watching["from"].as_u64(), watching["waiting"].as_u64()), (Some(5), Some(0)));
    assert_eq!((code, text(rearm, "type"), rearm["pending"].as_u64()), (0, "rooma.rearm".into(), Some(0)));
    supervisor.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_watches_lose_nothing_and_repeat_only_what_they_mark() {
    const MESSAGES: usize = 200;
    let world = World::with(rooma::sandbox::Options { chat_qps: None, ..crate::support::options(1) }).await;
    let supervisor = world.monitor(&[]);
    supervisor.connected(1).await;
    let mut lines: Vec<Value> = Vec::new();
    let mut sent = BTreeSet::new();
    // From here on there is a cursor: a new one would begin at the moment its watch starts.
    assert_eq!(output(&mut world.command(&["watch", "--since", "start", "--max-events", "1"])).0, 0);
    for round in 0..10 {
        let watcher = watch(&world, &[]);
        for number in 0..MESSAGES / 10 {
            sent.insert(world.say("lobby", &format!("{round}/{number}")));
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
        tokio::time::sleep(Duration::from_millis(20 * (round % 4))).await;
        lines.extend(watcher.kill().await.0);
    }
    let last = watch(&world, &[]);
    sent.insert(world.say("lobby", "the end"));
    last.wait("the end", |lines| lines.iter().any(|line| line["content"] == "the end")).await;
    let deadline = Instant::now() + crate::support::PATIENCE;
    loop {
        let read: BTreeSet<String> =
            lines.iter().chain(&last.lines()).map(|line| text(line, "message_id")).collect();
        if sent.is_subset(&read) {
            break;
        }
        assert!(Instant::now() < deadline, "{} of {MESSAGES} were read", read.len());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    lines.extend(last.terminate().await.0);
    let mut known = BTreeSet::new();
    for line in lines.iter().filter(|line| line["seq"].is_u64()) {
        assert!(known.insert(seq(line)) || line["replayed"] == true, "{line} is a repetition");
    }
    supervisor.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_has_one_reader_and_a_killed_one_holds_nothing() {
    let world = World::new(1).await;
    let supervisor = world.monitor(&[]);
    supervisor.connected(1).await;
    let first = watch(&world, &["--cursor", "one", "--since", "start"]);
    first.count("rooma.started", 1).await;
    let (code, stdout, stderr) = output(&mut world.command(&["watch", "--cursor", "one"]));
    assert_eq!((code, stdout.as_str()), (7, ""));
    assert!(stderr.contains(&format!("pid {}", first.child.id())), "{stderr}");
    let other = watch(&world, &["--cursor", "two", "--since", "start"]);
    other.count("rooma.started", 1).await;
    first.kill().await;
    let again = watch(&world, &["--cursor", "one", "--since", "start"]);
    again.count("rooma.started", 1).await;
    again.terminate().await;
    other.terminate().await;
    supervisor.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_outlives_its_supervisor_for_a_while() {
    let world = World::new(1).await;
    let supervisor = world.monitor(&[]);
    supervisor.connected(1).await;
    let watcher = watch(&world, &["--since", "start"]);
    watcher.count("rooma.connected", 1).await;
    supervisor.kill().await;
    watcher.count("rooma.supervisor_gone", 1).await;
    let supervisor = world.monitor(&[]);
    watcher.count("rooma.connected", 2).await;
    world.say("lobby", "still here");
    watcher.count("message", 1).await;
    let (lines, _) = watcher.terminate().await;
    let read: Vec<u64> =
        lines.iter().filter(|line| line["type"] != "rooma.supervisor_gone").map(seq).collect();
    assert!(read.windows(2).all(|pair| pair[0] < pair[1]), "{read:?}");
    supervisor.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn status_says_what_is_and_down_ends_it() {
    let world = World::new(2).await;
    let (code, stdout, _) = output(&mut world.command(&["status"]));
    assert!(code == 0 && stdout.starts_with(r#"{"ok":true,"running":false,"#), "{stdout}");
    assert_eq!(output(&mut world.command(&["status", "--require"])).0, 2);
    assert_eq!(output(&mut world.command(&["watch"])).0, 2);
    let apps = world.sandbox.apps();
    world.write_profile("b1", &apps[1].app_id, "wrong");
    let mut supervisor = world.monitor(&[]);
    supervisor.connected(1).await;
    supervisor.count("rooma.parked", 1).await;
    let (_, stdout, _) = output(&mut world.command(&["status"]));
    let status: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(status["pid"], supervisor.child.id());
    assert_eq!(status["profiles"][0]["state"], "connected");
    assert_eq!(status["profiles"][1]["state"], "parked");
    assert!(text(&status["profiles"][1], "reason").contains("unauthorized"), "{status}");
    assert!(
        status["cursors"].as_array().unwrap().iter().any(|cursor| cursor["name"] == "stdout"),
        "{status}"
    );
    assert!(status["profiles"][0]["last_event"].is_null(), "{status}");

    world.say("lobby", "hello");
    let watcher = watch(&world, &["--since", "start", "--cursor", "mine"]);
    watcher.count("message", 1).await;
    let (code, stdout, _) = output(&mut world.command(&["status", "--json"]));
    let status: Value = serde_json::from_str(&stdout).unwrap();
    let line = &watcher.of_type("message")[0];
    assert_eq!((code, &status["profiles"][0]["last_event"]), (0, &line["time"]));
    assert!(status["profiles"][1]["last_event"].is_null(), "{status}");
    let pid_of = |name: &str| {
        let cursors = status["cursors"].as_array().unwrap();
        cursors.iter().find(|cursor| cursor["name"] == name).unwrap()["pid"].clone()
    };
    assert_eq!(pid_of("mine"), watcher.child.id());
    assert_eq!(pid_of("stdout"), supervisor.child.id());
    assert_eq!(status["readers"].as_array().unwrap().len(), 2);
    assert_eq!(status["journal"]["newest"], line["seq"]);
    assert_eq!(status["journal"]["oldest"]["seq"], 1);
    assert!(status["journal"]["bytes"].as_u64().unwrap() > 0);
    watcher.kill().await;
    let deadline = Instant::now() + crate::support::PATIENCE;
    while output(&mut world.command(&["status"])).1.contains(r#""cursor":"mine""#) {
        assert!(Instant::now() < deadline, "a killed reader is still listed");
    }

    let (code, stdout, _) = output(&mut world.command(&["down"]));
    assert!(code == 0 && stdout.starts_with(r#"{"ok":true,"running":false,"#), "{stdout}");
    assert_eq!(supervisor.ended().await.code(), Some(0));
    let (lines, _) = supervisor.finish();
    assert_eq!(lines.last().unwrap()["reason"], "down");
    assert_eq!(output(&mut world.command(&["down"])).0, 0);
}

/// Garbage, half a line and silence, a thousand connections, another version: nobody else notices.
#[tokio::test(flavor = "multi_thread")]
async fn hostile_clients_of_the_socket_harm_nobody() {
    let world = World::new(1).await;
    let supervisor = world.monitor(&[]);
    supervisor.connected(1).await;
    let path = world.home.path().join("data/rooma.sock");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let ask = |request: &[u8]| {
        let mut stream = UnixStream::connect(&path).unwrap();
        stream.set_read_timeout(Some(crate::support::PATIENCE)).unwrap();
        stream.write_all(request).unwrap();
        let mut answer = String::new();
        let _ = BufReader::new(stream).read_line(&mut answer);
        answer
    };
    assert!(ask(b"{\"v\":99,\"op\":\"status\"}\n").contains("speaks version 1"));
    assert!(ask(b"not json\n").contains("not one this supervisor knows"));
    assert!(ask(b"{\"v\":1,\"op\":\"cursor\",\"cursor\":\"../x\",\"seq\":1}\n").is_empty());
    let flood: Vec<u8> = vec![b'x'; 1024 * 1024];
    let mut stream = UnixStream::connect(&path).unwrap();
    let _ = stream.write_all(&flood);
    let silent: Vec<UnixStream> = (0..1000).filter_map(|_| UnixStream::connect(&path).ok()).collect();
    world.say("lobby", "meanwhile");
    supervisor.count("message", 1).await;
    drop(silent);
    drop(stream);
    let deadline = Instant::now() + crate::support::PATIENCE;
    while !ask(b"{\"v\":1,\"op\":\"status\"}\n").contains("\"running\":true") {
        assert!(Instant::now() < deadline);
    }
    supervisor.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn up_starts_it_in_the_background_once_and_down_ends_it() {
    let world = World::new(2).await;
    let up = || {
        let (code, stdout, stderr) = output(&mut world.command(&["up", "--timeout", "20s"]));
        assert_eq!(code, 0, "{stderr}");
        serde_json::from_str::<Value>(&stdout).unwrap()
    };
    let first = up();
    assert_eq!(first["profiles"].as_array().unwrap().len(), 2);
    assert!(
        first["profiles"].as_array().unwrap().iter().all(|profile| profile["state"] == "connected"),
        "{first}"
    );
    assert_eq!(up()["pid"], first["pid"], "the same one");
    assert_eq!(output(&mut world.command(&["up", "--profile", "nobody"])).0, 3);

    let watcher = watch(&world, &["--since", "start"]);
    watcher.count("rooma.connected", 2).await;
    world.say("lobby", "hello");
    watcher.count("message", 2).await;
    watcher.terminate().await;
    let pid = rustix::process::Pid::from_raw(first["pid"].as_i64().unwrap() as i32).unwrap();
    assert_eq!(rustix::process::getsid(Some(pid)).unwrap(), pid, "a session of its own");

    // Killed without a word, it holds nothing, and the next one has every line.
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    let again = loop {
        let status = up();
        if status["pid"] != first["pid"] {
            break status;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!(again["profiles"].as_array().unwrap().iter().all(|profile| profile["state"] == "connected"));
    assert_eq!(output(&mut world.command(&["down"])).0, 0);
    let log = world.home.path().join("data/log/rooma.log");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(log).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test(flavor = "multi_thread")]
async fn up_says_what_is_wrong_instead_of_leaving_it_in_a_log() {
    let world = World::new(1).await;
    let held = world.monitor(&[]);
    held.connected(1).await;
    let other = tempfile::tempdir().unwrap();
    std::fs::create_dir(other.path().join("profiles")).unwrap();
    std::fs::copy(world.home.path().join("profiles/b0.yaml"), other.path().join("profiles/x.yaml")).unwrap();
    let (code, stdout, stderr) = output(crate::support::program(other.path()).arg("up"));
    assert_eq!((code, stdout.as_str()), (7, ""), "{stderr}");
    assert!(stderr.contains("is held by a running supervisor"), "{stderr}");
    held.terminate().await;
    world.write("profiles/b0.yaml", "transport: feishu\nappid: x\n");
    assert_eq!(output(&mut world.command(&["up"])).0, 3);
}
