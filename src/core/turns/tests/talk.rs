use std::collections::BTreeSet;

use serde_json::json;

use crate::core::turns::floor::Floor;
use crate::core::turns::guard::{Guard, Limits, Why};
use crate::core::turns::*;
use crate::event::Message;

const RULES: Rules =
    Rules { limits: Limits { turns: 10, per_minute: 20, cooldown_ms: 600_000 }, floor_ttl_ms: 6_000 };

/// What is kept of a room, as far as its talk changes it.
#[derive(Default)]
struct Room {
    guard: Guard,
    floor: Option<Floor>,
    asked: BTreeSet<String>,
}

/// How a line is made: by whom, in which words, whom it asks, and how it came.
#[derive(Clone, Copy)]
struct Said<'a> {
    to: &'a str,
    id: &'a str,
    from: &'a str,
    text: &'a str,
    order: &'a [&'a str],
    replayed: bool,
    held: bool,
}

const SAID: Said<'_> =
    Said { to: "a", id: "om_1", from: "person", text: "x", order: &[], replayed: false, held: false };

/// Ours are a to f; whoever else is called `bot…` is a bot of somebody else, `nobody` has no id.
fn message(said: Said<'_>, at: i64) -> Message {
    let ours = said.from.len() == 1;
    let kind = if ours || said.from.starts_with("bot") { "bot" } else { "user" };
    let id = if said.from == "nobody" { "" } else { said.from };
    let mut message = json!({
        "chat_id": "C1:2.3", "chat_type": "group", "message_id": said.id, "message_type": "text",
        "sender_id": id, "sender_type": kind, "mentioned": false, "mention": "none", "content": said.text,
        "create_time": format!("{at:016}"), "trust": "stranger", "event_type": "e"
    });
    if ours {
        message["sender_profile"] = json!(said.from);
    }
    if let [holder, ..] = said.order {
        message["floor"] = json!({"holder": holder, "order": said.order, "expires": "t"});
    }
    serde_json::from_value(message).unwrap()
}

impl Room {
    fn hear(&mut self, said: Said<'_>, now: i64) -> bool {
        let message = message(said, now);
        let spoken = Spoken { profile: said.to, message: &message, replayed: said.replayed, held: said.held };
        let asked = &mut self.asked;
        let mut asks = |id: &str| asked.insert(id.to_owned());
        let mut kept = Kept { guard: &mut self.guard, floor: &mut self.floor, asks: &mut asks };
        kept.hear(&spoken, now, RULES)
    }

    fn holder(&self) -> Option<&str> {
        self.floor.as_ref().and_then(Floor::holder)
    }
}

#[test]
fn words_of_bots_are_turns_until_a_person_speaks_and_each_counts_once() {
    let mut room = Room::default();
    for (number, said) in [
        Said { from: "b", id: "om_1", text: "one", ..SAID },
        Said { from: "b", id: "om_1", text: "one", to: "c", ..SAID },
        Said { from: "bot 7", id: "om_2", text: "two", ..SAID },
        // Somebody without an id may be anybody.
        Said { from: "nobody", id: "om_3", ..SAID },
        Said { from: "b", id: "om_4", text: "of the past", replayed: true, ..SAID },
    ]
    .into_iter()
    .enumerate()
    {
        assert!(!room.hear(said, number as i64));
    }
    assert_eq!(room.guard.turns(), 2);
    room.hear(Said { from: "ann", id: "om_5", replayed: true, ..SAID }, 100);
    assert_eq!(room.guard.turns(), 0, "a person's word of an outage is as good as one now");
}

#[test]
fn a_room_that_loops_is_paused_by_what_is_heard_and_goes_on_with_a_person_s_word() {
    let mut room = Room::default();
    let changes: Vec<bool> = (0..12)
        .map(|number| {
            let (from, id) = (["b", "bot 7"][number % 2], format!("om_{number}"));
            let text = format!("thought number {number} is about {}", number * 37);
            room.hear(Said { from, id: &id, text: &text, ..SAID }, number as i64)
        })
        .collect();
    assert_eq!(changes.iter().position(|changed| *changed), Some(9), "{changes:?}");
    assert_eq!((changes.iter().filter(|changed| **changed).count(), room.guard.turns()), (1, 10));
    assert_eq!(room.guard.paused().unwrap().why, Why::Turns);
    assert!(room.hear(Said { from: "ann", id: "om_p", ..SAID }, 1000));
    assert_eq!((room.guard.paused(), room.guard.turns()), (None, 0));
}

#[test]
fn three_pictures_are_no_loop_and_three_of_the_same_words_are() {
    for (texts, paused) in [(["[image a]", "[image b]", "[image c]"], false), (["ok", "ok", "OK!"], true)] {
        let mut room = Room::default();
        room.hear(Said { from: "bot 7", id: "om_0", text: "hello", ..SAID }, 0);
        for (number, text) in texts.into_iter().enumerate() {
            room.hear(Said { from: "b", id: &format!("om_b{number}"), text, ..SAID }, 1 + number as i64);
        }
        assert_eq!(room.guard.paused().is_some(), paused, "{texts:?}");
    }
}

#[test]
fn of_several_that_are_asked_one_answers_first() {
    let mut room = Room::default();
    let asked = Said { id: "om_q", order: &["a", "b", "c"], ..SAID };
    for to in ["a", "b", "c"] {
        room.hear(Said { to, ..asked }, 0);
    }
    let floor = room.floor.as_ref().unwrap();
    assert!(floor.lets("a") && !floor.lets("b") && floor.lets("d"));
    room.hear(Said { from: "b", id: "om_1", ..SAID }, 1);
    assert_eq!(room.holder(), Some("a"), "another one's word is not the holder's");
    room.hear(Said { from: "a", to: "b", id: "om_2", ..SAID }, 2);
    assert!(["a", "b", "c"].into_iter().all(|name| room.floor.as_ref().unwrap().lets(name)));
    // A line of it that comes later opens nothing again.
    room.hear(Said { to: "d", ..asked }, 3);
    assert_eq!(room.holder(), None);
}

#[test]
fn who_stays_silent_loses_the_turn_with_the_next_word_that_is_heard() {
    let mut room = Room::default();
    room.hear(Said { id: "om_q", order: &["b", "a"], ..SAID }, 0);
    for (at, holder) in [(5_999, Some("b")), (6_000, Some("a")), (12_000, None)] {
        room.hear(Said { from: "ann", id: &format!("om_{at}"), ..SAID }, at);
        assert_eq!(room.holder(), holder, "{at}");
    }
    // Another question begins anew, also where the one before was never answered.
    room.hear(Said { id: "om_q2", order: &["a", "b"], ..SAID }, 12_001);
    room.hear(Said { id: "om_q3", order: &["b", "a"], ..SAID }, 12_002);
    room.hear(Said { id: "om_q2", order: &["a", "b"], to: "b", ..SAID }, 12_003);
    assert_eq!(room.holder(), Some("b"), "a late line of an older question");
}

#[test]
fn who_does_not_hear_the_question_is_not_waited_for_and_who_is_named_later_answers_behind() {
    let mut room = Room::default();
    room.hear(Said { to: "c", id: "om_q", order: &["a", "b"], ..SAID }, 0);
    room.hear(Said { to: "a", id: "om_q", order: &[], held: true, ..SAID }, 0);
    assert_eq!(room.holder(), Some("b"));
    room.hear(Said { to: "b", id: "om_q", order: &["a", "b", "d"], ..SAID }, 1);
    assert_eq!(room.floor.as_ref().unwrap().order, ["b", "d"]);
    room.hear(Said { to: "b", id: "om_other", held: true, ..SAID }, 2);
    assert_eq!(room.holder(), Some("b"), "of another message it need not hear");
}

#[test]
fn a_question_of_the_past_opens_nothing() {
    let mut room = Room::default();
    room.hear(Said { id: "om_q", order: &["a", "b"], replayed: true, ..SAID }, 0);
    assert_eq!(room.floor, None);
}

#[test]
fn what_was_said_before_a_floor_was_opened_is_no_answer_however_late_it_is_heard() {
    let mut room = Room::default();
    room.hear(Said { from: "a", to: "b", id: "om_1", ..SAID }, 0);
    room.hear(Said { id: "om_q", order: &["a", "b"], ..SAID }, 1);
    room.hear(Said { from: "a", to: "c", id: "om_1", ..SAID }, 2);
    assert_eq!(room.holder(), Some("a"));
    room.hear(Said { from: "a", to: "b", id: "om_2", ..SAID }, 3);
    assert_eq!(room.holder(), None);
}
