//! Rooms when things go wrong: kills, outages, profiles that are away, words that come late.

use std::time::Duration;

use rooma::sandbox::{At, Fault, FaultKind, Options, Redeliver, Say};
use serde_json::Value;
use tokio::time::Instant;

use crate::rooms::{
    DEAF_TO_BOTS, STORAGE, allow_all_bots, contacts, heard, messages_of, options_of, rooma,
    stopped_without_the_room, told_of, world,
};
use crate::support::{Monitor, PATIENCE, QUICK, World, counted, options, text, until};

/// It is known that the first two sit in the lobby.
async fn introduced(world: &World, monitor: &Monitor) {
    let person = world.say("lobby", "so that it is known who is here");
    heard(monitor, "b0", &person).await;
    heard(monitor, "b1", &person).await;
}

async fn room_is_counted(world: &World) {
    let file = world.home.path().join("data/rooms");
    let deadline = Instant::now() + PATIENCE;
    while !file.exists() {
        assert!(Instant::now() < deadline, "the room was not noticed");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Agents that name their sends after the message they answer use the same keys.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_of_two_agents_is_two_turns() {
    let world = world(3, &["b0", "b1", "b2"]).await;
    let monitor = world.monitor(&[]);
    monitor.connected(3).await;
    rooma(&world, "b0", &["send", "--chat", "lobby", "--text", "hello"]);
    room_is_counted(&world).await;
    let before = world.full_state().messages.unwrap().len();
    for number in 0..60 {
        let (profile, key) = (format!("b{}", number % 3), format!("answer-{}", number / 3));
        let words = format!("thought number {number} is about {}", number * 37);
        let arguments = ["send", "--chat", "lobby", "--text", &words, "--idempotency-key", &key];
        if rooma(&world, &profile, &arguments).0 == 6 {
            break;
        }
    }
    let bots = world.full_state().messages.unwrap();
    let spoken = bots[before..].iter().filter(|message| message.content.contains("thought")).count();
    monitor.terminate().await;
    assert!(spoken <= 10, "{spoken} messages of bots in a row");
}

/// An agent's harness gives its commands so long and no longer.
#[tokio::test(flavor = "multi_thread")]
async fn a_send_whose_verb_is_killed_over_it_is_relayed_if_it_was_posted() {
    let world = world(2, &["b0", "b1"]).await;
    allow_all_bots(&world, 2);
    let monitor = world.monitor(&[]);
    monitor.connected(2).await;
    introduced(&world, &monitor).await;
    let path = Some("/im/v1/messages".to_owned());
    let slow =
        Fault { app: Some("b0".into()), path, ms: Some(700), after: true, ..Fault::new(FaultKind::Slow) };
    world.sandbox.fault(slow).unwrap();
    let mut verb = world
        .command(&["--profile", "b0", "send", "--chat", "lobby", "--text", "half a send"])
        .spawn()
        .unwrap();
    let posted = || {
        let messages = world.full_state().messages.unwrap();
        messages.into_iter().find(|message| message.content.contains("half a send"))
    };
    let deadline = Instant::now() + PATIENCE;
    let id = loop {
        assert!(Instant::now() < deadline, "nothing was posted");
        if let Some(message) = posted() {
            break message.message_id;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    verb.kill().unwrap();
    verb.wait().unwrap();
    world.sandbox.fault(Fault::new(FaultKind::Clear)).unwrap();
    heard(&monitor, "b1", &id).await;
    monitor.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_whose_secret_is_mended_hears_what_was_said_meanwhile() {
    let world = world(2, &["b0", "b1"]).await;
    let apps = world.sandbox.apps();
    let (app_id, secret) = (apps[1].app_id.clone(), apps[1].app_secret.clone());
    let url = world.sandbox.base_url();
    world.write("profiles/b1.yaml", &format!(
        "transport: feishu\napp_id: {app_id}\napp_secret: {{file: b1.secret}}\nbase_url: {url}\nallow: {{bots: all}}\n"));
    world.write("b1.secret", &secret);
    // It has heard of the room before.
    let monitor = world.monitor(&[]);
    monitor.connected(2).await;
    introduced(&world, &monitor).await;
    monitor.terminate().await;
    std::fs::remove_file(world.home.path().join("b1.secret")).unwrap();
    let monitor = world.monitor(&["--since", "now"]);
    monitor.connected(1).await;
    monitor.count("rooma.parked", 1).await;
    let (code, said) = rooma(&world, "b0", &["send", "--chat", "lobby", "--text", "are you there?"]);
    assert_eq!(code, 0, "{said}");
    tokio::time::sleep(Duration::from_millis(2500)).await;
    world.write("b1.secret", &secret);
    monitor.connected(2).await;
    heard(&monitor, "b1", &text(&said, "message_id")).await;
    monitor.terminate().await;
}

/// One call that failed at the start, and for a day nobody tells b1 anything.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_chats_that_could_not_be_had_once_makes_nobody_deaf() {
    let world = world(2, &["b0", "b1"]).await;
    allow_all_bots(&world, 2);
    let path = Some("/im/v1/chats".to_owned());
    world
        .sandbox
        .fault(Fault { app: Some("b1".into()), path, status: Some(400), ..Fault::new(FaultKind::ApiError) })
        .unwrap();
    let monitor = world.monitor(&["-v"]);
    monitor.connected(2).await;
    until("it was asked for in vain", || monitor.stderr().contains("the list of chats cannot be had yet"))
        .await;
    world.sandbox.fault(Fault::new(FaultKind::Clear)).unwrap();
    let (code, said) =
        rooma(&world, "b0", &["send", "--chat", "lobby", "--text", "@b1 look", "--mention", "b1"]);
    assert_eq!(code, 0, "{said}");
    heard(&monitor, "b1", &text(&said, "message_id")).await;
    monitor.terminate().await;
}

/// Nobody reads what a stranger asks, and nobody may speak because of it.
#[tokio::test(flavor = "multi_thread")]
async fn what_may_wake_nobody_gives_the_floor_to_nobody() {
    let people = ["ann", "li"].map(str::to_owned).to_vec();
    let world = World::with(Options { chat_qps: None, people, ..options(3) }).await;
    world.write("config/contacts.yaml", &contacts(&world));
    world.write("config/rooms.yaml", "default: {floor: enforce, allow: {people: [ann]}}\n");
    let monitor = world.monitor(&[]);
    monitor.connected(3).await;
    let person = world.say("lobby", "so that it is known who is here");
    heard(&monitor, "b1", &person).await;
    let say = Say {
        chat: Some("lobby".into()),
        from: Some("li".into()),
        text: Some("@all be quiet".into()),
        mention: vec!["all".into()],
        ..Say::default()
    };
    let id = world.sandbox.say(say).unwrap().message_id;
    world.all_acked().await;
    counted(&world).await;
    assert!(messages_of(&monitor.lines(), "b1", &id).is_empty(), "it is held back");
    let (code, error) = rooma(&world, "b1", &["send", "--chat", "lobby", "--text", "hello ann"]);
    monitor.terminate().await;
    assert_eq!(code, 0, "a stranger that nobody listens to silences b1: {error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_told_of_a_pause_is_told_of_its_end_over_a_restart() {
    let world = world(2, &["b0", "b1"]).await;
    let monitor = world.monitor(&[]);
    monitor.connected(2).await;
    introduced(&world, &monitor).await;
    assert_eq!(rooma(&world, "b0", &["room", "pause", "--chat", "lobby", "--for", "8s"]).0, 0);
    monitor.count("rooma.room_paused", 2).await;
    until("it is noted who was told", || told_of(&world, "lobby").is_some()).await;
    monitor.kill().await;
    let paused = || rooma(&world, "b0", &["room", "status", "--chat", "lobby"]).1["paused"] == true;
    until("the end of the pause", || !paused()).await;
    let monitor = world.monitor(&["--since", "now"]);
    monitor.connected(2).await;
    // Two lines said paused.
    monitor.count("rooma.room_resumed", 2).await;
    until("it is noted that they were told", || told_of(&world, "lobby").is_none()).await;
    let after = world.say("lobby", "so it goes on");
    heard(&monitor, "b0", &after).await;
    let resumed = monitor.of_type("rooma.room_resumed").len();
    monitor.terminate().await;
    assert_eq!(resumed, 2, "each of them is told once");
}

/// A person says go on while the supervisor is away for longer than the platform's own redelivery is trusted.
#[tokio::test(flavor = "multi_thread")]
async fn a_person_s_word_during_an_outage_resumes_the_room() {
    let world = World::with(Options { chat_qps: None, redelivery: vec![], ..options(2) }).await;
    world.write("config/rooma.yaml", &format!("{QUICK}catchup: {{after: 1s}}\n"));
    let monitor = world.monitor(&[]);
    monitor.connected(2).await;
    rooma(&world, "b0", &["send", "--chat", "lobby", "--text", "hello"]);
    room_is_counted(&world).await;
    for number in 0..20 {
        let words = format!("thought number {number} is about {}", number * 37);
        if rooma(&world, &format!("b{}", number % 2), &["send", "--chat", "lobby", "--text", &words]).0 == 6 {
            break;
        }
    }
    monitor.count("rooma.room_paused", 2).await;
    monitor.terminate().await;
    let person = world.say("lobby", "go on, please");
    // An outage of less than a second is none.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let monitor = world.monitor(&["--since", "now"]);
    monitor.connected(2).await;
    heard(&monitor, "b0", &person).await;
    let paused = || rooma(&world, "b0", &["room", "status", "--chat", "lobby"]).1["paused"].clone();
    until("the room goes on", || paused() == Value::Bool(false)).await;
    monitor.terminate().await;
}

/// What a person said before the bots went on is no answer to what they said then.
#[tokio::test(flavor = "multi_thread")]
async fn a_word_that_comes_late_forgives_nothing_that_was_said_after_it() {
    let ack_deadline = Options::default().ack_deadline;
    let redelivery = vec![Duration::from_secs(3600)];
    let world = World::with(Options { ack_deadline, redelivery, ..options_of(2, &["b0", "b1"]) }).await;
    let monitor = world.monitor(&[]);
    monitor.connected(2).await;
    rooma(&world, "b0", &["send", "--chat", "lobby", "--text", "hello"]);
    room_is_counted(&world).await;
    // Its first delivery is lost, and the next one comes when it is asked for.
    for app in ["b0", "b1"] {
        let lost = Fault { app: Some(app.into()), count: Some(1), ..Fault::new(FaultKind::Deaf) };
        world.sandbox.fault(lost).unwrap();
    }
    let person = world.say("lobby", "what do you think?");
    let mut stopped = false;
    for number in 0..20 {
        let words = format!("thought number {number} is about {}", number * 37);
        stopped =
            rooma(&world, &format!("b{}", number % 2), &["send", "--chat", "lobby", "--text", &words]).0 == 6;
        if stopped {
            break;
        }
    }
    let was_late = messages_of(&monitor.lines(), "b0", &person).is_empty();
    until("the platform is to try again", || world.state().totals.timeouts == 2).await;
    let again = Redeliver { message_id: Some(person.clone()), ..Redeliver::default() };
    assert_eq!(world.sandbox.redeliver(again).unwrap().count, 2);
    heard(&monitor, "b0", &person).await;
    counted(&world).await;
    let (_, status) = rooma(&world, "b0", &["room", "status", "--chat", "lobby"]);
    monitor.terminate().await;
    assert!(stopped && was_late);
    // One of the ten was said before it.
    assert_eq!(status["turns"], 9, "{status}");
}

/// One app that does not answer could have all places of the relay.
#[tokio::test(flavor = "multi_thread")]
async fn one_app_that_does_not_answer_keeps_nobody_else_waiting() {
    // A machine may stand still until they are given up; not each time.
    let mut tries = 3;
    while !heard_before_anything_is_given_up().await {
        tries -= 1;
        assert!(tries > 0, "b2 hears the last word when calls for b1 are given up");
    }
}

async fn heard_before_anything_is_given_up() -> bool {
    let chats: Vec<String> = (0..20).map(|n| format!("room{n}")).collect();
    let scopes = ["b0", "b1", "b2"].map(|bot| {
        (bot.to_owned(), DEAF_TO_BOTS.iter().map(|scope| (*scope).to_owned()).collect::<Vec<_>>())
    });
    let world = World::with(Options { chat_qps: None, chats, scopes: scopes.into(), ..options(3) }).await;
    allow_all_bots(&world, 3);
    let monitor = world.monitor(&["-v"]);
    monitor.connected(3).await;
    for n in 0..20 {
        world.say(&format!("room{n}"), "so that it is known who is here");
    }
    monitor.count("message", 60).await;
    let stalled = Fault {
        app: Some("b1".into()),
        path: Some("/im/v1/messages/om_".into()),
        ..Fault::new(FaultKind::Stall)
    };
    world.sandbox.fault(Fault { at: Some(At::Rest), ..stalled }).unwrap();
    let mut last = String::new();
    for n in 0..20 {
        let (code, said) =
            rooma(&world, "b0", &["send", "--chat", &format!("room{n}"), "--text", &format!("word {n}")]);
        assert_eq!(code, 0, "{said}");
        last = text(&said, "message_id");
    }
    let given_up = || monitor.stderr().matches("not relayed yet").count();
    let before = given_up();
    heard(&monitor, "b2", &last).await;
    let in_time = given_up() == before;
    // So it reads when one is.
    until("one is given up", || given_up() > before).await;
    monitor.kill().await;
    in_time
}

/// Editors and `git checkout` take a file away before they put it back.
#[tokio::test(flavor = "multi_thread")]
async fn a_profile_that_is_away_for_a_moment_hears_what_it_is_owed() {
    let world = world(2, &["b0", "b1"]).await;
    allow_all_bots(&world, 2);
    let monitor = world.monitor(&[]);
    monitor.connected(2).await;
    introduced(&world, &monitor).await;
    let path = world.home.path().join("profiles/b1.yaml");
    let profile = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    monitor.count("rooma.stopped", 1).await;
    let (code, said) = rooma(&world, "b0", &["send", "--chat", "lobby", "--text", "are you there?"]);
    assert_eq!(code, 0, "{said}");
    tokio::time::sleep(Duration::from_millis(1500)).await;
    world.write("profiles/b1.yaml", &profile);
    monitor.connected(3).await;
    heard(&monitor, "b1", &text(&said, "message_id")).await;
    monitor.terminate().await;
}

/// A verb that was killed, or could not get through, right after it had paused the room.
#[tokio::test(flavor = "multi_thread")]
async fn a_pause_that_nobody_told_the_supervisor_of_is_noticed() {
    let world = world(2, &["b0", "b1"]).await;
    let monitor = world.monitor(&[]);
    monitor.connected(2).await;
    introduced(&world, &monitor).await;
    let socket = world.home.path().join("data/rooma.sock");
    std::fs::rename(&socket, socket.with_extension("away")).unwrap();
    let paused = rooma(&world, "b0", &["room", "pause", "--chat", "lobby"]).0;
    std::fs::rename(socket.with_extension("away"), &socket).unwrap();
    assert_eq!(paused, 0);
    monitor.count("rooma.room_paused", 2).await;
    let person = world.say("lobby", "is anybody there?");
    heard(&monitor, "b0", &person).await;
    tokio::time::sleep(Duration::from_millis(1000)).await;
    let lines = monitor.of_type("rooma.room_paused").len();
    let marked = messages_of(&monitor.lines(), "b0", &person)[0]["room"].clone();
    monitor.terminate().await;
    assert_eq!((lines, marked), (2, serde_json::json!({"paused": true})));
}

/// Pictures have no words, and so they are all the same.
#[tokio::test(flavor = "multi_thread")]
async fn three_pictures_are_no_loop() {
    let world = world(2, &[]).await;
    std::fs::remove_file(world.home.path().join("profiles/b1.yaml")).unwrap();
    allow_all_bots(&world, 1);
    let monitor = world.monitor(&[]);
    monitor.connected(1).await;
    for _ in 0..3 {
        let say = Say { chat: Some("lobby".into()), from: Some("b1".into()), image: true, ..Say::default() };
        let id = world.sandbox.say(say).unwrap().message_id;
        heard(&monitor, "b0", &id).await;
    }
    counted(&world).await;
    let (_, status) = rooma(&world, "b0", &["room", "status", "--chat", "lobby"]);
    let content = text(
        messages_of(&monitor.lines(), "b0", &text(&monitor.of_type("message")[0], "message_id"))[0],
        "content",
    );
    monitor.terminate().await;
    assert_eq!(status["paused"], Value::Bool(false), "{status} {content}");
}

fn ask_all(world: &World, question: &str) -> String {
    let say = Say {
        chat: Some("lobby".into()),
        text: Some(format!("@all {question}")),
        mention: vec!["all".into()],
        ..Say::default()
    };
    world.sandbox.say(say).unwrap().message_id
}

const ENFORCED: &str = "default: {floor: enforce, loop_guard: {turns: 1000, per_minute: 1000}}\n";

/// An agent that answers as soon as it reads the line.
#[tokio::test(flavor = "multi_thread")]
async fn the_floor_is_held_from_the_moment_its_line_is_read() {
    let world = world(3, &[]).await;
    world.write("config/rooms.yaml", ENFORCED);
    let monitor = world.monitor(&[]);
    monitor.connected(3).await;
    let person = world.say("lobby", "so that it is known who is here");
    for profile in ["b0", "b1", "b2"] {
        heard(&monitor, profile, &person).await;
    }
    let mut let_through = 0;
    for number in 0..10 {
        let id = ask_all(&world, &format!("question {number}"));
        heard(&monitor, "b1", &id).await;
        let words = format!("an answer to {number} about {}", number * 37);
        let_through += i32::from(rooma(&world, "b1", &["send", "--chat", "lobby", "--text", &words]).0 == 0);
    }
    monitor.terminate().await;
    assert_eq!(let_through, 0, "of ten");
}

/// The supervisor comes to no line, as where a disk holds it up; the verbs count what they answer, and it counts nothing
/// of that again.
#[tokio::test(flavor = "multi_thread")]
async fn the_floor_is_held_also_while_the_supervisor_counts_nothing() {
    let world = world(3, &[]).await;
    world.write("config/rooms.yaml", ENFORCED);
    let stuck = world.home.path().join("stuck");
    let fault = format!("rooms:{}", stuck.display());
    let monitor = Monitor::spawn(world.command(&["monitor"]).env("ROOMA_FAIL_WHILE", fault));
    monitor.connected(3).await;
    let person = world.say("lobby", "so that it is known who is here");
    for profile in ["b0", "b1", "b2"] {
        heard(&monitor, profile, &person).await;
    }
    counted(&world).await;
    std::fs::write(&stuck, "").unwrap();
    let send =
        |profile: &str, words: &str| rooma(&world, profile, &["send", "--chat", "lobby", "--text", words]);
    let floor = || rooma(&world, "b0", &["floor", "status", "--chat", "lobby"]).1["floor"].clone();
    for number in 0..2 {
        let id = ask_all(&world, &format!("question {number}"));
        for profile in ["b0", "b1", "b2"] {
            heard(&monitor, profile, &id).await;
        }
        // The file is as it was left: nobody has counted the question.
        assert_ne!(floor()["message_id"], id.as_str());
        let (code, refused) = send("b1", "me first");
        assert_eq!((code, text(&refused["error"], "subtype").as_str()), (6, "floor"), "{refused}");
        assert_eq!((&floor()["message_id"], &floor()["holder"]), (&id.into(), &"b0".into()));
        for profile in ["b0", "b1"] {
            let (code, said) = send(profile, &format!("{profile} answers {number}"));
            assert_eq!(code, 0, "{said}");
        }
    }
    let (turns, left) =
        (rooma(&world, "b0", &["room", "status", "--chat", "lobby"]).1["turns"].clone(), floor());
    std::fs::remove_file(&stuck).unwrap();
    // It reads on with the next line, of whatever chat.
    world.tell("b0", "are you well?");
    counted(&world).await;
    assert_eq!(turns, 2, "since the person's last question");
    assert_eq!(rooma(&world, "b0", &["room", "status", "--chat", "lobby"]).1["turns"], turns);
    assert_eq!(floor(), left);
    monitor.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shift_says_nothing_into_a_room_that_a_person_has_stopped() {
    let world = world(2, &[]).await;
    let monitor = world.monitor(&[]);
    monitor.connected(2).await;
    assert_eq!(rooma(&world, "b0", &["room", "pause", "--chat", "lobby"]).0, 0);
    let words = ["--greeting-text", "here I am", "--farewell-text", "bye"];
    let arguments = [&["session", "set", "--chat", "lobby", "--owner", "none"], words.as_slice()].concat();
    rooma(&world, "b0", &arguments);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let messages = world.full_state().messages.unwrap();
    monitor.terminate().await;
    assert!(!messages.iter().any(|message| message.content.contains("here I am")));
}

/// Resumed and stopped anew between two looks of the supervisor.
#[tokio::test(flavor = "multi_thread")]
async fn a_pause_again_is_told_of_again() {
    let world = world(2, &["b0", "b1"]).await;
    let monitor = world.monitor(&[]);
    monitor.connected(2).await;
    introduced(&world, &monitor).await;
    rooma(&world, "b0", &["room", "pause", "--chat", "lobby", "--for", "1h"]);
    monitor.count("rooma.room_paused", 2).await;
    // Resumed and stopped again while the supervisor is busy elsewhere.
    let socket = world.home.path().join("data/rooma.sock");
    stopped_without_the_room(&monitor, || {
        std::fs::rename(&socket, socket.with_extension("away")).unwrap();
        let resumed = rooma(&world, "b0", &["room", "resume", "--chat", "lobby"]).0;
        if resumed == 0 {
            assert_eq!(rooma(&world, "b0", &["room", "pause", "--chat", "lobby", "--for", "2h"]).0, 0);
        }
        std::fs::rename(socket.with_extension("away"), &socket).unwrap();
        assert!(resumed == 0 || resumed == STORAGE, "{resumed}");
        (resumed == 0).then_some(())
    })
    .await;
    monitor.count("rooma.room_paused", 4).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let lines = monitor.of_type("rooma.room_paused");
    monitor.terminate().await;
    assert_eq!(lines.len(), 4, "the agents know of a pause that ends an hour earlier: {lines:?}");
}

/// One message that the platform cannot show to b1, and all that follows it.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_cannot_be_read_holds_up_the_next_for_a_while_only() {
    let world = world(2, &["b0", "b1"]).await;
    allow_all_bots(&world, 2);
    let monitor = world.monitor(&[]);
    monitor.connected(2).await;
    introduced(&world, &monitor).await;
    let broken = |path: String| Fault {
        app: Some("b1".into()),
        path: Some(path),
        status: Some(500),
        ..Fault::new(FaultKind::Error5xx)
    };
    world.sandbox.fault(broken("/im/v1/messages/om_".to_owned())).unwrap();
    let send = |words: &str| {
        text(&rooma(&world, "b0", &["send", "--chat", "lobby", "--text", words]).1, "message_id")
    };
    let first = send("the one");
    world.sandbox.fault(broken(format!("/im/v1/messages/{first}"))).unwrap();
    let second = send("the other");
    world.sandbox.fault(Fault::new(FaultKind::Clear)).unwrap();
    world.sandbox.fault(broken(format!("/im/v1/messages/{first}"))).unwrap();
    // It could wait behind the first one for as long as catching up goes: a day.
    heard(&monitor, "b1", &second).await;
    monitor.kill().await;
}
