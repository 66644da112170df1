//! A platform that has nothing to say and writes down what it is asked for.

use std::sync::{Arc, Mutex};

use axum::Json;
use axum::extract::{Request, State};
use axum::routing::any;
use serde_json::{Value, json};

#[derive(Clone, Default)]
pub struct Recorder {
    asked: Arc<Mutex<Vec<String>>>,
}

impl Recorder {
    /// Gives back its base URL too.
    pub async fn start() -> (Recorder, String) {
        let recorder = Recorder::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = axum::Router::new().fallback(any(answer)).with_state(recorder.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (recorder, url)
    }

    /// Path, query and body of all requests so far.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn answer(State(recorder): State<Recorder>, request: Request) -> Json<Value> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap_or_default();
    recorder.asked.lock().unwrap().push(format!("{} {}", parts.uri, String::from_utf8_lossy(&body)));
    Json(match parts.uri.path() {
        "/open-apis/auth/v3/tenant_access_token/internal" => {
            json!({"code": 0, "tenant_access_token": "t-recorder", "expire": 7200})
        }
        "/open-apis/bot/v3/info" => json!({"code": 0, "bot": {"app_name": "Helper", "open_id": "ou_me"}}),
        "/open-apis/im/v1/chats" => {
            json!({"code": 0, "data": {"items": [{"chat_id": "oc_1", "name": "lobby"}]}})
        }
        "/open-apis/im/v1/messages/om_1" => {
            json!({"code": 0, "data": {"items": [{"message_id": "om_1", "chat_id": "oc_1", "msg_type": "text"}]}})
        }
        _ => json!({"code": 0, "data": {"message_id": "om_9", "chat_id": "oc_1"}}),
    })
}
