//! Plain HTTP as one bot.

use reqwest::{Client, Method, Response, StatusCode};
use rooma::sandbox::{App, Sandbox};
use serde_json::{Value, json};

pub fn http() -> Client {
    // Without `no_proxy` a proxy of the environment would be asked for 127.0.0.1.
    Client::builder().no_proxy().build().expect("an HTTP client")
}

pub struct Rest {
    pub client: Client,
    pub base: String,
    pub token: String,
    pub app: App,
}

impl Rest {
    pub async fn of(sandbox: &Sandbox, name: &str) -> Rest {
        let app = sandbox.apps().into_iter().find(|app| app.name == name).expect("a bot of that name");
        let mut rest = Rest { client: http(), base: sandbox.base_url(), token: String::new(), app };
        rest.token = rest.fetch_token().await["tenant_access_token"].as_str().expect("a token").to_owned();
        rest
    }

    pub async fn fetch_token(&self) -> Value {
        let url = format!("{}/open-apis/auth/v3/tenant_access_token/internal", self.base);
        let body = json!({ "app_id": self.app.app_id, "app_secret": self.app.app_secret });
        self.client.post(url).json(&body).send().await.expect("an answer").json().await.expect("JSON")
    }

    pub async fn raw(&self, method: Method, path: &str, body: Option<Value>) -> Response {
        let request = self.client.request(method, format!("{}/open-apis/{path}", self.base));
        let request = request.bearer_auth(&self.token);
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        request.send().await.expect("an answer")
    }

    /// Status and JSON; every answer has its log id.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let response = self.raw(method, path, body).await;
        assert!(response.headers().contains_key("x-tt-logid"), "{path} has no log id");
        (response.status(), response.json().await.expect("JSON"))
    }

    /// The `data` of a call that has to succeed.
    pub async fn ok(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let (status, mut answer) = self.call(method, path, body).await;
        assert_eq!((status, &answer["code"]), (StatusCode::OK, &json!(0)), "{path}: {answer}");
        answer["data"].take()
    }

    /// The code of a call that has to fail with HTTP 400.
    pub async fn code(&self, method: Method, path: &str, body: Option<Value>) -> i64 {
        let (status, answer) = self.call(method, path, body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}: {answer}");
        answer["code"].as_i64().expect("a code")
    }

    pub async fn get(&self, path: &str) -> Value {
        self.ok(Method::GET, path, None).await
    }

    pub async fn send(&self, chat_id: &str, text: &str) -> Value {
        self.ok(Method::POST, "im/v1/messages?receive_id_type=chat_id", Some(text_message(chat_id, text)))
            .await
    }
}

pub fn text_message(chat_id: &str, text: &str) -> Value {
    json!({ "receive_id": chat_id, "msg_type": "text", "content": json!({ "text": text }).to_string() })
}

pub fn chat_id(sandbox: &Sandbox, name: &str) -> String {
    let ready: Value = serde_json::from_str(&sandbox.ready_line()).expect("JSON");
    let chats = ready["chats"].as_array().expect("chats");
    let chat = chats.iter().find(|chat| chat["name"] == name).expect("a chat of that name");
    chat["chat_id"].as_str().expect("an id").to_owned()
}
