//! Events beside messages.

use rooma::sandbox::{Card, Chat, Enter, Event, Member, Menu, Options, React, Read, Recall, Sandbox, Say};
use serde_json::{Value, json};

use super::client::Client;
use super::rest_client::{Rest, chat_id};
use super::{patient, start};

fn member(sandbox: &Sandbox, add: Option<&str>, remove: Option<&str>) {
    let own = |name: &str| name.to_owned();
    let change =
        Member { chat: own("lobby"), add: add.map(own), remove: remove.map(own), ..Member::default() };
    sandbox.member(change).expect("changed");
}

fn kind(event: &Value) -> &str {
    event["header"]["event_type"].as_str().expect("a type")
}

#[tokio::test]
async fn membership_is_told_to_whom_it_concerns() {
    let sandbox = start(patient()).await;
    let (mut alice, mut bob) =
        (Client::connect(&sandbox, "alice").await, Client::connect(&sandbox, "bob").await);
    member(&sandbox, None, Some("bob"));
    assert_eq!(kind(&bob.event().await), "im.chat.member.bot.deleted_v1");
    member(&sandbox, Some("bob"), None);
    let added = bob.event().await;
    assert_eq!((kind(&added), &added["event"]["name"]), ("im.chat.member.bot.added_v1", &json!("lobby")));
    member(&sandbox, None, Some("li"));
    let left = alice.event().await;
    assert_eq!(
        (kind(&left), &left["event"]["users"][0]["name"]),
        ("im.chat.member.user.deleted_v1", &json!("li"))
    );
    member(&sandbox, Some("li"), None);
    assert_eq!(kind(&alice.event().await), "im.chat.member.user.added_v1");
}

#[tokio::test]
async fn chats_change_and_end() {
    let sandbox = start(patient()).await;
    let mut alice = Client::connect(&sandbox, "alice").await;
    let (chat, name) = (Some("lobby".to_owned()), Some("hall".to_owned()));
    sandbox.chat(Chat { chat, name, ..Chat::default() }).expect("renamed");
    let updated = alice.event().await;
    assert_eq!(kind(&updated), "im.chat.updated_v1");
    assert_eq!(
        (&updated["event"]["before_change"]["name"], &updated["event"]["after_change"]["name"]),
        (&json!("lobby"), &json!("hall"))
    );
    sandbox
        .chat(Chat { chat: Some("hall".to_owned()), dissolve: true, ..Chat::default() })
        .expect("dissolved");
    assert_eq!(kind(&alice.event().await), "im.chat.disbanded_v1");
}

#[tokio::test]
async fn reactions_and_recalls_are_told_to_the_chat() {
    let sandbox = start(patient()).await;
    let mut alice = Client::connect(&sandbox, "alice").await;
    let say = Say { chat: Some("lobby".to_owned()), text: Some("x".to_owned()), ..Say::default() };
    let message_id = sandbox.say(say).expect("said").message_id;
    alice.event().await;
    let react = React { message_id: message_id.clone(), emoji: "OK".to_owned(), ..React::default() };
    sandbox.react(react.clone()).expect("reacted");
    let created = alice.event().await;
    assert_eq!(kind(&created), "im.message.reaction.created_v1");
    assert_eq!(
        (&created["event"]["operator_type"], &created["event"]["reaction_type"]["emoji_type"]),
        (&json!("user"), &json!("OK"))
    );
    sandbox.react(React { remove: true, ..react }).expect("removed");
    assert_eq!(kind(&alice.event().await), "im.message.reaction.deleted_v1");
    sandbox.recall(Recall { message_id, ..Recall::default() }).expect("recalled");
    let recalled = alice.event().await;
    assert_eq!(
        (kind(&recalled), &recalled["event"]["recall_type"]),
        ("im.message.recalled_v1", &json!("message_owner"))
    );
}

#[tokio::test]
async fn direct_chats_are_entered_and_read() {
    let sandbox = start(patient()).await;
    let mut alice = Client::connect(&sandbox, "alice").await;
    let say = Say { to: Some("alice".to_owned()), text: Some("x".to_owned()), ..Say::default() };
    let said = sandbox.say(say).expect("said");
    alice.event().await;
    let sent = Rest::of(&sandbox, "alice").await.send(&said.chat_id, "answer").await;
    let message_id = sent["message_id"].as_str().expect("an id").to_owned();
    sandbox.read(Read { message_id: message_id.clone() }).expect("read");
    let read = alice.event().await;
    assert_eq!(
        (kind(&read), &read["event"]["message_id_list"][0]),
        ("im.message.message_read_v1", &json!(message_id))
    );
    sandbox.enter(Enter { app: "alice".to_owned(), from: None }).expect("entered");
    let entered = alice.event().await;
    assert_eq!(kind(&entered), "im.chat.access_event.bot_p2p_chat_entered_v1");
    assert_eq!(entered["event"]["last_message_id"], message_id.as_str());
    let menu = Menu { app: "alice".to_owned(), from: None, event_key: "restart".to_owned() };
    sandbox.menu(menu).expect("picked");
    assert_eq!(kind(&alice.event().await), "application.bot.menu_v6");
}

#[tokio::test]
async fn a_card_callback_is_answered_once_and_never_repeated() {
    // Silence is one as long as the platform really waits.
    let sandbox = start(Options::default()).await;
    let mut alice = Client::connect(&sandbox, "alice").await;
    let rest = Rest::of(&sandbox, "alice").await;
    let content = json!({ "elements": [{ "tag": "markdown", "content": "choose" }] }).to_string();
    let body =
        json!({ "receive_id": chat_id(&sandbox, "lobby"), "msg_type": "interactive", "content": content });
    let sent = rest.ok(reqwest::Method::POST, "im/v1/messages?receive_id_type=chat_id", Some(body)).await;
    let message_id = sent["message_id"].as_str().expect("an id").to_owned();
    let press = Card { message_id, value: json!({ "k": "yes" }), ..Card::default() };
    let (answer, ()) = tokio::join!(sandbox.card(press.clone()), async {
        let frame = alice.frame().await;
        assert_eq!(frame.json()["event"]["action"]["value"]["k"], "yes");
        // {"toast":{"type":"info"}}
        alice.ack(&frame, r#"{"code":200,"data":"eyJ0b2FzdCI6eyJ0eXBlIjoiaW5mbyJ9fQ=="}"#).await;
    });
    assert_eq!(answer.expect("pressed").data.expect("data")["toast"]["type"], "info");
    let silent = sandbox.card(press).await.expect("pressed");
    assert_eq!(silent.code, None);
    alice.frame().await;
    alice.silence().await;
}

#[tokio::test]
async fn any_event_and_any_payload_can_be_pushed() {
    let sandbox = start(patient()).await;
    let mut alice = Client::connect(&sandbox, "alice").await;
    let (app, event_type) = ("alice".to_owned(), "im.future_v9".to_owned());
    let pushed = Event { app: app.clone(), event_type, event: json!({ "a": 1 }), raw: None, card: false };
    let answer = sandbox.event(pushed).expect("pushed");
    let event = alice.event().await;
    assert_eq!((kind(&event), &event["header"]["event_id"]), ("im.future_v9", &json!(answer.event_id)));
    let raw = Some("not json".to_owned());
    sandbox.event(Event { app, raw, ..Event::default() }).expect("pushed");
    let frame = alice.frame().await;
    assert_eq!(frame.payload, b"not json");
    alice.ack(&frame, r#"{"code":200}"#).await;
}
