//! A wall clock that jumps while everything runs.

use std::time::Duration;

use rooma::sandbox::{Fault, FaultKind, Options};

use crate::support::{Monitor, QUICK, World, options, text};

const DAY_MS: i64 = 24 * 3600 * 1000;

fn set(world: &World, offset_ms: i64) {
    world.write("offset", &offset_ms.to_string());
}

fn monitor(world: &World) -> Monitor {
    let file = world.home.path().join("offset");
    Monitor::spawn(world.command(&["monitor"]).env("ROOMA_CLOCK_OFFSET", file))
}

/// Forward by more than lines are kept, back to before they were written, and right again.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_loses_and_doubles_nothing() {
    let world = World::redelivering(1).await;
    let monitor = monitor(&world);
    monitor.connected(1).await;
    let mut said = 0;
    for offset in [0, 9 * DAY_MS, -2 * DAY_MS, 0, -365 * DAY_MS, 30 * DAY_MS] {
        set(&world, offset);
        for number in 0..5 {
            world.say("lobby", &format!("at {offset}: {number}"));
            said += 1;
        }
        world.all_acked().await;
        monitor.count("message", said).await;
        // What is delivered again is known, whatever the time.
        let again = rooma::sandbox::Redeliver { acked: true, ..Default::default() };
        assert!(world.sandbox.redeliver(again).unwrap().count >= said);
        world.all_acked().await;
    }
    let (lines, _) = monitor.terminate().await;
    assert_eq!(lines.iter().filter(|line| line["type"] == "message").count(), said);
    assert_eq!(lines.iter().filter(|line| line["type"] == "rooma.gap").count(), 0);
    let seqs: Vec<u64> = lines.iter().map(crate::support::seq).collect();
    assert!(seqs.windows(2).all(|pair| pair[0] < pair[1]), "{seqs:?}");
}

/// What the clock said once must not keep anybody from looking into silence.
#[tokio::test(flavor = "multi_thread")]
async fn a_deaf_connection_is_noticed_after_the_clock_was_set_back() {
    let options = Options { redelivery: Vec::new(), chat_qps: None, ..options(1) };
    let world = World::with(options).await;
    world.write("config/rooma.yaml", &format!("{QUICK}deaf: {{quiet_after: 1500ms}}\n"));
    set(&world, DAY_MS);
    let monitor = monitor(&world);
    monitor.connected(1).await;
    world.say("lobby", "heard");
    monitor.count("message", 1).await;
    set(&world, 0);
    tokio::time::sleep(Duration::from_millis(100)).await;
    world.sandbox.fault(Fault { count: Some(1), ..Fault::new(FaultKind::Deaf) }).unwrap();
    world.say("lobby", "unheard");
    monitor.count("rooma.deaf", 1).await;
    monitor
        .wait("what was missed", |lines| lines.iter().any(|line| text(line, "content") == "unheard"))
        .await;
    monitor.terminate().await;
}
