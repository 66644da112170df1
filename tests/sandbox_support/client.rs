//! A long connection as one bot, one frame at a time.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use rooma::sandbox::Sandbox;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::rest_client::http;
use super::wire::{self, RawFrame};

/// Enough to believe that nothing comes.
const QUIET: Duration = Duration::from_millis(200);

pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

pub struct Client {
    pub socket: Socket,
    pub service: u64,
}

/// The whole answer of discovery.
pub async fn discover(sandbox: &Sandbox, bot: &str) -> Value {
    let app = sandbox.apps().into_iter().find(|app| app.name == bot).expect("a bot of that name");
    let body = json!({ "AppID": app.app_id, "AppSecret": app.app_secret });
    discover_as(sandbox, &body).await
}

pub async fn discover_as(sandbox: &Sandbox, body: &Value) -> Value {
    let url = format!("{}/callback/ws/endpoint", sandbox.base_url());
    http().post(url).json(body).send().await.expect("an answer").json().await.expect("JSON")
}

pub async fn url(sandbox: &Sandbox, bot: &str) -> String {
    discover(sandbox, bot).await["data"]["URL"].as_str().expect("a URL").to_owned()
}

/// What a refused handshake says: status, handshake-status, handshake-autherrcode.
pub async fn refusal(url: &str) -> (u16, String, String) {
    match connect_async(url).await {
        Err(tungstenite::Error::Http(response)) => {
            let header = |name: &str| {
                response.headers().get(name).map_or("", |value| value.to_str().expect("text")).to_owned()
            };
            (response.status().as_u16(), header("Handshake-Status"), header("Handshake-Autherrcode"))
        }
        other => panic!("the handshake was not refused: {other:?}"),
    }
}

impl Client {
    pub async fn connect(sandbox: &Sandbox, bot: &str) -> Client {
        let url = url(sandbox, bot).await;
        let service = url.split("service_id=").nth(1).and_then(|rest| rest.split('&').next());
        let service = service.and_then(|text| text.parse().ok()).expect("a service_id");
        let (socket, _) = connect_async(url).await.expect("a connection");
        Client { socket, service }
    }

    pub async fn message(&mut self) -> Option<Message> {
        let next = tokio::time::timeout(super::PATIENCE, self.socket.next()).await.expect("something comes");
        next.and_then(Result::ok)
    }

    pub async fn frame(&mut self) -> RawFrame {
        match self.message().await {
            Some(Message::Binary(bytes)) => wire::decode(&bytes).expect("a frame"),
            other => panic!("not a frame: {other:?}"),
        }
    }

    /// The next event, acknowledged.
    pub async fn event(&mut self) -> Value {
        let frame = self.frame().await;
        self.ack(&frame, r#"{"code":200}"#).await;
        frame.json()
    }

    /// The text of the next message event, acknowledged.
    pub async fn text(&mut self) -> String {
        let event = self.event().await;
        let content = event["event"]["message"]["content"].as_str().expect("content");
        let content: Value = serde_json::from_str(content).expect("JSON");
        content["text"].as_str().expect("text").to_owned()
    }

    pub async fn ack(&mut self, frame: &RawFrame, payload: &str) {
        self.send(wire::encode(&wire::ack(frame, payload))).await;
    }

    pub async fn send(&mut self, bytes: Vec<u8>) {
        self.socket.send(Message::Binary(bytes.into())).await.expect("the connection is open");
    }

    pub async fn ping(&mut self) {
        self.send(wire::ping(self.service)).await;
    }

    pub async fn silence(&mut self) {
        let next = tokio::time::timeout(QUIET, self.socket.next()).await;
        assert!(next.is_err(), "unexpected: {next:?}");
    }

    /// The connection is over, with or without a close frame.
    pub async fn ended(&mut self) {
        loop {
            match tokio::time::timeout(super::PATIENCE, self.socket.next()).await.expect("an end") {
                None | Some(Err(_)) => return,
                Some(Ok(_)) => {}
            }
        }
    }
}
