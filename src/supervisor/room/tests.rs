use std::sync::Arc;
use std::time::Duration;

use super::super::rooms;
use super::super::tree::{Tree, message, room_id};
use super::*;
use crate::core::turns::guard::Why;
use crate::event::{FloorMark, Message, Origin};

const PROFILES: [&str; 3] = ["a", "b", "c"];

async fn hosted(tree: &Tree) -> Host {
    let rooming = Rooming {
        data: tree.folder.path().to_owned(),
        clock: Clock::system(),
        appender: tree.journal.appender(),
        asker: tree.root.asker(),
        rooms: tree.rooms.clone(),
        policy: Arc::new(|_| RoomPolicy::default()),
    };
    start(rooming, &tree.journal, *tree.journal.newest().borrow(), tree.root.cell()).await.unwrap()
}

fn room(tree: &Tree) -> Room {
    let limits = rooms::limits(&RoomPolicy::default().loop_guard);
    rooms::load(tree.folder.path(), &room_id(), &Clock::system(), limits).unwrap()
}

fn change<R>(tree: &Tree, change: impl FnOnce(&mut Room, i64) -> R) -> R {
    let limits = rooms::limits(&RoomPolicy::default().loop_guard);
    rooms::change(tree.folder.path(), &room_id(), &Clock::system(), limits, change).unwrap()
}

/// Two agents that take turns, past any supervisor, until they are stopped.
fn quarrel(tree: &Tree, round: &str) {
    let limits = rooms::limits(&RoomPolicy::default().loop_guard);
    let spoken = change(tree, |room, now| {
        (0..50)
            .take_while(|number| {
                let (bot, key) = (PROFILES[number % 2], format!("{round}-{number}"));
                let words = format!("{round}: thought number {number} is about {}", number * 37);
                room.guard.speak(bot, &words, &key, now, limits).is_ok()
            })
            .count()
    });
    assert_eq!(spoken, 10);
}

fn notices(tree: &Tree) -> Vec<String> {
    let posted = tree.platform.posted().into_iter();
    posted.filter(|(.., words)| words.contains('⏸')).map(|(profile, ..)| profile).collect()
}

fn paused(tree: &Tree) -> Vec<String> {
    tree.lines("rooma.room_paused").into_iter().map(|(profile, _)| profile).collect()
}

#[tokio::test(start_paused = true)]
async fn a_room_that_was_stopped_while_nobody_looked_after_it_is_told_of_once() {
    let tree = Tree::new(&PROFILES).await;
    quarrel(&tree, "alone");
    let _host = hosted(&tree).await;
    tree.until("each is told", || paused(&tree).len() == 3).await;
    tree.until("the room is told", || room(&tree).guard.paused().unwrap().told).await;
    tree.pass(Duration::from_secs(5)).await;
    assert_eq!((paused(&tree), notices(&tree)), (PROFILES.map(str::to_owned).into(), vec!["a".to_owned()]));
    let line = &tree.lines("rooma.room_paused")[0].1;
    assert_eq!((line["reason"].as_str(), line["turns"].as_u64()), (Some("turns"), Some(10)));
    let tree = tree.next(&PROFILES).await;
    let _host = hosted(&tree).await;
    tree.pass(Duration::from_secs(5)).await;
    assert_eq!((paused(&tree).len(), notices(&tree).len()), (3, 1), "the next life tells nobody again");
}

#[tokio::test(start_paused = true)]
async fn a_room_hears_of_its_pause_from_whoever_may_speak_there_and_as_soon_as_somebody_can() {
    let tree = Tree::new(&PROFILES).await;
    let refused = || Some(Error::new(Kind::Api, "not in this chat"));
    tree.platform.refuse("a", refused());
    let host = hosted(&tree).await;
    quarrel(&tree, "first");
    tree.until("the room is told", || notices(&tree) == ["b"]).await;
    tree.until("it is noted", || room(&tree).guard.paused().unwrap().told).await;

    // Nobody may speak for a while, and a new life begins over it.
    change(&tree, |room, _| room.guard.resume());
    host.counted().await;
    tree.until("each is told", || tree.lines("rooma.room_resumed").len() == 3).await;
    PROFILES.into_iter().for_each(|profile| tree.platform.refuse(profile, refused()));
    quarrel(&tree, "second");
    let told = room(&tree).told;
    tree.until("each is told", || paused(&tree).len() == 6).await;
    tree.until("it is noted who was told", || room(&tree).told != told).await;
    let asked = || tree.platform.asked.lock().unwrap().len();
    let before = asked();
    tree.until("it was tried again", || asked() >= before + 3).await;
    assert_eq!(notices(&tree), ["b"]);
    let tree = tree.next(&PROFILES).await;
    let _host = hosted(&tree).await;
    PROFILES.into_iter().for_each(|profile| tree.platform.refuse(profile, None));
    tree.until("the room is told", || notices(&tree).len() == 2).await;
    tree.until("it is noted", || room(&tree).guard.paused().unwrap().told).await;
    tree.pass(Duration::from_secs(70)).await;
    assert_eq!((notices(&tree).len(), paused(&tree).len()), (2, 6), "once for each pause");
}

#[tokio::test(start_paused = true)]
async fn a_notice_that_may_have_been_posted_is_not_said_by_another_one_too() {
    let tree = Tree::new(&PROFILES).await;
    tree.platform.refuse("a", Some(Error::network("reset")));
    let _host = hosted(&tree).await;
    quarrel(&tree, "first");
    let asked = || tree.platform.asked.lock().unwrap().len();
    tree.until("it was tried twice", || asked() >= 2).await;
    assert_eq!(notices(&tree), Vec::<String>::new());
    tree.platform.refuse("a", None);
    tree.until("the room is told", || notices(&tree) == ["a"]).await;
}

fn asking(id: &str, order: &[&str]) -> Message {
    let order: Vec<String> = order.iter().map(|name| (*name).to_owned()).collect();
    let floor = Some(FloorMark { holder: order[0].clone(), order, expires: "t".to_owned() });
    Message { floor, ..message(id, "person", "who can help?") }
}

#[tokio::test(start_paused = true)]
async fn what_is_heard_is_counted_once_marked_while_paused_and_forgiven_by_a_person() {
    let tree = Tree::new(&PROFILES).await;
    let host = hosted(&tree).await;
    tree.hears("c", Origin::Pushed, message("om_p", "person", "hello")).await;
    host.counted().await;
    assert!(!rooms::exists(tree.folder.path(), &room_id()), "a chat of people only costs nothing");
    for number in 0..9 {
        let said = message(&format!("om_{number}"), PROFILES[number % 2], &format!("about {}", number * 37));
        for to in ["c", PROFILES[(number + 1) % 2]] {
            tree.hears(to, Origin::Pushed, said.clone()).await;
        }
    }
    host.counted().await;
    assert_eq!((room(&tree).guard.turns(), room(&tree).guard.paused()), (9, None));
    tree.hears("c", Origin::Pushed, message("om_9", "b", "and ten")).await;
    tree.until("each is told", || paused(&tree).len() == 3).await;
    tree.hears("c", Origin::Pushed, message("om_10", "b", "and more")).await;
    let marked = |id: &str| {
        let lines = tree.lines("message").into_iter().map(|(_, line)| line);
        lines.filter(|line| line["message_id"] == id).all(|line| line["room"]["paused"] == true)
    };
    assert!(marked("om_10") && !marked("om_9"));
    tree.hears("c", Origin::Pushed, message("om_person", "person", "go on")).await;
    tree.until("each is told", || tree.lines("rooma.room_resumed").len() == 3).await;
    assert!(!marked("om_person"), "whoever reads the word that ends the pause may answer");
    assert_eq!((room(&tree).guard.turns(), room(&tree).guard.paused()), (0, None));
}

#[tokio::test(start_paused = true)]
async fn the_floor_is_open_by_the_time_a_command_asks_and_passed_on_by_what_is_said() {
    let tree = Tree::new(&PROFILES).await;
    let host = hosted(&tree).await;
    let holder = || room(&tree).floor.and_then(|floor| floor.holder().map(str::to_owned));
    for profile in PROFILES {
        tree.hears(profile, Origin::Pushed, asking("om_q", &["b", "a"])).await;
    }
    host.counted().await;
    assert_eq!(holder().as_deref(), Some("b"));
    tree.hears("b", Origin::Relay, message("om_1", "a", "me first")).await;
    host.counted().await;
    assert_eq!(holder().as_deref(), Some("b"));
    tree.hears("a", Origin::Relay, message("om_2", "b", "I can")).await;
    host.counted().await;
    assert_eq!(holder(), None, "it has spoken");
}

#[tokio::test(start_paused = true)]
async fn a_pause_by_hand_is_told_of_without_a_notice_and_a_person_s_word_does_not_end_it() {
    let tree = Tree::new(&PROFILES).await;
    let _host = hosted(&tree).await;
    change(&tree, |room, now| room.guard.pause(now, None));
    tree.until("each is told, though nobody said so", || paused(&tree).len() == 3).await;
    tree.hears("c", Origin::Pushed, message("om_p", "person", "hello")).await;
    tree.until("it is counted", || {
        tree.journal.reader().unwrap().cursor(CURSOR).unwrap() == Some(*tree.journal.newest().borrow())
    })
    .await;
    assert_eq!(room(&tree).guard.paused().map(|pause| pause.why), Some(Why::Manual));
    change(&tree, |room, _| room.guard.resume());
    tree.until("each is told", || tree.lines("rooma.room_resumed").len() == 3).await;
    assert_eq!((notices(&tree).len(), paused(&tree).len()), (0, 3));
}
