//! Posts and cards through the whole program: on the line, in the history, on the disk.

use rooma::sandbox::{Cards, Fault, FaultKind, Options, Say};
use serde_json::{Value, json};

use crate::support::{Monitor, World, text};
use crate::verb::{items, world};

async fn with(cards: Cards, card_placeholder: bool) -> World {
    World::with(Options { chat_qps: None, cards, card_placeholder, ..crate::support::options(1) }).await
}

fn say(world: &World, msg_type: &str, content: Value, raw: bool) -> String {
    let say = Say {
        chat: Some("lobby".into()),
        msg_type: Some(msg_type.into()),
        content: Some(content),
        raw,
        ..Say::default()
    };
    world.sandbox.say(say).unwrap().message_id
}

/// A file of somebody, in another chat; its key.
fn file(world: &World, name: &str) -> (String, String) {
    let say = Say {
        chat: Some("workshop".into()),
        file: Some(name.into()),
        text: Some(format!("in {name}")),
        ..Say::default()
    };
    let id = world.sandbox.say(say).unwrap().message_id;
    let message = world.rooma(&["message", "--message-id", &id]).value();
    (id, text(&message["resources"][0], "key"))
}

fn card() -> Value {
    json!({"schema": "2.0", "header": {"title": {"tag": "plain_text", "content": "Build"}}, "body": {"elements": [
        {"tag": "markdown", "content": "**ok**"},
        {"tag": "column_set", "columns": [{"tag": "column", "elements": [{"tag": "markdown", "content": "in a column"}]}]},
        {"tag": "button", "text": {"tag": "plain_text", "content": "Open"},
            "behaviors": [{"type": "open_url", "default_url": "https://x.example"}]},
    ]}})
}

const WHOLE: &str = "**Build**\n**ok**\nin a column\n[button Open](https://x.example)";

#[tokio::test(flavor = "multi_thread")]
async fn a_card_is_read_as_it_was_authored_where_the_platform_gives_that() {
    for (cards, placeholder, wanted) in [
        (Cards::Authored, false, WHOLE),
        (Cards::Authored, true, WHOLE),
        (Cards::Ignored, false, "**Build**\n**ok**\n\n[button Open]"),
        (Cards::Refused, false, "**Build**\n**ok**\n\n[button Open]"),
        (Cards::Refused, true, "[card that is not shown here: 请升级至最新版本客户端，以查看内容]"),
    ] {
        let world = with(cards, placeholder).await;
        let id = say(&world, "interactive", card(), false);
        let pulled = world.rooma(&["pull", "--chat", "lobby"]).value();
        let thread = world.rooma(&["thread", "--message-id", &id]).value();
        let one = world.rooma(&["message", "--message-id", &id]).value();
        for read in [&items(&pulled)[0], &items(&thread)[0], &one] {
            assert_eq!(read["content"], wanted, "{cards:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_that_says_nothing_as_authored_is_read_as_rendered() {
    let kept_elsewhere = json!({"type": "card", "data": {"card_id": "7355"}});
    for (placeholder, wanted) in
        [(false, "card"), (true, "[card 7355 cannot be read: the message holds only its id]")]
    {
        let world = with(Cards::Authored, placeholder).await;
        let id = say(&world, "interactive", kept_elsewhere.clone(), false);
        let whole = say(&world, "interactive", card(), false);
        let pulled = world.rooma(&["pull", "--chat", "lobby"]).value();
        let contents: Vec<String> = items(&pulled).iter().map(|message| text(message, "content")).collect();
        assert_eq!(contents, [wanted, WHOLE]);
        assert_eq!(world.rooma(&["message", "--message-id", &id]).value()["content"], wanted);
        assert_eq!(world.rooma(&["message", "--message-id", &whole]).value()["content"], WHOLE);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn text_and_files_of_one_bubble_are_on_the_line_in_the_history_and_on_the_disk() {
    let world = world(1).await;
    let (_, key) = file(&world, "a.txt");
    let monitor = Monitor::spawn(&mut world.command(&["--profile", "b0", "monitor"]));
    monitor.count("rooma.connected", 1).await;
    let post = json!({"title": "", "content": [[{"tag": "text", "text": "see"}]],
        "files": [{"file_key": key, "file_name": "a.txt"}, {"file_key": "d1", "file_name": "dir", "is_folder": true}]});
    let id = say(&world, "post", post, true);
    monitor.count("message", 1).await;
    let line = monitor.of_type("message")[0].clone();
    let read = world.rooma(&["message", "--message-id", &id]).value();
    for seen in [&line, &read] {
        assert_eq!(seen["content"], "see\n[file a.txt]\n[folder dir key=d1]");
        assert_eq!(seen["resources"], json!([{"key": key, "type": "file", "name": "a.txt"}]));
    }
    let saved = world.rooma(&["download", "--message-id", &id, "--out", "in"]).value();
    assert_eq!(items(&saved).len(), 1);
    let path = world.home.path().join(text(&items(&saved)[0], "path"));
    assert_eq!(std::fs::read_to_string(path).unwrap(), "in a.txt");
    monitor.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forward_says_how_it_is_read_and_gives_the_files_in_it() {
    let world = world(1).await;
    let (one, key) = file(&world, "a.txt");
    let (two, _) = file(&world, "b.txt");
    let card =
        say(&world, "interactive", json!({"elements": [{"tag": "img", "img_key": "img_v3_1"}]}), false);
    let forward = |ids: Vec<String>| {
        let say = Say { chat: Some("lobby".into()), forward: ids, ..Say::default() };
        world.sandbox.say(say).unwrap().message_id
    };
    let inner = forward(vec![two]);
    let monitor = Monitor::spawn(&mut world.command(&["--profile", "b0", "monitor"]));
    monitor.count("rooma.connected", 1).await;
    let outer = forward(vec![one.clone(), one, inner, card]);
    monitor.count("message", 1).await;
    let told = text(&monitor.of_type("message")[0], "content");
    assert_eq!(told, format!("[merge_forward; `rooma message --message-id {outer}` reads it]"));
    monitor.terminate().await;

    let saved = world.rooma(&["download", "--message-id", &outer, "--out", "in"]).value();
    let held: Vec<String> = items(&saved)
        .iter()
        .map(|file| std::fs::read_to_string(world.home.path().join(text(file, "path"))).unwrap())
        .collect();
    assert_eq!(held, ["in a.txt", "in b.txt"]);
    let saved = world.rooma(&["download", "--message-id", &outer, "--key", &key, "--out", "one"]).value();
    assert_eq!(items(&saved).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forward_that_is_not_opened_says_how_it_is_read() {
    let world = world(1).await;
    let first = world.say("workshop", "x");
    let forwards: Vec<String> = (0..7)
        .map(|_| {
            let say = Say { chat: Some("lobby".into()), forward: vec![first.clone()], ..Say::default() };
            world.sandbox.say(say).unwrap().message_id
        })
        .collect();
    let pulled = world.rooma(&["pull", "--chat", "lobby"]).value();
    for (index, message) in items(&pulled).iter().enumerate() {
        let opened = !message["children"].is_null();
        assert_eq!(opened, index < 5);
        assert_eq!(text(message, "content").contains(&forwards[index]), !opened);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_gone_of_several_is_named_and_the_others_are_saved() {
    let world = world(1).await;
    let (gone, key) = file(&world, "gone.txt");
    let (there, other) = file(&world, "there.txt");
    let many = Say { chat: Some("lobby".into()), forward: vec![gone.clone(), there], ..Say::default() };
    let many = world.sandbox.say(many).unwrap().message_id;
    let path = Some(format!("/resources/{key}"));
    world.sandbox.fault(Fault { code: Some(234_003), path, ..Fault::new(FaultKind::ApiError) }).unwrap();
    let ran = world.rooma(&["download", "--message-id", &many, "--out", "in"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (1, ""), "{}", ran.stdout);
    let told: Value = serde_json::from_str(&ran.stdout).unwrap();
    let [first, second] = items(&told).as_slice() else { panic!("{told}") };
    assert_eq!((&told["ok"], &first["ok"], &second["ok"]), (&json!(false), &json!(false), &json!(true)));
    assert_eq!((text(first, "key"), text(first, "name")), (key, "gone.txt".to_owned()), "{told}");
    assert!(first["error"]["code"] == 234_003 && first["path"].is_null(), "{told}");
    assert_eq!((text(second, "key"), &second["error"]), (other, &Value::Null), "{told}");
    let saved = std::fs::read_to_string(world.home.path().join(text(second, "path"))).unwrap();
    assert_eq!(saved, "in there.txt");
    let left = std::fs::read_dir(world.home.path().join("in")).unwrap().count();
    assert_eq!(left, 1, "nothing is left of what failed");
    // Alone, it is an error like any other.
    let alone = world.rooma(&["download", "--message-id", &gone, "--out", "in"]).error(2);
    assert_eq!(alone["code"], 234_003);
}
