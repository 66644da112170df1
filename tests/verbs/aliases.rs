//! Aliases of people: wherever an id of a person works, and clear words where only a chat does.

use rooma::sandbox::{Chat, Scopes};
use serde_json::{Value, json};

use crate::support::World;
use crate::verb::{Ran, items, run, world};

/// The ids of a person: as b0 sees them, and the one all apps share.
fn ids(world: &World, name: &str) -> (String, String) {
    let members = run(world.as_profile("b0").args(["members", "--chat", "lobby"])).value();
    let open = items(&members).iter().find(|member| member["name"] == name).unwrap();
    let ready: Value = serde_json::from_str(&world.sandbox.ready_line()).unwrap();
    let people = ready["people"].as_array().unwrap();
    let person = people.iter().find(|person| person["name"] == name).unwrap();
    (open["member_id"].as_str().unwrap().into(), person["union_id"].as_str().unwrap().into())
}

fn contacts(world: &World) -> (String, String) {
    let (open, union) = ids(world, "ann");
    let users =
        format!("users:\n  boss: {{b0: {open}}}\n  chief: {{union_id: {union}}}\n  gone: {{b9: ou_1}}\n");
    world.write("config/contacts.yaml", &users);
    (open, union)
}

fn text(world: &World, said: &Value) -> String {
    world.message(said["message_id"].as_str().unwrap()).content
}

fn revoke(world: &World, scope: &str) {
    let revoke = vec![scope.to_owned()];
    world.sandbox.scopes(Scopes { app: "b0".into(), revoke, ..Scopes::default() }).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alias_of_a_person_leads_every_verb_that_sends_to_their_direct_chat() {
    let world = world(1).await;
    let (open, union) = contacts(&world);
    let direct = world.rooma(&["send", "--user-id", &open, "--text", "hi"]).value()["chat_id"].clone();
    for who in ["boss", "chief", &union] {
        for flag in ["--user-id", "--chat"] {
            let said = world.rooma(&["send", flag, who, "--text", "hi"]).value();
            assert_eq!(said["chat_id"], direct, "{flag} {who}");
        }
    }
    std::fs::write(world.home.path().join("a.txt"), "a").unwrap();
    assert_eq!(world.rooma(&["file", "--chat", "chief", "--path", "a.txt"]).value()["chat_id"], direct);
    let asked = world.rooma(&["help", "--topic", "stuck", "--chat", "chief", "--mention", "boss"]).value();
    assert_eq!(asked["chat_id"], direct);
    let both = ["broadcast", "--chat", "chief", "--chat", "lobby", "--text", "all"];
    let shown = world.rooma(&[&both[..], &["--dry-run"]].concat()).value();
    assert_eq!(items(&shown)[0]["user_id"], union.as_str());
    assert_eq!(items(&world.rooma(&both).value())[0]["chat_id"], direct);
    let profile = world.home.path().join("profiles/b0.yaml");
    let with_default = std::fs::read_to_string(&profile).unwrap() + "default_chat: boss\n";
    world.write("profiles/b0.yaml", &with_default);
    assert_eq!(world.rooma(&["send", "--text", "hi"]).value()["chat_id"], direct);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verb_that_reads_says_that_a_person_is_no_chat() {
    let world = world(1).await;
    let (open, union) = contacts(&world);
    for who in ["boss", "chief", &open, &union] {
        for verb in ["pull", "members", "chat-info"] {
            let error = world.rooma(&[verb, "--chat", who]).error(2);
            assert_eq!(error["subtype"], "not_a_chat", "{verb} {who}");
            assert!(error["hint"].as_str().unwrap().contains("oc_"), "{error}");
        }
    }
    let unknown = |ran: Ran| assert_eq!(ran.error(2)["subtype"], "unknown_person");
    unknown(world.rooma(&["send", "--user-id", "gone", "--text", "hi"]));
    unknown(world.rooma(&["send", "--chat", "gone", "--text", "hi"]));
    unknown(world.rooma(&["send", "--user-id", "nobody", "--text", "hi"]));
    assert_eq!(world.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alias_with_a_union_id_mentions_by_the_id_that_this_app_knows() {
    let world = world(1).await;
    let (open, _) = contacts(&world);
    let send = ["send", "--chat", "lobby", "--text", "@chief hi", "--mention", "chief"];
    let rehearsed = || {
        let shown = world.rooma(&[&send[..], &["--dry-run"]].concat()).value();
        shown["messages"][0]["content"]["text"].as_str().unwrap().to_owned()
    };
    let wanted = format!("<at user_id=\"{open}\">ann</at> hi");
    assert_eq!(rehearsed(), wanted);
    assert_eq!(text(&world, &world.rooma(&send).value()), r#"{"text":"@_user_1 hi"}"#);
    // The members lead there too, by the name.
    revoke(&world, "contact:contact.base:readonly");
    assert_eq!(rehearsed(), wanted);
    // Where ann is not, nothing does.
    let members = Some(vec!["b0".to_owned(), "li".to_owned()]);
    world.sandbox.chat(Chat { name: Some("den".into()), members, ..Chat::default() }).unwrap();
    for place in [&["--chat", "den"][..], &["--user-id", "boss"]] {
        let send = ["send", "--text", "@chief hi", "--mention", "chief"];
        let error = world.rooma(&[&send[..], place].concat()).error(3);
        assert_eq!(error["subtype"], "unknown_mention", "{place:?}");
        assert!(error["hint"].as_str().unwrap().contains("contacts.yaml"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mention_carries_the_name_that_people_see_and_stands_where_the_alias_does() {
    let world = world(2).await;
    let (open, _) = contacts(&world);
    for (text, who, wanted) in [
        ("so, @boss: done", "boss", format!("so, <at user_id=\"{open}\">ann</at>: done")),
        ("so, @ann: done", "boss", format!("so, <at user_id=\"{open}\">ann</at>: done")),
        ("done", open.as_str(), format!("<at user_id=\"{open}\">ann</at> done")),
    ] {
        let send = ["send", "--chat", "lobby", "--text", text, "--mention", who, "--dry-run"];
        assert_eq!(world.rooma(&send).value()["messages"][0]["content"]["text"], json!(wanted));
    }
    // In a direct chat there is no list to find the name in, and the mention works all the same.
    let said = world.rooma(&["send", "--chat", "boss", "--text", "@boss hi", "--mention", "boss"]).value();
    assert_eq!(text(&world, &said), r#"{"text":"@_user_1 hi"}"#);
}
