//! help: the call to people, and the usage.

use crate::verb::{run, with_stdin, world};

#[tokio::test(flavor = "multi_thread")]
async fn the_people_to_call_are_called() {
    let world = world(1).await;
    world.write("config/contacts.yaml", "escalation: [ann]\n");
    let asked = world
        .rooma(&["help", "--topic", "stuck", "--detail", "-", "--chat", "lobby", "--mention", "li"])
        .value();
    let message = world.message(asked["message_id"].as_str().unwrap());
    assert!(message.content.contains("@_user_1 @_user_2 🆘 stuck"), "{}", message.content);
    assert!(message.content.contains("— b0 on "), "{}", message.content);
    assert!(asked["warnings"].is_null());
    world.write("config/contacts.yaml", "");
    let asked = world.rooma(&["help", "--topic", "stuck", "--chat", "lobby"]).value();
    assert!(asked["warnings"][0].as_str().unwrap().contains("escalation"), "{asked}");
}

/// stdin is there once, and an empty second text would look like a wish.
#[tokio::test(flavor = "multi_thread")]
async fn two_texts_from_one_stdin_are_refused() {
    let world = world(1).await;
    let mut command = world.as_profile("b0");
    command.args(["help", "--topic", "-", "--detail", "-", "--chat", "lobby"]);
    let error = with_stdin(&mut command, "stuck\n").error(2);
    assert!(error["message"].as_str().unwrap().contains("--detail: stdin"), "{error}");
    assert_eq!(world.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_topic_it_is_the_usage() {
    let world = world(1).await;
    for (arguments, wanted) in [
        (&["help"][..], "broadcast"),
        (&["help", "send"], "--idempotency-key"),
        (&["help", "help"], "🆘"),
        (&["help", "monitor"], "--mentioned"),
    ] {
        let ran = run(&mut world.command(arguments));
        assert!(ran.code == 0 && ran.stdout.contains(wanted), "{arguments:?}: {ran:?}");
    }
    assert_eq!(run(&mut world.command(&["help", "sned"])).error(2)["type"], "validation");
    run(&mut world.command(&["help", "--detail", "x"])).error(2);
    assert_eq!(world.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_verb_has_its_risk_and_an_example() {
    let world = world(1).await;
    for verb in [
        "chats",
        "chat-info",
        "members",
        "pull",
        "thread",
        "message",
        "download",
        "send",
        "file",
        "react",
        "unreact",
        "edit",
        "recall",
        "broadcast",
        "help",
        "completions",
        "schema",
        "monitor",
    ] {
        let ran = run(&mut world.command(&[verb, "--help"]));
        assert!(ran.stdout.contains("Risk: read") || ran.stdout.contains("Risk: write"), "{verb}");
        assert!(ran.stdout.contains("Example") && ran.stdout.contains(&format!("rooma {verb}")), "{verb}");
    }
    for shell in ["bash", "zsh", "fish"] {
        assert!(
            run(&mut world.command(&["completions", shell])).stdout.contains("idempotency-key"),
            "{shell}"
        );
    }
    run(&mut world.command(&["completions", "elvish"])).error(2);
    for verb in ["recall", "file"] {
        assert!(run(&mut world.command(&["help", verb])).stdout.contains("AI agents:"), "{verb}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_be_called_keeps_nobody_from_being_called() {
    let world = world(1).await;
    world.write("config/contacts.yaml", "escalation: [ghost, ann]\n");
    let asked = world.rooma(&["help", "--topic", "stuck", "--chat", "lobby"]).value();
    let message = world.message(asked["message_id"].as_str().unwrap());
    assert!(message.content.contains("@_user_1 🆘 stuck"), "{}", message.content);
    assert!(asked["warnings"][0].as_str().unwrap().contains("`ghost`"), "{asked}");
    // Who is named on the command line is meant.
    world.rooma(&["help", "--topic", "stuck", "--chat", "lobby", "--mention", "ghost"]).error(2);
}
