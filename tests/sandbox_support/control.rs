//! The control API over HTTP: what a test in another language sees.

use serde_json::{Value, json};

use super::client::Client;
use super::rest_client::http;
use super::{patient, start, until};

async fn post(base: &str, what: &str, body: Value) -> (u16, Value) {
    let response = http().post(format!("{base}/sandbox/{what}")).json(&body).send().await.expect("an answer");
    (response.status().as_u16(), response.json().await.expect("JSON"))
}

#[tokio::test]
async fn the_conversation_of_a_demo_works_over_http() {
    let sandbox = start(patient()).await;
    let base = sandbox.base_url();
    let mut alice = Client::connect(&sandbox, "alice").await;
    let text = json!({ "chat": "lobby", "from": "ann", "text": "hello @alice", "mention": ["alice"] });
    let (status, said) = post(&base, "say", text).await;
    assert_eq!(status, 200, "{said}");
    assert_eq!(alice.text().await, "hello @_user_1");
    let post_content = json!({ "zh_cn": { "title": "T", "content": [[{ "tag": "at", "user_id": "bob" }]] } });
    let rich = json!({ "chat": said["chat_id"], "from": "li", "msg_type": "post", "content": post_content });
    assert_eq!(post(&base, "say", rich).await.0, 200);
    let event = alice.event().await;
    assert_eq!(event["event"]["message"]["mentions"][0]["name"], "bob");
    let raw = json!({ "chat": "lobby", "msg_type": "location", "raw": true, "content": { "name": "here" } });
    assert_eq!(post(&base, "say", raw).await.0, 200);
    assert_eq!(alice.event().await["event"]["message"]["message_type"], "location");
    let react = json!({ "message_id": said["message_id"], "from": "li", "emoji": "THUMBSUP" });
    assert_eq!(post(&base, "react", react).await, (200, json!({ "ok": true })));
    assert_eq!(post(&base, "recall", json!({ "message_id": said["message_id"] })).await.0, 200);
    assert_eq!(post(&base, "fault", json!({ "kind": "drop", "app": "alice" })).await.0, 200);
    alice.event().await;
    alice.ended().await;
}

#[tokio::test]
async fn mistakes_are_explained() {
    let sandbox = start(patient()).await;
    let base = sandbox.base_url();
    let cases = [
        ("say", json!({ "chat": "nowhere", "text": "x" }), "there is no chat `nowhere`"),
        ("say", json!({ "chat": "lobby", "from": "zoe", "text": "x" }), "nobody is called `zoe`"),
        ("say", json!({ "chat": "lobby", "txt": "x" }), "unknown field `txt`"),
        ("react", json!({ "message_id": "om_x", "emoji": "ok" }), "`ok` is no emoji_type"),
        ("fault", json!({ "kind": "meteor" }), "unknown variant `meteor`"),
        ("scopes", json!({ "app": "alice", "revoke": ["im:all"] }), "alice has no scope `im:all`"),
    ];
    for (what, body, expected) in cases {
        let (status, answer) = post(&base, what, body).await;
        assert_eq!((status, &answer["ok"]), (400, &json!(false)));
        let error = answer["error"].as_str().expect("a sentence");
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn state_is_small_unless_asked() {
    let sandbox = start(patient()).await;
    let base = sandbox.base_url();
    let (_, said) = post(&base, "say", json!({ "chat": "lobby", "text": "x" })).await;
    until(&sandbox, "registered", |state| state.totals.events == 3).await;
    let get = async |query: &str| -> Value {
        http()
            .get(format!("{base}/sandbox/state{query}"))
            .send()
            .await
            .expect("an answer")
            .json()
            .await
            .expect("JSON")
    };
    assert!(get("").await.get("deliveries").is_none());
    assert_eq!(get("?full=1").await["deliveries"].as_array().map(Vec::len), Some(3));
    let one = get(&format!("?message_id={}", said["message_id"].as_str().expect("an id"))).await;
    assert_eq!(one["messages"].as_array().map(Vec::len), Some(1));
    assert_eq!(get("?app=bob").await["deliveries"].as_array().map(Vec::len), Some(1));
}
