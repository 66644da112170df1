//! A reader that does not read while events arrive: that costs disk.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::Duration;

use rooma::sandbox::Options;
use serde_json::Value;
use tokio::time::Instant;

use super::{Feed, world};
use crate::support::{PATIENCE, options, output, redelivering, seq};

/// Before the measurement, so that caches are as large as they get.
const WARM_UP: usize = 5_000;
const GROWTH_MAX_KIB: u64 = 8 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_watch_costs_no_memory() {
    stall(options(1), 15_000, Duration::from_secs(3)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the figure in full: five minutes"]
async fn a_watch_stalled_for_5_minutes_while_100_000_events_arrive() {
    // Here the platform waits no longer than it really does.
    stall(redelivering(1), 100_000, Duration::from_secs(300)).await;
}

async fn stall(options: Options, events: usize, duration: Duration) {
    let (world, sandbox) = world(options).await;
    let (code, stdout, stderr) = output(&mut world.command(&["up"]));
    assert_eq!(code, 0, "{stderr}");
    let status: Value = serde_json::from_str(&stdout).unwrap();
    let pid = u32::try_from(status["pid"].as_u64().unwrap()).unwrap();
    let mut watch = world.command(&["watch", "--since", "start"]);
    let mut watch = watch.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let warm_up = Feed { events: WARM_UP, chunk: 1000, every: Duration::from_millis(20) };
    warm_up.start(std::sync::Arc::clone(&sandbox)).await.unwrap();
    world.all_acked().await;

    let before = (memory(pid), memory(watch.id()));
    let start = Instant::now();
    let chunks = u32::try_from(events / 100).unwrap();
    let feeder = Feed { events, chunk: 100, every: duration / chunks }.start(sandbox);
    let mut most = before;
    while !feeder.is_finished() || start.elapsed() < duration {
        most = (most.0.max(memory(pid)), most.1.max(memory(watch.id())));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let stalled = start.elapsed();
    let state = world.all_acked().await;
    let grown = (most.0 - before.0, most.1 - before.1);
    assert_eq!(state.totals.acked, (WARM_UP + events) as u64);
    assert_eq!(state.totals.timeouts, 0, "acknowledged late: {:?}", state.totals);
    assert!(grown.0 < GROWTH_MAX_KIB, "the supervisor grew by {} KiB", grown.0);
    assert!(grown.1 < GROWTH_MAX_KIB, "the watch grew by {} KiB", grown.1);

    read_all(&mut watch, WARM_UP + events).await;
    println!(
        "stalled for {stalled:?}, {events} events acknowledged in at most {:.1} ms, all read afterwards; \
         supervisor {} KiB + {}, watch {} KiB + {}",
        state.totals.ack_max_ms, before.0, grown.0, before.1, grown.1
    );
    watch.kill().unwrap();
    watch.wait().unwrap();
    assert_eq!(output(&mut world.command(&["down"])).0, 0);
}

/// It reads again: each message once, in order.
async fn read_all(watch: &mut Child, messages: usize) {
    let stdout = watch.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        let lines = BufReader::new(stdout).lines();
        let lines = lines.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
        lines
            .filter(|line| line["type"] == "message")
            .map(|line| seq(&line))
            .take(messages)
            .collect::<Vec<_>>()
    });
    let deadline = Instant::now() + PATIENCE;
    while !reader.is_finished() {
        assert!(Instant::now() < deadline, "not everything arrived");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let seqs = reader.join().unwrap();
    assert_eq!(seqs.len(), messages);
    assert!(seqs.windows(2).all(|pair| pair[0] < pair[1]));
}

/// Resident, in KiB.
fn memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
