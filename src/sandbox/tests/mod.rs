//! What platforms share, over one that is not Feishu.

mod slate;

use std::sync::Arc;
use std::time::Duration;

use self::slate::{Slate, SlateIds};
use super::delivery::{slot::Slot, tell, with_ledger};
use super::ledger::Plan;
use super::ledger::record::Answer;
use super::links::Outgoing;
use super::lock::lock;
use super::platform::Platform;
use super::shared::Shared;
use super::world::change::Change;
use super::world::{Cast, World};
use super::{Member, React, Recall, Redeliver, Running, Said, Say, State, StateQuery, people};
use crate::clock::Clock;

async fn running(copies: bool) -> Running<Slate> {
    let (people, chats) = (["ann".to_owned(), "li".to_owned()], ["lobby".to_owned()]);
    let cast = Cast { bots: vec![("alice", &[]), ("bob", &[])], people: &people, chats: &chats, keep: 100 };
    let plan =
        Plan { ack_deadline: Duration::from_secs(3600), redelivery: vec![Duration::ZERO; 2], keep: 100 };
    let clock = Clock::system();
    let world = World::new(Arc::new(SlateIds), &cast, clock.wall_ms());
    let make = |address| Shared::new(Slate { copies }, clock, world, plan, address);
    Running::open(0, make, |_| people::router()).await.expect("a free port")
}

fn say(slate: &Running<Slate>, text: &str, reply_to: Option<String>) -> Said {
    let mention = if text.contains("@alice") { vec!["alice".to_owned()] } else { Vec::new() };
    let (chat, in_thread) = (Some("lobby".to_owned()), reply_to.is_some());
    slate
        .say(Say { chat, text: Some(text.to_owned()), mention, reply_to, in_thread, ..Say::default() })
        .expect("said")
}

fn state(slate: &Running<Slate>) -> State {
    slate.state(StateQuery { full: Some("1".to_owned()), ..StateQuery::default() }).expect("a state")
}

fn connect(slate: &Running<Slate>, app: usize) -> Slot<Slate> {
    Slot::take(&slate.shared, app, 2).expect("a free place")
}

/// As a call of the platform's would.
fn edit(slate: &Running<Slate>, message_id: &str, text: &str) {
    let mut world = lock(&slate.shared.world);
    let number = world.message_number(message_id).expect("it is there");
    let said = world.message_mut(number).expect("it is there");
    let before = std::mem::replace(&mut said.content, slate.shared.platform.plain(text));
    tell(&slate.shared, world, &[Change::Edited { message: number, before }], 0);
}

/// What the connection would write, and the delivery it stands for.
async fn next(slot: &mut Slot<Slate>) -> (String, u64, usize) {
    let Some(Outgoing::Delivery { record, permit }) = slot.outbox.recv().await else { panic!("no delivery") };
    let now = slot.shared.clock.now();
    with_ledger(&slot.shared, |ledger| {
        let begun = ledger.begin(record, slot.id, permit, now).expect("it was on its way");
        (String::from_utf8_lossy(&begun.body).into_owned(), record, begun.index)
    })
}

fn answer(slot: &Slot<Slate>, record: u64, index: usize, taken: bool) {
    let now = slot.shared.clock.now();
    let answer = Answer { taken, code: 0, data: None };
    with_ledger(&slot.shared, |ledger| ledger.settle(record, index, answer, now));
}

#[tokio::test]
async fn people_act_on_ids_of_any_shape() {
    let slate = running(false).await;
    let mut alice = connect(&slate, 0);
    let first = say(&slate, "hello @alice", None);
    assert!(first.message_id.starts_with("C0:"), "{}", first.message_id);
    let answer = say(&slate, "and here", Some(first.message_id.clone()));
    assert_eq!(answer.thread_id.as_ref(), Some(&first.message_id));
    let direct = Say { to: Some("alice".to_owned()), file: Some("a.txt".to_owned()), ..Say::default() };
    assert_eq!(slate.say(direct).expect("said").chat_id, "D1");
    let message_id = first.message_id.clone();
    let react =
        |emoji: &str| React { message_id: message_id.clone(), emoji: emoji.to_owned(), ..React::default() };
    assert!(slate.react(react("smile")).is_err());
    slate.react(react("wave")).expect("a reaction");
    let remove = Member { chat: "C0".to_owned(), remove: Some("li".to_owned()), ..Member::default() };
    slate.member(remove).expect("she was in");
    let add = Member { chat: "lobby".to_owned(), add: Some("li".to_owned()), ..Member::default() };
    slate.member(add).expect("she was out");
    edit(&slate, &message_id, "hello all");
    slate.recall(Recall { message_id: message_id.clone(), recall_type: None }).expect("it is there");

    let state = state(&slate);
    let messages = state.messages.expect("asked for");
    assert_eq!(messages[0].reactions, [("ann".to_owned(), "wave".to_owned())]);
    assert!(messages[0].deleted && messages[1].thread_id.as_deref() == Some(&message_id));
    let told = [
        "said hello <U0> by U1",
        "said and here by U1",
        "said  by U1",
        "reacted wave by U1",
        "joined U3",
        "edited hello all, was hello <U0>",
    ];
    for text in told {
        assert_eq!(next(&mut alice).await.0, text);
    }
    assert_eq!(next(&mut alice).await.0, format!("recalled {message_id}"));
}

#[tokio::test]
async fn what_is_refused_comes_again_until_it_is_taken() {
    let slate = running(false).await;
    let mut alice = connect(&slate, 0);
    say(&slate, "hello", None);
    let (text, record, index) = next(&mut alice).await;
    answer(&alice, record, index, false);
    let (again, same, second) = next(&mut alice).await;
    assert_eq!((again, same, second), (text, record, 1));
    answer(&alice, record, second, true);
    let totals = state(&slate).totals;
    // Nobody is there for bob: what was his went through its ladder meanwhile, or still does.
    assert_eq!((totals.events, totals.acked, totals.refused), (2, 1, 1));
    let all = Redeliver { app: Some("alice".to_owned()), acked: true, ..Redeliver::default() };
    assert_eq!(slate.redeliver(all).expect("a name").count, 1);
    assert_eq!(next(&mut alice).await.2, 2);
}

#[tokio::test]
async fn what_waited_for_a_lost_connection_finds_another() {
    let slate = running(false).await;
    let lost = connect(&slate, 0);
    say(&slate, "hello", None);
    let mut other = connect(&slate, 0);
    drop(lost);
    assert_eq!(next(&mut other).await.0, "said hello by U1");
}

#[tokio::test]
async fn a_platform_may_give_each_connection_a_copy() {
    let slate = running(true).await;
    let mut slots = [connect(&slate, 0), connect(&slate, 0), connect(&slate, 1)];
    assert!(Slot::take(&slate.shared, 0, 2).is_none());
    say(&slate, "hello", None);
    for slot in &mut slots {
        let Some(Outgoing::Text(text)) = slot.outbox.recv().await else { panic!("no copy") };
        assert_eq!(text, "said hello by U1");
    }
    assert_eq!(state(&slate).totals.events, 0);
}
