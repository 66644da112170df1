//! The platform's side of a connection over a pipe, for tests on a paused clock.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::io::DuplexStream;
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};

use super::frame::{Frame, Header};

/// What the platform does for a while.
#[derive(Clone, Debug)]
pub enum Beat {
    /// Answers pings, and pushes an event every minute.
    Serve(Duration),
    /// Answers pings with a configuration that asks for this interval, in seconds.
    Configure(u64),
    /// Reads, and answers nothing.
    Mute(Duration),
    /// Closes with this code.
    Close(u16),
    /// Goes away without a word.
    Drop,
}

/// What the platform saw.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub pings: usize,
    pub pushed: usize,
    pub acked: usize,
}

const EVENT_EVERY: Duration = Duration::from_secs(60);

pub async fn platform(pipe: DuplexStream, beats: Vec<Beat>, seen: Arc<Mutex<Seen>>) {
    let mut socket = WebSocketStream::from_raw_socket(pipe, Role::Server, None).await;
    let mut pong = Bytes::new();
    for beat in beats {
        let (until, talks) = match beat {
            Beat::Serve(duration) => (Instant::now() + duration, true),
            Beat::Mute(duration) => (Instant::now() + duration, false),
            Beat::Configure(seconds) => {
                pong = Bytes::from(format!("{{\"PingInterval\":{seconds}}}"));
                continue;
            }
            Beat::Close(code) => {
                let frame = CloseFrame { code: CloseCode::from(code), reason: "bye".into() };
                let _ = socket.close(Some(frame)).await;
                return;
            }
            Beat::Drop => return,
        };
        if !play(&mut socket, until, talks, &pong, &seen).await {
            return;
        }
    }
}

/// False when the client has gone.
async fn play(
    socket: &mut WebSocketStream<DuplexStream>,
    until: Instant,
    talks: bool,
    pong: &Bytes,
    seen: &Mutex<Seen>,
) -> bool {
    let mut push_at = Instant::now() + EVENT_EVERY;
    loop {
        tokio::select! {
            () = sleep_until(until) => return true,
            () = sleep_until(push_at), if talks => {
                push_at += EVENT_EVERY;
                let number = {
                    let mut seen = seen.lock().unwrap();
                    seen.pushed += 1;
                    seen.pushed
                };
                if socket.send(Message::Binary(event(number).to_bytes())).await.is_err() {
                    return false;
                }
            }
            message = socket.next() => {
                let Some(Ok(Message::Binary(bytes))) = message else { return false };
                let frame = Frame::from_bytes(bytes).unwrap();
                if frame.header("type") == Some("event") {
                    assert_eq!(frame.payload.as_deref(), Some(&b"{\"code\":200}"[..]));
                    seen.lock().unwrap().acked += 1;
                    continue;
                }
                seen.lock().unwrap().pings += 1;
                if talks {
                    let mut answer = Frame::ping(frame.service);
                    answer.headers = vec![header("type", "pong")];
                    answer.payload = Some(pong.clone());
                    if socket.send(Message::Binary(answer.to_bytes())).await.is_err() {
                        return false;
                    }
                }
            }
        }
    }
}

fn event(number: usize) -> Frame {
    let message = serde_json::json!({
        "schema": "2.0",
        "header": {"event_id": format!("e{number}"), "event_type": "im.message.receive_v1", "app_id": "cli_1"},
        "event": {
            "sender": {"sender_id": {"open_id": "ou_ann"}, "sender_type": "user"},
            "message": {
                "message_id": format!("om_{number}"), "chat_id": "oc_1", "chat_type": "group",
                "message_type": "text", "content": "{\"text\":\"hello\"}", "create_time": "1767225600123",
            },
        },
    });
    let id = format!("d{number}");
    let headers =
        vec![header("type", "event"), header("message_id", &id), header("sum", "1"), header("seq", "0")];
    Frame {
        seq_id: 1,
        service: 7,
        method: 1,
        headers,
        payload: Some(message.to_string().into()),
        ..Frame::default()
    }
}

fn header(key: &str, value: &str) -> Header {
    Header { key: key.to_owned(), value: value.to_owned() }
}
