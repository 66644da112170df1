//! The command block of the ancestor's README, line by line.

use serde_json::Value;

use crate::verb::{items, run, world};

#[tokio::test(flavor = "multi_thread")]
async fn the_seeds_whole_command_block_works() {
    let world = world(1).await;
    let chat = world.chat("lobby");
    let path = world.home.path().join("report.txt");
    std::fs::write(&path, "all green").unwrap();
    // As the seed has it: one profile, named nowhere.
    let rooma = |arguments: &[&str]| run(&mut world.command(arguments)).value();

    // discovery
    let chats = rooma(&["chats"]);
    let names: Vec<&str> = items(&chats).iter().map(|chat| chat["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["lobby", "workshop"]);
    let members = rooma(&["members", "--chat", &chat]);
    let li = items(&members).iter().find(|member| member["name"] == "li").unwrap()["member_id"].clone();
    let info = rooma(&["chat-info", "--chat", &chat]);
    assert_eq!((&info["name"], &info["user_count"]), (&"lobby".into(), &2.into()));
    assert!(info["description"].is_string() && info["announcement"]["text"].is_string(), "{info}");

    // read & write
    let sent = rooma(&["send", "--chat", &chat, "--text", "hello"]);
    let mentioned = rooma(&["send", "--chat", &chat, "--text", "hi", "--mention", li.as_str().unwrap()]);
    let posted = rooma(&["file", "--chat", &chat, "--path", path.to_str().unwrap()]);
    let pulled = rooma(&["pull", "--chat", &chat, "--limit", "10"]);
    let ids: Vec<&Value> = items(&pulled).iter().map(|message| &message["message_id"]).collect();
    assert_eq!(ids, [&sent["message_id"], &mentioned["message_id"], &posted["message_id"]]);
    let contents: Vec<&str> =
        items(&pulled).iter().map(|message| message["content"].as_str().unwrap()).collect();
    assert_eq!(contents, ["hello", "@li hi", "[file report.txt]"]);
    // "look at the sender.id field": the bot's own id is there.
    let newest = rooma(&["pull", "--chat", &chat, "--limit", "1"]);
    assert!(items(&newest)[0]["sender"]["id"].is_string());
    assert_eq!(items(&newest)[0]["sender_id"], world.sandbox.apps()[0].open_id.as_str());

    // reactions
    let id = sent["message_id"].as_str().unwrap();
    rooma(&["react", "--message-id", id, "--emoji", "DONE"]);
    assert_eq!(world.message(id).reactions, [("b0".to_owned(), "DONE".to_owned())]);

    // escalation
    let help = ["help", "--topic", "stuck on X", "--detail", "tried Y; need Z", "--chat", &chat];
    let asked = rooma(&help);
    let text = world.message(asked["message_id"].as_str().unwrap()).content;
    assert!(text.contains("🆘 stuck on X") && text.contains("tried Y; need Z"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_chat_the_default_counts_and_then_the_only_one() {
    let options = rooma::sandbox::Options { chats: vec!["den".into()], ..crate::support::options(1) };
    let world = crate::support::World::with(options).await;
    let den = world.chat("den");
    assert_eq!(world.rooma(&["send", "--text", "hi"]).value()["chat_id"], den.as_str());
    world.sandbox.chat(rooma::sandbox::Chat { name: Some("attic".into()), ..Default::default() }).unwrap();
    let error = world.rooma(&["send", "--text", "hi"]).error(2);
    assert!(error["hint"].as_str().unwrap().contains(&den), "{error}");
    let attic = world.chat("attic");
    let mut command = world.as_profile("b0");
    let said = run(command.env("FEISHU_DEFAULT_CHAT_ID", &attic).args(["send", "--text", "hi"])).value();
    assert_eq!(said["chat_id"], attic.as_str());
    world.write("config/contacts.yaml", &format!("chats: {{home: {den}}}\n"));
    assert_eq!(world.rooma(&["send", "--chat", "home", "--text", "hi"]).value()["chat_id"], den.as_str());
}
