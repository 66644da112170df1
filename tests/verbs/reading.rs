//! chats, chat-info, members.

use rooma::sandbox::{Chat, Fault, FaultKind, Options, Say, Scopes};
use serde_json::json;

use crate::support::World;
use crate::verb::{items, run, world};

#[tokio::test(flavor = "multi_thread")]
async fn chats_come_in_all_pages_or_as_many_as_asked_for() {
    let chats = (0..230).map(|chat| format!("c{chat}")).collect();
    let world = World::with(Options { chats, ..crate::support::options(1) }).await;
    let all = world.rooma(&["chats"]).value();
    assert_eq!((items(&all).len(), &all["has_more"]), (230, &json!(false)));
    assert_eq!(items(&world.rooma(&["chats", "--page-all"]).value()).len(), 230);
    let some = world.rooma(&["chats", "--limit", "120"]).value();
    assert_eq!((items(&some).len(), &some["has_more"]), (120, &json!(true)));
    let first = &items(&some)[0];
    assert_eq!((&first["name"], &first["chat_mode"]), (&json!("c0"), &json!("group")));
    assert_eq!(world.rooma(&["chats", "--limit", "0"]).error(2)["type"], "validation");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_tells_its_announcement_of_either_generation() {
    let world = world(2).await;
    let lobby = world.chat("lobby");
    for legacy in [false, true] {
        let chat = Chat {
            chat: Some("lobby".into()),
            description: Some("all hands".into()),
            announcement: Some("be kind\nship it".into()),
            legacy_announcement: Some(legacy),
            ..Chat::default()
        };
        world.sandbox.chat(chat).unwrap();
        let info = world.rooma(&["chat-info", "--chat", "lobby"]).value();
        assert_eq!(info["chat_id"], lobby.as_str());
        assert_eq!(info["description"], "all hands");
        assert_eq!(info["announcement"]["text"], "be kind\nship it", "{info}");
        assert_eq!(info["announcement"]["announcement_type"], if legacy { "doc" } else { "docx" });
        assert_eq!((&info["user_count"], &info["bot_count"]), (&json!(2), &json!(2)));
    }
    world
        .sandbox
        .scopes(Scopes {
            app: "b0".into(),
            revoke: vec!["im:chat.announcement:read".into()],
            ..Default::default()
        })
        .unwrap();
    let info = world.rooma(&["chat-info", "--chat", "lobby"]).value();
    assert!(info["announcement"].is_null());
    assert!(info["warnings"][0].as_str().unwrap().contains("im:chat.announcement:read"), "{info}");
}

#[tokio::test(flavor = "multi_thread")]
async fn members_are_people_and_bots_and_ours_are_named() {
    let world = world(3).await;
    std::fs::remove_file(world.home.path().join("profiles/b2.yaml")).unwrap();
    let members = world.rooma(&["members", "--chat", "lobby"]).value();
    let seen: Vec<(&str, &str, Option<&str>)> = items(&members)
        .iter()
        .map(|member| {
            (
                member["name"].as_str().unwrap(),
                member["member_type"].as_str().unwrap(),
                member["profile"].as_str(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("ann", "user", None),
            ("li", "user", None),
            ("b0", "bot", Some("b0")),
            ("b1", "bot", Some("b1")),
            ("b2", "bot", None)
        ]
    );
    world
        .sandbox
        .scopes(Scopes {
            app: "b0".into(),
            revoke: vec!["im:chat.members:read".into()],
            ..Default::default()
        })
        .unwrap();
    let members = world.rooma(&["members", "--chat", "lobby"]).value();
    assert_eq!(items(&members).len(), 2);
    assert!(members["warnings"][0].as_str().unwrap().contains("im:chat.members:read"), "{members}");
}

/// What a bot has said names its app, and an app is proof where a name is a guess.
#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_told_by_what_its_bot_has_said() {
    let world = world(2).await;
    world.write_profile("helper", &world.sandbox.apps()[1].app_id, "not its secret");
    std::fs::remove_file(world.home.path().join("profiles/b1.yaml")).unwrap();
    let helper = || {
        let members = world.rooma(&["members", "--chat", "lobby"]).value();
        items(&members).iter().find(|member| member["name"] == "b1").unwrap()["profile"].clone()
    };
    assert!(helper().is_null());
    let say = Say {
        chat: Some("lobby".into()),
        from: Some("b1".into()),
        text: Some("here".into()),
        ..Say::default()
    };
    world.sandbox.say(say).unwrap();
    assert_eq!(helper(), "helper");
    let send = ["send", "--chat", "lobby", "--text", "hi", "--mention", "helper", "--dry-run"];
    let shown = world.rooma(&send).value();
    assert!(shown["messages"][0]["content"]["text"].as_str().unwrap().contains(">b1</at>"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_scope_is_named_with_the_place_that_grants_it() {
    let world = world(1).await;
    world
        .sandbox
        .scopes(Scopes { app: "b0".into(), revoke: vec!["im:chat".into()], ..Default::default() })
        .unwrap();
    let error = world.rooma(&["chats"]).error(3);
    assert_eq!(
        (&error["type"], &error["code"], &error["retryable"]),
        (&json!("authorization"), &json!(99_991_672), &json!(false))
    );
    let hint = error["hint"].as_str().unwrap();
    assert!(hint.contains("im:chat:readonly") && hint.contains("https://open.feishu.cn/app/cli_"), "{hint}");
    assert!(error["log_id"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_profile_is_chosen_and_never_guessed() {
    let world = world(2).await;
    let error = run(&mut world.command(&["chats"])).error(2);
    assert!(error["hint"].as_str().unwrap().contains("b0, b1"), "{error}");
    assert_eq!(run(&mut world.command(&["--profile", "b9", "chats"])).error(3)["subtype"], "unknown_profile");
    assert_eq!(
        run(world.command(&["chats"]).env("ROOMA_PROFILE", "b9")).error(3)["subtype"],
        "unknown_profile"
    );
    run(world.command(&["chats"]).env("ROOMA_PROFILE", "b1")).value();
    run(&mut world.command(&["chats", "--profile", "b1"])).value();
    let state = world.state();
    let calls: Vec<u64> = state.apps.iter().map(|app| app.rest_calls).collect();
    assert_eq!(calls, [0, 2]);
    let monitor = crate::support::Monitor::spawn(&mut world.command(&["--profile", "b1", "monitor"]));
    monitor.count("rooma.started", 1).await;
    assert_eq!(monitor.of_type("rooma.started")[0]["profiles"], json!(["b1"]));
    monitor.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_that_is_not_there_is_said_so() {
    let world = world(1).await;
    let error = world.rooma(&["members", "--chat", "loby"]).error(2);
    assert!(error["hint"].as_str().unwrap().contains("lobby"), "{error}");
    assert_eq!(world.rooma(&["members", "--chat", "om_1"]).error(2)["type"], "validation");
    let error = world.rooma(&["members", "--chat", "oc_0000"]).error(2);
    assert_eq!(error["code"], 232_006);
    let fault = Fault { code: Some(232_011), ..Fault::new(FaultKind::ApiError) };
    world.sandbox.fault(fault).unwrap();
    let error = world.rooma(&["chat-info", "--chat", &world.chat("lobby")]).error(1);
    assert_eq!((&error["code"], &error["hint"]), (&json!(232_011), &json!("add the bot to the chat first")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_tells_what_its_platform_can_and_asks_nobody() {
    let world = world(2).await;
    let calls = || world.sandbox.state(rooma::sandbox::StateQuery::default()).unwrap().apps[0].rest_calls;
    let before = calls();
    let told = world.rooma(&["profile", "traits", "b0"]).value();
    assert_eq!(
        (&told["profile"], &told["transport"], &told["ids"]),
        (&json!("b0"), &json!("feishu"), &json!("per_app"))
    );
    assert_eq!((&told["share"]["one_of"], &told["same_send"]["key"]["chars_max"]), (&json!(50), &json!(50)));
    assert_eq!(told["redelivers_for"], 15 + 300 + 3600 + 6 * 3600);
    assert_eq!(calls(), before);
    assert_eq!(world.rooma(&["profile", "traits", "nobody"]).error(3)["subtype"], "unknown_profile");
}
