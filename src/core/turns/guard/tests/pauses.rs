use super::*;

#[test]
fn the_last_message_before_a_pause_is_said_to_its_end_unless_a_person_wants_silence() {
    let mut guard = Guard::default();
    assert_eq!(talk(&mut guard, &["a", "b"], 0, |n| format!("answer {n}")), 10);
    guard.go_on("b", "more of it", "k.1", 10_000).unwrap();
    guard.unsent("b", "k.1");
    assert!(guard.parts.is_empty());
    assert!(guard.speak("a", "x", "k", 10_000, LIMITS).is_err(), "it is a pause all the same");
    guard.pause(10_000, None);
    assert_eq!(guard.go_on("b", "more of it", "k.1", 10_000).unwrap_err().why, Why::Manual);
    // Whoever never learnt what became of a part does not have what its bot says later taken for it.
    let mut guard = Guard::default();
    guard.meet("b");
    guard.go_on("a", "a part", "k.1", 0).unwrap();
    guard.hear(heard("om_9", Who::Bot("a"), "later", "1"), MINUTE_MS, LIMITS);
    assert_eq!(guard.turns(), 1);
}

#[test]
fn a_person_s_word_that_comes_late_forgives_what_was_said_before_it_only() {
    for (written, turns, resumed) in
        [(at(-1), 10, false), (at(0), 9, true), (at(4_500), 5, true), (at(99_000), 0, true)]
    {
        let mut guard = Guard::default();
        talk(&mut guard, &["a", "b"], 0, |n| format!("answer {n}"));
        let change = guard.hear(heard("om_p", Who::Person, "?", &written), 20_000, LIMITS);
        assert_eq!((guard.turns(), change), (turns, resumed.then_some(Change::Resumed)), "{written}");
    }
    // Of a loop nothing is forgiven that went on after it.
    let mut guard = Guard::default();
    guard.meet("b");
    talk(&mut guard, &["a"], 0, |_| "Thank you!".to_owned());
    assert_eq!(guard.hear(heard("om_p", Who::Person, "?", &at(500)), 20_000, LIMITS), None);
    assert!(guard.paused().is_some());
    // What is being sent comes after whatever was heard.
    let mut guard = Guard::default();
    guard.meet("b");
    guard.speak("a", "x", "k", 0, LIMITS).unwrap();
    guard.hear(heard("om_p", Who::Person, "?", &at(0)), 1, LIMITS);
    assert_eq!(guard.turns(), 1);
}

#[test]
fn a_pause_ends_by_time_or_a_person_and_a_person_s_pause_only_by_a_person_s_hand() {
    let mut guard = Guard::default();
    talk(&mut guard, &["a", "b"], 0, |n| format!("answer {n}"));
    let until = guard.paused().unwrap().until.unwrap();
    assert!(guard.speak("a", "x", "k", until - 1, LIMITS).is_err());
    assert!(guard.speak("a", "x", "k", until, LIMITS).is_ok());
    guard.pause(until, None);
    assert_eq!(guard.hear(heard("om_p", Who::Person, "hello", &at(until)), until, LIMITS), None);
    assert!(guard.speak("a", "x", "k2", i64::MAX, LIMITS).is_err());
    assert_eq!(guard.resume(), Some(Change::Resumed));
    assert!(guard.speak("a", "x", "k2", until, LIMITS).is_ok());
}

#[test]
fn a_restart_of_the_machine_opens_nothing() {
    let mut guard = Guard::default();
    talk(&mut guard, &["a", "b"], 1_000_000_000, |n| format!("answer {n}"));
    let text = serde_json::to_string(&guard).unwrap();
    let mut guard: Guard = serde_json::from_str(&text).unwrap();
    guard.rebase(5, LIMITS);
    assert!(guard.speak("a", "x", "k", 6, LIMITS).is_err());
    assert_eq!(guard.paused().unwrap().until, Some(5 + LIMITS.cooldown_ms));
    // A person's pause keeps the length it was given.
    guard.pause(1_000_000_000, Some(8 * 3_600_000));
    guard.rebase(5, LIMITS);
    assert_eq!(guard.paused().unwrap().until, Some(5 + 8 * 3_600_000));
}
