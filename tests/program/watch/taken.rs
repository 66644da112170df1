//! A cursor is where its reader is: behind what was taken out of the pipe.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};

use futures_util::future::join_all;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::time::Instant;

use super::watch;
use crate::support::{Monitor, PATIENCE, World, ended, output, seq, text};

async fn six_messages() -> (World, Monitor) {
    let world = World::new(1).await;
    let supervisor = world.monitor(&[]);
    supervisor.connected(1).await;
    // From here on there is a cursor.
    assert_eq!(output(&mut world.command(&["watch", "--since", "now", "--for", "1ms"])).0, 0);
    for number in 1..=6 {
        world.say("lobby", &format!("line {number}"));
    }
    supervisor.count("message", 6).await;
    (world, supervisor)
}

/// Waits until the watch has written something that nobody takes.
pub async fn has_written(reader: impl std::os::fd::AsFd, child: &mut Child) {
    let deadline = Instant::now() + PATIENCE;
    while rustix::io::ioctl_fionread(&reader).unwrap() == 0 {
        assert!(Instant::now() < deadline && child.try_wait().unwrap().is_none(), "nothing was written");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

async fn reads_all_six(world: &World, cursor: &str) {
    let next = watch(world, &["--cursor", cursor]);
    next.count("message", 6).await;
    let (lines, _) = next.terminate().await;
    let contents: Vec<String> = lines.iter().map(|line| text(line, "content")).collect();
    assert_eq!(contents, (1..=6).map(|number| format!("line {number}")).collect::<Vec<_>>(), "{cursor}");
}

async fn end(child: &mut Child, signal: Option<Signal>) {
    if let Some(signal) = signal {
        kill_process(Pid::from_child(child), signal).unwrap();
    }
    ended(child, String::new).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_reader_never_took_comes_again_however_its_watch_ends() {
    let (world, supervisor) = six_messages().await;
    let first = supervisor.of_type("message").first().map(seq).unwrap();
    let before = (first - 1).to_string();
    let ends = [Some(Signal::TERM), Some(Signal::KILL), Some(Signal::URG), Some(Signal::INT), None];
    join_all(ends.map(|signal| never_taken(&world, &before, signal))).await;
    supervisor.terminate().await;
}

/// By a reader behind a pipe, and by one behind a socket: Node gives its children sockets.
async fn never_taken(world: &World, before: &str, signal: Option<Signal>) {
    let watch = |cursor: &str| {
        let mut command = world.command(&["watch", "--cursor", cursor, "--since", before]);
        command.args(if signal.is_some() { &["--for", "1h"] } else { &["--for", "3s"] });
        command
    };
    let cursor = format!("pipe-{}", signal.map_or(0, Signal::as_raw));
    let mut child = watch(&cursor).stdout(Stdio::piped()).spawn().unwrap();
    let pipe = child.stdout.take().unwrap();
    has_written(&pipe, &mut child).await;
    end(&mut child, signal).await;
    drop(pipe);
    reads_all_six(world, &cursor).await;

    let cursor = format!("socket-{}", signal.map_or(0, Signal::as_raw));
    let (ours, theirs) = UnixStream::pair().unwrap();
    let mut child = watch(&cursor).stdout(OwnedFd::from(theirs)).spawn().unwrap();
    has_written(&ours, &mut child).await;
    end(&mut child, signal).await;
    drop(ours);
    reads_all_six(world, &cursor).await;
}

/// Each `head` takes a line or two and goes away; nothing of the rest goes with it.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_takes_a_few_lines_takes_no_others_along() {
    let (world, supervisor) = six_messages().await;
    let mut read = Vec::new();
    for lines in [2, 2, 3, 2, 9, 9, 9, 9] {
        let rooma = env!("CARGO_BIN_EXE_rooma");
        let mut command = Command::new("/bin/sh");
        let plain = world.command(&[]);
        command.env_clear().envs(plain.get_envs().filter_map(|(key, value)| Some((key, value?))));
        command.current_dir(world.home.path()).stdin(Stdio::null());
        command.args(["-c", &format!("{rooma} watch --for 3s | head -{lines}")]);
        let (_, stdout, stderr) = output(&mut command);
        assert_eq!(stderr, "");
        let lines = stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        read.extend(lines.filter(|line| line["type"] == "message"));
        if read.len() >= 6 {
            break;
        }
    }
    let contents: Vec<String> = read.iter().map(|line| text(line, "content")).collect();
    let known: BTreeSet<&String> = contents.iter().collect();
    assert_eq!(known.len(), 6, "{contents:?}");
    // One that was written as its reader went away may come again, and then it says so.
    let mut seen = BTreeSet::new();
    for line in &read {
        assert!(seen.insert(seq(line)) || line["replayed"] == true, "{line}");
    }
    supervisor.terminate().await;
}

/// What came while nobody watched was never had: it is late, and no repetition.
#[tokio::test(flavor = "multi_thread")]
async fn what_came_meanwhile_is_late_and_what_may_have_been_read_is_replayed() {
    let (world, supervisor) = six_messages().await;
    // The first three are taken; the fourth is in the pipe when the watch is killed.
    let mut child = world.command(&["watch"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut reader = BufReader::with_capacity(1, child.stdout.take().unwrap());
    let mut taken = Vec::new();
    while taken.len() < 3 {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let line: Value = serde_json::from_str(&line).unwrap();
        taken.extend((line["type"] == "message").then_some(line));
    }
    assert!(taken.iter().all(|line| line["late"] == true && line["replayed"].is_null()), "{taken:?}");
    has_written(reader.get_ref(), &mut child).await;
    end(&mut child, Some(Signal::TERM)).await;
    world.say("lobby", "line 7");
    supervisor.count("message", 7).await;
    let next = watch(&world, &[]);
    next.count("message", 4).await;
    world.say("lobby", "line 8");
    next.count("message", 5).await;
    let (lines, _) = next.terminate().await;
    let marks: Vec<(String, bool, bool)> = lines
        .iter()
        .map(|line| (text(line, "content"), line["replayed"] == true, line["late"] == true))
        .collect();
    let wanted = [
        ("line 4", true, false),
        ("line 5", false, true),
        ("line 6", false, true),
        ("line 7", false, true),
        ("line 8", false, false),
    ];
    assert_eq!(marks, wanted.map(|(text, replayed, late)| (text.to_owned(), replayed, late)));
    supervisor.terminate().await;
}
