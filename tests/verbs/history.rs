//! pull, thread, message.

use rooma::sandbox::{Recall, Say};
use serde_json::{Value, json};

use crate::support::{World, text};
use crate::verb::{items, world};

fn contents(value: &Value) -> Vec<&str> {
    items(value).iter().map(|message| message["content"].as_str().unwrap()).collect()
}

fn reply(world: &World, to: &str, text: &str, in_thread: bool) -> rooma::sandbox::Said {
    let say = Say { text: Some(text.into()), reply_to: Some(to.into()), in_thread, ..Say::default() };
    world.sandbox.say(say).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_latest_come_oldest_first_across_pages() {
    let world = world(1).await;
    for n in 0..130 {
        world.say("lobby", &format!("m{n}"));
    }
    let pulled = world.rooma(&["pull", "--chat", "lobby"]).value();
    assert_eq!(contents(&pulled), (120..130).map(|n| format!("m{n}")).collect::<Vec<_>>());
    assert_eq!(pulled["has_more"], true);
    let pulled = world.rooma(&["pull", "--chat", "lobby", "--limit", "120"]).value();
    assert_eq!(contents(&pulled), (10..130).map(|n| format!("m{n}")).collect::<Vec<_>>());
    let all = world.rooma(&["pull", "--chat", "lobby", "--limit", "500"]).value();
    assert_eq!((items(&all).len(), &all["has_more"]), (130, &json!(false)));
    let anchor = items(&all)[100]["message_id"].as_str().unwrap();
    let before = world.rooma(&["pull", "--chat", "lobby", "--before", anchor, "--limit", "3"]).value();
    assert_eq!(contents(&before), ["m97", "m98", "m99"]);
    assert_eq!(items(&world.rooma(&["pull", "--chat", "lobby", "--since", "1h"]).value()).len(), 10);
    let none = world.rooma(&["pull", "--chat", "lobby", "--since", "now"]).value();
    assert_eq!((items(&none).len(), &none["has_more"]), (0, &json!(false)));
    let old = world.rooma(&["pull", "--chat", "lobby", "--until", "2020-01-01"]).value();
    assert_eq!((items(&old).len(), &old["has_more"]), (0, &json!(false)));
    assert_eq!(
        world.rooma(&["pull", "--chat", "lobby", "--since", "yesterday"]).error(2)["type"],
        "validation"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_reads_as_a_line_does() {
    let world = world(2).await;
    let say = Say {
        chat: Some("lobby".into()),
        text: Some("@b0 look".into()),
        mention: vec!["b0".into()],
        ..Say::default()
    };
    world.sandbox.say(say).unwrap();
    let bot = Say {
        chat: Some("lobby".into()),
        from: Some("b1".into()),
        text: Some("done".into()),
        ..Say::default()
    };
    world.sandbox.say(bot).unwrap();
    let image = world.sandbox.say(Say { chat: Some("lobby".into()), image: true, ..Say::default() }).unwrap();
    let gone = world.say("lobby", "oops");
    world.sandbox.recall(Recall { message_id: gone, ..Recall::default() }).unwrap();
    let pulled = world.rooma(&["pull", "--chat", "lobby"]).value();
    let [asked, answered, picture, recalled] = items(&pulled).as_slice() else { panic!("{pulled}") };
    assert_eq!((&asked["content"], &asked["sender_name"]), (&json!("@b0 look"), &json!("ann")));
    assert_eq!(asked["mentions"][0]["profile"], "b0");
    assert_eq!((&answered["sender_type"], &answered["sender_profile"]), (&json!("bot"), &json!("b1")));
    assert!(answered["sender_id"].as_str().unwrap().starts_with("ou_"));
    assert_eq!(picture["resources"][0]["type"], "image");
    assert!(picture["content"].as_str().unwrap().starts_with("[image img_"));
    assert_eq!((&recalled["deleted"], &recalled["content"]), (&json!(true), &json!("[recalled]")));
    let one = world.rooma(&["message", "get", "--message-id", &image.message_id]).value();
    assert_eq!(one["message_id"], image.message_id.as_str());
    assert_eq!(world.rooma(&["message", "--message-id", &image.message_id]).value(), one);
    assert_eq!(world.rooma(&["message", "--message-id", "om_none"]).error(2)["code"], 230_001);
    assert_eq!(world.rooma(&["message", "--message-id", "oc_1"]).error(2)["type"], "validation");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_is_read_whole_and_a_lone_message_alone() {
    let world = world(1).await;
    let root = world.say("lobby", "topic");
    let first = reply(&world, &root, "one", true);
    reply(&world, &root, "two", true);
    world.say("lobby", "elsewhere");
    let thread = world.rooma(&["thread", "--message-id", &first.message_id]).value();
    assert_eq!(contents(&thread), ["topic", "one", "two"]);
    let thread_id = first.thread_id.unwrap();
    assert_eq!(
        contents(&world.rooma(&["pull", "--thread", &thread_id, "--limit", "2"]).value()),
        ["one", "two"]
    );
    let lone = world.say("lobby", "alone");
    assert_eq!(contents(&world.rooma(&["thread", "--message-id", &lone]).value()), ["alone"]);
    let chat = world.rooma(&["pull", "--chat", "lobby"]).value();
    assert_eq!(contents(&chat), ["topic", "elsewhere", "alone"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_message_says_so() {
    let world = world(1).await;
    let sent = world.rooma(&["send", "--chat", "lobby", "--text", "1 of 2"]).value();
    let id = sent["message_id"].as_str().unwrap();
    world.rooma(&["edit", "--message-id", id, "--text", "2 of 2"]).value();
    let message = world.rooma(&["message", "--message-id", id]).value();
    assert_eq!((&message["content"], &message["updated"]), (&json!("2 of 2"), &json!(true)));
    assert!(message["update_time"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn bots_that_are_called_are_told_from_people_at_the_price_of_one_call() {
    let world = world(3).await;
    std::fs::remove_file(world.home.path().join("profiles/b2.yaml")).unwrap();
    let call = |names: &[&str]| {
        let mention = names.iter().map(|name| (*name).to_owned()).collect();
        let say = Say { chat: Some("lobby".into()), text: Some("look".into()), mention, ..Say::default() };
        world.sandbox.say(say).unwrap();
    };
    let pulled = || {
        let before = world.state().apps[0].rest_calls;
        let pulled = world.rooma(&["pull", "--chat", &world.chat("lobby")]).value();
        let called =
            items(&pulled).iter().flat_map(|message| message["mentions"].as_array().into_iter().flatten());
        let word = |mention: &Value, key: &str| mention[key].as_str().unwrap_or("-").to_owned();
        let called = called.map(|who| ["name", "type", "profile"].map(|key| word(who, key)).join(" "));
        (called.collect::<Vec<_>>(), world.state().apps[0].rest_calls - before)
    };
    world.rooma(&["chats"]).value();
    // The history and the bot's own name.
    call(&["b0", "ann"]);
    assert_eq!(pulled(), (vec!["b0 bot b0".into(), "ann user -".into()], 2));
    call(&["b1", "b2", "li"]);
    let one = ["b1 bot b1", "b2 bot -", "li user -"].map(String::from);
    let (called, calls) = pulled();
    assert_eq!((&called[2..], calls), (&one[..], 3));
    call(&["b2"]);
    assert_eq!(pulled().1, 3);
    // Where no one message names them all, the list of bots does.
    let id = world.say("workshop", "x");
    world.sandbox.recall(Recall { message_id: id, ..Recall::default() }).unwrap();
    for name in ["b1", "b2"] {
        let mention = vec![name.to_owned()];
        let say = Say { chat: Some("workshop".into()), text: Some("look".into()), mention, ..Say::default() };
        world.sandbox.say(say).unwrap();
    }
    let pulled = world.rooma(&["pull", "--chat", "workshop"]).value();
    for message in &items(&pulled)[1..] {
        assert_eq!(message["mentions"][0]["type"], "bot", "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merged_forward_is_read_with_what_it_holds() {
    let world = world(2).await;
    let say = |chat: &str, from: &str, text: &str| {
        let say = Say {
            chat: Some(chat.into()),
            from: Some(from.into()),
            text: Some(text.into()),
            ..Say::default()
        };
        world.sandbox.say(say).unwrap().message_id
    };
    let forward = |ids: Vec<String>| {
        let say = Say { chat: Some("lobby".into()), forward: ids, ..Say::default() };
        world.sandbox.say(say).unwrap().message_id
    };
    let inner = forward(vec![say("workshop", "li", "deepest")]);
    let outer = forward(vec![say("workshop", "li", "first"), say("workshop", "b1", "second"), inner]);
    let pulled = world.rooma(&["pull", "--chat", "lobby"]).value();
    let one = world.rooma(&["message", "--message-id", &outer]).value();
    for whole in [&items(&pulled)[1], &one] {
        assert_eq!((&whole["message_id"], &whole["content"]), (&json!(outer), &json!("[merge_forward]")));
        let children = whole["children"].as_array().unwrap();
        let said = |child: &Value| format!("{}: {}", text(child, "sender_name"), text(child, "content"));
        let seen: Vec<String> = children.iter().map(said).collect();
        assert_eq!(seen, ["li: first", "b1: second", "ann: [merge_forward]"]);
        assert_eq!(children[1]["sender_profile"], "b1");
        assert_eq!(children[2]["children"][0]["content"], "deepest");
    }
}
