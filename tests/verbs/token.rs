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
    std::fs::write(&path, "{ broken").unwrap();
    world.rooma(&["chats"]).value();
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
    assert_eq!(world.rooma(&["chats", "--timeout", "100ms"]).error(3)["code"], 99_991_663);
    assert_eq!(world.state().apps[0].rest_calls - before, 2, "once more, and no further");
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
