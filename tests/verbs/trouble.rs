//! Rate limits, a lost network, a person who loses patience.

use std::process::Stdio;
use std::time::Duration;

use rooma::sandbox::{At, Fault, FaultKind};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tokio::time::Instant;

use crate::support::{World, listens, options, until};
use crate::verb::{Ran, end, run, world};

fn limited(world: &World, count: Option<u32>, reset_s: u64) {
    let fault = Fault { count, reset_s: Some(reset_s), ..Fault::new(FaultKind::RateLimit) };
    world.sandbox.fault(fault).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_is_waited_out_as_long_as_the_platform_says() {
    let world = world(1).await;
    world.rooma(&["chats"]).value();
    limited(&world, Some(1), 1);
    let began = Instant::now();
    world.rooma(&["react", "--message-id", &world.say("lobby", "x"), "--emoji", "OK"]).value();
    assert!(began.elapsed() >= Duration::from_millis(900), "{:?}", began.elapsed());
    // Who waits for nothing as long as it may is not seen to end here.
    limited(&world, None, 3600);
    let error = world.rooma(&["chats", "--timeout", "30m"]).error(1);
    assert_eq!((&error["subtype"], &error["retryable"]), (&json!("rate_limit"), &json!(true)));
    assert_eq!(error["retry_after_ms"], 3_600_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_five_sends_a_second_all_arrive_once() {
    let world = World::with(options(1)).await;
    let spawn = |n: usize| {
        let mut command = world.as_profile("b0");
        command.args(["send", "--chat", "lobby", "--text", &n.to_string()]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let children: Vec<_> = (0..12).map(spawn).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(world.count(), 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn passing_trouble_is_passed_where_that_is_safe() {
    let world = world(1).await;
    let id = world.rooma(&["send", "--chat", "lobby", "--text", "x"]).value()["message_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let fail = || world.sandbox.fault(Fault { count: Some(1), ..Fault::new(FaultKind::Error5xx) }).unwrap();
    fail();
    world.rooma(&["chats"]).value();
    fail();
    world.rooma(&["send", "--reply-to", &id, "--text", "y"]).value();
    fail();
    world.rooma(&["edit", "--message-id", &id, "--text", "z"]).value();
    assert_eq!(world.message(&id).content, r#"{"text":"z"}"#);
    fail();
    world.rooma(&["recall", "--message-id", &id]).value();
    assert!(world.message(&id).deleted);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_or_recall_whose_answer_was_lost_is_done_all_the_same() {
    let world = world(1).await;
    let id = world.rooma(&["send", "--chat", "lobby", "--text", "x"]).value()["message_id"].clone();
    let id = id.as_str().unwrap();
    let lose = || {
        let lost = Fault { count: Some(1), after: true, ..Fault::new(FaultKind::Error5xx) };
        world.sandbox.fault(lost).unwrap();
    };
    lose();
    assert_eq!(world.rooma(&["edit", "--message-id", id, "--text", "y"]).value()["ok"], true);
    assert_eq!(world.message(id).content, r#"{"text":"y"}"#);
    lose();
    assert_eq!(world.rooma(&["recall", "--message-id", id]).value()["ok"], true);
    // Somebody else's recall is no success of ours, nor after a limit, which has no effect.
    limited(&world, Some(1), 0);
    assert_eq!(world.rooma(&["recall", "--message-id", id]).error(1)["code"], 230_110);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_is_not_there_is_exit_4_with_a_way_to_go_on() {
    let world = world(1).await;
    let profile =
        "transport: feishu\napp_id: cli_0000000000000000\napp_secret: x\nbase_url: http://127.0.0.1:1\n";
    world.write("profiles/b0.yaml", profile);
    let error = world.rooma(&["send", "--chat", "oc_1", "--text", "hi", "--timeout", "300ms"]).error(4);
    assert_eq!((&error["type"], &error["retryable"]), (&json!("network"), &json!(true)));
    assert!(error["hint"].as_str().unwrap().contains("--idempotency-key"), "{error}");
}

/// Sends the signal as soon as the verb has called the platform. What stdout and stderr then hold.
async fn interrupted(world: &World, arguments: &[&str], signal: Signal) -> Ran {
    let mut command = world.as_profile("b0");
    let child = command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let calls = world.state().apps[0].rest_calls;
    let deadline = Instant::now() + crate::support::PATIENCE;
    while world.state().apps[0].rest_calls == calls && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    kill_process(Pid::from_child(&child), signal).unwrap();
    end(child)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_while_waiting_ends_it_with_the_signals_exit_code() {
    let world = world(1).await;
    world.rooma(&["chats"]).value();
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        limited(&world, None, 20);
        let error = interrupted(&world, &["chats"], signal).await.error(code);
        assert_eq!((&error["type"], &error["subtype"]), (&json!("network"), &json!("interrupted")));
        assert!(error["hint"].is_null(), "nothing was sent: {error}");
        world.sandbox.fault(Fault::new(FaultKind::Clear)).unwrap();
    }
}

/// What is computed, read or written without an end does not look up to see a signal.
#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_a_verb_that_is_busy_with_itself() {
    let world = world(1).await;
    world.rooma(&["chats"]).value();
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let endless = interrupted(&world, &["chats", "--jq", "def f: f; f"], signal).await.error(code);
        assert_eq!(endless["subtype"], "interrupted");
    }
    let mut reading = world.as_profile("b0");
    reading.args(["send", "--chat", "lobby", "--text", "-"]).stdin(Stdio::piped());
    let mut child = reading.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let held = child.stdin.take();
    until("it listens to signals", || listens(&child, Signal::INT)).await;
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    end(child).error(130);
    drop(held);
    assert_eq!(world.count(), 0);
}

/// Does a thread of it stand still because a pipe takes nothing?
fn writes_to_a_pipe(child: &std::process::Child) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{}/task", child.id())).into_iter().flatten().flatten();
    let waits_in = |thread: std::fs::DirEntry| std::fs::read_to_string(thread.path().join("wchan")).ok();
    threads.filter_map(waits_in).any(|place| place.contains("pipe_write"))
}

/// The message is out; only its id could not be told.
#[tokio::test(flavor = "multi_thread")]
async fn a_send_whose_reader_is_busy_is_told_as_done_when_a_signal_ends_it() {
    let world = world(1).await;
    let (reader, writer) = std::io::pipe().unwrap();
    // Nobody reads, and there is no room left.
    rustix::fs::fcntl_setfl(&writer, rustix::fs::OFlags::NONBLOCK).unwrap();
    while rustix::io::write(&writer, &[b' '; 4096]).is_ok() {}
    rustix::fs::fcntl_setfl(&writer, rustix::fs::OFlags::empty()).unwrap();
    let mut command = world.as_profile("b0");
    command.args(["send", "--chat", "lobby", "--text", "hi"]).stdout(writer).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    until("the answer is there, and is being written", || writes_to_a_pipe(&child)).await;
    assert_eq!(world.count(), 1);
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let error = end(child).error(130);
    assert_eq!(error["retryable"], false);
    assert!(error["hint"].as_str().unwrap().contains("om_"), "{error}");
    drop(reader);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_a_dead_connection_swallowed_is_made_again() {
    let world = world(1).await;
    world.rooma(&["chats"]).value();
    let lobby = world.chat("lobby");
    let stalled = |at| {
        let fault = Fault { count: Some(1), at: Some(at), ..Fault::new(FaultKind::Stall) };
        world.sandbox.fault(fault).unwrap();
    };
    stalled(At::Rest);
    world.rooma(&["send", "--chat", &lobby, "--text", "x", "--timeout", "4s"]).value();
    std::fs::remove_file(world.home.path().join("data/b0/token.json")).unwrap();
    stalled(At::Token);
    world.rooma(&["send", "--chat", &lobby, "--text", "y", "--timeout", "4s"]).value();
    assert_eq!(world.count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_send_that_was_interrupted_says_how_to_repeat_it_without_saying_it_twice() {
    let world = world(1).await;
    let lobby = world.chat("lobby");
    world.rooma(&["chats"]).value();
    for verb in [&["send", "--text", "hi"][..], &["broadcast", "--text", "hi"], &["help", "--topic", "hi"]] {
        let lost = Fault { after: true, ..Fault::new(FaultKind::Error5xx) };
        world.sandbox.fault(lost).unwrap();
        let send = [verb, &["--chat", &lobby]].concat();
        let before = world.count();
        let error = interrupted(&world, &send, Signal::INT).await.error(130);
        assert_eq!((&error["subtype"], &error["retryable"]), (&json!("interrupted"), &json!(true)));
        let hint = error["hint"].as_str().unwrap();
        let key = hint.split_once("--idempotency-key ").unwrap().1.split(':').next().unwrap();
        world.sandbox.fault(Fault::new(FaultKind::Clear)).unwrap();
        let again = run(world.as_profile("b0").args(&send).args(["--idempotency-key", key]));
        assert_eq!(again.code, 0, "{}", again.stderr);
        assert_eq!(world.count() - before, 1, "{verb:?}");
    }
}

/// An answer may tell more than it should: of others' secrets, or of what it was sent.
#[tokio::test(flavor = "multi_thread")]
async fn what_looks_like_a_secret_in_an_answer_is_cut_out() {
    let world = world(1).await;
    for (code, said) in [
        (99_991_663, "Invalid access token t-g10467gAFKRWPQ5TXCUKX4DVNLBT2RGH3Q, log 20260101"),
        (10_015, "app secret dskLLdkasdjlasdKK12345678901234aB wrong"),
        (230_001, "{\"Authorization\":\"Bearer u-9f8e7d6c5b4a\"}"),
    ] {
        let fault = Fault {
            code: Some(code),
            message: Some(said.to_owned()),
            path: Some("/im/v1/chats".into()),
            ..Fault::new(FaultKind::ApiError)
        };
        world.sandbox.fault(fault).unwrap();
        let ran = run(world.as_profile("b0").args(["-vvv", "chats"]));
        assert!(ran.code != 0 && ran.stderr.contains("***"), "{ran:?}");
        for hidden in ["t-g10467", "dskLLdk", "u-9f8e7"] {
            assert!(!ran.stdout.contains(hidden) && !ran.stderr.contains(hidden), "{ran:?}");
        }
        world.sandbox.fault(Fault::new(FaultKind::Clear)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_verb_shows_a_secret_or_a_token() {
    let world = world(1).await;
    let id = world.say("lobby", "x");
    let secret = world.sandbox.apps()[0].app_secret.clone();
    limited(&world, Some(1), 0);
    for arguments in [
        &["chats"][..],
        &["members", "--chat", "lobby"],
        &["pull", "--chat", "lobby"],
        &["send", "--chat", "lobby", "--text", "y"],
        &["react", "--message-id", &id, "--emoji", "OK"],
        &["recall", "--message-id", &id],
        &["message", "--message-id", "om_none"],
    ] {
        let ran = run(world.as_profile("b0").arg("-vvv").args(arguments));
        for hidden in [secret.as_str(), "t-g1", "Bearer "] {
            assert!(!ran.stdout.contains(hidden) && !ran.stderr.contains(hidden), "{arguments:?}: {ran:?}");
        }
    }
}
