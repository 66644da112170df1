//! A disk that takes what is written and cannot say that it is safe.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use rooma::sandbox::{Burst, Options};

use super::{Switch, until};
use crate::support::{Monitor, World, options};

/// More lines than positions are reserved for.
const EVENTS: usize = 12_000;

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_synced_is_not_acknowledged_until_it_can() {
    let slower = vec![Duration::from_millis(500); 250];
    // The platform waits for each answer, however busy the machine is.
    let world = World::with(Options { redelivery: slower, chat_qps: None, ..options(1) }).await;
    let switch = Switch::new(&world, "journal.sync");
    // Nobody reads: a cursor that moves would ask for a sync as well.
    let mut command = world.command(&["monitor", "--detached"]);
    let mut monitor = Monitor::spawn(switch.arm(command.stdin(Stdio::null())));
    until(|| world.state().apps[0].connections == 1, || monitor.stderr()).await;
    world.say("lobby", "before");
    world.all_acked().await;
    switch.on();
    let (sandbox, count) = (Arc::clone(&world.sandbox), EVENTS);
    let burst = Burst { chat: Some("lobby".into()), count, ..Burst::default() };
    let feeder = tokio::spawn(async move { sandbox.burst(burst).await.unwrap() });
    until(|| world.state().totals.refused > 4000, || format!("{:?}", world.state().totals)).await;
    until(|| monitor.stderr().contains("the journal cannot be written"), || monitor.stderr()).await;
    assert_eq!(world.state().totals.acked, 1, "acknowledged and not safe");
    assert!(monitor.stderr().contains("the journal cannot be synced"), "{}", monitor.stderr());
    switch.off();
    feeder.await.unwrap();
    world.all_acked().await;
    monitor.signal(rustix::process::Signal::TERM);
    assert_eq!(monitor.ended().await.code(), Some(0));
    let (_, stderr) = monitor.finish();
    assert!(stderr.lines().count() < 40, "told again and again:\n{stderr}");
    let journal = rusqlite::Connection::open(world.journal()).unwrap();
    let lines = "SELECT count(*) FROM line WHERE type = 'message'";
    let lines: usize = journal.query_row(lines, [], |row| row.get(0)).unwrap();
    assert_eq!(lines, EVENTS + 1);
}
