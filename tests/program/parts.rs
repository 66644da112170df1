//! Each part of the supervisor is broken once, is told of, and does its work all the same.

use rooma::sandbox::{Member, Options, Say};
use serde_json::Value;
use tokio::time::Instant;

use crate::support::{Monitor, PATIENCE, QUICK, World, options, output, text};

pub async fn world() -> World {
    World::with(Options { chat_qps: None, ..options(2) }).await
}

/// A supervisor in which the first passage of a place panics.
pub fn broken(world: &World, part: &str) -> Monitor {
    Monitor::spawn(world.command(&["monitor"]).env("ROOMA_PANIC_AT", format!("{part}:1")))
}

/// It was told of once, and of nothing else.
pub async fn told(monitor: Monitor, part: &str) {
    monitor.count("rooma.crashed", 1).await;
    let crashed = monitor.of_type("rooma.crashed");
    assert_eq!((crashed.len(), text(&crashed[0], "part").as_str()), (1, part), "{crashed:?}");
    assert!(text(&crashed[0], "reason").contains("injected panic"), "{crashed:?}");
    monitor.terminate().await;
}

pub fn rooma(world: &World, profile: &str, arguments: &[&str]) -> (i32, Value) {
    let (code, stdout, stderr) = output(world.command(&["--profile", profile]).args(arguments));
    let text = if stdout.is_empty() { stderr } else { stdout };
    (code, serde_json::from_str(&text).unwrap_or_else(|_| panic!("{arguments:?}: {text}")))
}

pub async fn until(what: &str, done: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// How often this was posted.
pub fn posted(world: &World, text: &str) -> usize {
    let messages = world.full_state().messages.unwrap();
    messages.iter().filter(|message| message.content.contains(text)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_registry_of_chats() {
    let world = world().await;
    let monitor = broken(&world, "chat_registry");
    monitor.connected(2).await;
    let leave = Member { chat: "workshop".into(), remove: Some("b0".into()), ..Member::default() };
    world.sandbox.member(leave).unwrap();
    monitor.count("rooma.chat_left", 1).await;
    let left = text(&monitor.of_type("rooma.chat_left")[0], "chat_id");
    let file = world.home.path().join("data/b0/known_chats.json");
    until("the file says so", || {
        let known =
            std::fs::read_to_string(&file).ok().and_then(|text| serde_json::from_str::<Value>(&text).ok());
        known.is_some_and(|known| known["chats"][&left]["state"] == "removed")
    })
    .await;
    told(monitor, "chat_registry").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keeper_of_sessions() {
    let world = world().await;
    let monitor = broken(&world, "sessions");
    monitor.connected(2).await;
    let mut agent = std::process::Command::new("sleep").arg("600").spawn().unwrap();
    let owner = agent.id().to_string();
    let set = [
        "session",
        "set",
        "--owner",
        &owner,
        "--chat",
        "lobby",
        "--greeting-text",
        "here",
        "--farewell-text",
        "off",
        "--crash-text",
        "gone",
    ];
    assert_eq!(rooma(&world, "b0", &set).0, 0);
    monitor.count("rooma.greeting_sent", 1).await;
    agent.kill().unwrap();
    agent.wait().unwrap();
    monitor.count("rooma.farewell_sent", 1).await;
    told(monitor, "sessions").await;
    assert_eq!((posted(&world, "here"), posted(&world, "gone")), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_relay_between_profiles() {
    let world = world().await;
    world.write("config/rooms.yaml", "default: {allow: {bots: all}}\n");
    let monitor = broken(&world, "relays");
    monitor.connected(2).await;
    assert_eq!(rooma(&world, "b0", &["send", "--chat", "lobby", "--text", "to whom it concerns"]).0, 0);
    let heard = |lines: &[Value]| {
        let of = |line: &&Value| line["type"] == "message" && line["profile"] == "b1";
        lines.iter().filter(of).filter(|line| text(line, "content") == "to whom it concerns").count()
    };
    monitor.wait("the other hears of it", |lines| heard(lines) == 1).await;
    let lines = monitor.lines();
    told(monitor, "relays").await;
    assert_eq!(heard(&lines), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_host_of_rooms() {
    let world = world().await;
    let monitor = broken(&world, "rooms");
    monitor.connected(2).await;
    for (profile, words) in [("b0", "one"), ("b1", "two"), ("b0", "three")] {
        assert_eq!(rooma(&world, profile, &["send", "--chat", "lobby", "--text", words]).0, 0);
    }
    monitor.count("rooma.crashed", 1).await;
    world
        .sandbox
        .say(Say {
            chat: Some("lobby".into()),
            from: Some("ann".into()),
            text: Some("stop".into()),
            ..Say::default()
        })
        .unwrap();
    // A person's word ends the count: somebody has read the journal.
    until("the turns are counted anew", || {
        rooma(&world, "b0", &["room", "status", "--chat", "lobby"]).1["turns"] == 0
    })
    .await;
    told(monitor, "rooms").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_control_socket() {
    let world = world().await;
    let monitor = broken(&world, "control");
    monitor.connected(2).await;
    // The first client is cut off.
    let _ = output(&mut world.command(&["status"]));
    monitor.count("rooma.crashed", 1).await;
    let (code, stdout, _) = output(&mut world.command(&["status"]));
    assert!(code == 0 && stdout.contains("\"running\":true"), "{code} {stdout}");
    told(monitor, "control").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_care_for_a_connection() {
    // What was said meanwhile is fetched, or lost.
    let world = World::with(Options { redelivery: Vec::new(), chat_qps: None, ..options(1) }).await;
    world.write("config/rooma.yaml", &format!("{QUICK}catchup: {{after: 0s}}\n"));
    let first = world.monitor(&[]);
    first.connected(1).await;
    world.say("lobby", "before");
    first.count("message", 1).await;
    first.terminate().await;
    let missed = world.say("lobby", "meanwhile");
    let monitor = broken(&world, "care");
    monitor.count("message", 1).await;
    monitor.count("rooma.catchup", 1).await;
    let fetched = monitor.of_type("message");
    assert_eq!((fetched.len(), text(&fetched[0], "message_id")), (1, missed));
    assert_eq!(text(&monitor.of_type("rooma.crashed")[0], "part_of"), "b0");
    told(monitor, "care").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_look_at_profiles() {
    let world = world().await;
    let second = world.home.path().join("profiles/b1.yaml");
    let profile = std::fs::read_to_string(&second).unwrap();
    std::fs::remove_file(&second).unwrap();
    let monitor = broken(&world, "profiles");
    monitor.connected(1).await;
    monitor.count("rooma.crashed", 1).await;
    world.write("profiles/b1.yaml", &profile);
    monitor.connected(2).await;
    told(monitor, "profiles").await;
}
