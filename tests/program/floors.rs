//! Who answers first where the platform does not say which bots a message mentions.

use std::collections::BTreeMap;

use rooma::sandbox::{BotInfo, Fault, FaultKind, Options, Say};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::rooms::{DEAF_TO_BOTS, allow_all_bots, heard, messages_of, rooma};
use crate::support::{Monitor, PATIENCE, World, options, text};

/// As many as have a bot each, and of which deliveries the platform tells the app behind a mention.
async fn world(bot_info: BotInfo) -> World {
    World::with(Options { chat_qps: None, bot_info, ..options(3) }).await
}

fn ask(world: &World, bots: &[&str]) -> String {
    let named: Vec<String> = bots.iter().map(|bot| format!("@{bot}")).collect();
    let say = Say {
        chat: Some("lobby".into()),
        text: Some(format!("{} which of you?", named.join(" "))),
        mention: bots.iter().map(|bot| (*bot).to_owned()).collect(),
        ..Say::default()
    };
    world.sandbox.say(say).unwrap().message_id
}

/// Each of them is told the same order, on the first line of the message.
async fn told(monitor: &Monitor, profiles: &[&str], question: &str) -> Vec<Value> {
    for profile in profiles {
        heard(monitor, profile, question).await;
    }
    let lines = monitor.lines();
    profiles
        .iter()
        .map(|profile| messages_of(&lines, profile, question)[0]["floor"]["order"].clone())
        .collect()
}

/// No app may read messages: what the others are given is all there is.
fn unread(world: &World) {
    let unread = Fault { path: Some("/im/v1/messages/om_".into()), ..Fault::new(FaultKind::ApiError) };
    world.sandbox.fault(Fault { code: Some(99_991_672), ..unread }).unwrap();
}

async fn everybody_is_told(bot_info: BotInfo, readable: bool) {
    let world = world(bot_info).await;
    if !readable {
        unread(&world);
    }
    let monitor = world.monitor(&[]);
    monitor.connected(3).await;
    for order in [["b2", "b0", "b1"], ["b1", "b0", "b2"]] {
        let question = ask(&world, &order);
        let floors = told(&monitor, &["b0", "b1", "b2"], &question).await;
        assert_eq!(floors, [json!(order), json!(order), json!(order)], "{bot_info:?}");
        let line = messages_of(&monitor.lines(), "b0", &question)[0].clone();
        let named: Vec<String> =
            line["mentions"].as_array().unwrap().iter().map(|mention| text(mention, "profile")).collect();
        assert_eq!(named, order, "the line says whose they are: {line}");
    }
    monitor.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_says_who_answers_first_whether_or_not_the_platform_tells_the_apps() {
    for bot_info in [BotInfo::Always, BotInfo::Some, BotInfo::Never] {
        everybody_is_told(bot_info, true).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ours_know_each_other_by_what_each_is_given_where_no_message_may_be_read() {
    for bot_info in [BotInfo::Some, BotInfo::Never] {
        everybody_is_told(bot_info, false).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_hears_nothing_is_known_by_its_app() {
    let silent = DEAF_TO_BOTS.iter().filter(|scope| **scope != "im:message.group_msg");
    let scopes = BTreeMap::from([("b2".to_owned(), silent.map(|scope| (*scope).to_owned()).collect())]);
    let options = Options { chat_qps: None, bot_info: BotInfo::Never, scopes, ..options(3) };
    let world = World::with(options).await;
    let monitor = world.monitor(&[]);
    monitor.connected(3).await;
    let question = ask(&world, &["b2", "b0"]);
    let floors = told(&monitor, &["b0", "b1"], &question).await;
    assert_eq!(floors, [json!(["b2", "b0"]), json!(["b2", "b0"])]);
    monitor.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_floor_is_kept_where_the_platform_does_not_tell_the_apps() {
    let world = world(BotInfo::Never).await;
    world.write("config/rooms.yaml", "default: {floor: enforce, floor_ttl: 60s}\n");
    let monitor = world.monitor(&[]);
    monitor.connected(3).await;
    let question = ask(&world, &["b2", "b0"]);
    told(&monitor, &["b0", "b1", "b2"], &question).await;
    let holder = || {
        let (_, status) = rooma(&world, "b0", &["floor", "status", "--chat", "lobby"]);
        text(&status["floor"], "holder")
    };
    let deadline = Instant::now() + PATIENCE;
    while holder() != "b2" {
        assert!(Instant::now() < deadline, "the floor was never opened");
    }
    let send = |profile: &str| rooma(&world, profile, &["send", "--chat", "lobby", "--text", "I can"]);
    let (code, error) = send("b0");
    assert_eq!((code, text(&error["error"], "subtype").as_str()), (6, "floor"), "{error}");
    assert_eq!((send("b2").0, send("b0").0), (0, 0));
    monitor.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_ours_who_hears_by_the_relay_may_be_named_by_the_name_people_see() {
    let names = ["Alpha", "Bravo", "Foreign"];
    let bots = names.map(str::to_owned).to_vec();
    let made = Options { chat_qps: None, bots, bot_info: BotInfo::Never, ..options(0) };
    let world = World::with(made).await;
    for (number, app) in world.sandbox.apps().iter().enumerate() {
        std::fs::remove_file(world.home.path().join(format!("profiles/{}.yaml", app.name))).unwrap();
        if number < 2 {
            world.write_profile(&format!("b{number}"), &app.app_id, &app.app_secret);
        }
    }
    allow_all_bots(&world, 2);
    let monitor = world.monitor(&[]);
    monitor.connected(2).await;
    let send = |text: &str| rooma(&world, "b0", &["send", "--chat", "lobby", "--text", text]);
    let (code, said) = send("so I think, @Bravo?");
    assert_eq!(code, 0, "it hears by the relay: {said}");
    let heard_by_relay = text(&said, "message_id");
    heard(&monitor, "b1", &heard_by_relay).await;
    let (code, error) = send("so I think, @Foreign?");
    assert_eq!((code, text(&error["error"], "subtype").as_str()), (6, "mention_lint"), "{error}");
    // Whoever does not hear is named by what `--mention` takes.
    world.write("config/rooms.yaml", "default: {allow: {bots: mentions}}\n");
    let (code, error) = send("so I think, @Bravo?");
    assert_eq!((code, text(&error["error"], "hint").contains("--mention b1")), (6, true), "{error}");
    monitor.terminate().await;
}
