use super::*;

#[test]
fn a_chat_is_greeted_once_a_shift() {
    let mut sessions = Sessions::default();
    assert!(!sessions.arm(arming("s1", 1, &["a"]), 0));
    assert_eq!(texts(&sessions), pairs(&[("hello", "a")]));
    sessions.arm(arming("s2", 1, &["a", "b"]), 1);
    assert_eq!(texts(&sessions), pairs(&[("hello", "a"), ("hello", "b")]));
    assert_eq!(sessions.session.as_ref().unwrap().id, "s1", "the same owner goes on");
    assert!(sessions.arm(arming("s3", 2, &["b", "c"]), 2), "another owner takes over");
    assert_eq!(texts(&sessions), pairs(&[("hello", "a"), ("hello", "b"), ("hello", "c")]));
    assert_eq!(sessions.session.as_ref().unwrap().id, "s3");
}

#[test]
fn a_session_that_is_resumed_by_a_new_process_is_the_same() {
    let mut sessions = Sessions::default();
    let of = |pid| Arming { agent_session: Some("cc".to_owned()), ..arming(&format!("s{pid}"), pid, &["a"]) };
    sessions.arm(of(1), 0);
    assert!(!sessions.arm(of(2), 1));
    let session = sessions.session.unwrap();
    assert_eq!((session.id.as_str(), session.owner.unwrap().pid), ("s1", 2));
}

#[test]
fn an_agent_goes_on_in_another_process_or_under_another_name() {
    let mut sessions = Sessions::default();
    sessions.arm(Arming { agent_session: Some("cc".to_owned()), ..arming("s1", 1, &["a"]) }, 0);
    assert!(sessions.go_on("cc", Some(&owner(2)), 5), "resumed by another process");
    assert!(!sessions.go_on("cc", Some(&owner(2)), 6));
    assert!(sessions.go_on("cleared", Some(&owner(2)), 7), "the same process, a new name");
    assert!(!sessions.go_on("other", Some(&owner(3)), 8), "neither name nor process");
    assert!(!sessions.go_on("cleared", None, 9));
    let session = sessions.session.as_mut().unwrap();
    assert_eq!((session.id.as_str(), session.armed_at, session.seen_at), ("s1", 0, 5));
    assert_eq!(session.agent_session.as_deref(), Some("cleared"));
    session.owner = None;
    assert!(!sessions.go_on("cleared", Some(&owner(4)), 9), "nobody was to be watched");
}

#[test]
fn a_farewell_is_said_once_and_fits_its_reason() {
    for (ending, text) in [
        (Ending::Asked("logout".to_owned()), "bye"),
        (Ending::TimeOver, "bye"),
        (Ending::OwnerGone, "gone"),
        (Ending::ConnectionClosed, "gone"),
    ] {
        let mut sessions = Sessions::default();
        sessions.arm(arming("s1", 1, &["a", "b", "a"]), 0);
        assert!(sessions.end(Some("s1"), &ending, 5));
        assert!(!sessions.end(Some("s1"), &ending, 6));
        assert!(!sessions.end(None, &ending, 6));
        assert_eq!(texts(&sessions), pairs(&[(text, "a"), (text, "b")]), "{ending:?}");
        assert_eq!(sessions.outbox[0].reason.as_deref(), Some(ending.reason()));
    }
}

#[test]
fn who_was_taken_over_says_nothing() {
    let mut sessions = Sessions::default();
    sessions.arm(arming("s1", 1, &["a"]), 0);
    sessions.arm(arming("s2", 2, &["a"]), 1);
    assert!(!sessions.end(Some("s1"), &Ending::OwnerGone, 2));
    assert!(sessions.session.is_some());
    // Nor does a farewell that is still on its way contradict who came after it.
    assert!(sessions.end(Some("s2"), &Ending::OwnerGone, 3));
    sessions.arm(arming("s3", 3, &["a"]), 4);
    assert!(sessions.outbox.iter().all(|words| words.kind == Kind::Greeting));
}

#[test]
fn words_leave_the_outbox_when_every_part_is_settled_or_too_old() {
    let mut sessions = Sessions::default();
    sessions.arm(Arming { greeting_text: None, ..arming("s1", 1, &["a", "b"]) }, 0);
    sessions.end(None, &Ending::OwnerGone, 0);
    let keys: Vec<String> = sessions.pending().map(|(_, part)| part.key.clone()).collect();
    sessions.settle(&keys[0], Ok(()));
    assert!(sessions.take_settled().is_empty());
    sessions.give_up(REPEATABLE_MS, i64::MAX);
    assert!(sessions.take_settled().is_empty());
    sessions.give_up(REPEATABLE_MS + 1, i64::MAX);
    let settled = sessions.take_settled();
    assert_eq!((settled[0].sent().count(), settled[0].failed().count()), (1, 1));
    assert!(sessions.outbox.is_empty());
}
