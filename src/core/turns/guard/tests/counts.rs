use super::*;

#[test]
fn a_message_counts_once_also_where_nobody_knows_whose_it_is() {
    let mut guard = Guard::default();
    guard.meet("b");
    for (number, (said, read)) in [("x y", "x y"), ("hi @Ann", "@Ann B. hi")].into_iter().enumerate() {
        let (key, id) = (format!("k{number}"), format!("om_{number}"));
        guard.speak("a", said, &key, 0, LIMITS).unwrap();
        // The first who hears it knows the bot by an id alone, and may read it with another name.
        guard.hear(heard(&id, Who::Bot("id of a"), read, "1"), 1, LIMITS);
        guard.sent("a", &key, &id, None);
        assert_eq!(guard.turns(), number + 1);
    }
    assert!(guard.speak("b", "x y", "k2", 2, LIMITS).unwrap().is_none(), "said twice, not three times");
    guard.hear(heard("om_9", Who::Bot("c"), "x y and z", "1"), 3, LIMITS);
    assert_eq!(guard.turns(), 4, "others count");
}

#[test]
fn a_message_counts_once_however_it_is_learnt_of() {
    let mut guard = Guard::default();
    guard.meet("b");
    guard.speak("a", "x", "k1", 0, LIMITS).unwrap();
    // The platform was faster than the answer to the send, and both profiles saw it.
    guard.hear(heard("om_1", Who::Bot("a"), "x", "1"), 1, LIMITS);
    guard.hear(heard("om_1", Who::Bot("a"), "x", "1"), 2, LIMITS);
    guard.sent("a", "k1", "om_1", None);
    assert_eq!(guard.turns(), 1);
    guard.speak("a", "y", "k2", 3, LIMITS).unwrap();
    guard.sent("a", "k2", "om_2", Some("3"));
    guard.hear(heard("om_2", Who::Bot("a"), "y", "3"), 4, LIMITS);
    assert_eq!(guard.turns(), 2);
    guard.speak("a", "z", "k3", 5, LIMITS).unwrap();
    guard.unsent("a", "k3");
    assert_eq!(guard.turns(), 2);
    // A send that is repeated with its key is one turn.
    guard.speak("a", "z", "k4", 6, LIMITS).unwrap();
    guard.speak("a", "z", "k4", 7, LIMITS).unwrap();
    assert_eq!(guard.turns(), 3);
    // Two bots that name their sends after what they answer use the same keys.
    guard.speak("b", "z", "k4", 8, LIMITS).unwrap();
    assert_eq!(guard.turns(), 4);
    guard.unsent("b", "k4");
    assert_eq!(guard.turns(), 3);
}

/// Parts that are alike, learnt of before their send is answered and after, by one who knows whose they are and by one
/// who does not.
#[test]
fn a_message_in_several_parts_is_one_turn() {
    for (who, text) in [("a", "as said"), ("id of a", "as said"), ("a", "as @Ann B. reads it")] {
        let mut guard = Guard::default();
        guard.meet("b");
        for message in 0..9 {
            let (key, text_of) = (|part: usize| format!("{message}.{part}"), format!("about {message}"));
            guard.speak("a", &text_of, &key(0), 0, LIMITS).unwrap();
            guard.sent("a", &key(0), &format!("om_{}", key(0)), Some("1"));
            for part in 1..60 {
                let id = format!("om_{}", key(part));
                guard.go_on("a", "as said", &key(part), 0).unwrap();
                let hear = |guard: &mut Guard| guard.hear(heard(&id, Who::Bot(who), text, "1"), 0, LIMITS);
                if part % 2 == 0 {
                    assert_eq!(hear(&mut guard), None);
                }
                guard.sent("a", &key(part), &id, Some("1"));
                assert_eq!(hear(&mut guard), None);
            }
            assert_eq!((guard.turns(), guard.paused(), guard.parts.len()), (message + 1, None, 0), "{who}");
        }
    }
}

#[test]
fn a_bot_s_word_that_is_heard_late_counts_by_when_it_was_written() {
    let mut guard = Guard::default();
    guard.hear(heard("om_p", Who::Person, "go on", &at(5)), 10, LIMITS);
    guard.hear(heard("om_1", Who::Bot("a"), "one", &at(4)), 11, LIMITS);
    assert_eq!(guard.turns(), 0);
    guard.hear(heard("om_2", Who::Bot("a"), "two", &at(6)), 12, LIMITS);
    assert_eq!(guard.turns(), 1);
}
