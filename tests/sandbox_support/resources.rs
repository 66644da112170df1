use reqwest::multipart::{Form, Part};
use reqwest::{Method, Response, StatusCode};
use rooma::sandbox::{Sandbox, Say};
use serde_json::{Value, json};

use super::rest_client::{Rest, chat_id};
use super::{patient, start};

async fn upload(rest: &Rest, path: &str, form: Form) -> (StatusCode, Value) {
    let request = rest.client.post(format!("{}/open-apis/im/v1/{path}", rest.base)).bearer_auth(&rest.token);
    let response = request.multipart(form).send().await.expect("an answer");
    (response.status(), response.json().await.expect("JSON"))
}

fn file(kind: &'static str, bytes: Vec<u8>) -> Form {
    Form::new()
        .text("file_type", kind)
        .text("file_name", "ä.txt")
        .part("file", Part::bytes(bytes).file_name("f"))
}

async fn download(rest: &Rest, message_id: &str, key: &str, kind: &str, range: Option<&str>) -> Response {
    let path = format!("{}/open-apis/im/v1/messages/{message_id}/resources/{key}?type={kind}", rest.base);
    let request = rest.client.get(path).bearer_auth(&rest.token);
    let request = match range {
        Some(range) => request.header("range", range),
        None => request,
    };
    request.send().await.expect("an answer")
}

#[tokio::test]
async fn a_file_is_uploaded_sent_and_downloaded_in_ranges() {
    let sandbox = start(patient()).await;
    let rest = Rest::of(&sandbox, "alice").await;
    let (_, answer) = upload(&rest, "files", file("stream", b"0123456789".to_vec())).await;
    let key = answer["data"]["file_key"].as_str().expect("a key").to_owned();
    let lobby = chat_id(&sandbox, "lobby");
    let content = json!({ "file_key": key }).to_string();
    let body = json!({ "receive_id": lobby, "msg_type": "file", "content": content });
    let path = "im/v1/messages?receive_id_type=chat_id";
    let sent = rest.ok(Method::POST, path, Some(body.clone())).await;
    let id = sent["message_id"].as_str().expect("an id");

    let bob = Rest::of(&sandbox, "bob").await;
    let whole = download(&bob, id, &key, "file", None).await;
    assert_eq!(whole.bytes().await.expect("bytes").as_ref(), b"0123456789");
    let part = download(&bob, id, &key, "file", Some("bytes=2-4")).await;
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.headers()["content-range"], "bytes 2-4/10");
    assert_eq!(part.bytes().await.expect("bytes").as_ref(), b"234");
    let wrong: Value = download(&bob, id, "file_other", "file", None).await.json().await.expect("JSON");
    assert_eq!(wrong["code"], 234_003);
    assert_eq!(bob.code(Method::POST, path, Some(body)).await, 230_017, "another app's key");
}

#[tokio::test]
async fn uploads_are_checked() {
    let sandbox = start(patient()).await;
    let rest = Rest::of(&sandbox, "alice").await;
    let image = |bytes: &'static [u8]| {
        Form::new().text("image_type", "message").part("image", Part::bytes(bytes).file_name("i"))
    };
    assert_eq!(upload(&rest, "files", file("stream", vec![])).await.1["code"], 234_010);
    assert_eq!(upload(&rest, "files", file("movie", vec![1])).await.1["code"], 234_001);
    assert_eq!(
        upload(&rest, "files", file("stream", vec![1; 30 * 1024 * 1024 + 1])).await.1["code"],
        234_006
    );
    assert_eq!(upload(&rest, "images", image(b"text")).await.1["code"], 234_011);
    assert_eq!(upload(&rest, "images", image(b"GIF89a")).await.1["code"], 0);
    assert_eq!(upload(&rest, "images", Form::new().text("image_type", "message")).await.1["code"], 234_001);
}

#[tokio::test]
async fn a_person_sends_pictures_and_files() {
    let sandbox = start(patient()).await;
    let rest = Rest::of(&sandbox, "alice").await;
    let lobby = || Some("lobby".to_owned());
    let picture = sandbox.say(Say { chat: lobby(), image: true, ..Say::default() }).expect("said");
    let key = resource(&sandbox, &rest, &picture.message_id, "image_key").await;
    let image = download(&rest, &picture.message_id, &key, "image", None).await;
    assert_eq!(image.headers()["content-type"], "image/png");
    assert!(image.bytes().await.expect("bytes").starts_with(b"\x89PNG"));
    let notes = Say {
        chat: lobby(),
        file: Some("notes.txt".to_owned()),
        text: Some("abc".to_owned()),
        ..Say::default()
    };
    let notes = sandbox.say(notes).expect("said");
    let key = resource(&sandbox, &rest, &notes.message_id, "file_key").await;
    let file = download(&rest, &notes.message_id, &key, "file", None).await;
    assert_eq!(file.text().await.expect("text"), "abc");
}

async fn resource(_: &Sandbox, rest: &Rest, message_id: &str, field: &str) -> String {
    let message = rest.get(&format!("im/v1/messages/{message_id}")).await;
    let content = message["items"][0]["body"]["content"].as_str().expect("content");
    let content: Value = serde_json::from_str(content).expect("JSON");
    content[field].as_str().expect("a key").to_owned()
}
