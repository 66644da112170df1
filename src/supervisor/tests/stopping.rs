//! Stopping, once and twice.

use super::*;
use crate::supervisor::Ask;

#[tokio::test(start_paused = true)]
async fn stopping_waits_for_connections_but_not_for_ever() {
    let (polite, _) = seat("polite", vec![]);
    let (deaf, _) = seat("deaf", vec![Act::Deaf]);
    let (waiting, waiting_dials) = seat("waiting", vec![Act::Fail(lost()); 10]);
    let mut stage = stage(vec![polite, deaf, waiting]).await;
    pass(Duration::from_secs(5)).await;
    let dialled = waiting_dials.lock().unwrap().len();
    let before = Instant::now();
    stage.root.stop(Duration::from_secs(1)).await;
    assert_eq!(before.elapsed().as_secs(), 1);
    stage.lines();
    pass(Duration::from_secs(120)).await;
    assert_eq!(waiting_dials.lock().unwrap().len(), dialled, "nobody dials while stopping");
    assert_eq!(stage.lines(), []);
    stage.root.end().await;
}

#[tokio::test(start_paused = true)]
async fn stopping_twice_is_asked_once() {
    let (trigger, mut ask) = Ask::manual();
    assert!(trigger.stop("SIGTERM"));
    assert!(!trigger.stop("SIGINT"));
    assert_eq!(ask.stop().await, "SIGTERM");
}
