use super::*;
use crate::core::turns::guard::judge::RECENT_MAX;
use crate::core::turns::guard::words::{alike, normalised};

#[test]
fn bots_that_always_answer_stop_at_exactly_the_limit_until_a_person_speaks() {
    let mut guard = Guard::default();
    assert_eq!(talk(&mut guard, &["a", "b", "c"], 0, |n| format!("answer {n}")), 10);
    assert_eq!(guard.paused().unwrap().why, Why::Turns);
    guard.name_pause(|| "one".to_owned());
    guard.name_pause(|| "other".to_owned());
    guard.told("other");
    assert!(!guard.paused().unwrap().told);
    guard.told("one");
    assert!(guard.paused().unwrap().told, "a pause has one name, and is told of once");
    assert_eq!(
        guard.hear(heard("om_p", Who::Person, "go on", &at(20_000)), 20_000, LIMITS),
        Some(Change::Resumed)
    );
    assert_eq!(talk(&mut guard, &["a", "b", "c"], 100_000, |n| format!("more {n}")), 10);
}

#[test]
fn a_bot_alone_may_speak_as_often_as_it_likes() {
    assert_eq!(talk(&mut Guard::default(), &["a"], 0, |_| "x".to_owned()), 1000);
}

#[test]
fn the_same_words_again_and_again_are_a_loop_and_counting_is_not() {
    let mut guard = Guard::default();
    guard.meet("b");
    assert_eq!(talk(&mut guard, &["a"], 0, |_| "Thank you!".to_owned()), 3);
    assert_eq!(guard.paused().unwrap().why, Why::Alike);
    let mut guard = Guard::default();
    let polite = |n: usize| ["Thanks!", "You are welcome."][n % 2].to_owned();
    assert_eq!(talk(&mut guard, &["a", "b"], 0, polite), 4);
    assert_eq!(guard.paused().unwrap().why, Why::PingPong);
    assert!(!alike("step 3 of 9", "step 4 of 9"));
    assert!(!alike(&normalised("👍"), &normalised("👎")) && alike(&normalised("👍"), &normalised(" 👍")));
    assert!(alike(
        "the build of main is green again now we can ship it today ok",
        "the build of main is green again now we can ship it today ok thanks"
    ));
}

#[test]
fn a_fast_exchange_is_stopped_by_its_rate() {
    let limits = Limits { turns: 1000, ..LIMITS };
    let mut guard = Guard::default();
    let spoke = (0..1000)
        .take_while(|n| {
            let (bot, text) = (["a", "b"][n % 2], format!("text number {n}"));
            guard.speak(bot, &text, &n.to_string(), 1000 * i64::try_from(*n).unwrap(), limits).is_ok()
        })
        .count();
    assert_eq!((spoke, guard.paused().unwrap().why), (20, Why::PerMinute));
}

#[test]
fn a_rate_above_what_is_remembered_with_words_is_a_rate_all_the_same() {
    let limits = Limits { turns: 1000, per_minute: 60, ..LIMITS };
    let mut guard = Guard::default();
    let spoke = (0..1000)
        .take_while(|n| {
            let (bot, text) = (["a", "b"][n % 2], format!("text number {n}"));
            guard.speak(bot, &text, &n.to_string(), 10 * i64::try_from(*n).unwrap(), limits).is_ok()
        })
        .count();
    assert_eq!((spoke, guard.recent.len()), (60, 60));
    assert_eq!(guard.recent.iter().filter(|turn| !turn.words.is_empty()).count(), RECENT_MAX);
}
