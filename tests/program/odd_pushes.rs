//! Pushes that are not as usual: without their words, encrypted, in frames of another type.

use rooma::sandbox::{At, Event, Fault, FaultKind, Options, Say};
use serde_json::json;

use crate::support::World;

/// What is asked of the history is never answered.
fn stalled() -> Fault {
    let path = Some("/im/v1/messages/".into());
    Fault { path, at: Some(At::Rest), ..Fault::new(FaultKind::Stall) }
}

fn mention(world: &World, text: &str) -> String {
    let say = Say {
        chat: Some("lobby".into()),
        text: Some(text.into()),
        mention: vec!["b0".into()],
        ..Say::default()
    };
    world.sandbox.say(say).unwrap().message_id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_without_words_is_read_once_again() {
    let world = World::new(1).await;
    let monitor = world.monitor(&["--raw"]);
    monitor.connected(1).await;
    world.sandbox.fault(Fault { count: Some(1), ..Fault::new(FaultKind::EmptyContent) }).unwrap();
    let id = mention(&world, "@b0 what was said");
    monitor.count("message", 1).await;
    // The history cannot be read either: the line comes, and is acknowledged in time.
    world.sandbox.fault(Fault { count: Some(1), ..Fault::new(FaultKind::EmptyContent) }).unwrap();
    world.sandbox.fault(stalled()).unwrap();
    let mute = mention(&world, "@b0 and this");
    monitor.count("message", 2).await;
    let state = world.all_acked().await;
    world.sandbox.fault(Fault::new(FaultKind::Clear)).unwrap();
    let (lines, _) = monitor.terminate().await;
    let messages: Vec<_> = lines.iter().filter(|line| line["type"] == "message").collect();
    assert_eq!(
        (&messages[0]["message_id"], &messages[0]["content"], &messages[0]["mention"]),
        (&json!(id), &json!("@b0 what was said"), &json!("me"))
    );
    assert_eq!(messages[0]["raw"]["event"]["message"]["content"], "", "raw is what was pushed");
    assert_eq!(
        (
            &messages[1]["message_id"],
            &messages[1]["content"],
            &messages[1]["mention"],
            &messages[1]["truncated"]
        ),
        (&json!(mute), &json!("[its words did not come]"), &json!("me"), &json!(true))
    );
    assert_eq!(messages.len(), 2, "each once");
    assert_eq!((state.totals.timeouts, state.totals.refused), (0, 0));
}

/// A card of the second schema is pushed as old clients show it.
#[tokio::test(flavor = "multi_thread")]
async fn a_pushed_card_that_only_asks_to_upgrade_is_read_as_it_was_authored() {
    let options = Options { card_placeholder: true, ..crate::support::options(1) };
    let world = World::with(options).await;
    let monitor = world.monitor(&["--raw"]);
    monitor.connected(1).await;
    let card =
        |words: &str| json!({"schema": "2.0", "body": {"elements": [{"tag": "markdown", "content": words}]}});
    let say = |words: &str| {
        let say = Say {
            chat: Some("lobby".into()),
            msg_type: Some("interactive".into()),
            content: Some(card(words)),
            ..Say::default()
        };
        world.sandbox.say(say).unwrap().message_id
    };
    let id = say("**what** it says");
    monitor.count("message", 1).await;
    // Where the history cannot be read either, the line comes all the same.
    world.sandbox.fault(stalled()).unwrap();
    let mute = say("and this");
    monitor.count("message", 2).await;
    let state = world.all_acked().await;
    world.sandbox.fault(Fault::new(FaultKind::Clear)).unwrap();
    let (lines, _) = monitor.terminate().await;
    let messages: Vec<_> = lines.iter().filter(|line| line["type"] == "message").collect();
    assert_eq!(messages.len(), 2, "each once");
    assert_eq!(
        (&messages[0]["message_id"], &messages[0]["content"], &messages[0]["message_type"]),
        (&json!(id), &json!("**what** it says"), &json!("interactive"))
    );
    let pushed = messages[0]["raw"]["event"]["message"]["content"].as_str().unwrap();
    assert!(pushed.contains("请升级") && !pushed.contains("it says"), "raw is what was pushed: {pushed}");
    let unread = messages[1]["content"].as_str().unwrap();
    assert!(unread.contains("is not shown here") && unread.contains(&mute), "{unread}");
    assert_eq!(messages[1]["truncated"], true, "`rooma message` reads it anew");
    assert_eq!((state.totals.timeouts, state.totals.refused), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_says_what_to_do_and_says_it_to_people_once() {
    let world = World::new(1).await;
    let monitor = world.monitor(&[]);
    monitor.connected(1).await;
    world.sandbox.fault(Fault { count: Some(2), ..Fault::new(FaultKind::Encrypt) }).unwrap();
    world.say("lobby", "one");
    world.say("lobby", "two");
    for uuid in ["u1", "u2"] {
        let old = json!({"ts": "1767225600.123", "uuid": uuid, "token": "t", "type": "event_callback",
            "event": {"type": "message", "open_chat_id": "oc_1", "text": "hi"}});
        world
            .sandbox
            .event(Event { app: "b0".into(), raw: Some(old.to_string()), ..Event::default() })
            .unwrap();
    }
    monitor.count("unknown", 4).await;
    let state = world.all_acked().await;
    let (lines, stderr) = monitor.terminate().await;
    for (reason, word) in [("encrypted", "Encrypt Key"), ("schema", "version 2.0")] {
        let told: Vec<_> = lines.iter().filter(|line| line["reason"] == reason).collect();
        assert_eq!(told.len(), 2, "{lines:?}");
        assert!(told.iter().all(|line| line["hint"].as_str().unwrap().contains(word)), "{told:?}");
        assert_eq!(stderr.matches(word).count(), 1, "{stderr}");
    }
    assert!(state.ack_errors.is_empty(), "{:?}", state.ack_errors);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_of_an_older_card_is_told_and_acknowledged() {
    let world = World::new(1).await;
    let monitor = world.monitor(&[]);
    monitor.connected(1).await;
    let pressed = json!({"open_id": "ou_1", "open_message_id": "om_1", "open_chat_id": "oc_1", "tenant_key": "tk",
        "token": "c-1", "action": {"tag": "button", "value": {"do": "ship"}}});
    let card = Event { app: "b0".into(), raw: Some(pressed.to_string()), card: true, ..Event::default() };
    world.sandbox.event(card).unwrap();
    monitor.count("card.action", 1).await;
    let state = world.all_acked().await;
    let (lines, _) = monitor.terminate().await;
    let line = lines.iter().find(|line| line["type"] == "card.action").unwrap();
    assert_eq!((&line["value"], &line["message_id"]), (&json!("{\"do\":\"ship\"}"), &json!("om_1")));
    assert_eq!((state.totals.acked, state.totals.timeouts), (1, 0));
    assert!(state.ack_errors.is_empty(), "{:?}", state.ack_errors);
}

/// Discovery, token, the bot's own id, names and the verbs that go through the supervisor.
#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_says_numbers_in_words_is_lived_with() {
    let world = World::new(2).await;
    world.sandbox.fault(Fault { missing: true, ..Fault::new(FaultKind::LooseTypes) }).unwrap();
    let monitor = world.monitor(&[]);
    monitor.connected(2).await;
    let id = mention(&world, "@b0 hi");
    monitor.count("message", 2).await;
    for verb in [
        &["send", "--chat", "lobby", "--text", "hello"][..],
        &["react", "--message-id", &id, "--emoji", "👍"],
        &["pull", "--chat", "lobby"],
        &["members", "--chat", "lobby"],
    ] {
        let (code, _, stderr) =
            crate::support::output(&mut world.command(&[&["--profile", "b0"], verb].concat()));
        assert_eq!((code, stderr.as_str()), (0, ""), "{verb:?}");
    }
    let (lines, stderr) = monitor.terminate().await;
    let heard = lines.iter().find(|line| line["profile"] == "b0" && line["type"] == "message").unwrap();
    assert_eq!((&heard["mention"], &heard["content"]), (&json!("me"), &json!("@b0 hi")));
    assert_eq!(stderr, "");
}
