//! The first watch of a shift.

use serde_json::Value;

use super::watch;
use crate::support::{World, output, text};

/// Where a watch begins, and all that waited for it.
async fn watched(world: &World, arguments: &[&str]) -> (Value, Vec<Value>) {
    let watch = watch(world, arguments);
    let waited = |lines: &[Value]| lines.first().and_then(|first| first["waiting"].as_u64());
    let wanted = |lines: &[Value]| waited(lines).is_some_and(|waiting| lines.len() as u64 > waiting);
    watch.wait("what waits", wanted).await;
    let first = watch.first();
    (first, watch.terminate().await.0)
}

fn contents(lines: &[Value]) -> Vec<String> {
    lines.iter().filter(|line| line["type"] == "message").map(|line| text(line, "content")).collect()
}

/// Arms, is answered, and only then watches.
#[tokio::test(flavor = "multi_thread")]
async fn a_first_watch_hears_what_was_said_since_the_shift_was_armed() {
    let world = World::new(2).await;
    let supervisor = world.monitor(&[]);
    supervisor.connected(2).await;
    world.tell("b0", "before the shift");
    supervisor.count("message", 1).await;
    let set =
        ["--profile", "b0", "session", "set", "--chat", "lobby", "--farewell-text", "bye", "--owner", "none"];
    let armed = || output(world.command(&set).args(["--agent-session", "a1"]));
    assert_eq!(armed().0, 0);
    world.tell("b0", "welcome!");
    supervisor.count("message", 2).await;
    // The same shift, armed again: what was said in between is still said to it.
    assert_eq!(armed().0, 0);
    world.tell("b0", "are you there?");
    supervisor.count("message", 3).await;

    let (first, lines) = watched(&world, &["--profile", "b0", "--mentioned"]).await;
    assert_eq!(contents(&lines), ["welcome!", "are you there?"], "{lines:#?}");
    assert!(
        lines.iter().filter(|line| line["type"] == "message").all(|line| line["late"] == true),
        "{lines:#?}"
    );
    assert_eq!((text(&first, "type"), text(&first, "cursor")), ("rooma.watching".into(), "b0".into()));
    assert_eq!(first["waiting"].as_u64(), Some(lines.len() as u64));
    assert!(first["from"].as_u64().unwrap() > 0);
    // A cursor of another name, for all profiles, begins there too; one of a profile without a shift begins now.
    assert_eq!(contents(&watched(&world, &["--cursor", "all", "--mentioned"]).await.1).len(), 2);
    assert_eq!(contents(&watched(&world, &["--profile", "b1"]).await.1), [""; 0]);
    // And it goes on from there.
    assert_eq!(contents(&watched(&world, &["--profile", "b0", "--mentioned"]).await.1), [""; 0]);
    supervisor.terminate().await;
}

/// A time that is over at once is enough for what waits.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_given_however_short_the_time_is() {
    let world = World::new(1).await;
    let supervisor = world.monitor(&[]);
    supervisor.connected(1).await;
    for brief in [&[][..], &["--brief"]] {
        let cursor = format!("short-{}", brief.len());
        let watch = |more: &[&str]| {
            let mut command = world.command(&["watch", "--cursor", &cursor, "--type", "message"]);
            let (code, stdout, stderr) = output(command.args(brief).args(more));
            assert_eq!(code, 0, "{stderr}");
            stdout
        };
        watch(&["--since", "now", "--for", "0s"]);
        let before = supervisor.of_type("message").len();
        for number in 0..3 {
            world.say("lobby", &format!("line {number}"));
        }
        supervisor.count("message", before + 3).await;
        let told = watch(&["--for", "0s"]);
        for number in 0..3 {
            assert_eq!(told.matches(&format!("line {number}")).count(), 1, "{told}");
        }
        let last = told.lines().last().unwrap();
        assert!(last.contains("rooma.rearm") && last.contains("pending") && !last.contains("line"), "{told}");
        assert!(!watch(&["--for", "0s"]).contains("line 0"), "it was read");
    }
    supervisor.terminate().await;
}

/// A slip in a name would be a watch that hears nothing, all shift long.
#[tokio::test(flavor = "multi_thread")]
async fn a_profile_that_nobody_has_is_refused_and_that_of_the_environment_is_meant() {
    let world = World::new(2).await;
    let supervisor = world.monitor(&[]);
    supervisor.connected(2).await;
    let (code, stdout, stderr) = output(&mut world.command(&["watch", "--profile", "b00", "--for", "1s"]));
    assert_eq!((code, stdout.as_str()), (3, ""), "{stderr}");
    assert!(
        stderr.contains("there is no profile `b00`") && stderr.contains("did you mean `b0`?"),
        "{stderr}"
    );
    let slip = output(world.command(&["watch", "--for", "1s"]).env("ROOMA_PROFILE", "b00"));
    assert_eq!(slip.0, 3, "{}", slip.2);
    let (_, stdout, _) =
        output(world.command(&["watch", "--brief", "--for", "0s"]).env("ROOMA_PROFILE", "b1"));
    assert!(stdout.starts_with("rooma.watching cursor=b1 "), "{stdout}");
    let moved = output(world.command(&["ack", "--seq", "1"]).env("ROOMA_PROFILE", "b1"));
    assert!(moved.1.contains("\"cursor\":\"b1\""), "{} {}", moved.1, moved.2);
    // Broken by now, it has been read all the same.
    world.write("profiles/b1.yaml", "transport: feishu\napp_id: [\n");
    let (code, _, stderr) = output(&mut world.command(&["watch", "--profile", "b1", "--for", "0s"]));
    assert_eq!(code, 0, "{stderr}");
    supervisor.terminate().await;
}

/// One line whose context comes from a platform that is slow, and lines with which an expression does not come to an end: the
/// watch's own work is no stall of its reader, and each run comes further.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_given_also_where_each_line_takes_its_time() {
    let world = World::new(1).await;
    let supervisor = world.monitor(&[]);
    supervisor.connected(1).await;
    let watch = |cursor: &str, more: &[&str]| {
        let mut command = world.command(&["watch", "--cursor", cursor, "--type", "message", "--for", "0s"]);
        let (code, stdout, stderr) = output(command.args(more));
        assert_eq!(code, 0, "{stderr}");
        let lines: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        lines
    };
    for cursor in ["context", "jq"] {
        watch(cursor, &["--since", "now"]);
    }
    world.tell("b0", "one");
    world.tell("b0", "two");
    supervisor.count("message", 2).await;
    let slow = rooma::sandbox::Fault::new(rooma::sandbox::FaultKind::Slow);
    let slow = rooma::sandbox::Fault { ms: Some(800), ..slow };
    world.sandbox.fault(slow).unwrap();
    let told = watch("context", &["--context", "3"]);
    assert_eq!(contents(&told), ["one", "two"], "{told:#?}");
    let mut positions = Vec::new();
    for _ in 0..6 {
        let told = watch("jq", &["--jq", "last(repeat(1))"]);
        let (first, last) = (&told[0], told.last().unwrap());
        let failed = told.iter().filter(|line| line["type"] == "rooma.jq_failed").count();
        assert!(failed > 0, "{told:#?}");
        assert_eq!(first["waiting"].as_u64().unwrap(), failed as u64 + last["pending"].as_u64().unwrap());
        positions.push(last["seq"].as_u64().unwrap());
        if last["pending"] == 0 {
            break;
        }
    }
    // Each run came further, and all of it is told in the end.
    assert!(positions.windows(2).all(|pair| pair[0] < pair[1]), "{positions:?}");
    supervisor.terminate().await;
}
