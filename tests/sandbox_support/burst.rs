use rooma::sandbox::Burst;
use tokio_tungstenite::tungstenite::Message;

use super::client::Client;
use super::{patient, start, wire};
use futures_util::{SinkExt, StreamExt};

/// Acknowledges everything as fast as it comes.
async fn consume(client: Client, count: usize) {
    let (mut sink, mut stream) = client.socket.split();
    for _ in 0..count {
        let Some(Ok(Message::Binary(bytes))) = stream.next().await else { panic!("the connection ended") };
        let frame = wire::decode(&bytes).expect("a frame");
        let ack = wire::encode(&wire::ack(&frame, r#"{"code":200}"#));
        sink.feed(Message::Binary(ack.into())).await.expect("open");
        if frame.seq_id.is_multiple_of(64) {
            sink.flush().await.expect("open");
        }
    }
    sink.flush().await.expect("open");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_is_spread_over_apps_and_acknowledged_once() {
    let sandbox = start(patient()).await;
    let mut consumers = Vec::new();
    for bot in ["alice", "bob", "carol"] {
        let client = Client::connect(&sandbox, bot).await;
        consumers.push(tokio::spawn(consume(client, 1_000)));
    }
    let burst = Burst { count: 3_000, wait_acked: true, ..Burst::default() };
    let answer = sandbox.burst(burst).await.expect("said");
    assert_eq!((answer.deliveries, answer.acked), (3_000, Some(3_000)));
    for consumer in consumers {
        consumer.await.expect("no panic");
    }
    let state = super::state(&sandbox);
    assert_eq!((state.totals.acked, state.totals.repeated_acks, state.ack_errors.len()), (3_000, 0, 0));
    assert!(state.deliveries.expect("deliveries").iter().all(|delivery| delivery.acks == 1));
}

#[tokio::test]
async fn a_burst_into_a_chat_reaches_all_its_bots() {
    let sandbox = start(patient()).await;
    let mut alice = Client::connect(&sandbox, "alice").await;
    let burst = Burst { count: 5, chat: Some("lobby".to_owned()), text_bytes: Some(3), ..Burst::default() };
    let answer = sandbox.burst(burst).await.expect("said");
    assert_eq!((answer.count, answer.deliveries), (5, 15));
    for index in 0..5 {
        assert_eq!(alice.text().await, format!("{index} xxx"));
    }
}

#[tokio::test]
async fn a_burst_keeps_its_bound_of_unacknowledged_events() {
    let sandbox = std::sync::Arc::new(start(patient()).await);
    let mut alice = Client::connect(&sandbox, "alice").await;
    let burst = Burst { app: Some("alice".to_owned()), count: 20, in_flight: Some(4), ..Burst::default() };
    let speaker = std::sync::Arc::clone(&sandbox);
    let said = tokio::spawn(async move { speaker.burst(burst).await });
    let mut waiting = Vec::new();
    for _ in 0..4 {
        waiting.push(alice.frame().await);
    }
    alice.silence().await;
    for frame in &waiting {
        alice.ack(frame, r#"{"code":200}"#).await;
    }
    for _ in 4..20 {
        alice.event().await;
    }
    assert_eq!(said.await.expect("no panic").expect("said").deliveries, 20);
}
