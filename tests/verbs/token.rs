//! The token between commands.

use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use rooma::sandbox::{At, Fault, FaultKind};

use crate::verb::world;

#[tokio::test(flavor = "multi_thread")]
async fn one_token_serves_many_commands_and_is_its_owners_alone() {
    let world = world(1).await;
    for _ in 0..3 {
        world.rooma(&["chats"]).value();
    }
    assert_eq!(world.state().apps[0].tokens_issued, 1);
    let path = world.home.path().join("data/b0/token.json");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let kept = std::fs::read_to_string(&path).unwrap();
    assert!(!kept.contains(&world.sandbox.apps()[0].app_secret));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_token_file_is_kept_aside_and_said_so() {
    let world = world(1).await;
    world.rooma(&["chats"]).value();
    world.write("data/b0/token.json", "{ broken");
    let ran = world.rooma(&["chats"]);
    assert!(ran.code == 0 && ran.stderr.contains("token.json.corrupt-"), "{ran:?}");
    let names = std::fs::read_dir(world.home.path().join("data/b0")).unwrap();
    let aside =
        names.map(|entry| entry.unwrap().path()).find(|path| path.to_str().unwrap().contains("corrupt-"));
    assert_eq!(std::fs::read_to_string(aside.unwrap()).unwrap(), "{ broken");
    world.rooma(&["chats"]).value();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_others_could_read_is_fetched_anew() {
    let world = world(1).await;
    world.rooma(&["chats"]).value();
    let path = world.home.path().join("data/b0/token.json");
    let forged = std::fs::read_to_string(&path).unwrap().replace("\"token\":\"t-", "\"token\":\"t-forged");
    std::fs::write(&path, forged).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
    let before = world.state().apps[0].rest_calls;
    world.rooma(&["chats"]).value();
    assert_eq!(world.state().apps[0].rest_calls - before, 1, "the forged token was tried");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!std::fs::read_to_string(&path).unwrap().contains("forged"));
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_commands_at_once_fetch_one_token_and_all_succeed() {
    let world = world(1).await;
    // One for each command that asks: slow, so that all want it at the same time, and counted.
    for _ in 0..50 {
        let slow =
            Fault { ms: Some(300), at: Some(At::Token), count: Some(1), ..Fault::new(FaultKind::Slow) };
        world.sandbox.fault(slow).unwrap();
    }
    let spawn = |_| {
        world.as_profile("b0").arg("chats").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let children: Vec<_> = (0..50).map(spawn).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(world.state().faults_armed, 49, "more than one asked for a token");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_died_is_replaced_and_the_call_made_once_more() {
    let world = world(1).await;
    world.rooma(&["send", "--chat", "lobby", "--text", "one"]).value();
    world.sandbox.fault(Fault::new(FaultKind::TokenExpiry)).unwrap();
    world.rooma(&["send", "--chat", "lobby", "--text", "two"]).value();
    assert_eq!((world.count(), world.state().apps[0].tokens_issued), (2, 2));
    let stale =
        Fault { code: Some(99_991_663), path: Some("/chats".into()), ..Fault::new(FaultKind::ApiError) };
    world.sandbox.fault(stale).unwrap();
    let before = world.state().apps[0].rest_calls;
    assert_eq!(world.rooma(&["chats"]).error(3)["code"], 99_991_663);
    assert_eq!(world.state().apps[0].rest_calls - before, 2, "once more, and no further");
}

/// However long the patience: what the platform says of a token that it has just given it will say again.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_refused_again_and_again_is_exit_3_at_once() {
    let world = world(1).await;
    let lobby = world.chat("lobby");
    let said = world.say("lobby", "x");
    for (path, verb) in [
        ("/im/v1/messages", &["send", "--chat", &lobby, "--text", "hi"][..]),
        ("/reactions", &["react", "--message-id", &said, "--emoji", "OK"]),
        ("/members", &["members", "--chat", &lobby]),
    ] {
        let refused =
            Fault { code: Some(99_991_663), path: Some(path.into()), ..Fault::new(FaultKind::ApiError) };
        world.sandbox.fault(refused).unwrap();
        let before = world.state().apps[0].tokens_issued;
        let error = world.rooma(verb).error(3);
        assert_eq!((&error["type"], &error["retryable"]), (&"authentication".into(), &false.into()));
        let hint = error["hint"].as_str().unwrap();
        assert!(hint.contains("app_secret") && !hint.contains("idempotency"), "{hint}");
        let issued = world.state().apps[0].tokens_issued - before;
        assert!(issued <= 3, "{verb:?}: {issued} tokens");
        world.sandbox.fault(Fault::new(FaultKind::Clear)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_is_said_at_once_and_never_shown() {
    let world = world(1).await;
    world.write_profile("b0", &world.sandbox.apps()[0].app_id, "wrong-secret");
    let ran = world.rooma(&["-vvv", "chats"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (3, ""));
    assert!(ran.stderr.contains("10015") || ran.stderr.contains("10014"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("wrong-secret"));
}
