//! A part of the supervisor that breaks between a deed and the note of it, and one that breaks again and again.

use futures_util::future::join_all;
use serde_json::Value;

use crate::parts::{broken, posted, rooma, told, until, world};
use crate::rooms::{allow_all_bots, quarrel};
use crate::support::{Monitor, World, seq, text};

/// The first four are tried again soon, the fifth within half a minute is not.
#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_breaks_again_and_again_is_slowed_and_the_others_go_on() {
    join_all(["sessions", "rooms", "profiles"].map(|part| async move {
        let world = world().await;
        let monitor =
            Monitor::spawn(world.command(&["monitor"]).env("ROOMA_PANIC_AT", format!("{part}:1000")));
        monitor.connected(2).await;
        monitor.count("rooma.crashed", 5).await;
        world.say("lobby", "is anybody here?");
        monitor.count("message", 2).await;
        let crashed = monitor.of_type("rooma.crashed");
        let of = |key: &str| -> Vec<u64> { crashed.iter().map(|line| line[key].as_u64().unwrap()).collect() };
        assert!(crashed.iter().all(|line| text(line, "part") == part), "{crashed:?}");
        assert_eq!(of("crashes"), [1, 2, 3, 4, 5], "{crashed:?}");
        let waits = of("retry_in_ms");
        assert!(waits.windows(2).all(|pair| pair[0] < pair[1]) && waits[3] <= 1000, "{waits:?}");
        assert!(waits[4] >= 60_000, "{waits:?}");
        monitor.terminate().await;
    }))
    .await;
}

/// Whoever keeps sessions breaks once a farewell is posted, or told of in a line, and before that is noted.
#[tokio::test(flavor = "multi_thread")]
async fn a_farewell_is_said_and_told_of_once() {
    for (place, greets) in [("sessions_said", true), ("sessions_said", false), ("sessions_told", false)] {
        let world = world().await;
        let monitor = broken(&world, place);
        monitor.connected(2).await;
        let mut agent = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        let owner = agent.id().to_string();
        let words = ["--farewell-text", "off", "--crash-text", "gone"];
        let greeting: &[&str] = if greets { &["--greeting-text", "here"] } else { &[] };
        let set = [&["session", "set", "--owner", &owner, "--chat", "lobby"][..], &words, greeting].concat();
        assert_eq!(rooma(&world, "b0", &set).0, 0);
        monitor.count("rooma.session_armed", 1).await;
        monitor.count("rooma.greeting_sent", usize::from(greets)).await;
        agent.kill().unwrap();
        agent.wait().unwrap();
        monitor.count("rooma.farewell_sent", 1).await;
        monitor.count("rooma.crashed", 1).await;
        // Nothing is left to be said.
        let file = world.home.path().join("data/b0/active_session.json");
        until("it is noted", || {
            let kept: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
            kept["outbox"].as_array().is_none_or(Vec::is_empty)
        })
        .await;
        let lines = settled(&world, &monitor).await;
        told(monitor, "sessions").await;
        let of = |kind: &str| lines.iter().filter(|line| line["type"] == kind).count();
        assert_eq!((posted(&world, "gone"), of("rooma.farewell_sent")), (1, 1), "{place}: {lines:?}");
        let greetings = (posted(&world, "here"), of("rooma.greeting_sent"));
        assert_eq!(
            (greetings.0 + greetings.1, of("rooma.session_armed")),
            (2 * usize::from(greets), 1),
            "{lines:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_word_is_relayed_once_to_each_who_is_to_hear_it() {
    let world = world().await;
    allow_all_bots(&world, 2);
    let monitor = broken(&world, "relays_relayed");
    monitor.connected(2).await;
    assert_eq!(rooma(&world, "b0", &["send", "--chat", "lobby", "--text", "to whom it concerns"]).0, 0);
    monitor.count("rooma.crashed", 1).await;
    let file = world.home.path().join("data/relays.json");
    until("it is noted", || {
        let kept: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        kept["messages"].as_array().unwrap().is_empty()
    })
    .await;
    let lines = settled(&world, &monitor).await;
    told(monitor, "relays").await;
    let heard = lines.iter().filter(|line| line["content"] == "to whom it concerns");
    assert_eq!(heard.map(|line| text(line, "profile")).collect::<Vec<_>>(), ["b1"]);
}

/// Whoever keeps rooms breaks once the notice is posted, or told of in a line to each, and before that is noted.
#[tokio::test(flavor = "multi_thread")]
async fn a_pause_is_told_of_once() {
    for place in ["rooms_noticed", "rooms_told"] {
        let world = crate::rooms::world(3, &[]).await;
        allow_all_bots(&world, 3);
        let monitor = broken(&world, place);
        monitor.connected(3).await;
        quarrel(&world);
        monitor.count("rooma.crashed", 1).await;
        monitor.count("rooma.room_paused", 3).await;
        let lobby = world.state().chats.into_iter().find(|chat| chat.name == "lobby").unwrap().chat_id;
        let file = world.home.path().join(format!("data/rooms/{lobby}.json"));
        until("it is noted", || {
            let room: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
            room["told"].is_string() && room["guard"]["pause"]["told"] == true
        })
        .await;
        let lines = settled(&world, &monitor).await;
        told(monitor, "rooms").await;
        let of = |kind: &str| lines.iter().filter(|line| line["type"] == kind).count();
        assert_eq!((posted(&world, "⏸"), of("rooma.room_paused")), (1, 3), "{place}: {lines:?}");
    }
}

/// All lines up to a word that is said now: by then whatever was begun before it is journalled.
async fn settled(world: &World, monitor: &Monitor) -> Vec<Value> {
    let last = world.say("workshop", "that was all");
    monitor.wait("the last word", |lines| lines.iter().any(|line| line["message_id"] == last.as_str())).await;
    let mut lines = monitor.lines();
    lines.sort_by_key(seq);
    lines
}
