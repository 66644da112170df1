//! A supervisor that is killed and started again at random while events arrive.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::{Feed, world};
use crate::random::Random;
use crate::support::{Monitor, PATIENCE, World, output, redelivering, seq, text};

#[tokio::test(flavor = "multi_thread")]
async fn a_supervisor_killed_again_and_again_loses_and_doubles_nothing() {
    kill_supervisors(10, 4_000).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the figure in full: half a minute"]
async fn a_supervisor_killed_50_times_during_20_000_events() {
    kill_supervisors(50, 20_000).await;
}

async fn kill_supervisors(kills: usize, events: usize) {
    let mut random = Random::new("kills of supervisors");
    let (world, sandbox) = world(redelivering(1)).await;
    let mut supervisor = start(&world);
    // A watch that comes before the supervisor ends at once.
    while output(&mut world.command(&["status", "--require"])).0 != 0 {}
    let watch = Monitor::spawn(&mut world.command(&["watch", "--since", "start"]));
    watch.connected(1).await;

    let began = Instant::now();
    let every = Duration::from_millis(400 * kills as u64 * 20 / events as u64);
    let feeder = Feed { events, chunk: 20, every }.start(sandbox);
    for _ in 0..kills {
        tokio::time::sleep(Duration::from_millis(50) + random.millis(500)).await;
        supervisor.kill().unwrap();
        supervisor.wait().unwrap();
        supervisor = start(&world);
    }
    feeder.await.unwrap();
    let state = world.all_acked().await;
    assert_eq!((state.totals.events, state.totals.acked), (events as u64, events as u64));

    let deadline = Instant::now() + PATIENCE;
    while watch.of_type("message").len() < events {
        assert!(Instant::now() < deadline, "{} of {events}", watch.of_type("message").len());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (lines, _) = watch.terminate().await;
    let gone = lines.iter().filter(|line| line["type"] == "rooma.supervisor_gone").count();
    let read = once(&lines, events);
    // A second reader, from the start, agrees.
    let audit = Monitor::spawn(&mut world.command(&["watch", "--cursor", "audit", "--since", "start"]));
    audit.wait("all messages", |lines| of(lines, "message").count() >= events).await;
    let (again, _) = audit.terminate().await;
    assert_eq!(once(&again, events), read);
    println!(
        "{kills} kills, noticed {gone} times, {events} events: lost 0, twice 0, {} deliveries, {:?}",
        state.totals.attempts,
        began.elapsed()
    );
    assert_eq!(output(&mut world.command(&["down"])).0, 0);
    supervisor.wait().unwrap();
}

/// A child of the test, so that its end is known.
fn start(world: &World) -> Child {
    world.command(&["monitor", "--detached"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn of<'a>(lines: &'a [Value], type_name: &'a str) -> impl Iterator<Item = &'a Value> {
    lines.iter().filter(move |line| line["type"] == type_name)
}

/// Position of each message, each read once, in order.
fn once(lines: &[Value], events: usize) -> BTreeMap<String, u64> {
    let journalled: Vec<u64> =
        lines.iter().filter(|line| line["type"] != "rooma.supervisor_gone").map(seq).collect();
    assert!(journalled.windows(2).all(|pair| pair[0] < pair[1]), "a line came twice");
    let messages: BTreeMap<String, u64> =
        of(lines, "message").map(|line| (text(line, "message_id"), seq(line))).collect();
    assert_eq!((messages.len(), of(lines, "message").count()), (events, events));
    assert_eq!(messages.values().collect::<BTreeSet<_>>().len(), events);
    messages
}
