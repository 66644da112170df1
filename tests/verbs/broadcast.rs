//! broadcast: several chats, and what became of each.

use rooma::sandbox::{Chat, Member, Options};
use serde_json::json;

use crate::support::World;
use crate::verb::{items, world};

#[tokio::test(flavor = "multi_thread")]
async fn each_chat_has_its_outcome_and_a_part_that_fails_does_not_stop_the_rest() {
    let world = world(1).await;
    let all = world.rooma(&[
        "broadcast",
        "--chat",
        "lobby",
        "--chat",
        "workshop",
        "--chat",
        "lobby",
        "--text",
        "hello, all",
    ]);
    let all = all.value();
    assert_eq!((&all["ok"], items(&all).len()), (&json!(true), 2));
    assert_eq!(world.count(), 2);
    world.sandbox.chat(Chat { chat: Some("workshop".into()), muted: Some(true), ..Chat::default() }).unwrap();
    let arguments =
        ["broadcast", "--chat", "workshop", "--chat", "lobby", "--text", "again", "--idempotency-key", "k"];
    let ran = world.rooma(&arguments);
    assert_eq!((ran.code, ran.stderr.as_str()), (1, ""));
    let partly: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(partly["ok"], false);
    let [workshop, lobby] = items(&partly).as_slice() else { panic!("{partly}") };
    assert_eq!((&workshop["ok"], &workshop["error"]["code"]), (&json!(false), &json!(230_035)));
    assert!(lobby["ok"] == true && lobby["message_id"].is_string());
    let why = workshop["error"]["message"].as_str().unwrap();
    let table = world.rooma(&[&arguments[..], &["--format", "table"]].concat());
    assert!(table.code == 1 && table.stdout.contains(why), "{}", table.stdout);
    world
        .sandbox
        .chat(Chat { chat: Some("workshop".into()), muted: Some(false), ..Chat::default() })
        .unwrap();
    let again = world.rooma(&arguments).value();
    assert_eq!(items(&again)[1]["message_id"], lobby["message_id"], "said twice");
    assert_eq!(world.count(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_chats_want_a_yes_and_an_unknown_one_stops_all() {
    let chats: Vec<String> = (0..6).map(|chat| format!("c{chat}")).collect();
    let world = World::with(Options { chats: chats.clone(), ..crate::support::options(1) }).await;
    let mut arguments = vec!["broadcast", "--text", "hi"];
    chats.iter().for_each(|chat| arguments.extend(["--chat", chat.as_str()]));
    let error = world.rooma(&arguments).error(10);
    assert_eq!(error["type"], "confirmation");
    assert!(error["hint"].as_str().unwrap().contains("--yes"));
    world.rooma(&["broadcast", "--text", "hi", "--chat", "c0", "--chat", "nowhere"]).error(2);
    assert_eq!(world.count(), 0);
    arguments.push("--yes");
    assert_eq!(items(&world.rooma(&arguments).value()).len(), 6);
    world
        .sandbox
        .member(Member { chat: "c0".into(), remove: Some("b0".into()), ..Member::default() })
        .unwrap();
}

/// stdin is there once, for all chats.
#[tokio::test(flavor = "multi_thread")]
async fn a_text_from_stdin_goes_to_every_chat() {
    let world = world(1).await;
    let mut command = world.as_profile("b0");
    command.args(["broadcast", "--chat", "lobby", "--chat", "workshop", "--text", "-"]);
    let all = crate::verb::with_stdin(&mut command, "from stdin\n").value();
    assert_eq!((&all["ok"], items(&all).len()), (&json!(true), 2));
    for item in items(&all) {
        assert_eq!(world.message(item["message_id"].as_str().unwrap()).content, "{\"text\":\"from stdin\"}");
    }
}

/// One key is one message for each chat, not one message for all.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_used_for_two_chats_posts_in_both_and_in_each_once() {
    let world = world(1).await;
    let send = |chat: &str| {
        world.rooma(&["send", "--chat", chat, "--text", "A", "--idempotency-key", "same"]).value()
    };
    let (lobby, workshop) = (send("lobby"), send("workshop"));
    assert_eq!(workshop["chat_id"], world.chat("workshop").as_str());
    assert_ne!(lobby["message_id"], workshop["message_id"]);
    assert_eq!(send("lobby")["message_id"], lobby["message_id"]);
    assert_eq!(world.count(), 2);
    let error = world.rooma(&["send", "--chat", "", "--text", "x"]).error(2);
    assert_eq!(error["subtype"], "unknown_chat");
}
