//! The verbs against a platform that says numbers in words and words in numbers.

use rooma::sandbox::{Fault, FaultKind, Say};
use serde_json::{Value, json};

use crate::support::World;
use crate::verb::{items, world};

fn loosen(world: &World, missing: bool) {
    world.sandbox.fault(Fault { missing, ..Fault::new(FaultKind::LooseTypes) }).unwrap();
}

/// What can be read, each by its verb.
fn read(world: &World, id: &str) -> Vec<Value> {
    let lobby = world.chat("lobby");
    [
        &["chats"][..],
        &["chat-info", "--chat", &lobby],
        &["members", "--chat", &lobby],
        &["pull", "--chat", &lobby],
        &["message", "--message-id", id],
        &["thread", "--message-id", id],
    ]
    .map(|verb| world.rooma(verb).value())
    .into()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_verb_reads_what_is_said_in_other_types_as_the_same() {
    let world = world(2).await;
    let id = world.say("lobby", "one");
    world.say("lobby", "42");
    let before = read(&world, &id);
    std::fs::remove_file(world.home.path().join("data/b0/token.json")).unwrap();
    loosen(&world, false);
    assert_eq!(read(&world, &id), before);
    let sent = world.rooma(&["send", "--chat", "lobby", "--text", "two"]).value();
    let own = sent["message_id"].as_str().unwrap();
    world.rooma(&["send", "--reply-to", &id, "--text", "three"]).value();
    world.rooma(&["react", "--message-id", &id, "--emoji", "OK"]).value();
    world.rooma(&["unreact", "--message-id", &id, "--emoji", "OK"]).value();
    world.rooma(&["edit", "--message-id", own, "--text", "two, better"]).value();
    world.write("a.txt", "words");
    world.rooma(&["file", "--chat", "lobby", "--path", "a.txt"]).value();
    world.rooma(&["recall", "--message-id", own]).value();
    let file = Say {
        chat: Some("lobby".into()),
        file: Some("r.txt".into()),
        text: Some("1".into()),
        ..Say::default()
    };
    let file = world.sandbox.say(file).unwrap().message_id;
    world.rooma(&["download", "--message-id", &file, "--out", "in"]).value();
    assert_eq!(std::fs::read_to_string(world.home.path().join("in/r.txt")).unwrap(), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_that_are_none_are_said_and_cost_the_others_nothing() {
    let world = world(2).await;
    let id = world.say("lobby", "one");
    world.say("lobby", "two");
    let before = read(&world, &id);
    loosen(&world, true);
    for (before, after) in before.iter().zip(read(&world, &id)) {
        if before["items"].is_null() {
            assert_eq!(before["content"], after["content"]);
            continue;
        }
        assert_eq!(items(before), items(&after));
    }
    for verb in [&["chats"][..], &["members", "--chat", "lobby"], &["pull", "--chat", "lobby"]] {
        let warnings = world.rooma(verb).value()["warnings"].clone();
        assert!(warnings[0].as_str().unwrap().starts_with("2 "), "{verb:?}: {warnings}");
    }
    assert_ne!(json!([]), before[3]["items"]);
}
