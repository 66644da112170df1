use std::time::Duration;

use proptest::prelude::*;

use crate::core::turns::guard::{Pause, Why};
use crate::core::turns::*;
use crate::event::Event;
use crate::event::ids::{ChatId, Realm, RoomId};

fn pause(why: Why, id: Option<&str>, told: bool) -> Pause {
    Pause { why, until: Some(60_000), for_ms: None, told, id: id.map(str::to_owned) }
}

fn found(pause: Option<Pause>, told: Option<&str>) -> Found {
    Found { chat: ChatId::new("C1:2.3"), pause, told: told.map(str::to_owned), turns: 7 }
}

/// In short: what is done.
fn done(found: &Found, notices: bool) -> Vec<String> {
    let short = |action: Do| match action {
        Do::Mark(why) => format!("mark {}", why.map_or("open".to_owned(), reason)),
        Do::Tell(Line { event: Event::RoomPaused(line), .. }) => {
            format!("paused {} {} {}", line.reason, line.turns, line.until.unwrap_or_default())
        }
        Do::Tell(Line { event: Event::RoomResumed(_), .. }) => "resumed".to_owned(),
        Do::Tell(line) => panic!("{line:?}"),
        Do::Silence => "silence".to_owned(),
        Do::Notice { id, text } => format!("notice {id} {text}"),
        Do::Note(id) => format!("note {}", id.unwrap_or_default()),
    };
    look(found, 1_767_225_600_000, notices).into_iter().map(short).collect()
}

#[test]
fn what_has_become_of_a_room_is_told_once() {
    const PAUSED: &str = "paused turns 7 2026-01-01T00:01:00.000Z";
    const NOTICE: &str = "notice p1 ⏸ 7 messages of bots in a row: our agents are silent here until a person \
                          mentions one of them, or until 00:01 UTC.";
    let turns = |told| Some(pause(Why::Turns, Some("p1"), told));
    for (found, expected) in [
        (found(None, None), vec!["mark open"]),
        (found(turns(false), None), vec!["mark turns", PAUSED, NOTICE, "note p1"]),
        (found(turns(false), Some("p1")), vec!["mark turns", NOTICE]),
        (found(turns(true), Some("p1")), vec!["mark turns"]),
        (found(turns(true), None), vec!["mark turns", PAUSED, "note p1"]),
        // One that ended and began anew before anybody looked.
        (found(turns(false), Some("p0")), vec!["mark turns", PAUSED, NOTICE, "note p1"]),
        (found(None, Some("p1")), vec!["mark open", "silence", "resumed", "note "]),
    ] {
        assert_eq!(done(&found, true), expected);
        let without: Vec<&str> =
            expected.into_iter().filter(|action| !action.starts_with("notice")).collect();
        assert_eq!(done(&found, false), without, "a room that wants no notice");
    }
}

#[test]
fn a_line_has_the_key_of_the_pause_it_tells_of() {
    let key = |found: &Found| {
        look(found, 0, false).into_iter().find_map(|action| match action {
            Do::Tell(line) => Some(line.key),
            _ => None,
        })
    };
    let paused = |id| found(Some(pause(Why::Alike, Some(id), false)), None);
    assert_eq!(key(&paused("p1")), key(&paused("p1")));
    assert_ne!(key(&paused("p1")), key(&paused("p2")));
    assert_ne!(key(&paused("p1")), key(&found(None, Some("p1"))));
    assert_ne!(key(&found(None, Some("p1"))), key(&found(None, Some("p2"))));
}

#[test]
fn a_notice_says_why_and_until_when() {
    for (why, until, expected) in [
        (
            Why::Manual,
            None,
            "⏸ somebody paused this room: our agents are silent here until a person mentions one of them.",
        ),
        (
            Why::PerMinute,
            Some(60_000),
            "⏸ too many messages of bots in a minute: our agents are silent here until a person mentions one of them, or until 00:01 UTC.",
        ),
        (
            Why::PingPong,
            None,
            "⏸ bots repeat themselves: our agents are silent here until a person mentions one of them.",
        ),
        (
            Why::Alike,
            None,
            "⏸ bots repeat themselves: our agents are silent here until a person mentions one of them.",
        ),
    ] {
        let found = found(Some(Pause { until, ..pause(why, Some("p"), false) }), Some("p"));
        assert_eq!(done(&found, true)[1], format!("notice p {expected}"));
    }
}

#[test]
fn a_notice_is_posted_by_one_at_a_time_and_again_after_a_while() {
    let room = |chat: &str| RoomId { realm: Realm::new("r"), chat: ChatId::new(chat) };
    let (chat, other, at) = (room("C1"), room("C2"), Duration::from_secs);
    let mut notices = Notices::default();
    assert!(notices.begin(&chat, "p1", at(0)) && !notices.begin(&chat, "p1", at(1)));
    assert!(notices.begin(&other, "p9", at(1)), "each room has its own");
    assert!(notices.ended(&chat, "p1", false, at(1)));
    assert!(!notices.begin(&chat, "p1", at(2)) && notices.begin(&chat, "p1", at(3)));
    assert!(notices.ended(&chat, "p1", false, at(3)));
    assert!(!notices.begin(&chat, "p1", at(6)), "it waits longer");
    // Another pause has a notice of its own, and hears nothing of the one before.
    assert!(notices.begin(&chat, "p2", at(6)));
    assert!(!notices.ended(&chat, "p1", true, at(6)) && !notices.begin(&chat, "p2", at(6)));
    assert!(notices.ended(&chat, "p2", true, at(7)));
    notices.forget(&other);
    assert!(!notices.ended(&other, "p9", true, at(8)));
}

#[derive(Clone, Debug)]
enum Step {
    Pause(bool),
    Resume,
    Look,
    /// After this many of what is to be done whoever does it breaks.
    Broken(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        proptest::bool::ANY.prop_map(Step::Pause),
        Just(Step::Resume),
        Just(Step::Look),
        (0..4_usize).prop_map(Step::Broken),
    ];
    proptest::collection::vec(step, 0..40)
}

proptest! {
    /// However often we break over it and begin again: what is told, told once, is of pauses and of their ends in turn.
    #[test]
    fn a_pause_and_its_end_are_told_once_and_in_turn(steps in steps()) {
        let (mut room, mut lines, mut keys) = (found(None, None), Vec::new(), Vec::new());
        for (number, step) in steps.into_iter().chain([Step::Look]).enumerate() {
            let lives = match step {
                Step::Pause(told) => {
                    room.pause = Some(pause(Why::Turns, Some(&format!("p{number}")), told));
                    vec![]
                }
                Step::Resume => {
                    room.pause = None;
                    vec![]
                }
                Step::Look => vec![usize::MAX],
                // The next life begins with a look.
                Step::Broken(most) => vec![most, usize::MAX],
            };
            for action in lives.into_iter().flat_map(|most| look(&room, 0, true).into_iter().take(most)).collect::<Vec<_>>() {
                match action {
                    Do::Tell(line) if !keys.contains(&line.key) => {
                        keys.push(line.key);
                        lines.push(matches!(line.event, Event::RoomPaused(_)));
                    }
                    Do::Note(told) => room.told = told,
                    Do::Tell(_) | Do::Mark(_) | Do::Silence | Do::Notice { .. } => {}
                }
            }
        }
        prop_assert_eq!(lines.last().copied().unwrap_or(false), room.pause.is_some());
        prop_assert_eq!(room.told, room.pause.and_then(|pause| pause.id));
        prop_assert!(lines.windows(2).all(|pair| pair[0] || pair[1]), "an end without a pause: {:?}", lines);
    }
}
