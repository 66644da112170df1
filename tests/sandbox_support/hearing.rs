//! Who hears whom, and under which ids.

use rooma::sandbox::{Sandbox, Say, Scopes};
use serde_json::Value;

use super::client::Client;
use super::rest_client::{Rest, chat_id};
use super::{patient, start};

fn say(sandbox: &Sandbox, text: &str, mention: &[&str]) {
    let mention = mention.iter().map(|name| (*name).to_owned()).collect();
    let (chat, text) = (Some("lobby".to_owned()), Some(text.to_owned()));
    sandbox.say(Say { chat, text, mention, ..Say::default() }).expect("said");
}

fn only(sandbox: &Sandbox, bot: &str, scope: &str) {
    let all = ["im:message.group_msg", "im:message.group_msg.include_bot:read"];
    let revoke = all.iter().filter(|known| **known != scope).map(|known| (*known).to_owned()).collect();
    sandbox.scopes(Scopes { app: bot.to_owned(), grant: vec![scope.to_owned()], revoke }).expect("changed");
}

#[tokio::test]
async fn a_bot_hears_other_bots_and_never_itself() {
    let sandbox = start(patient()).await;
    let (mut alice, mut bob) =
        (Client::connect(&sandbox, "alice").await, Client::connect(&sandbox, "bob").await);
    let rest = Rest::of(&sandbox, "alice").await;
    let sent = rest.send(&chat_id(&sandbox, "lobby"), "from alice").await;
    assert_eq!(
        (&sent["sender"]["sender_type"], &sent["sender"]["id"]),
        (&"app".into(), &rest.app.app_id.as_str().into())
    );
    let heard = bob.event().await;
    assert_eq!(heard["event"]["sender"]["sender_type"], "bot");
    assert_eq!(heard["event"]["message"]["message_id"], sent["message_id"]);
    alice.silence().await;
}

#[tokio::test]
async fn without_an_include_bot_scope_only_people_are_heard() {
    let sandbox = start(patient()).await;
    only(&sandbox, "bob", "im:message.group_msg");
    let mut bob = Client::connect(&sandbox, "bob").await;
    Rest::of(&sandbox, "alice").await.send(&chat_id(&sandbox, "lobby"), "from a bot").await;
    say(&sandbox, "from a person", &[]);
    assert_eq!(bob.text().await, "from a person");
    bob.silence().await;
}

#[tokio::test]
async fn with_an_at_scope_only_mentions_are_heard() {
    let sandbox = start(patient()).await;
    only(&sandbox, "bob", "im:message.group_at_msg");
    only(&sandbox, "carol", "im:message.group_at_msg.include_bot:readonly");
    let (mut bob, mut carol) =
        (Client::connect(&sandbox, "bob").await, Client::connect(&sandbox, "carol").await);
    say(&sandbox, "to nobody", &[]);
    say(&sandbox, "to everybody", &["all"]);
    say(&sandbox, "to both", &["bob", "carol"]);
    assert_eq!(bob.text().await, "@_user_1 @_user_2 to both");
    assert_eq!(carol.text().await, "@_user_1 @_user_2 to both");
    // A bot's mention needs the id that the sender's app knows.
    let rest = Rest::of(&sandbox, "alice").await;
    let lobby = chat_id(&sandbox, "lobby");
    let bots = rest.get(&format!("im/v1/chats/{lobby}/members/bots")).await;
    for bot in bots["items"].as_array().expect("items") {
        let id = bot["bot_id"].as_str().expect("an id");
        rest.send(&lobby, &format!("<at user_id=\"{id}\">x</at> from a bot")).await;
    }
    assert_eq!(carol.text().await, "@_user_1 from a bot");
    bob.silence().await;
    carol.silence().await;
}

#[tokio::test]
async fn direct_messages_need_their_scope() {
    let sandbox = start(patient()).await;
    let mut alice = Client::connect(&sandbox, "alice").await;
    let direct =
        |text: &str| Say { to: Some("alice".to_owned()), text: Some(text.to_owned()), ..Say::default() };
    let revoke = vec!["im:message.p2p_msg".to_owned()];
    sandbox
        .scopes(Scopes { app: "alice".to_owned(), revoke: revoke.clone(), grant: vec![] })
        .expect("revoked");
    sandbox.say(direct("unheard")).expect("said");
    sandbox.scopes(Scopes { app: "alice".to_owned(), grant: revoke, revoke: vec![] }).expect("granted");
    sandbox.say(direct("heard")).expect("said");
    assert_eq!(alice.text().await, "heard");
}

#[tokio::test]
async fn open_ids_are_per_app_and_union_ids_are_not() {
    let sandbox = start(patient()).await;
    let (mut alice, mut bob) =
        (Client::connect(&sandbox, "alice").await, Client::connect(&sandbox, "bob").await);
    say(&sandbox, "hi @alice", &["alice"]);
    let (to_alice, to_bob) = (alice.event().await, bob.event().await);
    let ids = |event: &Value| event["event"]["sender"]["sender_id"].clone();
    assert_ne!(ids(&to_alice)["open_id"], ids(&to_bob)["open_id"]);
    assert_eq!(ids(&to_alice)["union_id"], ids(&to_bob)["union_id"]);
    let mention = |event: &Value| event["event"]["message"]["mentions"][0].clone();
    assert_eq!(mention(&to_alice)["id"]["open_id"], sandbox.apps()[0].open_id.as_str());
    assert_ne!(mention(&to_bob)["id"]["open_id"], sandbox.apps()[0].open_id.as_str());
    assert_eq!(
        (&mention(&to_bob)["mentioned_type"], &mention(&to_bob)["key"]),
        (&"bot".into(), &"@_user_1".into())
    );
    let foreign = ids(&to_alice)["open_id"].as_str().expect("an id").to_owned();
    let rest = Rest::of(&sandbox, "bob").await;
    assert_eq!(
        rest.code(reqwest::Method::GET, &format!("contact/v3/users/{foreign}"), None).await,
        99_992_361
    );
}
