//! What was missed, and whether a connection is deaf, over scripted histories.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::seat;
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::event::Origin;
use crate::journal::{Filter, Had, Journal};
use crate::supervisor::Seat;
use crate::supervisor::upkeep::{CatchUpRules, DeafRules, Upkeep, catch_up, deaf};
use crate::transport::verbs::Place;
use crate::transport::{Inbound, Missed, Rooms};

/// An upkeep with a journal of its own, and a seat in the chats `oc_1` and `oc_2` whose history is scripted.
async fn cared(
    fetch: impl Fn(Place) -> Result<Missed> + Send + Sync + 'static,
) -> (tempfile::TempDir, Journal, Upkeep, Seat) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let journal = Journal::open(&path, crate::journal::Sync::Process, Clock::system()).unwrap();
    let rules = (
        CatchUpRules {
            per_chat: 200,
            total: 2000,
            max_age: Duration::from_secs(86_400),
            after: Duration::ZERO,
        },
        DeafRules { quiet_after: Duration::from_secs(600), chats: 1 },
    );
    let (appender, heard) = (journal.appender(), journal.heard());
    let upkeep = Upkeep::new(path, appender, heard, Rooms::default(), Clock::system(), rules);
    let mut seat = seat("alice", vec![]).0;
    let fetch = Arc::new(fetch);
    seat.fetch = Arc::new(move |missing| {
        let answer = fetch(missing.place);
        Box::pin(async move { answer })
    });
    let listed = serde_json::json!({"items": [{"chat_id": "oc_1"}, {"chat_id": "oc_2"}], "has_more": true});
    seat.perform = Arc::new(move |_, _| {
        let listed = listed.clone();
        Box::pin(async move { Ok(listed) })
    });
    (folder, journal, upkeep, seat)
}

fn message(chat: &str, id: &str) -> Inbound {
    let message = serde_json::from_value(serde_json::json!({
        "chat_id": chat, "chat_type": "group", "message_id": id, "message_type": "text", "sender_id": "ou_1",
        "sender_type": "user", "mentioned": true, "mention": "me", "content": "x", "create_time": "t",
        "trust": "stranger", "event_type": "e"
    }));
    Inbound::message(Origin::History, message.unwrap(), "{}")
}

#[tokio::test]
async fn a_thread_that_cannot_be_read_now_is_asked_for_again() {
    let (_folder, _journal, upkeep, seat) = cared(|place| match place {
        Place::Thread(_) => Err(Error::network("reset")),
        _ => Ok(Missed { threads: vec!["omt_1".to_owned()], ..Missed::default() }),
    })
    .await;
    let window = crate::core::hearing::Window { since: 0, cut: false };
    assert!(catch_up::catch_up(&upkeep, &seat, window, false).await.is_err());
}

#[tokio::test]
async fn a_chat_that_always_fails_holds_up_no_other_and_is_told_of_in_the_end() {
    let (_folder, journal, upkeep, seat) = cared(|place| match place {
        Place::Chat(chat) if chat.as_str() == "oc_1" => Err(Error::network("reset")),
        Place::Chat(_) => Ok(Missed { messages: vec![message("oc_2", "om_2")], ..Missed::default() }),
        Place::Thread(_) => Ok(Missed::default()),
    })
    .await;
    let window = crate::core::hearing::Window { since: 0, cut: false };
    let lines = || {
        let page = journal.reader().unwrap().page(0, &Filter::default(), &Had::default()).unwrap();
        String::from_utf8(page.bytes).unwrap()
    };
    assert!(catch_up::catch_up(&upkeep, &seat, window, false).await.is_err(), "it is worth another try");
    journal.settled().await;
    assert!(
        lines().contains("\"cut\":\"chats\""),
        "the list was longer than what is looked into: {}",
        lines()
    );
    assert!(lines().contains("\"chat_id\":\"oc_2\"") && !lines().contains("\"error\""), "{}", lines());
    catch_up::catch_up(&upkeep, &seat, window, true).await.unwrap();
    journal.settled().await;
    assert!(lines().contains("\"error\":\"reset"), "{}", lines());
}

#[tokio::test]
async fn a_chat_that_may_not_be_read_hides_no_deafness() {
    let (_folder, journal, upkeep, seat) = cared(|place| match place {
        Place::Chat(chat) if chat.as_str() == "oc_1" => Err(Error::new(Kind::Authorization, "not a member")),
        _ => Ok(Missed { messages: vec![message("oc_2", "om_unheard")], ..Missed::default() }),
    })
    .await;
    let (answers, mut settled) = tokio::sync::mpsc::unbounded_channel();
    for (chat, id) in [("oc_1", "om_1"), ("oc_1", "om_2"), ("oc_2", "om_3")] {
        journal.appender().append(vec![seat.intake.entry(message(chat, id))], &answers, 0).await;
        settled.recv().await.unwrap();
    }
    assert!(deaf::is_deaf(&upkeep, &seat, 0, 1_000_000).await.unwrap());
}

#[tokio::test]
async fn every_thread_is_asked_once_the_newest_first_and_a_cut_is_told() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    let (_folder, journal, upkeep, seat) = cared(move |place| match place {
        Place::Chat(chat) if chat.as_str() == "oc_1" => {
            let threads = (0..12).flat_map(|number| [format!("omt_{number}"), "omt_busy".to_owned()]);
            Ok(Missed { threads: threads.collect(), ..Missed::default() })
        }
        Place::Thread(thread) => {
            seen.lock().unwrap().push(thread.as_str().to_owned());
            Ok(Missed::default())
        }
        _ => Ok(Missed::default()),
    })
    .await;
    let window = crate::core::hearing::Window { since: 0, cut: false };
    catch_up::catch_up(&upkeep, &seat, window, false).await.unwrap();
    let asked = asked.lock().unwrap().clone();
    assert_eq!((asked.len(), asked[0].as_str(), asked[1].as_str()), (10, "omt_busy", "omt_11"), "{asked:?}");
    journal.settled().await;
    let page = journal.reader().unwrap().page(0, &Filter::default(), &Had::default()).unwrap();
    let text = String::from_utf8(page.bytes).unwrap();
    assert!(text.contains("rooma.catchup") && text.contains("per_chat"), "{text}");
}
