use std::time::Duration;

use super::super::tree::{Tree, chat, message};
use super::*;
use crate::error::Kind;
use crate::event::Origin;

const PROFILES: [&str; 3] = ["a", "b", "c"];

async fn relaying(tree: &Tree) -> Relayer {
    let day = Duration::from_secs(86_400);
    let relaying = Relaying {
        data: tree.folder.path().to_owned(),
        clock: Clock::system(),
        appender: tree.journal.appender(),
        asker: tree.root.asker(),
        rooms: tree.rooms.clone(),
        catch_up: CatchUpRules { per_chat: 200, total: 2000, max_age: day, after: Duration::from_secs(60) },
    };
    start(relaying, tree.root.cell()).await.unwrap()
}

/// What a profile has heard, in order: each message, and whether it was relayed.
fn heard(tree: &Tree, profile: &str) -> Vec<(String, bool)> {
    let lines = tree.lines("message").into_iter().filter(|(of, _)| of == profile);
    let heard = lines.map(|(_, line)| {
        assert_eq!(line["sender_profile"], "a", "{line}");
        (line["message_id"].as_str().unwrap().to_owned(), line["relayed"] == true)
    });
    heard.collect()
}

fn relayed(ids: &[&str]) -> Vec<(String, bool)> {
    ids.iter().map(|id| ((*id).to_owned(), true)).collect()
}

fn kept(tree: &Tree) -> usize {
    stored::load::<Relays>(tree.folder.path(), 0).unwrap().messages().len()
}

fn past(id: &str) -> Owed {
    let (sender, message_id, at) = ("a".to_owned(), MessageId::new(id), Clock::system().wall_ms());
    Owed { sender, chat_id: chat(), message_id, at, to: None }
}

#[tokio::test(start_paused = true)]
async fn what_one_of_ours_says_reaches_the_others_once_whether_or_not_the_platform_delivers_it() {
    let tree = Tree::new(&PROFILES).await;
    let relayer = relaying(&tree).await;
    // The platform is faster for b, slower for c, and delivers nothing of the second.
    tree.hears("b", Origin::Pushed, message("a_1", "a", "look")).await;
    relayer.posted("a", &chat(), &MessageId::new("a_1")).await;
    relayer.posted("a", &chat(), &MessageId::new("a_2")).await;
    tree.until("both are relayed", || kept(&tree) == 0).await;
    tree.hears("c", Origin::Pushed, message("a_1", "a", "look")).await;
    tree.pass(Duration::from_secs(5)).await;
    assert_eq!(heard(&tree, "b"), [("a_1".to_owned(), false), ("a_2".to_owned(), true)]);
    assert_eq!(heard(&tree, "c"), relayed(&["a_1", "a_2"]));
    assert_eq!(heard(&tree, "a"), [], "its own words");
    let tree = tree.next(&PROFILES).await;
    let _relayer = relaying(&tree).await;
    tree.pass(Duration::from_secs(5)).await;
    assert_eq!((heard(&tree, "b").len(), heard(&tree, "c").len()), (2, 2), "the next life has it still");
}

#[tokio::test(start_paused = true)]
async fn what_went_past_the_supervisor_is_relayed_once_it_looks() {
    let tree = Tree::new(&PROFILES).await;
    for id in ["a_1", "a_2"] {
        owe(tree.folder.path(), 0, past(id)).unwrap();
    }
    let _relayer = relaying(&tree).await;
    tree.until("what was said before anybody listened", || heard(&tree, "c").len() == 2).await;
    owe(tree.folder.path(), 0, past("a_3")).unwrap();
    tree.until("what is heard is forgotten", || kept(&tree) == 0).await;
    for profile in ["b", "c"] {
        assert_eq!(heard(&tree, profile), relayed(&["a_1", "a_2", "a_3"]), "in order");
    }
}

#[tokio::test(start_paused = true)]
async fn a_kill_between_a_send_and_its_relay_loses_nothing() {
    let tree = Tree::new(&PROFILES).await;
    let relayer = relaying(&tree).await;
    let ids = ["a_1", "a_2", "a_3", "a_4", "a_5"];
    for profile in ["b", "c"] {
        tree.platform.hide(profile, Some(Error::network("reset")));
    }
    for id in ids {
        relayer.posted("a", &chat(), &MessageId::new(id)).await;
    }
    tree.pass(Duration::from_secs(3)).await;
    assert_eq!((heard(&tree, "b"), kept(&tree)), (vec![], 5));
    let tree = tree.next(&PROFILES).await;
    ["b", "c"].into_iter().for_each(|profile| tree.platform.hide(profile, None));
    let _relayer = relaying(&tree).await;
    tree.until("what is heard is forgotten", || kept(&tree) == 0).await;
    for profile in ["b", "c"] {
        assert_eq!(heard(&tree, profile), relayed(&ids));
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_may_not_read_holds_up_nobody_and_one_that_is_away_hears_it_later() {
    let tree = Tree::new(&PROFILES).await;
    let relayer = relaying(&tree).await;
    tree.platform.hide("b", Some(Error::new(Kind::Authorization, "no scope")));
    tree.platform.hide("c", Some(Error::config("parked")));
    relayer.posted("a", &chat(), &MessageId::new("a_1")).await;
    tree.until("b is given up", || {
        let owed = stored::load::<Relays>(tree.folder.path(), 0).unwrap();
        owed.messages().iter().all(|owed| owed.to.iter().flatten().eq(["c"]))
    })
    .await;
    tree.platform.hide("c", None);
    tree.until("c hears it", || kept(&tree) == 0).await;
    assert_eq!((heard(&tree, "b"), heard(&tree, "c")), (vec![], relayed(&["a_1"])));
}

#[tokio::test(start_paused = true)]
async fn what_tells_of_the_past_by_now_is_told_as_such() {
    let tree = Tree::new(&PROFILES).await;
    for (id, age) in [("a_1", 61_000), ("a_2", 0)] {
        let owed = past(id);
        owe(tree.folder.path(), 0, Owed { at: owed.at - age, ..owed }).unwrap();
    }
    let _relayer = relaying(&tree).await;
    tree.until("all is relayed", || kept(&tree) == 0).await;
    let replayed = tree.lines("message").into_iter().filter(|(profile, _)| profile == "b");
    let replayed: Vec<bool> = replayed.map(|(_, line)| line["replayed"] == true).collect();
    assert_eq!(replayed, [true, false]);
}

fn ids(relays: &Relays) -> Vec<&str> {
    relays.messages().iter().map(|message| message.message_id.as_str()).collect()
}

#[test]
fn what_an_older_version_owed_is_owed() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/home-v4/data");
    let relays = stored::load::<Relays>(&data, 0).unwrap();
    assert_eq!(ids(&relays), ["om_3be1308806f7f27ff190f9d3365e8cdd"]);
    let owed = &relays.messages()[0];
    assert_eq!((owed.sender.as_str(), owed.at), ("bob", 1_795_951_665_903));
}

#[test]
fn what_an_older_version_owes_is_still_owed() {
    let folder = tempfile::tempdir().unwrap();
    let old = include_bytes!("../../../tests/fixtures/stored/relays-v1.json");
    std::fs::write(folder.path().join("relays.json"), old).unwrap();
    let relays: Relays = stored::load(folder.path(), 0).unwrap();
    let owed: Vec<_> =
        relays.messages().iter().map(|owed| (owed.sender.as_str(), owed.to.is_none())).collect();
    assert_eq!(owed, [("alice", true), ("bob", true)]);
    assert!(ids(&relays).iter().all(|id| id.starts_with("om_")));
}
