//! Rooms, relays, floor, explain, presence and catch-up where nothing is as on the platforms there are.

use serde_json::{Value, json};

use super::World;
use super::house::House;

const CHAT: &str = "C1:2.3\"";

fn of_type<'a>(kind: &'a str, profile: &'a str) -> impl Fn(&Value) -> bool + 'a {
    move |line| line["type"] == kind && line["profile"] == profile
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_bot_says_reaches_the_others_once_and_is_explained() {
    let mut house = House::new("http://127.0.0.1:1/relay", &["a", "b", "c"], CHAT, "");
    house.open().await;
    house.connected(3).await;
    let asked = house.says(CHAT, "@a how are you?");
    let line = house.heard("a", &asked).await;
    assert_eq!((&line["mentioned"], &line["transport"]), (&json!(true), &json!("elsewhere")));
    assert!(line.get("event_id").is_none());

    let answer =
        house.verb("a", &["send", "--chat", CHAT, "--text", "fine", "--mention", "b"]).await.unwrap();
    let id = answer["message_id"].as_str().unwrap().to_owned();
    for (profile, mentioned) in [("b", true), ("c", false)] {
        let line = house.heard(profile, &id).await;
        assert_eq!((&line["relayed"], &line["mentioned"]), (&json!(true), &json!(mentioned)), "{line}");
        assert_eq!((&line["sender_profile"], &line["trust"]), (&json!("a"), &json!("peer")));
    }
    // Said again with its key, it is the same message, and nobody hears it again.
    let again = ["send", "--chat", CHAT, "--text", "once", "--idempotency-key", "k"];
    let first = house.verb("a", &again).await.unwrap();
    assert_eq!(house.verb("a", &again).await.unwrap()["message_id"], first["message_id"]);
    house.heard("b", first["message_id"].as_str().unwrap()).await;

    let explained = house.verb("a", &["explain", "--message-id", &id]).await;
    let explained = explained.unwrap();
    assert_eq!(explained["chat_id"], CHAT);
    assert_eq!(explained["sender_profile"], "a");

    let sentinel = house.says(CHAT, "that is all");
    house.heard("c", &sentinel).await;
    let all = house.lines(0, |line| line["type"] == "message").await;
    let mut seen = std::collections::BTreeSet::new();
    for line in &all {
        assert!(seen.insert((line["profile"].to_string(), line["message_id"].to_string())), "twice: {line}");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_called_first_has_the_floor_and_a_loop_pauses_the_room() {
    let rooms = "default: {floor: enforce, loop_guard: {turns: 4}}\n";
    let mut house = House::new("http://127.0.0.1:1/floor", &["a", "b"], CHAT, rooms);
    house.open().await;
    house.connected(2).await;
    let both = house.says(CHAT, "@b @a who goes first?");
    for profile in ["a", "b"] {
        assert_eq!(house.heard(profile, &both).await["floor"]["order"], json!(["a", "b"]));
    }
    let refused = house.verb("b", &["send", "--chat", CHAT, "--text", "I do"]).await.unwrap_err();
    assert_eq!((refused.kind.exit_code(), refused.subtype.as_deref()), (6, Some("floor")));
    house.verb("a", &["send", "--chat", CHAT, "--text", "I do"]).await.unwrap();
    house.verb("b", &["send", "--chat", CHAT, "--text", "then me"]).await.unwrap();

    let mut outcome = Ok(Value::Null);
    for number in 0..10 {
        let (who, words) = (["a", "b"][number % 2], format!("thought {number} about {}", number * 37));
        outcome = house.verb(who, &["send", "--chat", CHAT, "--text", &words]).await;
        if outcome.is_err() {
            break;
        }
    }
    assert_eq!(outcome.unwrap_err().subtype.as_deref(), Some("loop_guard"));
    let paused = house.lines(2, |line| line["type"] == "rooma.room_paused").await;
    assert!(paused.iter().all(|line| line["chat_id"] == CHAT), "{paused:?}");
    let status = house.verb("a", &["room", "status", "--chat", CHAT]).await.unwrap();
    assert_eq!((&status["paused"], &status["chat_id"]), (&json!(true), &json!(CHAT)));
    // A person's word ends it, for those who hear it by the platform alone.
    let person = house.says(CHAT, "go on");
    house.heard("a", &person).await;
    house.lines(2, |line| line["type"] == "rooma.room_resumed").await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_while_nobody_listened_is_caught_up_with_and_a_shift_is_announced() {
    let mut house = House::new("http://127.0.0.1:1/catch-up", &["a", "b"], CHAT, "");
    house.open().await;
    house.connected(2).await;
    let set = [
        "session",
        "set",
        "--chat",
        CHAT,
        "--owner",
        "none",
        "--greeting-text",
        "here I am",
        "--farewell-text",
        "bye",
    ];
    let armed = house.verb("a", &set).await.unwrap();
    assert_eq!(armed["ok"], true);
    house.lines(1, of_type("rooma.greeting_sent", "a")).await;
    let heard = house.says(CHAT, "before");
    for profile in ["a", "b"] {
        house.heard(profile, &heard).await;
    }
    house.close().await;
    let missed = house.says(CHAT, "@b while you were away");
    house.open().await;
    for profile in ["a", "b"] {
        let line = house.heard(profile, &missed).await;
        assert_eq!((&line["replayed"], &line["mentioned"]), (&json!(true), &json!(profile == "b")), "{line}");
    }
    // A connection that is lost and comes again.
    house.world.lock().unwrap().cut("B:a");
    house.lines(2, of_type("rooma.connected", "a")).await;
    let after = house.says(CHAT, "after");
    house.heard("a", &after).await;
    let bye = house.verb("a", &["session", "farewell", "--reason", "done"]).await.unwrap();
    assert_eq!(bye["ok"], true);
    house.lines(1, of_type("rooma.farewell_sent", "a")).await;
    house.close().await;
    let world = house.world.lock().unwrap();
    let count = |text: &str| world.said.iter().filter(|said| said.text == text).count();
    assert_eq!((count("here I am"), count("bye")), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_platform_lacks_is_refused_before_anything_is_sent() {
    let house = House::new("http://127.0.0.1:1/lacks", &["a"], CHAT, "");
    house.write("report.txt", "x");
    let path = house.root().join("report.txt").display().to_string();
    let path = path.as_str();
    for (words, instead) in [
        (&["edit", "--message-id", "C1:2.3/0\"", "--text", "x"][..], "say it anew"),
        (&["react", "--message-id", "C1:2.3/0\"", "--emoji", "OK"], "answer in words"),
        (&["unreact", "--message-id", "C1:2.3/0\"", "--emoji", "OK"], "answer in words"),
        (&["recall", "--message-id", "C1:2.3/0\""], "say that it was wrong"),
        (&["thread", "--message-id", "C1:2.3/0\""], "read the chat: rooma pull"),
        (&["send", "--user-id", "U:ann", "--text", "x"], "say it in a chat"),
        (&["file", "--chat", CHAT, "--path", path], "name where it is"),
        (&["download", "--message-id", "C1:2.3/0\"", "--key", "k"], "ask who has it"),
    ] {
        let refused = house.verb("a", words).await.unwrap_err();
        let told = (refused.kind.exit_code(), refused.subtype.as_deref(), refused.hint.as_deref());
        assert_eq!(told, (2, Some("unsupported"), Some(instead)), "{words:?} {}", refused.message);
    }
    let traits = house.verb("a", &["profile", "traits"]).await.unwrap();
    assert_eq!(traits["lacks"]["edit"], "say it anew");
    assert!(house.world.lock().unwrap().said.is_empty());
}

/// The same ids mean other things there.
#[tokio::test(flavor = "multi_thread")]
async fn two_installations_in_one_home_have_nothing_to_do_with_each_other() {
    let mut house =
        House::new("http://127.0.0.1:1/one", &["a", "b"], CHAT, "default: {loop_guard: {turns: 2}}\n");
    let other = "http://127.0.0.1:2/other";
    house.settle(other, &["x", "y"], CHAT);
    house.settle(other, &["x"], "C9:9");
    house.write("config/contacts.yaml", &format!("chats: {{den: {{a: '{CHAT}', x: 'C9:9'}}}}\n"));
    house.open().await;
    house.connected(4).await;
    let here = house.says(CHAT, "here");
    house.heard("a", &here).await;
    let answer = house.verb("a", &["send", "--chat", CHAT, "--text", "to b alone"]).await.unwrap();
    let id = answer["message_id"].as_str().unwrap().to_owned();
    house.heard("b", &id).await;
    house.verb("a", &["room", "pause", "--chat", CHAT]).await.unwrap();
    let paused = house.lines(2, |line| line["type"] == "rooma.room_paused").await;
    let told: Vec<&Value> = paused.iter().map(|line| &line["profile"]).collect();
    assert_eq!(told, [&json!("a"), &json!("b")]);
    let said = house.verb("x", &["send", "--chat", CHAT, "--text", "nobody has paused us"]).await.unwrap();
    house.heard("y", said["message_id"].as_str().unwrap()).await;
    let status = house.verb("x", &["room", "status", "--chat", CHAT]).await.unwrap();
    assert_eq!(status["paused"], false);
    // A pause there by somebody from here would stop nobody.
    house.listed("x", "C9:9").await;
    let refused = house.verb("a", &["room", "pause", "--chat", "C9:9"]).await.unwrap_err();
    let hint = "act as a profile that sits there: --profile x";
    assert_eq!((refused.kind.exit_code(), refused.hint.as_deref()), (2, Some(hint)));
    // Nor is a line of theirs one that somebody from here could act upon.
    let line = house.heard("y", said["message_id"].as_str().unwrap()).await;
    let handle = format!("s{}", line["seq"]);
    for words in [&["send", "--reply-to", &handle, "--text", "x"][..], &["pull", "--thread", &handle]] {
        let refused = house.verb("a", words).await.unwrap_err();
        let told = (refused.kind.exit_code(), refused.subtype.as_deref(), refused.hint.as_deref());
        let hint = "act as the one who was told: --profile y";
        assert_eq!(told, (2, Some("unknown_handle"), Some(hint)), "{words:?} {}", refused.message);
    }
    // Two messages have one id.
    assert_eq!(said["message_id"], here.as_str());
    for (profile, sender) in [("b", "ann"), ("y", "x")] {
        let explained = house.verb(profile, &["explain", "--message-id", &here]).await.unwrap();
        assert_eq!(explained["sender_name"], sender, "{explained}");
    }
    // Nobody from there is looked for here.
    let peers = house.verb("a", &["peers", "--chat", CHAT]).await.unwrap();
    let agents: Vec<&Value> =
        peers["agents"].as_array().unwrap().iter().map(|agent| &agent["profile"]).collect();
    assert_eq!(agents, [&json!("a"), &json!("b")]);
    house.verb("a", &["room", "resume", "--chat", CHAT]).await.unwrap();
    house.verb("a", &["send", "--chat", CHAT, "--text", "x marks the spot, says @y"]).await.unwrap();
    house.verb("a", &["room", "pause", "--chat", CHAT]).await.unwrap();
    // One name for a chat of each.
    for (profile, chat) in [("a", CHAT), ("x", "C9:9")] {
        let status = house.verb(profile, &["room", "status", "--chat", "den"]).await.unwrap();
        assert_eq!((&status["chat_id"], &status["paused"]), (&json!(chat), &json!(profile == "a")));
    }
    let refused = house.verb("b", &["room", "status", "--chat", "den"]).await.unwrap_err();
    assert_eq!((refused.kind.exit_code(), refused.subtype.as_deref()), (2, Some("unknown_chat")));
    assert_eq!(refused.hint.as_deref(), Some("add it to config/contacts.yaml: {b: C1:2.3}"));
    house.close().await;
    let strangers = house.lines(0, |line| line["message_id"] == id.as_str() && line["profile"] != "b").await;
    assert_eq!(strangers, Vec::<Value>::new());
    assert_eq!(World::at(other).lock().unwrap().said.len(), 1);
}
