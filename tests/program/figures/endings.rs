//! How long an end takes that somebody asked for.

use std::process::{Child, Stdio};
use std::time::Duration;

use rooma::sandbox::{Burst, Options};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::Instant;

use crate::support::{World, ended, options, output};

/// What is promised; a platform that stops a service waits longer.
const WITHIN: Duration = Duration::from_secs(5);
const EVENTS: usize = 5000;

/// A reader that does not read, in front of more than a pipe holds.
async fn stalled(world: &World, arguments: &[&str]) -> Child {
    let mut command = world.command(arguments);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    while world.state().apps[0].connections == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let burst = Burst { chat: Some("lobby".into()), count: EVENTS, wait_acked: true, ..Burst::default() };
    world.sandbox.burst(burst).await.unwrap();
    // It has filled what it can.
    tokio::time::sleep(Duration::from_secs(1)).await;
    child
}

/// How long it goes on once it is asked to end.
async fn end(what: &str, mut child: Child) -> Duration {
    let began = Instant::now();
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(ended(&mut child, String::new).await.code(), Some(0));
    let took = began.elapsed();
    println!("{what}: {took:?}");
    took
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a figure, of a machine that does nothing else"]
async fn from_sigterm_to_the_end_of_a_supervisor() {
    for bots in [1, 20] {
        let world = World::with(Options { chat_qps: None, ..options(bots) }).await;
        let monitor = world.monitor(&[]);
        monitor.connected(bots).await;
        let began = Instant::now();
        monitor.terminate().await;
        let took = began.elapsed();
        println!("{bots} profiles, all read: {took:?}");
        assert!(took < WITHIN, "{took:?}");
    }
    let world = World::with(Options { chat_qps: None, ..options(1) }).await;
    let child = stalled(&world, &["monitor"]).await;
    assert!(end("a reader that stalls", child).await < WITHIN);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a figure, of a machine that does nothing else"]
async fn from_sigterm_to_the_end_of_a_watch_whose_reader_stalls() {
    let world = World::with(Options { chat_qps: None, ..options(1) }).await;
    assert_eq!(output(&mut world.command(&["up"])).0, 0);
    for more in [&[][..], &["--jq", "."], &["--brief", "--pace", "off"]] {
        let arguments = [&["watch", "--since", "start"][..], more].concat();
        let child = stalled(&world, &arguments).await;
        assert!(end(&format!("{arguments:?}"), child).await < WITHIN);
    }
    // The deadline is its own; the reader is no reason to go on.
    let began = Instant::now();
    let mut child = stalled(&world, &["watch", "--since", "start", "--for", "1s"]).await;
    assert_eq!(ended(&mut child, String::new).await.code(), Some(0));
    let took = began.elapsed();
    println!("--for 1s: {took:?}");
    assert!(took < Duration::from_secs(1) + WITHIN, "{took:?}");
    assert_eq!(output(&mut world.command(&["down"])).0, 0);
}
