use std::sync::Arc;
use std::time::Duration;

use super::super::house::{House, chat, message};
use super::super::rooms;
use super::*;
use crate::core::turns::guard::Why;
use crate::event::{FloorMark, Message, Origin};

const PROFILES: [&str; 3] = ["a", "b", "c"];

async fn hosted(house: &House) -> Host {
    let started_after = house.journal.settled().await;
    let rooming = Rooming {
        data: house.folder.path().to_owned(),
        clock: Clock::system(),
        appender: house.journal.appender(),
        asker: house.root.asker(),
        rooms: house.rooms.clone(),
        policy: Arc::new(|_| RoomPolicy::default()),
    };
    start(rooming, &house.journal, started_after, house.root.cell()).await.unwrap()
}

fn room(house: &House) -> Room {
    let limits = rooms::limits(&RoomPolicy::default().loop_guard);
    rooms::load(house.folder.path(), &chat(), &Clock::system(), limits).unwrap()
}

fn change<R>(house: &House, change: impl FnOnce(&mut Room, i64) -> R) -> R {
    let limits = rooms::limits(&RoomPolicy::default().loop_guard);
    rooms::change(house.folder.path(), &chat(), &Clock::system(), limits, change).unwrap()
}

/// Two agents that take turns, past any supervisor, until they are stopped.
fn quarrel(house: &House, round: &str) {
    let limits = rooms::limits(&RoomPolicy::default().loop_guard);
    let spoken = change(house, |room, now| {
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

fn notices(house: &House) -> Vec<String> {
    let posted = house.platform.posted().into_iter();
    posted.filter(|(.., words)| words.contains('⏸')).map(|(profile, ..)| profile).collect()
}

fn paused(house: &House) -> Vec<String> {
    house.lines("rooma.room_paused").into_iter().map(|(profile, _)| profile).collect()
}

#[tokio::test(start_paused = true)]
async fn a_room_that_was_stopped_while_nobody_looked_after_it_is_told_of_once() {
    let house = House::new(&PROFILES).await;
    quarrel(&house, "alone");
    let _host = hosted(&house).await;
    house.until("each is told", || paused(&house).len() == 3).await;
    house.until("the room is told", || room(&house).guard.paused().unwrap().told).await;
    house.pass(Duration::from_secs(5)).await;
    assert_eq!((paused(&house), notices(&house)), (PROFILES.map(str::to_owned).into(), vec!["a".to_owned()]));
    let line = &house.lines("rooma.room_paused")[0].1;
    assert_eq!((line["reason"].as_str(), line["turns"].as_u64()), (Some("turns"), Some(10)));
    let house = house.next(&PROFILES).await;
    let _host = hosted(&house).await;
    house.pass(Duration::from_secs(5)).await;
    assert_eq!((paused(&house).len(), notices(&house).len()), (3, 1), "the next life tells nobody again");
}

#[tokio::test(start_paused = true)]
async fn a_room_hears_of_its_pause_from_whoever_may_speak_there_and_as_soon_as_somebody_can() {
    let house = House::new(&PROFILES).await;
    let refused = || Some(Error::new(Kind::Api, "not in this chat"));
    house.platform.refuse("a", refused());
    let host = hosted(&house).await;
    quarrel(&house, "first");
    house.until("the room is told", || notices(&house) == ["b"]).await;
    house.until("it is noted", || room(&house).guard.paused().unwrap().told).await;

    // Nobody may speak for a while, and a new life begins over it.
    change(&house, |room, _| room.guard.resume());
    host.look(&chat());
    house.until("each is told", || house.lines("rooma.room_resumed").len() == 3).await;
    PROFILES.into_iter().for_each(|profile| house.platform.refuse(profile, refused()));
    quarrel(&house, "second");
    let told = room(&house).told;
    house.until("each is told", || paused(&house).len() == 6).await;
    house.until("it is noted who was told", || room(&house).told != told).await;
    let asked = || house.platform.asked.lock().unwrap().len();
    let before = asked();
    house.until("it was tried again", || asked() >= before + 3).await;
    assert_eq!(notices(&house), ["b"]);
    let house = house.next(&PROFILES).await;
    let _host = hosted(&house).await;
    PROFILES.into_iter().for_each(|profile| house.platform.refuse(profile, None));
    house.until("the room is told", || notices(&house).len() == 2).await;
    house.until("it is noted", || room(&house).guard.paused().unwrap().told).await;
    house.pass(Duration::from_secs(70)).await;
    assert_eq!((notices(&house).len(), paused(&house).len()), (2, 6), "once for each pause");
}

#[tokio::test(start_paused = true)]
async fn a_notice_that_may_have_been_posted_is_not_said_by_another_one_too() {
    let house = House::new(&PROFILES).await;
    house.platform.refuse("a", Some(Error::network("reset")));
    let _host = hosted(&house).await;
    quarrel(&house, "first");
    let asked = || house.platform.asked.lock().unwrap().len();
    house.until("it was tried twice", || asked() == 2).await;
    assert_eq!(notices(&house), Vec::<String>::new());
    house.platform.refuse("a", None);
    house.until("the room is told", || notices(&house) == ["a"]).await;
}

/// All that was journalled is counted.
async fn counted(house: &House) {
    let cursor = || house.journal.reader().unwrap().cursor(CURSOR).unwrap();
    house.until("it is counted", || cursor() == Some(*house.journal.newest().borrow())).await;
}

fn asking(id: &str, order: &[&str]) -> Message {
    let order: Vec<String> = order.iter().map(|name| (*name).to_owned()).collect();
    let floor = Some(FloorMark { holder: order[0].clone(), order, expires: "t".to_owned() });
    Message { floor, ..message(id, "person", "who can help?") }
}

#[tokio::test(start_paused = true)]
async fn what_is_heard_is_counted_once_marked_while_paused_and_forgiven_by_a_person() {
    let house = House::new(&PROFILES).await;
    let _host = hosted(&house).await;
    house.hears("c", Origin::Pushed, message("om_p", "person", "hello")).await;
    counted(&house).await;
    assert!(!rooms::exists(house.folder.path(), &chat()), "a chat of people only costs nothing");
    for number in 0..9 {
        let said = message(&format!("om_{number}"), PROFILES[number % 2], &format!("about {}", number * 37));
        for to in ["c", PROFILES[(number + 1) % 2]] {
            house.hears(to, Origin::Pushed, said.clone()).await;
        }
    }
    counted(&house).await;
    assert_eq!((room(&house).guard.turns(), room(&house).guard.paused()), (9, None));
    house.hears("c", Origin::Pushed, message("om_9", "b", "and ten")).await;
    house.until("each is told", || paused(&house).len() == 3).await;
    house.hears("c", Origin::Pushed, message("om_10", "b", "and more")).await;
    let marked = |id: &str| {
        let lines = house.lines("message").into_iter().map(|(_, line)| line);
        lines.filter(|line| line["message_id"] == id).all(|line| line["room"]["paused"] == true)
    };
    assert!(marked("om_10") && !marked("om_9"));
    house.hears("c", Origin::Pushed, message("om_person", "person", "go on")).await;
    house.until("each is told", || house.lines("rooma.room_resumed").len() == 3).await;
    assert!(!marked("om_person"), "whoever reads the word that ends the pause may answer");
    assert_eq!((room(&house).guard.turns(), room(&house).guard.paused()), (0, None));
}

#[tokio::test(start_paused = true)]
async fn the_floor_is_open_by_the_time_a_command_asks_and_passed_on_by_what_is_said() {
    let house = House::new(&PROFILES).await;
    let _host = hosted(&house).await;
    let holder = || room(&house).floor.and_then(|floor| floor.holder().map(str::to_owned));
    for profile in PROFILES {
        house.hears(profile, Origin::Pushed, asking("om_q", &["b", "a"])).await;
    }
    counted(&house).await;
    assert_eq!(holder().as_deref(), Some("b"));
    house.hears("b", Origin::Relay, message("om_1", "a", "me first")).await;
    counted(&house).await;
    assert_eq!(holder().as_deref(), Some("b"));
    house.hears("a", Origin::Relay, message("om_2", "b", "I can")).await;
    counted(&house).await;
    assert_eq!(holder(), None, "it has spoken");
}

#[tokio::test(start_paused = true)]
async fn a_pause_by_hand_is_told_of_without_a_notice_and_a_person_s_word_does_not_end_it() {
    let house = House::new(&PROFILES).await;
    let _host = hosted(&house).await;
    change(&house, |room, now| room.guard.pause(now, None));
    house.until("each is told, though nobody said so", || paused(&house).len() == 3).await;
    house.hears("c", Origin::Pushed, message("om_p", "person", "hello")).await;
    house
        .until("it is counted", || {
            house.journal.reader().unwrap().cursor(CURSOR).unwrap() == Some(*house.journal.newest().borrow())
        })
        .await;
    assert_eq!(room(&house).guard.paused().map(|pause| pause.why), Some(Why::Manual));
    change(&house, |room, _| room.guard.resume());
    house.until("each is told", || house.lines("rooma.room_resumed").len() == 3).await;
    assert_eq!((notices(&house).len(), paused(&house).len()), (0, 3));
}
