use std::time::Duration;

use rooma::sandbox::{Fault, FaultKind, Options};
use serde_json::json;

use super::client::{Client, discover, discover_as, refusal, url};
use super::{patient, start, state};

#[tokio::test]
async fn discovery_checks_credentials_and_gives_the_client_configuration() {
    let sandbox = start(patient()).await;
    let answer = discover(&sandbox, "alice").await;
    assert_eq!(answer["code"], 0);
    assert_eq!(answer["data"]["ClientConfig"]["PingInterval"], 90);
    let app = &sandbox.apps()[0];
    for body in [json!({ "AppID": app.app_id, "AppSecret": "wrong" }), json!({ "AppID": "cli_0" }), json!({})]
    {
        assert_eq!(discover_as(&sandbox, &body).await["code"], 1_000_040_345_i64, "{body}");
    }
}

#[tokio::test]
async fn a_ticket_opens_one_connection() {
    let sandbox = start(patient()).await;
    let url = url(&sandbox, "alice").await;
    let _first = tokio_tungstenite::connect_async(&url).await.expect("the first time");
    let (status, handshake, auth) = refusal(&url).await;
    assert_eq!((status, handshake.as_str()), (401, "514"));
    assert_ne!(auth, "1000040350", "a used ticket is not the connection limit");
}

#[tokio::test]
async fn tickets_expire_and_urls_must_stay_as_they_are() {
    let options = Options { ticket_ttl: Duration::from_millis(1), ..patient() };
    let sandbox = start(options).await;
    let late = url(&sandbox, "alice").await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(refusal(&late).await.1, "514");

    let sandbox = start(patient()).await;
    let changed = url(&sandbox, "alice").await.replace("access_key=", "access_key=0");
    assert_eq!(refusal(&changed).await.1, "514");
}

#[tokio::test]
async fn the_51st_connection_is_refused_and_a_freed_slot_is_given_away() {
    let sandbox = start(patient()).await;
    let mut clients = Vec::new();
    for _ in 0..50 {
        clients.push(Client::connect(&sandbox, "alice").await);
    }
    let extra = url(&sandbox, "alice").await;
    assert_eq!(refusal(&extra).await, (401, "514".to_owned(), "1000040350".to_owned()));
    Client::connect(&sandbox, "bob").await;
    drop(clients.pop());
    super::until(&sandbox, "a free slot", |state| state.apps[0].connections == 49).await;
    Client::connect(&sandbox, "alice").await;
}

#[tokio::test]
async fn discovery_can_answer_every_code() {
    let sandbox = start(patient()).await;
    for code in [1, 403, 514, 1_000_040_343, 1_000_040_345, 1_000_040_350] {
        let fault = Fault { code: Some(code), count: Some(1), ..Fault::new(FaultKind::Refuse) };
        sandbox.fault(fault).expect("armed");
        assert_eq!(discover(&sandbox, "alice").await["code"], code);
    }
    sandbox.fault(Fault { count: Some(1), ..Fault::new(FaultKind::Busy) }).expect("armed");
    assert_eq!(discover(&sandbox, "alice").await["code"], 1);
    assert_eq!(discover(&sandbox, "alice").await["code"], 0);
}

#[tokio::test]
async fn a_handshake_can_be_refused_with_its_headers() {
    let sandbox = start(patient()).await;
    let at = Some(rooma::sandbox::At::Handshake);
    let forbidden = Fault { at, code: Some(403), count: Some(1), ..Fault::new(FaultKind::Refuse) };
    sandbox.fault(forbidden).expect("armed");
    assert_eq!(refusal(&url(&sandbox, "alice").await).await, (403, "403".to_owned(), String::new()));
    sandbox.fault(Fault { count: Some(1), ..Fault::new(FaultKind::ConnLimit) }).expect("armed");
    assert_eq!(refusal(&url(&sandbox, "alice").await).await.2, "1000040350");
    assert_eq!(state(&sandbox).apps[0].handshakes_refused, 2);
}

#[tokio::test]
async fn a_stalled_handshake_is_never_answered() {
    let sandbox = start(patient()).await;
    sandbox.fault(Fault { app: Some("alice".to_owned()), ..Fault::new(FaultKind::Stall) }).expect("armed");
    let url = url(&sandbox, "alice").await;
    let stalled =
        tokio::time::timeout(Duration::from_millis(200), tokio_tungstenite::connect_async(url)).await;
    assert!(stalled.is_err());
    Client::connect(&sandbox, "bob").await;
    sandbox.shutdown().await;
}

#[tokio::test]
async fn pings_are_answered_and_can_bring_a_configuration() {
    let sandbox = start(Options { pong_config: false, ..patient() }).await;
    let mut alice = Client::connect(&sandbox, "alice").await;
    alice.ping().await;
    let pong = alice.frame().await;
    assert_eq!((pong.method, pong.header("type"), pong.service), (0, "pong", alice.service));
    assert!(pong.payload.is_empty());
    sandbox.fault(Fault { count: Some(1), ..Fault::new(FaultKind::PongConfig) }).expect("armed");
    alice.ping().await;
    assert_eq!(alice.frame().await.json()["PingInterval"], 90);
    sandbox.fault(Fault { count: Some(1), ..Fault::new(FaultKind::BadPong) }).expect("armed");
    alice.ping().await;
    assert_eq!(alice.frame().await.json()["PingInterval"], "soon");
    let state = state(&sandbox);
    assert_eq!((state.apps[0].pings, state.ack_errors.len()), (3, 0));
}

#[tokio::test]
#[ignore = "a figure, of a machine that does nothing else"]
async fn starts_fast() {
    let mut fastest = Duration::MAX;
    for _ in 0..5 {
        let begin = tokio::time::Instant::now();
        start(Options::default()).await;
        fastest = fastest.min(begin.elapsed());
    }
    assert!(fastest < Duration::from_millis(50), "{fastest:?}");
}

#[tokio::test]
async fn starts_side_by_side() {
    let first = start(Options::default()).await;
    let second = start(Options::default()).await;
    assert_ne!(first.base_url(), second.base_url());
    assert_ne!(first.apps()[0].app_id, second.apps()[0].app_id);
    assert_ne!(first.apps()[0].app_secret, second.apps()[0].app_secret);
    let address = first.base_url();
    first.shutdown().await;
    let gone = super::rest_client::http().get(address).send().await;
    assert!(gone.is_err(), "the port is free again");
}
