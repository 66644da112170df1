use std::time::Duration;

use reqwest::{Method, StatusCode};
use rooma::sandbox::{At, Fault, FaultKind, Options, Redeliver, Sandbox, Say};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use super::client::{Client, discover};
use super::rest_client::{Rest, chat_id, text_message};
use super::{patient, start, state, until};

fn once(kind: FaultKind) -> Fault {
    Fault { app: Some("alice".to_owned()), count: Some(1), ..Fault::new(kind) }
}

fn say(sandbox: &Sandbox) {
    let say = Say { to: Some("alice".to_owned()), text: Some("hello".to_owned()), ..Say::default() };
    sandbox.say(say).expect("said");
}

#[tokio::test]
async fn drop_ends_the_connections_of_one_app() {
    let sandbox = start(patient()).await;
    let (mut alice, mut bob) =
        (Client::connect(&sandbox, "alice").await, Client::connect(&sandbox, "bob").await);
    sandbox.fault(once(FaultKind::Drop)).expect("struck");
    alice.ended().await;
    bob.ping().await;
    bob.frame().await;
    until(&sandbox, "gone", |state| state.apps[0].connections == 0).await;
}

#[tokio::test]
async fn close_says_goodbye() {
    let sandbox = start(patient()).await;
    let mut alice = Client::connect(&sandbox, "alice").await;
    sandbox.fault(Fault { code: Some(1012), ..once(FaultKind::Close) }).expect("struck");
    let Some(Message::Close(Some(frame))) = alice.message().await else { panic!("no close frame") };
    assert_eq!(u16::from(frame.code), 1012);
}

#[tokio::test]
async fn mute_answers_nothing_and_deaf_still_answers_pings() {
    let ack_deadline = Duration::from_millis(150);
    let sandbox = start(Options { ack_deadline, ..patient() }).await;
    let mut alice = Client::connect(&sandbox, "alice").await;
    sandbox.fault(Fault::new(FaultKind::Mute)).expect("armed");
    alice.ping().await;
    say(&sandbox);
    alice.silence().await;
    sandbox.fault(Fault::new(FaultKind::Clear)).expect("cleared");
    until(&sandbox, "too late", |state| state.totals.timeouts == 1).await;
    sandbox.redeliver(Redeliver::default()).expect("forced");
    assert_eq!(alice.text().await, "hello");
    sandbox.fault(Fault::new(FaultKind::Deaf)).expect("armed");
    say(&sandbox);
    alice.ping().await;
    assert_eq!(alice.frame().await.header("type"), "pong");
    alice.silence().await;
}

#[tokio::test]
async fn garbage_truncated_and_oversized_messages_arrive() {
    let sandbox = start(patient()).await;
    let mut alice = Client::connect(&sandbox, "alice").await;
    sandbox.fault(once(FaultKind::Garbage)).expect("struck");
    let Some(Message::Binary(bytes)) = alice.message().await else { panic!("no binary message") };
    assert_eq!(super::wire::decode(&bytes), None);
    assert!(matches!(alice.message().await, Some(Message::Text(_))));
    sandbox.fault(once(FaultKind::Truncated)).expect("struck");
    let Some(Message::Binary(bytes)) = alice.message().await else { panic!("no binary message") };
    assert_eq!(super::wire::decode(&bytes), None);
    sandbox.fault(Fault { bytes: Some(1 << 20), ..once(FaultKind::Oversized) }).expect("struck");
    assert!(alice.frame().await.payload.len() == 1 << 20);
}

#[tokio::test]
async fn duplicates_are_two_deliveries_of_one_event() {
    let sandbox = start(patient()).await;
    let mut alice = Client::connect(&sandbox, "alice").await;
    sandbox.fault(once(FaultKind::Duplicate)).expect("armed");
    say(&sandbox);
    let (first, second) = (alice.event().await, alice.event().await);
    assert_eq!(first["header"]["event_id"], second["header"]["event_id"]);
    let state = until(&sandbox, "both acknowledged", |state| state.totals.acked == 2).await;
    assert!(state.ack_errors.is_empty());
}

#[tokio::test]
async fn tokens_expire_on_request() {
    let sandbox = start(patient()).await;
    let (alice, bob) = (Rest::of(&sandbox, "alice").await, Rest::of(&sandbox, "bob").await);
    sandbox.fault(once(FaultKind::TokenExpiry)).expect("struck");
    assert_eq!(alice.code(Method::GET, "im/v1/chats", None).await, 99_991_663);
    bob.get("im/v1/chats").await;
    assert_ne!(alice.fetch_token().await["tenant_access_token"], alice.token.as_str());
}

#[tokio::test]
async fn rest_is_limited_broken_and_slow_on_request() {
    let sandbox = start(patient()).await;
    let alice = Rest::of(&sandbox, "alice").await;
    sandbox.fault(Fault { reset_s: Some(7), ..once(FaultKind::RateLimit) }).expect("armed");
    let limited = alice.raw(Method::GET, "im/v1/chats", None).await;
    assert_eq!(limited.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(limited.headers()["x-ogw-ratelimit-reset"], "7");
    assert!(limited.headers().contains_key("x-ogw-ratelimit-limit"));
    assert_eq!(limited.json::<serde_json::Value>().await.expect("JSON")["code"], 99_991_400);

    let elsewhere = Fault { path: Some("/files".to_owned()), ..once(FaultKind::Error5xx) };
    sandbox.fault(elsewhere).expect("armed");
    alice.get("im/v1/chats").await;
    sandbox.fault(Fault::new(FaultKind::Clear)).expect("cleared");
    sandbox.fault(Fault { status: Some(502), ..once(FaultKind::Error5xx) }).expect("armed");
    assert_eq!(alice.raw(Method::GET, "im/v1/chats", None).await.status(), StatusCode::BAD_GATEWAY);
    sandbox.fault(Fault { code: Some(230_049), ..once(FaultKind::ApiError) }).expect("armed");
    assert_eq!(alice.code(Method::GET, "im/v1/chats", None).await, 230_049);
    sandbox.fault(Fault { ms: Some(80), ..once(FaultKind::Slow) }).expect("armed");
    let begin = tokio::time::Instant::now();
    alice.get("im/v1/chats").await;
    assert!(begin.elapsed() >= Duration::from_millis(80));
}

#[tokio::test]
async fn an_answer_can_be_lost_after_its_effect() {
    let sandbox = start(patient()).await;
    let alice = Rest::of(&sandbox, "alice").await;
    sandbox.fault(Fault { after: true, ..once(FaultKind::Error5xx) }).expect("armed");
    let mut body = text_message(&chat_id(&sandbox, "lobby"), "once");
    body["uuid"] = json!("u-7");
    let path = "im/v1/messages?receive_id_type=chat_id";
    assert_eq!(alice.raw(Method::POST, path, Some(body.clone())).await.status(), StatusCode::BAD_GATEWAY);
    alice.ok(Method::POST, path, Some(body)).await;
    assert_eq!(state(&sandbox).totals.messages, 1);
}

#[tokio::test]
async fn the_way_in_can_be_slow_and_broken() {
    let sandbox = start(patient()).await;
    let alice = Rest::of(&sandbox, "alice").await;
    sandbox
        .fault(Fault { at: Some(At::Token), code: Some(10_014), ..once(FaultKind::Refuse) })
        .expect("armed");
    assert_eq!(alice.fetch_token().await["code"], 10_014);
    sandbox.fault(Fault { at: Some(At::Discovery), ms: Some(80), ..once(FaultKind::Slow) }).expect("armed");
    let begin = tokio::time::Instant::now();
    assert_eq!(discover(&sandbox, "alice").await["code"], 0);
    assert!(begin.elapsed() >= Duration::from_millis(80));
}
