//! send, edit, recall, react, unreact.

use rooma::sandbox::{Fault, FaultKind, Member, Recall};
use serde_json::json;

use crate::verb::{items, run, with_stdin, world};

#[tokio::test(flavor = "multi_thread")]
async fn people_bots_and_everybody_are_really_mentioned() {
    let world = world(2).await;
    let state = |id: &serde_json::Value| world.message(id.as_str().unwrap()).content;
    for (arguments, wanted) in [
        (vec!["--text", "hi", "--mention", "ann"], r#"{"text":"@_user_1 hi"}"#),
        (
            vec!["--text", "hi @Ann and @b1", "--mention", "Ann", "--mention", "b1"],
            r#"{"text":"hi @_user_1 and @_user_2"}"#,
        ),
        (vec!["--text", "all hands", "--mention", "all"], r#"{"text":"@_all all hands"}"#),
        (vec!["--text", "<at user_id=\"all\">x</at>"], r#"{"text":"&lt;at user_id=\"all\">x&lt;/at>"}"#),
        (vec!["--text", "@@ann"], r#"{"text":"@ann"}"#),
    ] {
        let said = world.rooma(&[&["send", "--chat", "lobby"], arguments.as_slice()].concat()).value();
        assert_eq!(state(&said["message_id"]), wanted, "{arguments:?}");
        assert_eq!(said["warnings"].is_array(), wanted.contains("&lt;"));
    }
    let before = world.count();
    let error = world.rooma(&["send", "--chat", "lobby", "--text", "hi", "--mention", "anna"]).error(2);
    assert_eq!(error["subtype"], "unknown_mention");
    assert!(error["hint"].as_str().unwrap().contains("ann (ou_"), "{error}");
    assert_eq!(world.count(), before, "it was sent all the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alias_holds_an_id_for_each_profile() {
    let world = world(2).await;
    let members = world.rooma(&["members", "--chat", "lobby"]).value();
    let ann = members["items"][0]["member_id"].as_str().unwrap().to_owned();
    world.write("config/contacts.yaml", &format!("users: {{boss: {{b0: {ann}}}}}\n"));
    let said = world.rooma(&["send", "--chat", "lobby", "--text", "@boss hi", "--mention", "boss"]).value();
    assert_eq!(world.message(said["message_id"].as_str().unwrap()).content, r#"{"text":"@_user_1 hi"}"#);
    let error =
        run(world.as_profile("b1").args(["send", "--chat", "lobby", "--text", "hi", "--mention", "boss"]))
            .error(2);
    assert_eq!(error["subtype"], "unknown_mention");
    let direct = world.rooma(&["send", "--user-id", "boss", "--text", "psst"]).value();
    assert!(direct["chat_id"].as_str().unwrap().starts_with("oc_"));
    assert_eq!(
        world.rooma(&["send", "--chat", &ann, "--text", "psst"]).value()["chat_id"],
        direct["chat_id"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_come_from_files_and_stdin_and_long_ones_are_split() {
    let world = world(1).await;
    let text = "a paragraph of some words\n\n".repeat(8000);
    std::fs::write(world.home.path().join("notes.md"), &text).unwrap();
    let said = world.rooma(&["send", "--chat", "lobby", "--text", "@notes.md"]).value();
    let ids: Vec<&str> =
        said["message_ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(said["message_id"], ids[0]);
    let words: usize = ids.iter().map(|id| world.message(id).content.matches("paragraph").count()).sum();
    assert_eq!(words, 8000);
    let mut command = world.as_profile("b0");
    let said = with_stdin(command.args(["send", "--chat", "lobby", "--text", "-"]), "from a pipe\n").value();
    assert_eq!(world.message(said["message_id"].as_str().unwrap()).content, r#"{"text":"from a pipe"}"#);
    let error = world.rooma(&["send", "--chat", "lobby", "--text", "@ann please"]).error(2);
    assert!(error["hint"].as_str().unwrap().contains("@@"), "{error}");
    let error = world.rooma(&["send", "--chat", "lobby", "--text", "@profiles/b0.yaml"]).error(6);
    assert_eq!(error["subtype"], "own_file");
}

#[tokio::test(flavor = "multi_thread")]
async fn markdown_and_raw_content_arrive_as_what_they_are() {
    let world = world(1).await;
    let kind = |arguments: &[&str]| {
        let said = world.rooma(&[&["send", "--chat", "lobby"], arguments].concat()).value();
        let message = world.message(said["message_id"].as_str().unwrap());
        (message.msg_type, message.content)
    };
    let (post, content) = kind(&["--markdown", "**bold**"]);
    assert!(post == "post" && content.contains("**bold**"), "{content}");
    assert_eq!(kind(&["--text", "**bold** @ann", "--markdown", "--mention", "ann"]).0, "post");
    let card = r#"{"elements":[{"tag":"markdown","content":"hi"}]}"#;
    assert_eq!(kind(&["--msg-type", "interactive", "--content", card]).0, "interactive");
    assert_eq!(kind(&["--content", r#"{"text":"raw"}"#]), ("text".into(), r#"{"text":"raw"}"#.into()));
    for bad in [&["--content", "words"][..], &[], &["--text", ""], &["--text", "a", "--markdown", "b"]] {
        world.rooma(&[&["send", "--chat", "lobby"], bad].concat()).error(2);
    }
    let error =
        world.rooma(&["send", "--chat", "lobby", "--msg-type", "interactive", "--content", "{}"]).error(2);
    assert_eq!(error["code"], 230_099);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_goes_to_its_message_or_nowhere() {
    let world = world(1).await;
    let asked = world.say("lobby", "who?");
    let said = world.rooma(&["send", "--reply-to", &asked, "--text", "me"]).value();
    let reply = world.message(said["message_id"].as_str().unwrap());
    assert_eq!((reply.parent_id, reply.thread_id), (Some(asked.clone()), None));
    let said = world
        .rooma(&["send", "--reply-to", &asked, "--reply-in-thread", "--text", "@ann me", "--mention", "ann"])
        .value();
    assert!(said["thread_id"].as_str().unwrap().starts_with("omt_"));
    world.sandbox.recall(Recall { message_id: asked.clone(), ..Recall::default() }).unwrap();
    let before = world.count();
    let error = world.rooma(&["send", "--reply-to", &asked, "--text", "late"]).error(1);
    assert_eq!((&error["subtype"], &error["code"]), (&json!("target_gone"), &json!(230_011)));
    assert!(error["message"].as_str().unwrap().contains("nothing was sent"));
    assert_eq!(world.count(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_ever_sent_twice() {
    let world = world(1).await;
    let lost = Fault {
        count: Some(2),
        after: true,
        path: Some("/messages".into()),
        ..Fault::new(FaultKind::Error5xx)
    };
    world.sandbox.fault(lost).unwrap();
    world.rooma(&["send", "--chat", "lobby", "--text", "once"]).value();
    assert_eq!(world.count(), 1, "a lost answer was taken for a lost message");
    let send = ["send", "--chat", "lobby", "--text", "again", "--idempotency-key", "k1"];
    let first = world.rooma(&send).value();
    assert_eq!(world.rooma(&send).value()["message_id"], first["message_id"]);
    assert_eq!(world.count(), 2);
    world.rooma(&["send", "--chat", "lobby", "--text", "x", "--idempotency-key", &"k".repeat(51)]).error(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_shows_everything_and_sends_nothing() {
    let world = world(1).await;
    let send = ["send", "--chat", "lobby", "--text", "hi", "--mention", "ann", "--dry-run"];
    let shown = world.rooma(&send).value();
    assert_eq!((&shown["dry_run"], &shown["chat_id"]), (&json!(true), &json!(world.chat("lobby"))));
    assert!(shown["messages"][0]["content"]["text"].as_str().unwrap().contains("<at user_id=\"ou_"));
    let broadcast = [
        "broadcast",
        "--chat",
        "lobby",
        "--chat",
        "workshop",
        "--text",
        "@ann hi",
        "--mention",
        "ann",
        "--dry-run",
    ];
    let shown = world.rooma(&broadcast).value();
    for (item, chat) in items(&shown).iter().zip(["lobby", "workshop"]) {
        assert_eq!(item["chat_id"], world.chat(chat).as_str());
        assert!(item["messages"][0]["content"]["text"].as_str().unwrap().ends_with("ann</at> hi"), "{item}");
    }
    let raw = ["send", "--chat", "lobby", "--content", "{}", "--msg-type", "nonsense", "--dry-run"];
    assert_eq!(world.rooma(&raw).error(2)["subtype"], "unknown_msg_type");
    assert_eq!(world.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn reactions_come_and_go_and_their_names_are_checked() {
    let world = world(2).await;
    let id = world.say("lobby", "done?");
    let done = ["--message-id", &id, "--emoji", "DONE"];
    let reacted = world.rooma(&[&["react"], &done[..]].concat()).value();
    assert_eq!((&reacted["message_id"], &reacted["emoji"]), (&json!(id), &json!("DONE")));
    run(world.as_profile("b1").arg("react").args(done)).value();
    world.rooma(&[&["react"], &done[..]].concat()).value();
    assert_eq!(world.message(&id).reactions.len(), 2);
    world.rooma(&[&["unreact"], &done[..]].concat()).value();
    assert_eq!(world.message(&id).reactions, [("b1".to_owned(), "DONE".to_owned())]);
    assert_eq!(world.rooma(&[&["unreact"], &done[..]].concat()).error(2)["subtype"], "not_found");
    let error = world.rooma(&["react", "--message-id", &id, "--emoji", "done"]).error(2);
    assert!(error["hint"].as_str().unwrap().contains("DONE"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reaction_may_be_named_by_the_emoji_itself() {
    let world = world(1).await;
    let id = world.say("lobby", "done?");
    for (emoji, name) in
        [("👍", "THUMBSUP"), ("✅", "DONE"), ("👀", "GLANCE"), ("🎉", "PARTY"), ("❤️", "HEART")]
    {
        let flags = ["--message-id", &id, "--emoji", emoji];
        assert_eq!(world.rooma(&[&["react"], &flags[..]].concat()).value()["emoji"], name);
        assert_eq!(world.message(&id).reactions, [("b0".to_owned(), name.to_owned())]);
        assert_eq!(world.rooma(&[&["unreact"], &flags[..]].concat()).value()["emoji"], name);
    }
    let error = world.rooma(&["react", "--message-id", &id, "--emoji", "🚀"]).error(2);
    assert!(error["hint"].as_str().unwrap().contains("OnIt, Fire, FIREWORKS"), "{error}");
}

/// Refusals that a caller can do something about say what.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_says_what_to_do() {
    let world = world(1).await;
    let refuse = |code: i64, message: &str| {
        let fault = Fault {
            code: Some(code),
            count: Some(1),
            path: Some("/im/v1/messages".into()),
            message: Some(message.to_owned()),
            ..Fault::new(FaultKind::ApiError)
        };
        world.sandbox.fault(fault).unwrap();
    };
    let lobby = world.chat("lobby");
    for (code, said, exit, word) in [
        (230_101, "Sending messages to users is temporarily unavailable", 3, "--reply-to"),
        (
            230_099,
            "Failed to create card content, ext=ErrCode: 11310; ErrMsg: card table number over limit;",
            2,
            "5 tables",
        ),
        (230_099, "Failed to create card content, ext=ErrCode: 4711; ErrMsg: new", 2, "30 KB"),
    ] {
        refuse(code, said);
        let error = world.rooma(&["send", "--chat", &lobby, "--text", "x"]).error(exit);
        assert_eq!(error["code"], code);
        assert!(error["hint"].as_str().unwrap().contains(word), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn own_messages_are_edited_and_taken_back_and_others_are_not() {
    let world = world(1).await;
    let theirs = world.say("lobby", "mine");
    let error = world.rooma(&["edit", "--message-id", &theirs, "--text", "yours"]).error(1);
    assert_eq!(
        (&error["code"], &error["hint"]),
        (&json!(230_071), &json!("only the bot's own messages can be edited"))
    );
    assert_eq!(world.rooma(&["recall", "--message-id", &theirs]).error(3)["code"], 230_026);
    let said = world.rooma(&["send", "--chat", "lobby", "--text", "typo"]).value();
    let id = said["message_id"].as_str().unwrap();
    assert_eq!(world.rooma(&["edit", "--message-id", id, "--text", "fixed"]).value()["ok"], true);
    assert_eq!(world.message(id).content, r#"{"text":"fixed"}"#);
    let error = world.rooma(&["edit", "--message-id", id, "--markdown", "*other*"]).error(2);
    assert!(error["hint"].as_str().unwrap().contains("--markdown"), "{error}");
    assert_eq!(world.rooma(&["recall", "--message-id", id]).value()["ok"], true);
    assert!(world.message(id).deleted);
    assert_eq!(world.rooma(&["recall", "--message-id", id]).error(1)["code"], 230_110);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_of_the_platform_keeps_its_code_and_gets_its_exit() {
    let world = world(1).await;
    world
        .sandbox
        .member(Member { chat: "workshop".into(), remove: Some("b0".into()), ..Member::default() })
        .unwrap();
    let workshop = world.chat("workshop");
    assert_eq!(world.rooma(&["send", "--chat", &workshop, "--text", "hi"]).error(1)["code"], 230_002);
    let error = world.rooma(&["send", "--chat", "oc_none", "--text", "hi"]).error(2);
    assert!(error["hint"].as_str().unwrap().contains("rooma chats"), "{error}");
    for (code, exit, retryable) in [
        (230_001, 2, false),
        (230_006, 3, false),
        (230_013, 3, false),
        (230_017, 2, false),
        (230_018, 3, false),
        (230_022, 1, false),
        (230_025, 2, false),
        (230_027, 3, false),
        (230_034, 2, false),
        (230_035, 3, false),
        (230_053, 1, false),
        (230_099, 2, false),
        (232_009, 1, false),
        (99_991_401, 3, false),
        (10_014, 3, false),
        (99_992_402, 2, false),
        (230_020, 1, true),
        (232_096, 1, true),
        (230_049, 1, true),
    ] {
        world
            .sandbox
            .fault(Fault {
                code: Some(code),
                path: Some("/messages".into()),
                ..Fault::new(FaultKind::ApiError)
            })
            .unwrap();
        let error =
            world.rooma(&["send", "--chat", "lobby", "--text", "hi", "--timeout", "100ms"]).error(exit);
        assert_eq!((&error["code"], &error["retryable"]), (&json!(code), &json!(retryable)), "{error}");
        world.sandbox.fault(Fault::new(FaultKind::Clear)).unwrap();
    }
    assert_eq!(world.count(), 0);
}
