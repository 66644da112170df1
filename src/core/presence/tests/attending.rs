use super::*;
use crate::event::Event;

const MAX_AGE: i64 = 600_000;

/// Armed at 0 by the process 1 in the chats a and b.
fn armed() -> Sessions {
    let mut sessions = Sessions::default();
    sessions.arm(Arming { greeting_text: None, ..arming("s1", 1, &["a", "b"]) }, 0);
    sessions
}

fn dead(_: &Owner) -> bool {
    false
}

fn alive(_: &Owner) -> bool {
    true
}

#[test]
fn an_owner_s_end_a_time_that_is_over_or_neither() {
    for (what, lives, expires_at, now, reason) in [
        ("alive", true, None, 5_000, None),
        ("gone", false, None, 5_000, Some("owner_gone")),
        ("its time is over", true, Some(5_000), 5_000, Some("ttl")),
        ("its time is not over", true, Some(5_001), 5_000, None),
        ("gone, and its time is over", false, Some(5_000), 5_000, Some("owner_gone")),
    ] {
        let mut sessions = armed();
        sessions.session.as_mut().unwrap().expires_at = expires_at;
        let attended = attend(&mut sessions, |_| lives, now, MAX_AGE, true);
        assert_eq!(attended.sessions, sessions);
        let farewell = sessions.outbox.first().map(|words| words.reason.clone().unwrap());
        assert_eq!((farewell.as_deref(), sessions.session.is_none()), (reason, reason.is_some()), "{what}");
        assert_eq!(sessions.pending().count(), if reason.is_some() { 2 } else { 0 });
    }
}

#[test]
fn who_watches_nobody_ends_by_time_alone() {
    let mut sessions = armed();
    sessions.session.as_mut().unwrap().owner = None;
    attend(&mut sessions, dead, 10 * MAX_AGE, MAX_AGE, true);
    assert!(sessions.session.is_some());
}

#[test]
fn a_session_found_late_is_said_or_forgotten_by_when_its_owner_was_seen() {
    for (now, is_said) in [(MAX_AGE, true), (MAX_AGE + 1, false)] {
        let mut sessions = armed();
        let attended = attend(&mut sessions, dead, now, MAX_AGE, true);
        assert_eq!(
            (sessions.pending().count(), sessions.session.is_none()),
            (2 * usize::from(is_said), true)
        );
        let expired = attended.lines.iter().filter(|line| matches!(line.event, Event::SessionExpired(_)));
        assert_eq!(expired.count(), usize::from(!is_said), "{now}");
    }
}

#[test]
fn nothing_is_forgotten_before_it_is_told() {
    let mut sessions = armed();
    let before = sessions.clone();
    let attended = attend(&mut sessions, dead, MAX_AGE + 1, MAX_AGE, false);
    assert_eq!((attended.lines.len(), &sessions), (0, &before));
    let mut sessions = armed();
    sessions.end(None, &Ending::Asked("logout".to_owned()), 0);
    let keys: Vec<String> = sessions.pending().map(|(_, part)| part.key.clone()).collect();
    sessions.settle(&keys[0], Ok(()));
    sessions.settle(&keys[1], Err("not in this chat".to_owned()));
    assert_eq!(attend(&mut sessions, alive, 0, MAX_AGE, false).lines, []);
    let foretold = attend(&mut sessions.clone(), alive, 0, MAX_AGE, true).lines;
    let told = attend(&mut sessions, alive, 5, MAX_AGE, true).lines;
    assert_eq!(foretold, told, "the same line, with the same key");
    let Event::FarewellSent(line) = &told[0].event else { panic!("{told:?}") };
    let failed: Vec<_> =
        line.failed.iter().map(|part| (part.chat_id.as_str(), part.error.as_str())).collect();
    assert_eq!((line.reason.as_str(), line.chats.as_slice()), ("logout", &[ChatId::new("a")][..]));
    assert_eq!(failed, [("b", "not in this chat")]);
    assert!(sessions.outbox.is_empty());
}

#[test]
fn what_is_too_old_to_be_said_is_told_of_as_that() {
    let mut sessions = armed();
    sessions.end(None, &Ending::OwnerGone, 0);
    assert_eq!(attend(&mut sessions, alive, MAX_AGE, MAX_AGE, true).lines, []);
    let told = attend(&mut sessions, alive, MAX_AGE + 1, MAX_AGE, true).lines;
    let Event::FarewellSent(line) = &told[0].event else { panic!("{told:?}") };
    assert_eq!((line.chats.len(), line.failed.len()), (0, 2));
}

#[test]
fn an_owner_is_seen_often_enough_for_a_short_age() {
    let mut sessions = armed();
    attend(&mut sessions, alive, 6_000, 10_000, true);
    // It was alive nine seconds ago.
    attend(&mut sessions, dead, 15_000, 10_000, true);
    assert_eq!(sessions.pending().count(), 2);
    let mut sessions = armed();
    attend(&mut sessions, alive, 59_999, MAX_AGE, true);
    assert_eq!(sessions.session.as_ref().unwrap().seen_at, 0, "not at every look");
    attend(&mut sessions, alive, 60_000, MAX_AGE, true);
    assert_eq!(sessions.session.as_ref().unwrap().seen_at, 60_000);
}

#[test]
fn an_agent_that_was_resumed_by_another_process_is_not_over() {
    let gone = Ending::OwnerGone;
    let cases: [(&str, &Ending, bool, bool); 5] = [
        ("s1", &gone, false, true),
        ("s1", &gone, true, false),
        ("s1", &Ending::ConnectionClosed, true, true),
        ("s1", &Ending::TimeOver, true, true),
        ("s0", &gone, false, false),
    ];
    for (id, ending, lives, ended) in cases {
        assert_eq!(over(&mut armed(), id, ending, |_| lives, 5), ended, "{id} {ending:?}");
    }
}
