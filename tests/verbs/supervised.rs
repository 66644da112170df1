//! Verbs beside a running supervisor: they go through it, and nobody can tell.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::time::Duration;

use rooma::sandbox::{At, Fault, FaultKind};
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::{Monitor, World, until};
use crate::verb::{Ran, run, world};

/// Without what differs between two runs of one verb: ids, keys and times.
fn without_ids(text: &str) -> Value {
    let mut plain = String::new();
    for word in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, ':' | '-' | '.')) {
        let body = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let id = body.len() >= 20 && body.chars().all(|c| c.is_ascii_hexdigit());
        let time = body.starts_with("20") && body.contains('T');
        plain.push_str(if id || time { &word[body.len()..] } else { word });
    }
    serde_json::from_str(&plain).unwrap_or_else(|_| panic!("{text}\n{plain}"))
}

fn every_verb(world: &World) -> Vec<(i32, Value)> {
    let chat = world.chat("lobby");
    let send = world.rooma(&["send", "--chat", &chat, "--text", "first"]);
    let sent: Value = serde_json::from_str(&send.stdout).unwrap_or_else(|_| panic!("{}", send.stderr));
    let id = sent["message_id"].as_str().unwrap().to_owned();
    let id = id.as_str();
    let calls: Vec<Vec<&str>> = vec![
        vec!["chats"],
        vec!["chat-info", "--chat", &chat],
        vec!["members", "--chat", &chat],
        vec!["message", "--message-id", id],
        vec!["thread", "--message-id", id],
        vec!["pull", "--chat", &chat, "--limit", "1"],
        vec!["pull", "--chat", "lobby", "--limit", "1", "--format", "ndjson"],
        vec!["react", "--message-id", id, "--emoji", "OK"],
        vec!["unreact", "--message-id", id, "--emoji", "OK"],
        vec!["unreact", "--message-id", id, "--emoji", "OK"],
        vec!["edit", "--message-id", id, "--text", "second"],
        vec!["send", "--reply-to", id, "--text", "an answer", "--mention", "ann"],
        vec!["broadcast", "--chat", "lobby", "--chat", "workshop", "--text", "to both"],
        vec!["help", "--topic", "t", "--detail", "d", "--chat", &chat],
        vec!["recall", "--message-id", id],
        vec!["send", "--reply-to", id, "--text", "too late"],
        vec!["send", "--chat", "nowhere", "--text", "x"],
        vec!["pull", "--chat", "oc_0000000000000000000000000000000f"],
    ];
    let mut outcomes = vec![(send.code, without_ids(&send.stdout))];
    outcomes.extend(calls.iter().map(|call| {
        let Ran { code, stdout, stderr } = world.rooma(call);
        let text = if stdout.is_empty() { stderr } else { stdout };
        (code, without_ids(text.lines().next().unwrap_or_default()))
    }));
    outcomes
}

#[tokio::test(flavor = "multi_thread")]
async fn every_verb_answers_the_same_with_a_supervisor_and_without() {
    let world = world(2).await;
    // Each run finds something before its own messages.
    world.say("lobby", "before");
    world.say("lobby", "all of it");
    let without = every_verb(&world);
    let monitor = world.monitor(&[]);
    monitor.connected(2).await;
    // What was said without it is heard now, and a person's word ends the count of it.
    let owed = world.home.path().join("data/relays.json");
    until("nothing is owed any more", || {
        let owed = std::fs::read_to_string(&owed).unwrap_or_default();
        !owed.contains("message_id")
    })
    .await;
    let word = world.say("lobby", "go on");
    monitor
        .wait("it is heard", |lines| {
            lines.iter().filter(|line| line["message_id"] == word.as_str()).count() == 2
        })
        .await;
    let with = every_verb(&world);
    for (without, with) in without.iter().zip(&with) {
        assert_eq!(without, with);
    }
    let codes: Vec<i32> = with.iter().map(|(code, _)| *code).collect();
    assert!(codes.contains(&0) && codes.contains(&1) && codes.contains(&2), "{codes:?}");
    monitor.terminate().await;
}

/// A verb that needs the secret could not do this: the supervisor has it, the verb has not.
#[tokio::test(flavor = "multi_thread")]
async fn a_verb_needs_no_secret_while_a_supervisor_runs() {
    let world = world(1).await;
    let monitor = with_all_secrets(&world).await;
    assert_eq!(world.rooma(&["send", "--chat", "lobby", "--text", "hi"]).value()["ok"], true);
    monitor.terminate().await;
    std::fs::remove_file(world.home.path().join("data/b0/token.json")).unwrap();
    let error = world.rooma(&["send", "--chat", "lobby", "--text", "hi"]).error(3);
    assert!(error["message"].as_str().unwrap().contains("B0_SECRET"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_supervisor_that_is_killed_over_a_send_leaves_one_message() {
    let world = world(1).await;
    let monitor = world.monitor(&[]);
    monitor.connected(1).await;
    let chat = world.chat("lobby");
    let before = world.count();
    // The message is posted, the answer takes its time, and by then the supervisor is gone.
    let fault = Fault {
        path: Some("/im/v1/messages".into()),
        ms: Some(1500),
        count: Some(1),
        ..Fault::new(FaultKind::Slow)
    };
    world.sandbox.fault(Fault { after: true, at: Some(At::Rest), ..fault }).unwrap();
    let mut command = world.as_profile("b0");
    command.args(["send", "--chat", &chat, "--text", "once"]);
    let sending = std::thread::spawn(move || run(&mut command));
    until("it is posted, and the answer takes its time", || world.count() == before + 1).await;
    monitor.kill().await;
    let said = sending.join().unwrap().value();
    assert_eq!(said["ok"], true);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(world.count(), before + 1);
    assert_eq!(world.message(said["message_id"].as_str().unwrap()).chat_id, chat);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_verb_is_not_waited_for_by_the_supervisor() {
    let world = world(1).await;
    let monitor = world.monitor(&[]);
    monitor.connected(1).await;
    let before = world.count();
    let limit = Fault {
        reset_s: Some(4),
        path: Some("/im/v1/messages".into()),
        count: Some(1),
        ..Fault::new(FaultKind::RateLimit)
    };
    world.sandbox.fault(limit).unwrap();
    let chat = world.chat("lobby");
    let mut child = world.as_profile("b0").args(["send", "--chat", &chat, "--text", "x"]).spawn().unwrap();
    until("the call that is limited", || world.state().faults_armed == 0).await;
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::INT)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    tokio::time::sleep(Duration::from_millis(5000)).await;
    assert_eq!(world.count(), before, "the send was given up with the verb");
    monitor.terminate().await;
}

/// The profile's secret is for the supervisor alone, so that a verb that goes its own way fails.
async fn with_all_secrets(world: &World) -> Monitor {
    let app = world.sandbox.apps()[0].clone();
    let url = world.sandbox.base_url();
    let profile = format!(
        "transport: feishu\napp_id: {}\napp_secret: {{env: B0_SECRET}}\nbase_url: {url}\n",
        app.app_id
    );
    world.write("profiles/b0.yaml", &profile);
    let monitor = Monitor::spawn(world.command(&["monitor"]).env("B0_SECRET", &app.app_secret));
    monitor.connected(1).await;
    monitor
}

/// Connections to the supervisor's socket, also those that it has not taken.
fn knocks(world: &World) -> usize {
    let socket = world.home.path().join("data/rooma.sock").display().to_string();
    let all = std::fs::read_to_string("/proc/net/unix").unwrap();
    all.lines().filter(|line| line.ends_with(&socket)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_supervisor_that_was_stopped_holds_up_nobody() {
    let world = world(2).await;
    let monitor = world.monitor(&[]);
    monitor.connected(2).await;
    world.say("lobby", "before");
    monitor.signal(Signal::STOP);
    let before = world.count();
    let knocked = knocks(&world);
    let said = world.rooma(&["send", "--chat", "lobby", "--text", "once", "--timeout", "1s"]).value();
    let by_send = knocks(&world) - knocked;
    world.rooma(&["members", "--chat", "lobby", "--timeout", "1s"]).value();
    let by_members = knocks(&world) - knocked - by_send;
    // Each verb waits for it once, however many calls and profiles it takes.
    assert_eq!((by_send, by_members), (1, 1));
    assert_eq!(world.message(said["message_id"].as_str().unwrap()).content, r#"{"text":"once"}"#);
    monitor.signal(Signal::CONT);
    let status = world.rooma(&["status"]).value();
    assert_eq!(status["running"], true);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(world.count(), before + 1, "what the stopped one was asked for is forgotten");
    monitor.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_supervisor_that_works_for_long_is_waited_for() {
    let world = world(1).await;
    let chat = world.chat("lobby");
    for n in 0..120 {
        world.say("lobby", &n.to_string());
    }
    let monitor = with_all_secrets(&world).await;
    let slow = Fault { ms: Some(900), path: Some("/messages".into()), ..Fault::new(FaultKind::Slow) };
    world.sandbox.fault(Fault { at: Some(At::Rest), ..slow }).unwrap();
    std::fs::remove_file(world.home.path().join("data/b0/token.json")).unwrap();
    let began = Instant::now();
    let pulled = world.rooma(&["pull", "--chat", &chat, "--limit", "120", "--timeout", "2s"]).value();
    assert_eq!(pulled["items"].as_array().unwrap().len(), 120);
    assert!(began.elapsed() > Duration::from_secs(2), "that was no test: {:?}", began.elapsed());
    monitor.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_supervisor_waits_no_longer_than_its_verb() {
    let world = world(1).await;
    let chat = world.chat("lobby");
    let monitor = with_all_secrets(&world).await;
    world.sandbox.fault(Fault::new(FaultKind::Error5xx)).unwrap();
    std::fs::remove_file(world.home.path().join("data/b0/token.json")).unwrap();
    // Had it waited for longer, the verb would have gone its own way, for which it has no secret: exit 3.
    let error = world.rooma(&["send", "--chat", &chat, "--text", "x", "--timeout", "1s"]).error(1);
    assert_eq!(error["retryable"], true);
    world.sandbox.fault(Fault::new(FaultKind::Clear)).unwrap();
    monitor.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_that_got_another_app_does_not_speak_as_the_old_one() {
    let world = world(2).await;
    std::fs::remove_file(world.home.path().join("profiles/b1.yaml")).unwrap();
    let monitor = world.monitor(&[]);
    monitor.connected(1).await;
    let other = &world.sandbox.apps()[1];
    world.write_profile("b0", &other.app_id, &other.app_secret);
    let said = world.rooma(&["send", "--chat", "lobby", "--text", "who am I?"]).value();
    let shown = world.rooma(&["message", "--message-id", said["message_id"].as_str().unwrap()]).value();
    assert_eq!(shown["sender_name"], "b1", "{shown}");
    monitor.terminate().await;
}

/// Answers each command as a supervisor does that does not know the request, and gives back what was asked.
fn an_older_supervisor(world: &World, answers: usize) -> std::thread::JoinHandle<Vec<Value>> {
    std::fs::create_dir_all(world.home.path().join("data")).unwrap();
    let socket = UnixListener::bind(world.home.path().join("data/rooma.sock")).unwrap();
    let unknown = json!({"ok": false, "error": {
        "type": "validation", "message": "the request is not one this supervisor knows", "retryable": false,
    }});
    std::thread::spawn(move || {
        let asked = (0..answers).map(|_| {
            let (mut client, _) = socket.accept().unwrap();
            let mut line = String::new();
            BufReader::new(client.try_clone().unwrap()).read_line(&mut line).unwrap();
            writeln!(client, "{unknown}").unwrap();
            serde_json::from_str(&line).unwrap()
        });
        asked.collect()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_send_goes_its_own_way_where_an_older_supervisor_runs() {
    let world = world(1).await;
    let older = an_older_supervisor(&world, 1);
    world.rooma(&["send", "--chat", &world.chat("lobby"), "--markdown", "*hi*"]).value();
    let asked = older.join().unwrap();
    assert_eq!(asked[0]["errand"]["call"]["what"], json!({"body": {"markdown": "*hi*"}}));
    let posted = world.full_state().messages.unwrap();
    assert_eq!(posted.iter().filter(|message| message.content.contains("*hi*")).count(), 1);
}
