//! The open API around messages: tokens, scopes, identity, chats, members, errors.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use rooma::sandbox::{Chat, Options, Sandbox, Scopes};
use serde_json::{Value, json};

use super::client::Client;
use super::rest_client::{Rest, chat_id, http};
use super::{patient, start, state};

#[tokio::test]
async fn a_fresh_token_is_handed_out_again_and_an_old_one_is_replaced() {
    let sandbox = start(patient()).await;
    let rest = Rest::of(&sandbox, "alice").await;
    let again = rest.fetch_token().await;
    assert_eq!((&again["code"], &again["msg"]), (&json!(0), &json!("ok")));
    assert_eq!(again["tenant_access_token"], rest.token.as_str());
    assert!(again["expire"].as_u64().is_some_and(|left| left > 7_000 && left <= 7_200));

    let sandbox = start(Options { token_ttl: Duration::from_millis(400), ..patient() }).await;
    let rest = Rest::of(&sandbox, "alice").await;
    tokio::time::sleep(Duration::from_millis(330)).await;
    let renewed = rest.fetch_token().await;
    assert_ne!(renewed["tenant_access_token"], rest.token.as_str());
    assert_eq!(state(&sandbox).apps[0].tokens_issued, 2);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(rest.code(Method::GET, "im/v1/chats", None).await, 99_991_663);
}

#[tokio::test]
async fn credentials_and_tokens_are_refused_with_their_codes() {
    let sandbox = start(patient()).await;
    let mut rest = Rest::of(&sandbox, "alice").await;
    let good = rest.app.clone();
    for (app_id, secret, code) in
        [("cli_0000000000000000", "x", 10_014), (good.app_id.as_str(), "x", 10_015), ("", "x", 10_003)]
    {
        rest.app.app_id = app_id.to_owned();
        rest.app.app_secret = secret.to_owned();
        assert_eq!(rest.fetch_token().await["code"], code);
    }
    for (token, code) in [("t-unknown", 99_991_663), ("u-user", 99_991_668), ("nonsense", 99_991_671)] {
        rest.token = token.to_owned();
        assert_eq!(rest.code(Method::GET, "im/v1/chats", None).await, code);
    }
    let bare = http().get(format!("{}/open-apis/im/v1/chats", rest.base)).send().await.expect("an answer");
    assert_eq!(bare.status(), StatusCode::BAD_REQUEST);
    assert_eq!(bare.json::<Value>().await.expect("JSON")["code"], 99_991_661);
}

#[tokio::test]
async fn unknown_paths_and_methods_have_their_codes() {
    let sandbox = start(patient()).await;
    let rest = Rest::of(&sandbox, "alice").await;
    let (status, answer) = rest.call(Method::GET, "im/v9/nothing", None).await;
    assert_eq!((status, &answer["code"]), (StatusCode::NOT_FOUND, &json!(99_991_201)));
    let (_, answer) = rest.call(Method::DELETE, "im/v1/chats", None).await;
    assert_eq!(answer["code"], 99_991_301);
}

#[tokio::test]
async fn a_revoked_scope_is_named_in_the_refusal() {
    let sandbox = start(patient()).await;
    let rest = Rest::of(&sandbox, "alice").await;
    let revoke = vec!["im:chat".to_owned()];
    sandbox.scopes(Scopes { app: "alice".to_owned(), revoke, grant: vec![] }).expect("revoked");
    let (status, answer) = rest.call(Method::GET, "im/v1/chats", None).await;
    assert_eq!((status, &answer["code"]), (StatusCode::BAD_REQUEST, &json!(99_991_672)));
    assert_eq!(answer["error"]["permission_violations"][0]["subject"], "im:chat");
    Rest::of(&sandbox, "bob").await.get("im/v1/chats").await;
}

#[tokio::test]
async fn a_bot_knows_itself_and_others_by_name() {
    let sandbox = start(patient()).await;
    let rest = Rest::of(&sandbox, "alice").await;
    let (_, info) = rest.call(Method::GET, "bot/v3/info", None).await;
    assert_eq!(info["bot"]["open_id"], rest.app.open_id.as_str());
    assert_eq!(info["bot"]["activate_status"], 2);
    let lobby = chat_id(&sandbox, "lobby");
    let bots = rest.get(&format!("im/v1/chats/{lobby}/members/bots")).await;
    let bob =
        bots["items"].as_array().expect("items").iter().find(|bot| bot["bot_name"] == "bob").expect("bob");
    let id = bob["bot_id"].as_str().expect("an id");
    let named = rest.get(&format!("bot/v3/bots/basic_batch?bot_ids={id}&bot_ids=ou_x")).await;
    assert_eq!(named["bots"][id]["name"], "bob");
    assert_eq!(named["bots"].as_object().map(serde_json::Map::len), Some(1));
}

#[tokio::test]
async fn connections_are_counted() {
    let sandbox = start(patient()).await;
    let rest = Rest::of(&sandbox, "alice").await;
    assert_eq!(rest.get("event/v1/connection").await["online_instance_cnt"], 0);
    let _alice = Client::connect(&sandbox, "alice").await;
    assert_eq!(rest.get("event/v1/connection").await["online_instance_cnt"], 1);
}

#[tokio::test]
async fn chats_and_members_come_in_pages() {
    let people: Vec<String> = (0..5).map(|index| format!("person{index}")).collect();
    let sandbox = start(Options { people, ..patient() }).await;
    for index in 0..5 {
        let name = Some(format!("room{index}"));
        sandbox.chat(Chat { name, ..Chat::default() }).expect("made");
    }
    let rest = Rest::of(&sandbox, "alice").await;
    let names = pages(&rest, "im/v1/chats?page_size=3", "name").await;
    assert_eq!(names, ["lobby", "workshop", "room0", "room1", "room2", "room3", "room4"]);
    let lobby = chat_id(&sandbox, "lobby");
    let members = pages(&rest, &format!("im/v1/chats/{lobby}/members?page_size=2"), "name").await;
    assert_eq!(members.len(), 5, "people only: {members:?}");
    assert_eq!(rest.code(Method::GET, "im/v1/chats?page_token=nonsense", None).await, 232_001);
    assert_eq!(rest.code(Method::GET, "im/v1/chats?page_size=101", None).await, 99_992_402);
}

async fn pages(rest: &Rest, path: &str, field: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut token = String::new();
    loop {
        let page = rest.get(&format!("{path}&page_token={token}")).await;
        let items = page["items"].as_array().expect("items");
        found.extend(items.iter().map(|item| item[field].as_str().expect("a string").to_owned()));
        if page["has_more"] == false {
            return found;
        }
        token = page["page_token"].as_str().expect("a token").to_owned();
    }
}

#[tokio::test]
async fn a_chat_is_described_to_its_members_only() {
    let sandbox = start(patient()).await;
    let rest = Rest::of(&sandbox, "alice").await;
    let lobby = rest.get(&format!("im/v1/chats/{}", chat_id(&sandbox, "lobby"))).await;
    assert_eq!((&lobby["user_count"], &lobby["bot_count"]), (&json!("2"), &json!("3")));
    let other = room_without_alice(&sandbox);
    assert!(rest.get(&format!("im/v1/chats/{other}")).await.get("owner_id").is_none());
    assert_eq!(rest.code(Method::GET, &format!("im/v1/chats/{other}/members"), None).await, 232_011);
    assert_eq!(rest.get(&format!("im/v1/chats/{other}/members/is_in_chat")).await["is_in_chat"], false);
    assert_eq!(rest.code(Method::GET, "im/v1/chats/oc_nothing", None).await, 232_006);
}

fn room_without_alice(sandbox: &Sandbox) -> String {
    let members = Some(vec!["ann".to_owned(), "bob".to_owned()]);
    let room = Chat { name: Some("secret".to_owned()), members, ..Chat::default() };
    sandbox.chat(room).expect("made").chat_id
}

#[tokio::test]
async fn announcements_exist_in_both_generations() {
    let sandbox = start(patient()).await;
    let rest = Rest::of(&sandbox, "alice").await;
    let lobby = chat_id(&sandbox, "lobby");
    let text = Some("line one\nline two".to_owned());
    sandbox
        .chat(Chat { chat: Some("lobby".to_owned()), announcement: text, ..Chat::default() })
        .expect("set");
    let info = rest.get(&format!("docx/v1/chats/{lobby}/announcement")).await;
    assert_eq!(info["announcement_type"], "docx");
    let blocks = rest.get(&format!("docx/v1/chats/{lobby}/announcement/blocks")).await;
    assert_eq!(blocks["items"][0]["block_id"], lobby.as_str());
    assert_eq!(blocks["items"][2]["text"]["elements"][0]["text_run"]["content"], "line two");
    assert_eq!(rest.code(Method::GET, &format!("im/v1/chats/{lobby}/announcement"), None).await, 232_097);
    let legacy = Chat { chat: Some("lobby".to_owned()), legacy_announcement: Some(true), ..Chat::default() };
    sandbox.chat(legacy).expect("set");
    let old = rest.get(&format!("im/v1/chats/{lobby}/announcement")).await;
    assert!(old["content"].as_str().is_some_and(|content| content.contains("line one")));
}

#[tokio::test]
async fn people_are_found_by_id_and_mail() {
    let sandbox = start(patient()).await;
    let rest = Rest::of(&sandbox, "alice").await;
    let lobby = chat_id(&sandbox, "lobby");
    let members = rest.get(&format!("im/v1/chats/{lobby}/members")).await;
    let id = members["items"][0]["member_id"].as_str().expect("an id");
    let user = rest.get(&format!("contact/v3/users/{id}")).await;
    assert_eq!(user["user"]["name"], "ann");
    let body = json!({ "emails": ["ann@sandbox.invalid", "who@x"] });
    let found = rest.ok(Method::POST, "contact/v3/users/batch_get_id", Some(body)).await;
    assert_eq!(found["user_list"][0]["user_id"], id);
    assert!(found["user_list"][1].get("user_id").is_none());
    assert_eq!(rest.code(Method::GET, "contact/v3/users/ou_nobody", None).await, 41_012);
}
