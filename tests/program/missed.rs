//! What is said while a profile is away or deaf.

#![allow(clippy::print_stdout, reason = "figures are for people")]

use std::collections::BTreeMap;
use std::time::Duration;

use rooma::clock::Clock;
use rooma::journal::Reader;
use rooma::sandbox::{Fault, FaultKind, Options, Say};
use serde_json::Value;

use crate::support::{QUICK, World, options, redelivering, text, until};

/// A platform that delivers nothing a second time: what was missed is fetched or lost.
async fn forgetful(bots: usize, extra: &str) -> World {
    let mut options = Options { redelivery: Vec::new(), chat_qps: None, ..options(bots) };
    options.client_config.ping_interval = 1;
    let world = World::with(options).await;
    world.write("config/rooma.yaml", &format!("{QUICK}{extra}"));
    world
}

fn say(world: &World, say: Say) -> String {
    world.sandbox.say(say).unwrap().message_id
}

/// How often each message was read.
fn read(lines: &[Value]) -> BTreeMap<String, usize> {
    let mut read = BTreeMap::new();
    for line in lines.iter().filter(|line| line["type"] == "message") {
        *read.entry(text(line, "message_id")).or_default() += 1;
    }
    read
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_while_nobody_listened_is_fetched_once_and_in_order() {
    let world = forgetful(2, "catchup: {after: 500ms}\n").await;
    let monitor = world.monitor(&[]);
    monitor.connected(2).await;
    let root = world.say("lobby", "before");
    world.tell("b0", "a word in private");
    monitor.count("message", 3).await;
    monitor.terminate().await;

    tokio::time::sleep(Duration::from_millis(700)).await;
    let mut missed: Vec<String> =
        (0..5).map(|number| world.say("lobby", &format!("missed {number}"))).collect();
    let mention = Say {
        chat: Some("workshop".into()),
        text: Some("@b0 are you there?".into()),
        mention: vec!["b0".into()],
        ..Say::default()
    };
    missed.push(say(&world, mention));
    let answer = Say {
        text: Some("in a thread".into()),
        reply_to: Some(missed[0].clone()),
        in_thread: true,
        ..Say::default()
    };
    missed.push(say(&world, answer));
    let private = world.tell("b0", "another word in private");
    // A bot's words to nobody in particular reach no other bot without a scope of their own.
    let peer = Say {
        chat: Some("lobby".into()),
        from: Some("b1".into()),
        text: Some("a bot's".into()),
        ..Say::default()
    };
    let own = Say { from: Some("b0".into()), ..peer.clone() };
    say(&world, peer);
    say(&world, own);

    let again = world.monitor(&["--profile", "b0"]);
    again
        .wait("all of it", |lines| {
            let read = read(lines);
            missed.iter().chain([&private]).all(|id| read.contains_key(id))
        })
        .await;
    again
        .wait("the sums", |lines| lines.iter().filter(|line| line["type"] == "rooma.catchup").count() >= 3)
        .await;
    let after = world.say("lobby", "after");
    again.wait("what comes now", |lines| read(lines).contains_key(&after)).await;
    let (lines, _) = again.terminate().await;

    let read = read(&lines);
    assert!(read.values().all(|count| *count == 1), "{read:?}");
    assert_eq!(read.len(), missed.len() + 2, "{read:?}: no bot's words, none twice, not {root}");
    let line = |id: &str| lines.iter().find(|line| line["message_id"] == *id).unwrap();
    assert!(missed.iter().all(|id| line(id)["replayed"] == true));
    assert!(line(&after)["replayed"].is_null());
    let contents: Vec<String> = lines
        .iter()
        .filter(|line| text(line, "content").starts_with("missed"))
        .map(|line| text(line, "content"))
        .collect();
    assert_eq!(contents, (0..5).map(|number| format!("missed {number}")).collect::<Vec<_>>());
    assert_eq!(line(&missed[5])["mentioned"], true);
    assert_eq!(
        (text(line(&private), "chat_type"), &line(&private)["mentioned"]),
        ("p2p".into(), &Value::Bool(true))
    );
    let sums: Vec<u64> = lines
        .iter()
        .filter(|line| line["type"] == "rooma.catchup")
        .map(|line| line["count"].as_u64().unwrap())
        .collect();
    assert_eq!((sums.len(), sums.iter().sum::<u64>()), (3, 8), "{sums:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_platform_delivers_again_after_catching_up_is_one_line() {
    let options =
        Options { redelivery: vec![Duration::from_millis(800); 100], chat_qps: None, ..redelivering(1) };
    let world = World::with(options).await;
    world.write("config/rooma.yaml", &format!("{QUICK}catchup: {{after: 300ms}}\n"));
    let monitor = world.monitor(&[]);
    monitor.connected(1).await;
    world.say("lobby", "before");
    monitor.count("message", 1).await;
    monitor.kill().await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let missed: Vec<String> = (0..20).map(|number| world.say("lobby", &format!("{number}"))).collect();
    let again = world.monitor(&[]);
    again.wait("all of it", |lines| missed.iter().all(|id| read(lines).contains_key(id))).await;
    world.all_acked().await;
    let (lines, _) = again.terminate().await;
    assert!(read(&lines).values().all(|count| *count == 1), "{:?}", read(&lines));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bound_that_cuts_says_what_it_cut() {
    let world = forgetful(1, "catchup: {after: 300ms, per_chat: 3, total: 4}\n").await;
    let monitor = world.monitor(&[]);
    monitor.connected(1).await;
    world.say("lobby", "before");
    monitor.count("message", 1).await;
    monitor.terminate().await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    for number in 0..6 {
        world.say("lobby", &format!("lobby {number}"));
        world.say("workshop", &format!("workshop {number}"));
    }
    let again = world.monitor(&[]);
    again.count("rooma.catchup", 2).await;
    let (lines, _) = again.terminate().await;
    let sums: Vec<(u64, String)> = lines
        .iter()
        .filter(|line| line["type"] == "rooma.catchup")
        .map(|line| (line["count"].as_u64().unwrap(), text(line, "cut")))
        .collect();
    assert_eq!(sums, [(3, "per_chat".into()), (1, "total".into())]);
    let contents: Vec<String> = lines
        .iter()
        .filter(|line| line["replayed"] == true && line["type"] == "message")
        .map(|line| text(line, "content"))
        .collect();
    assert_eq!(contents, ["lobby 3", "lobby 4", "lobby 5", "workshop 5"], "the newest are kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deaf_connection_is_noticed_replaced_and_caught_up_with() {
    deaf_for_1500_ms().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a figure, of a machine that does nothing else"]
async fn a_deaf_connection_is_noticed_within_its_bound_and_a_look() {
    let noticed = deaf_for_1500_ms().await;
    println!("deaf, with a bound of 1.5 s: noticed after {noticed:?}");
    // The bound, and a look every half of it.
    assert!(noticed < Duration::from_millis(1500 + 750 + 2000), "{noticed:?}");
}

/// How long it took until that was noticed.
async fn deaf_for_1500_ms() -> Duration {
    let world = forgetful(1, "deaf: {quiet_after: 1500ms}\n").await;
    let monitor = world.monitor(&[]);
    monitor.connected(1).await;
    world.say("lobby", "heard");
    monitor.count("message", 1).await;
    // Pings are answered all the while.
    world.sandbox.fault(Fault { count: Some(3), ..Fault::new(FaultKind::Deaf) }).unwrap();
    let unheard: Vec<String> =
        (0..3).map(|number| world.say("lobby", &format!("unheard {number}"))).collect();
    let deaf = tokio::time::Instant::now();
    monitor.count("rooma.deaf", 1).await;
    let noticed = deaf.elapsed();
    monitor.wait("all of it", |lines| unheard.iter().all(|id| read(lines).contains_key(id))).await;
    monitor.connected(2).await;
    let after = world.say("lobby", "heard again");
    monitor.wait("what comes now", |lines| read(lines).contains_key(&after)).await;
    let (lines, _) = monitor.terminate().await;
    assert!(read(&lines).values().all(|count| *count == 1), "{:?}", read(&lines));
    let ends: Vec<String> = lines
        .iter()
        .filter(|line| line["type"] == "rooma.disconnected")
        .map(|line| text(line, "reason"))
        .collect();
    assert_eq!(ends, ["deaf"]);
    assert_eq!(lines.iter().filter(|line| line["type"] == "rooma.deaf").count(), 1);
    noticed
}

/// A connection that answered and brought nothing, and was lost before that was noticed.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_deaf_connection_missed_before_it_was_lost_is_fetched() {
    for killed in [false, true] {
        let mut tries = 5;
        while !deaf_and_lost(killed).await {
            tries -= 1;
            assert!(tries > 0, "it was noticed first each time; killed: {killed}");
        }
    }
}

/// False where the machine stood still until the connection was known to be deaf.
async fn deaf_and_lost(killed: bool) -> bool {
    const QUIET_AFTER_MS: i64 = 6000;
    let world = forgetful(1, &format!("deaf: {{quiet_after: {QUIET_AFTER_MS}ms}}\n")).await;
    let mut monitor = world.monitor(&[]);
    monitor.connected(1).await;
    world.say("lobby", "heard");
    monitor.count("message", 1).await;
    world.sandbox.fault(Fault { count: Some(3), ..Fault::new(FaultKind::Deaf) }).unwrap();
    let unheard = world.say("lobby", "unheard");
    // By then it is old enough not to be on its way, and it is noted that its connection has answered since.
    let answered = Clock::system().wall_ms() + QUIET_AFTER_MS / 4;
    until("it is noted", || {
        let noted = Reader::open(&world.journal()).unwrap().heard_to("b0").unwrap();
        noted.is_some_and(|noted| noted > answered) || !monitor.of_type("rooma.deaf").is_empty()
    })
    .await;
    if killed {
        monitor.kill().await;
        monitor = world.monitor(&["--since", "now"]);
    } else {
        world.sandbox.fault(Fault::new(FaultKind::Drop)).unwrap();
    }
    monitor.wait("what was unheard", |lines| read(lines).contains_key(&unheard)).await;
    // Said once the messages are safe, which is a moment after they can be read.
    monitor.count("rooma.catchup", 1).await;
    let (lines, _) = monitor.terminate().await;
    assert!(read(&lines).values().all(|count| *count == 1), "{:?}", read(&lines));
    assert_eq!(lines.iter().filter(|line| line["type"] == "rooma.catchup").count(), 1);
    lines.iter().all(|line| line["type"] != "rooma.deaf")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_that_is_only_quiet_is_not_taken_for_a_deaf_connection() {
    let world = forgetful(2, "deaf: {quiet_after: 600ms}\n").await;
    let monitor = world.monitor(&["--profile", "b0"]);
    monitor.connected(1).await;
    world.say("lobby", "heard");
    monitor.count("message", 1).await;
    // Neither a bot's words nor its own are pushed to it.
    for bot in ["b0", "b1"] {
        let words = Say {
            chat: Some("lobby".into()),
            from: Some(bot.into()),
            text: Some("x".into()),
            ..Say::default()
        };
        say(&world, words);
    }
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let (lines, _) = monitor.terminate().await;
    assert_eq!(lines.iter().filter(|line| line["type"] == "rooma.deaf").count(), 0);
    assert_eq!(lines.iter().filter(|line| line["type"] == "rooma.disconnected").count(), 0);
}

/// The suspicion that a connection is wrongly taken for deaf ends with the first word it brings.
#[tokio::test(flavor = "multi_thread")]
async fn a_deaf_connection_is_noticed_as_soon_the_fourth_time() {
    const ROUNDS: usize = 4;
    let world = forgetful(2, "deaf: {quiet_after: 1500ms}\n").await;
    let monitor = world.monitor(&[]);
    for round in 1..=ROUNDS {
        monitor
            .wait("both", |lines| ["b0", "b1"].iter().all(|app| of(lines, "rooma.connected", app) > 0))
            .await;
        monitor.wait("it again", |lines| of(lines, "rooma.connected", "b0") >= round).await;
        let heard = world.say("lobby", &format!("heard {round}"));
        monitor.wait("what is pushed", |lines| read(lines).get(&heard) == Some(&2)).await;
        deafen(&world, "b0");
        if round == ROUNDS {
            deafen(&world, "b1");
        }
        let unheard = world.say("lobby", &format!("unheard {round}"));
        let deaf = tokio::time::Instant::now();
        let fourth = async {
            monitor.wait("it is noticed", |lines| of(lines, "rooma.deaf", "b0") >= round).await;
            deaf.elapsed()
        };
        if round < ROUNDS {
            fourth.await;
        } else {
            // The other one is deaf for the first time. A suspicion that grew would take eight times as long.
            let first = async {
                monitor.wait("the other's", |lines| of(lines, "rooma.deaf", "b1") > 0).await;
                deaf.elapsed()
            };
            let (fourth, first) = tokio::join!(fourth, first);
            assert!(fourth < 4 * first, "{fourth:?}, and the other {first:?}");
        }
        monitor.wait("what was fetched", |lines| read(lines).get(&unheard) == Some(&2)).await;
    }
    monitor.terminate().await;
}

fn of(lines: &[Value], type_name: &str, profile: &str) -> usize {
    lines.iter().filter(|line| line["type"] == *type_name && line["profile"] == *profile).count()
}

fn deafen(world: &World, app: &str) {
    let fault = Fault { app: Some(app.into()), count: Some(1), ..Fault::new(FaultKind::Deaf) };
    world.sandbox.fault(fault).unwrap();
}
