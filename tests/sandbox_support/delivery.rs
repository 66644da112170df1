use rooma::sandbox::{ClockRequest, Fault, FaultKind, Options, Redeliver, Sandbox, Say};

use super::client::Client;
use super::wire;
use super::{patient, persistent, quick, start, until};

fn say(sandbox: &Sandbox, bot: &str, text: &str) -> String {
    let say = Say { to: Some(bot.to_owned()), text: Some(text.to_owned()), ..Say::default() };
    sandbox.say(say).expect("said").message_id
}

#[tokio::test]
async fn a_delivery_is_acknowledged_once_and_its_frame_is_complete() {
    let sandbox = start(patient()).await;
    let mut alice = Client::connect(&sandbox, "alice").await;
    let message_id = say(&sandbox, "alice", "hello");
    let frame = alice.frame().await;
    assert_eq!((frame.method, frame.service), (1, alice.service));
    let keys: Vec<&str> = frame.headers.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["type", "message_id", "sum", "seq", "trace_id", "timestamp", "instance_id"]);
    assert!(frame.log_id > 1 << 53, "a LogID that no float can carry");
    let event = frame.json();
    assert_eq!(event["schema"], "2.0");
    assert_eq!(event["event"]["message"]["message_id"], message_id.as_str());
    assert_eq!(event["event"]["message"]["chat_type"], "p2p");
    alice.ack(&frame, r#"{"code": 200, "headers": null, "data": null}"#).await;
    let state = until(&sandbox, "acknowledged", |state| state.totals.acked == 1).await;
    assert!(state.ack_errors.is_empty(), "{:?}", state.ack_errors);
    let delivery = &state.deliveries.expect("deliveries")[0];
    assert_eq!((delivery.attempts, delivery.acks, delivery.phase.as_str()), (1, 1, "acked"));
}

#[tokio::test]
async fn silence_brings_the_event_again() {
    let sandbox = start(persistent()).await;
    let mut alice = Client::connect(&sandbox, "alice").await;
    say(&sandbox, "alice", "hello");
    let first = alice.frame().await;
    let second = alice.frame().await;
    assert_eq!(first.payload, second.payload, "same event_id, same body");
    assert_ne!(first.header("message_id"), second.header("message_id"));
    alice.ack(&first, r#"{"code":200}"#).await;
    let state = until(&sandbox, "too late", |state| state.totals.late_acks == 1).await;
    assert_eq!((state.totals.acked, state.deliveries.expect("deliveries")[0].ack_codes[0]), (0, None));
}

#[tokio::test]
async fn refusal_brings_the_event_again_and_the_ladder_ends() {
    let sandbox = start(Options { redelivery: quick().redelivery, ..patient() }).await;
    let mut alice = Client::connect(&sandbox, "alice").await;
    say(&sandbox, "alice", "hello");
    for _ in 0..3 {
        let frame = alice.frame().await;
        alice.ack(&frame, r#"{"code":500}"#).await;
    }
    let state = until(&sandbox, "given up", |state| state.totals.given_up == 1).await;
    assert_eq!((state.totals.timeouts, state.totals.refused, state.totals.late_acks), (0, 3, 0));
    assert_eq!(state.deliveries.expect("deliveries")[0].ack_codes, [Some(500); 3]);
    alice.silence().await;
}

#[tokio::test]
async fn silence_without_an_end_is_given_up() {
    let sandbox = start(quick()).await;
    let mut alice = Client::connect(&sandbox, "alice").await;
    say(&sandbox, "alice", "hello");
    let state = until(&sandbox, "given up", |state| state.totals.given_up == 1).await;
    assert_eq!((state.totals.timeouts, state.totals.attempts), (3, 3));
    for _ in 0..3 {
        alice.frame().await;
    }
    alice.silence().await;
}

#[tokio::test]
async fn without_a_connection_the_next_due_retry_finds_the_new_one() {
    let sandbox = start(persistent()).await;
    say(&sandbox, "alice", "hello");
    let mut alice = Client::connect(&sandbox, "alice").await;
    assert_eq!(alice.text().await, "hello");
}

#[tokio::test]
async fn retries_can_be_forced_and_time_can_be_skipped() {
    let sandbox = start(patient()).await;
    say(&sandbox, "alice", "one");
    let mut alice = Client::connect(&sandbox, "alice").await;
    alice.silence().await;
    assert_eq!(sandbox.redeliver(Redeliver::default()).expect("forced").count, 1);
    let frame = alice.frame().await;
    alice.ack(&frame, r#"{"code":500}"#).await;
    until(&sandbox, "refused", |state| state.totals.refused == 1).await;
    sandbox.clock(ClockRequest { advance_ms: 200_000 }).expect("advanced");
    alice.silence().await;
    sandbox.clock(ClockRequest { advance_ms: 100_000 }).expect("advanced");
    assert_eq!(alice.text().await, "one");
    until(&sandbox, "acknowledged", |state| state.totals.acked == 1).await;
    let again = Redeliver { acked: true, ..Redeliver::default() };
    assert_eq!(sandbox.redeliver(again).expect("forced").count, 1);
    assert_eq!(alice.text().await, "one");
}

#[tokio::test]
async fn an_event_goes_to_one_of_several_connections() {
    let sandbox = start(patient()).await;
    let mut one = Client::connect(&sandbox, "alice").await;
    let mut two = Client::connect(&sandbox, "alice").await;
    for index in 0..40 {
        say(&sandbox, "alice", &index.to_string());
    }
    let mut counts = [0, 0];
    for _ in 0..40 {
        let index = tokio::select! {
            frame = one.frame() => { one.ack(&frame, r#"{"code":200}"#).await; 0 }
            frame = two.frame() => { two.ack(&frame, r#"{"code":200}"#).await; 1 }
        };
        counts[index] += 1;
    }
    assert!(counts[0] > 0 && counts[1] > 0, "{counts:?}");
    until(&sandbox, "all acknowledged", |state| state.totals.acked == 40).await;
}

#[tokio::test]
async fn every_deviation_of_an_acknowledgement_is_recorded() {
    let sandbox = start(patient()).await;
    let mut alice = Client::connect(&sandbox, "alice").await;
    say(&sandbox, "alice", "hello");
    let frame = alice.frame().await;
    let mut wrong = wire::ack(&frame, r#"{"code":200}"#);
    wrong.log_id = frame.log_id as f64 as u64;
    wrong.headers.retain(|(key, _)| key != "instance_id");
    alice.send(wire::encode(&wrong)).await;
    alice.send(wire::encode(&wrong)[2..].to_vec()).await;
    let state = until(&sandbox, "recorded", |state| state.ack_errors.len() == 3).await;
    let errors: Vec<&str> = state.ack_errors.iter().map(|error| error.error.as_str()).collect();
    assert_eq!(errors, ["LogID is not echoed", "header list is not echoed", "required field 1 is missing"]);
}

#[tokio::test]
async fn events_come_in_chunks() {
    let sandbox = start(patient()).await;
    let mut alice = Client::connect(&sandbox, "alice").await;
    let chunk = Fault {
        parts: Some(4),
        shuffle: true,
        duplicate: true,
        count: Some(1),
        ..Fault::new(FaultKind::Chunk)
    };
    sandbox.fault(chunk).expect("armed");
    say(&sandbox, "alice", "in pieces");
    let mut parts = vec![Vec::new(); 4];
    let mut last = None;
    for _ in 0..5 {
        let frame = alice.frame().await;
        assert_eq!(frame.header("sum"), "4");
        parts[frame.header("seq").parse::<usize>().expect("a number")] = frame.payload.clone();
        last = Some(frame);
    }
    let whole: serde_json::Value = serde_json::from_slice(&parts.concat()).expect("JSON");
    assert!(whole["event"]["message"]["content"].as_str().expect("content").contains("in pieces"));
    alice.ack(&last.expect("chunks"), r#"{"code":200}"#).await;
    let state = until(&sandbox, "acknowledged", |state| state.totals.acked == 1).await;
    assert!(state.ack_errors.is_empty(), "{:?}", state.ack_errors);

    let sandbox = start(persistent()).await;
    let mut alice = Client::connect(&sandbox, "alice").await;
    let missing = Fault { missing: true, count: Some(1), ..Fault::new(FaultKind::Chunk) };
    sandbox.fault(missing).expect("armed");
    say(&sandbox, "alice", "lost");
    assert_eq!(alice.frame().await.header("sum"), "3");
    assert_eq!(alice.frame().await.header("sum"), "3");
    assert_eq!(alice.text().await, "lost", "the retry is whole");
    assert!(super::state(&sandbox).totals.timeouts >= 1);
}

#[tokio::test]
async fn large_events_are_split_when_asked() {
    let sandbox = start(Options { chunk_bytes: Some(200), ..patient() }).await;
    let mut alice = Client::connect(&sandbox, "alice").await;
    say(&sandbox, "alice", &"x".repeat(1_000));
    let first = alice.frame().await;
    let sum: usize = first.header("sum").parse().expect("a number");
    assert!(sum > 5, "{sum}");
}
