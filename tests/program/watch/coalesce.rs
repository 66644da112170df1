//! A reader of several profiles: one line per message, and what was said before it was there.

use std::time::Duration;

use rooma::sandbox::Say;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::watch;
use crate::support::{Monitor, PATIENCE, REDELIVERY, World, options, output, seq, text, until};

async fn world(bots: usize) -> World {
    World::with(rooma::sandbox::Options { chat_qps: None, ..options(bots) }).await
}

pub fn call(world: &World, bot: &str, text: &str) -> String {
    let say = Say {
        chat: Some("lobby".into()),
        text: Some(format!("@{bot} {text}")),
        mention: vec![bot.into()],
        ..Say::default()
    };
    world.sandbox.say(say).unwrap().message_id
}

/// Waits until the files tell that every bot sits in the lobby.
pub async fn all_known(world: &World, bots: usize) {
    let deadline = Instant::now() + PATIENCE;
    let known = |bot: usize| {
        let path = world.home.path().join(format!("data/b{bot}/known_chats.json"));
        std::fs::read_to_string(path).is_ok_and(|text| text.contains("lobby"))
    };
    while !(0..bots).all(known) {
        assert!(Instant::now() < deadline, "the chats are not known");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn messages(monitor: &Monitor) -> Vec<Value> {
    monitor.of_type("message")
}

fn profiles_of(lines: &[Value]) -> usize {
    lines.iter().map(|line| sorted(line, "profiles").len()).sum()
}

fn sorted(line: &Value, key: &str) -> Vec<String> {
    let mut names: Vec<String> = serde_json::from_value(line[key].clone()).unwrap();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn what_several_profiles_receive_is_one_line() {
    let world = world(3).await;
    let supervisor = world.monitor(&[]);
    supervisor.connected(3).await;
    all_known(&world, 3).await;
    let watcher = watch(&world, &["--coalesce", "--since", "start"]);
    watcher.connected(3).await;
    for number in 0..20 {
        call(&world, "b1", &number.to_string());
    }
    watcher.count("message", 20).await;
    world.all_acked().await;
    until("each profile's", || profiles_of(&messages(&watcher)) == 60).await;
    let lines = messages(&watcher);
    let full: Vec<&Value> = lines.iter().filter(|line| line["coalesced_late"].is_null()).collect();
    assert_eq!(full.len(), 20);
    let all = |line: &Value| {
        let id = text(line, "message_id");
        let of_it = lines.iter().filter(|line| line["message_id"] == *id);
        let mut names: Vec<String> = of_it.flat_map(|line| sorted(line, "profiles")).collect();
        names.sort();
        names
    };
    assert!(full.iter().all(|line| all(line) == ["b0", "b1", "b2"]), "{lines:#?}");
    assert!(full.iter().any(|line| sorted(line, "profiles").len() == 3), "{lines:#?}");
    for line in &full {
        let mentioned = sorted(line, "profiles").contains(&"b1".to_owned());
        assert_eq!(line["mentioned"], mentioned, "{line}");
        assert_eq!(sorted(line, "mentioned_profiles"), if mentioned { vec!["b1"] } else { vec![] });
    }
    let seqs: Vec<u64> = watcher.lines().iter().map(seq).collect();
    assert!(seqs.windows(2).all(|pair| pair[0] < pair[1]), "{seqs:?}");
    watcher.terminate().await;
    supervisor.terminate().await;
}

/// The filter for mentions asks of a message as a whole, and a message that was read is read for all.
#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_ends_leaves_nothing_of_a_message_behind() {
    let world = world(3).await;
    let supervisor = world.monitor(&[]);
    supervisor.connected(3).await;
    all_known(&world, 3).await;
    for number in 1..=4 {
        call(&world, "b1", &number.to_string());
        supervisor.count("message", number * 3).await;
    }
    let read = |arguments: &[&str]| {
        let mentioned = ["watch", "--coalesce", "--mentioned", "--type", "message"];
        let (code, stdout, stderr) = output(world.command(&mentioned).args(arguments));
        assert_eq!(code, 0, "{stderr}");
        stdout.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>()
    };
    let lines = read(&["--since", "start", "--max-events", "3"]);
    assert!(lines[..3].iter().all(|line| sorted(line, "profiles").len() == 3), "{lines:#?}");
    assert_eq!((lines.len(), &lines[3]["pending"]), (4, &json!(1)));
    let lines = read(&["--max-events", "1"]);
    assert_eq!((sorted(&lines[0], "profiles").len(), &lines[1]["pending"]), (3, &json!(0)), "{lines:#?}");
    let lines = read(&["--for", "400ms"]);
    assert_eq!((lines.len(), text(&lines[0], "type").as_str()), (1, "rooma.rearm"));
    supervisor.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_that_does_not_come_is_waited_for_a_moment_and_then_is_late() {
    let redelivery = REDELIVERY.to_vec();
    let world = World::with(rooma::sandbox::Options { chat_qps: None, redelivery, ..options(2) }).await;
    let supervisor = world.monitor(&[]);
    supervisor.connected(2).await;
    all_known(&world, 2).await;
    let path = world.home.path().join("profiles/b1.yaml");
    let profile = std::fs::read_to_string(&path).unwrap();
    // A profile that is away keeps its place in the chat.
    world.write("profiles/b1.yaml", &profile.replace("app_secret: ", "app_secret: wrong-"));
    assert_eq!(output(&mut world.command(&["reload"])).0, 0);
    supervisor.count("rooma.parked", 1).await;
    let watcher = watch(&world, &["--coalesce", "--type", "message"]);
    watcher.wait("it watches", |lines| !lines.is_empty()).await;
    let id = call(&world, "b0", "are you there?");
    watcher.count("message", 1).await;
    let line = messages(&watcher).remove(0);
    assert_eq!((line["profiles"].clone(), line["mentioned"].clone()), (json!(["b0"]), json!(true)));
    world.write("profiles/b1.yaml", &profile);
    assert_eq!(output(&mut world.command(&["reload"])).0, 0);
    watcher.count("message", 2).await;
    let late = messages(&watcher).remove(1);
    assert_eq!((text(&late, "message_id"), text(&late, "profile")), (id, "b1".to_owned()));
    assert_eq!((&late["coalesced_late"], &late["profiles"]), (&json!(true), &json!(["b1"])));
    watcher.terminate().await;
    supervisor.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_watch_that_coalesces_loses_nothing() {
    const MESSAGES: usize = 100;
    let world = world(2).await;
    let supervisor = world.monitor(&[]);
    supervisor.connected(2).await;
    all_known(&world, 2).await;
    assert_eq!(output(&mut world.command(&["watch", "--since", "now", "--for", "100ms"])).0, 0);
    let (mut sent, mut read) = (Vec::new(), Vec::new());
    for round in 0..5 {
        let watcher = watch(&world, &["--coalesce"]);
        for number in 0..MESSAGES / 5 {
            sent.push(world.say("lobby", &format!("{round}/{number}")));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(30 * round)).await;
        read.extend(watcher.kill().await.0);
    }
    world.all_acked().await;
    let last = watch(&world, &["--coalesce"]);
    let end = world.say("lobby", "the end");
    let ends = |lines: &[Value]| {
        let ends: Vec<Value> = lines.iter().filter(|line| line["message_id"] == *end).cloned().collect();
        profiles_of(&ends) == 2
    };
    last.wait("the end, for both", ends).await;
    read.extend(last.terminate().await.0);
    for id in sent {
        let of_it: Vec<&Value> = read.iter().filter(|line| line["message_id"] == *id).collect();
        let mut names: Vec<String> = of_it.iter().flat_map(|line| sorted(line, "profiles")).collect();
        names.sort();
        names.dedup();
        assert_eq!(names, ["b0", "b1"], "{of_it:#?}");
    }
    supervisor.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_mention_after_a_silence_brings_what_was_said_before() {
    let world = world(1).await;
    let old = world.say("lobby", "said before anybody listened");
    let supervisor = world.monitor(&["--since", "now"]);
    supervisor.connected(1).await;
    for number in 1..=2 {
        world.say("lobby", &format!("heard {number}"));
    }
    supervisor.count("message", 2).await;
    let watcher = watch(&world, &["--context", "3", "--type", "message", "--mentioned"]);
    watcher.wait("it watches", |lines| !lines.is_empty()).await;
    call(&world, "b0", "and you?");
    watcher.count("message", 1).await;
    call(&world, "b0", "once more");
    watcher.count("message", 2).await;
    let lines = messages(&watcher);
    let told: Vec<String> =
        lines[0]["context"].as_array().unwrap().iter().map(|one| text(one, "content")).collect();
    assert_eq!(told, ["said before anybody listened", "heard 1", "heard 2"]);
    assert_eq!(text(&lines[0]["context"][0], "message_id"), old);
    assert_eq!(text(&lines[0]["context"][2], "sender_type"), "user");
    assert!(lines[1]["context"].is_null());
    watcher.terminate().await;
    // Where the journal has enough, nobody is asked.
    let (code, stdout, _) = output(&mut world.command(&[
        "watch",
        "--context",
        "1",
        "--cursor",
        "new",
        "--since",
        "start",
        "--mentioned",
        "--type",
        "message",
        "--max-events",
        "1",
    ]));
    let line: Value = serde_json::from_str(stdout.lines().nth(1).unwrap()).unwrap();
    assert_eq!((code, text(&line["context"][0], "content")), (0, "heard 2".to_owned()));
    supervisor.terminate().await;
}
