//! Why a message did, or did not, reach an agent.

use std::collections::BTreeMap;
use std::time::Duration;

use rooma::sandbox::{Options, Say};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::rooms::DEAF_TO_BOTS;
use crate::support::{Monitor, PATIENCE, World, options, output, text};

async fn world(bots: usize, deaf: &str) -> World {
    let scopes = DEAF_TO_BOTS.iter().map(|scope| (*scope).to_owned()).collect();
    let scopes = BTreeMap::from([(deaf.to_owned(), scopes)]);
    World::with(Options { chat_qps: None, scopes, ..options(bots) }).await
}

fn explain(world: &World, id: &str, arguments: &[&str]) -> Value {
    let (code, stdout, stderr) = output(world.command(&["explain", "--message-id", id]).args(arguments));
    assert_eq!((code, stderr.as_str()), (0, ""));
    serde_json::from_str(&stdout).unwrap()
}

fn of<'a>(explained: &'a Value, profile: &str) -> &'a Value {
    let mut profiles = explained["profiles"].as_array().unwrap().iter();
    profiles.find(|one| one["profile"] == *profile).unwrap()
}

fn why(explained: &Value) -> Vec<(bool, String)> {
    let profiles = explained["profiles"].as_array().unwrap().iter();
    profiles.map(|one| (one["reached"].as_bool().unwrap(), text(one, "why"))).collect()
}

/// Waits until the reasons are as expected: a cursor is stored a moment after its line.
async fn explained(world: &World, id: &str, expected: &[(bool, &str)]) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let value = explain(world, id, &[]);
        let found = why(&value);
        if found.iter().map(|(reached, why)| (*reached, why.as_str())).eq(expected.iter().copied()) {
            return value;
        }
        assert!(Instant::now() < deadline, "{expected:?}: {value:#}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn from_bot(world: &World, bot: &str, words: &str, mention: &[&str]) -> String {
    let say = Say {
        chat: Some("lobby".into()),
        from: Some(bot.into()),
        text: Some(words.into()),
        mention: mention.iter().map(|name| (*name).to_owned()).collect(),
        ..Say::default()
    };
    world.sandbox.say(say).unwrap().message_id
}

#[tokio::test(flavor = "multi_thread")]
async fn each_reason_has_its_word() {
    let world = world(3, "b1").await;
    let before = world.say("lobby", "before there was anything");
    let monitor = world.monitor(&[]);
    monitor.connected(3).await;
    let person = world.say("lobby", "hello all");
    monitor.count("message", 3).await;
    let value = explained(&world, &person, &[(true, "read"); 3]).await;
    let first = of(&value, "b0");
    assert_eq!((text(&value, "sender_type"), text(first, "why")), ("user".to_owned(), "read".to_owned()));
    assert_eq!((&first["line"]["mentioned"], &first["line"]["trust"]), (&json!(false), &json!("stranger")));
    assert_eq!(text(&first["cursor"], "name"), "stdout");
    let alone = explain(&world, &person, &["--profile", "b2"]);
    assert_eq!(alone["profiles"].as_array().unwrap().len(), 1);

    // A bot's words: its own, without the scope for them, and held back by the gate.
    let bot = from_bot(&world, "b0", "@b2 look at this", &["b2"]);
    monitor.wait("the bot's words", |lines| lines.iter().any(|line| line["message_id"] == *bot)).await;
    let value = explained(&world, &bot, &[(false, "own"), (false, "no_scope"), (true, "read")]).await;
    assert_eq!(text(&value, "sender_profile"), "b0");
    let quiet = from_bot(&world, "b0", "to nobody", &[]);
    let value = explained(&world, &quiet, &[(false, "own"), (false, "no_scope"), (false, "bot")]).await;
    assert_eq!(of(&value, "b2")["line"]["held"], "bot");
    world.write("config/rooms.yaml", "default: {require_mention: true}\n");
    assert_eq!(output(&mut world.command(&["reload"])).0, 0);
    monitor.connected(6).await;
    let unmentioned = world.say("lobby", "hello again");
    explained(&world, &unmentioned, &[(false, "mention"); 3]).await;

    // From before the journal, from a chat that is none of its own, and from nowhere.
    explained(&world, &before, &[(false, "not_kept"); 3]).await;
    let direct = world.tell("b0", "just you");
    explained(&world, &direct, &[(true, "read"), (false, "not_in_chat"), (false, "not_in_chat")]).await;
    let value = explain(&world, "om_nobodyknows", &[]);
    assert_eq!(why(&value), vec![(false, "unknown".to_owned()); 3]);
    assert!(value["chat_id"].is_null());
    monitor.terminate().await;
    let away = world.say("lobby", "while all were away");
    let value = explained(&world, &away, &[(false, "offline"); 3]).await;
    assert!(text(of(&value, "b0"), "detail").contains("not connected"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_reader_has_come_to_waits_and_what_makes_no_sense_is_refused() {
    let world = world(1, "none").await;
    let (code, _, stderr) = output(&mut world.command(&["explain", "--message-id", "lobby"]));
    assert_eq!(code, 2, "{stderr}");
    let known = ["--profile", "nobody", "explain", "--message-id", "om_1"];
    assert_eq!(output(&mut world.command(&known)).0, 3);
    assert_eq!(output(&mut world.command(&["up"])).0, 0);
    let id = world.say("lobby", "is anybody reading?");
    world.all_acked().await;
    let value = explained(&world, &id, &[(false, "waiting")]).await;
    assert!(of(&value, "b0")["line"]["seq"].as_u64().unwrap() > 0);
    let read = Monitor::spawn(&mut world.command(&["watch", "--profile", "b0", "--since", "start"]));
    read.count("message", 1).await;
    read.terminate().await;
    let value = explained(&world, &id, &[(true, "read")]).await;
    assert_eq!(text(&of(&value, "b0")["cursor"], "name"), "b0");
    assert_eq!(output(&mut world.command(&["down"])).0, 0);
}

/// Readers that chose their own name are readers too.
#[tokio::test(flavor = "multi_thread")]
async fn every_cursor_is_accounted_for_by_name() {
    let world = world(2, "none").await;
    assert_eq!(output(&mut world.command(&["up"])).0, 0);
    for (cursor, since) in [("mcp-codex", "start"), ("audit", "start"), ("b1", "start")] {
        let watch = ["watch", "--cursor", cursor, "--since", since, "--for", "0s"];
        assert_eq!(output(&mut world.command(&watch)).0, 0);
    }
    let id = world.say("lobby", "is anybody reading?");
    world.all_acked().await;
    let value = explained(&world, &id, &[(false, "waiting"); 2]).await;
    let names = |value: &Value, profile: &str| -> Vec<(String, Option<bool>)> {
        let cursors = of(value, profile)["cursors"].as_array().unwrap();
        cursors.iter().map(|cursor| (text(cursor, "name"), cursor["read"].as_bool())).collect()
    };
    let all = |read: bool| vec![("audit".to_owned(), Some(false)), ("mcp-codex".to_owned(), Some(read))];
    assert_eq!(names(&value, "b0"), all(false));
    assert_eq!(output(&mut world.command(&["watch", "--cursor", "mcp-codex", "--for", "0s"])).0, 0);
    let value = explained(&world, &id, &[(true, "read"); 2]).await;
    assert_eq!(names(&value, "b0"), all(true));
    assert_eq!(text(&of(&value, "b0")["cursor"], "name"), "mcp-codex");
    assert!(names(&value, "b1").contains(&("b1".to_owned(), Some(false))), "{value:#}");
    assert_eq!(output(&mut world.command(&["down"])).0, 0);
}
