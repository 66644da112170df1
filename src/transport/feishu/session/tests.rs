//! Scripts of timed inputs; all times are literals.

use super::*;
use crate::transport::feishu::frame::tests::{event_frame, pong_frame};

const WALL: i64 = 1_767_225_600_000;

fn at(seconds: f64) -> Now {
    let mono = Duration::from_secs_f64(seconds);
    Now { mono, wall_ms: WALL + i64::try_from(mono.as_millis()).unwrap() }
}

fn session() -> Session {
    let settings =
        Settings { service: 7, ping_interval: Duration::from_secs(90), pong: Duration::from_secs(15) };
    Session::new(at(0.0), settings)
}

fn outputs(session: &mut Session) -> Vec<Output> {
    std::iter::from_fn(|| session.poll()).collect()
}

fn ping() -> Output {
    Output::Send(Frame::ping(7).to_bytes())
}

fn pong(config: &str) -> Input {
    Input::Message(pong_frame(config).to_bytes())
}

fn event(message_id: &str) -> Input {
    Input::Message(event_frame(message_id, "1", "0", b"{}").to_bytes())
}

fn tick(session: &mut Session, seconds: f64) -> Vec<Output> {
    session.handle(at(seconds), Input::Tick);
    outputs(session)
}

/// A session that pinged, got its pong and reported that it works.
fn working() -> Session {
    let mut session = session();
    session.handle(at(0.1), pong(""));
    session.handle(at(0.1), Input::Flushed);
    assert_eq!(outputs(&mut session), [ping(), Output::Usable]);
    session
}

#[test]
fn pings_at_once_and_then_on_the_interval() {
    let mut session = working();
    assert_eq!(tick(&mut session, 89.9), []);
    assert_eq!(tick(&mut session, 90.0), [ping()]);
    session.handle(at(90.1), pong(""));
    session.handle(at(90.1), Input::Flushed);
    assert_eq!(tick(&mut session, 179.9), []);
    assert_eq!(tick(&mut session, 180.0), [ping()]);
}

#[test]
fn a_missed_pong_ends_the_connection() {
    let mut session = session();
    session.handle(at(0.0), Input::Flushed);
    outputs(&mut session);
    assert_eq!(tick(&mut session, 14.9), []);
    assert_eq!(
        tick(&mut session, 15.0),
        [Output::Finish(End::Silent { quiet_for: Duration::from_secs(15) })]
    );
}

#[test]
fn any_frame_clears_the_pong_deadline() {
    for sign in [Input::Noise, event("m1"), pong(""), Input::Message(Bytes::from_static(b"\xff"))] {
        let mut session = session();
        session.handle(at(14.0), sign);
        session.handle(at(14.0), Input::Flushed);
        outputs(&mut session);
        assert_eq!(tick(&mut session, 20.0), []);
    }
}

#[test]
fn a_pong_that_comes_late_but_in_time_keeps_the_connection() {
    let mut session = working();
    assert_eq!(tick(&mut session, 90.0), [ping()]);
    session.handle(at(90.0), Input::Flushed);
    session.handle(at(104.9), pong(""));
    assert_eq!(tick(&mut session, 179.9), []);
    assert_eq!(tick(&mut session, 180.0), [ping()]);
}

#[test]
fn no_frame_for_two_intervals_and_a_grace_is_death_whatever_the_pong_deadline() {
    let settings =
        Settings { service: 7, ping_interval: Duration::from_secs(10), pong: Duration::from_secs(3600) };
    let mut session = Session::new(at(0.0), settings);
    session.handle(at(1.0), pong(""));
    for seconds in [10.0, 20.0, 30.0] {
        session.handle(at(seconds), Input::Tick);
        session.handle(at(seconds), Input::Flushed);
    }
    outputs(&mut session);
    assert_eq!(tick(&mut session, 35.9), []);
    assert_eq!(
        tick(&mut session, 36.0),
        [Output::Finish(End::Silent { quiet_for: Duration::from_secs(35) })]
    );
}

#[test]
fn a_pong_changes_the_interval() {
    let mut session = working();
    session.handle(at(1.0), pong("{\"PingInterval\":30,\"ReconnectCount\":-1}"));
    assert_eq!(tick(&mut session, 29.9), []);
    assert_eq!(tick(&mut session, 30.0), [ping()]);
}

#[test]
fn a_shorter_interval_that_is_overdue_pings_at_once() {
    let mut session = working();
    session.handle(at(50.0), pong("{\"PingInterval\":10}"));
    assert_eq!(outputs(&mut session), [ping()]);
}

#[test]
fn a_nonsense_interval_changes_nothing() {
    for config in [
        "{\"PingInterval\":0}",
        "{\"PingInterval\":-5}",
        "{\"PingInterval\":\"soon\"}",
        "{\"PingInterval\":null}",
        "{\"PingInterval\":{}}",
        "{}",
        "[]",
        "no json",
        "{\"ReconnectNonce\":1}",
    ] {
        let mut session = working();
        session.handle(at(1.0), pong(config));
        assert_eq!(tick(&mut session, 89.0), [], "{config}");
        assert_eq!(tick(&mut session, 90.0), [ping()], "{config}");
    }
}

#[test]
fn an_interval_in_words_is_one() {
    let mut session = working();
    session.handle(at(1.0), pong("{\"PingInterval\":\"30\"}"));
    assert_eq!(tick(&mut session, 30.0), [ping()]);
}

#[test]
fn an_extreme_interval_is_held_within_its_bounds() {
    let mut session = working();
    session.handle(at(1.0), pong("{\"PingInterval\":1e300}"));
    assert_eq!(tick(&mut session, 599.9), []);
    assert_eq!(tick(&mut session, 600.0), [ping()]);
}

#[test]
fn an_event_is_acknowledged_after_the_journal_has_it_and_not_before() {
    let mut session = working();
    session.handle(at(1.0), event("m1"));
    assert_eq!(outputs(&mut session), [Output::Deliver { tag: 0, payload: Bytes::from_static(b"{}") }]);
    assert_eq!(tick(&mut session, 5.0), []);
    session.handle(at(5.0), Input::Settled { tag: 0, stored: true });
    let ack = event_frame("m1", "1", "0", b"").ack(Duration::from_secs(4), 200).to_bytes();
    assert_eq!(outputs(&mut session), [Output::Send(ack)]);
}

#[test]
fn what_the_journal_refused_is_acknowledged_as_failed() {
    let mut session = working();
    session.handle(at(1.0), event("m1"));
    session.handle(at(1.0), Input::Settled { tag: 0, stored: false });
    let ack = event_frame("m1", "1", "0", b"").ack(Duration::ZERO, 500).to_bytes();
    assert_eq!(outputs(&mut session).pop(), Some(Output::Send(ack)));
}

#[test]
fn a_delivery_settled_twice_or_never_made_is_acknowledged_once() {
    let mut session = working();
    session.handle(at(1.0), event("m1"));
    for tag in [0, 0, 9] {
        session.handle(at(1.0), Input::Settled { tag, stored: true });
    }
    assert_eq!(outputs(&mut session).iter().filter(|out| matches!(out, Output::Send(_))).count(), 1);
}

#[test]
fn a_split_delivery_is_acknowledged_once_with_the_frame_that_came_last() {
    let mut session = working();
    session.handle(at(1.0), Input::Message(event_frame("m1", "2", "1", b"}").to_bytes()));
    assert_eq!(outputs(&mut session), []);
    session.handle(at(1.0), Input::Message(event_frame("m1", "2", "0", b"{").to_bytes()));
    assert_eq!(outputs(&mut session), [Output::Deliver { tag: 0, payload: Bytes::from_static(b"{}") }]);
    session.handle(at(1.0), Input::Settled { tag: 0, stored: true });
    let ack = event_frame("m1", "2", "0", b"").ack(Duration::ZERO, 200).to_bytes();
    assert_eq!(outputs(&mut session), [Output::Send(ack)]);
}

#[test]
fn missing_part_numbers_mean_an_unsplit_delivery_and_wrong_ones_are_rejected() {
    let mut session = working();
    let mut bare = event_frame("m1", "1", "0", b"{}");
    bare.headers.retain(|header| header.key == "type");
    session.handle(at(1.0), Input::Message(bare.to_bytes()));
    assert!(matches!(outputs(&mut session)[..], [Output::Deliver { .. }]));
    session.handle(at(1.0), Input::Message(event_frame("m2", "two", "0", b"{}").to_bytes()));
    assert_eq!(outputs(&mut session), [Output::Rejected(Fault::BadSum)]);
}

#[test]
fn parts_that_never_come_are_reported() {
    let mut session = working();
    session.handle(at(1.0), Input::Message(event_frame("m1", "2", "0", b"{").to_bytes()));
    assert_eq!(session.deadline(), Duration::from_secs(11));
    assert_eq!(tick(&mut session, 11.0), [Output::Expired(1)]);
}

#[test]
fn frames_that_ask_for_nothing_get_nothing() {
    let mut session = working();
    let mut other = event_frame("m1", "1", "0", b"{}");
    other.headers[0].value = "news".to_owned();
    session.handle(at(1.0), Input::Message(other.to_bytes()));
    session.handle(at(1.0), Input::Message(Frame::ping(7).to_bytes()));
    assert_eq!(outputs(&mut session), []);
    session.handle(at(1.0), Input::Message(Bytes::from_static(b"\xff garbage")));
    assert_eq!(outputs(&mut session), [Output::Garbage]);
}

#[test]
fn a_card_s_frame_is_taken_and_acknowledged_as_an_event_is() {
    let mut session = working();
    let mut card = event_frame("m1", "1", "0", b"{}");
    card.headers[0].value = "card".to_owned();
    session.handle(at(1.0), Input::Message(card.to_bytes()));
    assert_eq!(outputs(&mut session), [Output::Deliver { tag: 0, payload: Bytes::from_static(b"{}") }]);
    session.handle(at(2.0), Input::Settled { tag: 0, stored: true });
    let mut echo = event_frame("m1", "1", "0", b"");
    echo.headers[0].value = "card".to_owned();
    let ack = echo.ack(Duration::from_secs(1), 200).to_bytes();
    assert_eq!(outputs(&mut session), [Output::Send(ack)]);
}

#[test]
fn works_is_said_once_and_by_an_event_too() {
    let mut session = session();
    session.handle(at(0.1), event("m1"));
    session.handle(at(0.2), pong(""));
    let said = outputs(&mut session);
    assert_eq!(said.iter().filter(|out| **out == Output::Usable).count(), 1);
}

#[test]
fn a_full_window_stops_reading_until_the_journal_answers() {
    let mut session = working();
    for n in 0..IN_FLIGHT_MAX {
        assert!(session.reading(), "{n}");
        session.handle(at(1.0), event("m"));
    }
    assert!(!session.reading());
    session.handle(at(1.0), Input::Settled { tag: 5, stored: true });
    assert!(session.reading());
}

#[test]
fn large_deliveries_fill_the_window_by_their_bytes() {
    let mut session = working();
    let large = vec![b' '; IN_FLIGHT_BYTES_MAX];
    session.handle(at(1.0), Input::Message(event_frame("m1", "1", "0", &large).to_bytes()));
    assert!(!session.reading());
    session.handle(at(1.0), Input::Settled { tag: 0, stored: true });
    assert!(session.reading());
}

#[test]
fn while_the_journal_is_behind_silence_proves_nothing_and_pings_go_on() {
    let mut session = working();
    let large = vec![b' '; IN_FLIGHT_BYTES_MAX];
    session.handle(at(1.0), Input::Message(event_frame("m1", "1", "0", &large).to_bytes()));
    outputs(&mut session);
    let mut pings = 0;
    for step in 0..200 {
        let seconds = 10.0 + f64::from(step) * 5.0;
        for output in tick(&mut session, seconds) {
            assert_eq!(output, ping());
            pings += 1;
        }
        session.handle(at(seconds), Input::Flushed);
    }
    assert_eq!(pings, 11);
    session.handle(at(1010.0), Input::Settled { tag: 0, stored: true });
    outputs(&mut session);
    assert_eq!(tick(&mut session, 1011.0), [], "the deadlines begin anew");
}

#[test]
fn a_peer_that_takes_no_data_is_not_read_and_then_given_up() {
    let mut session = working();
    let mut tag = 0;
    while session.reading() {
        session.handle(at(1.0), event("m"));
        session.handle(at(1.0), Input::Settled { tag, stored: true });
        tag += 1;
    }
    assert!(session.unsent_bytes >= UNSENT_MAX);
    outputs(&mut session);
    assert_eq!(tick(&mut session, 15.9), []);
    assert_eq!(
        tick(&mut session, 16.0),
        [Output::Finish(End::Lost { reason: "the other side takes no data".into() })]
    );
}

#[test]
fn closing_waits_for_the_journal_a_moment_and_acknowledges() {
    let mut session = working();
    session.handle(at(1.0), event("m1"));
    outputs(&mut session);
    session.handle(at(2.0), Input::Stop);
    assert!(!session.reading());
    assert_eq!(outputs(&mut session), []);
    session.handle(at(2.5), Input::Settled { tag: 0, stored: true });
    assert!(matches!(outputs(&mut session)[..], [Output::Send(_), Output::Finish(End::Asked)]));
}

#[test]
fn closing_does_not_wait_for_ever() {
    let mut session = working();
    session.handle(at(1.0), event("m1"));
    session.handle(at(2.0), Input::Stop);
    outputs(&mut session);
    assert_eq!(session.deadline(), Duration::from_secs(3));
    assert_eq!(tick(&mut session, 3.0), [Output::Finish(End::Asked)]);
    session.handle(at(4.0), event("m2"));
    assert_eq!(outputs(&mut session), [], "after the end nothing happens");
}

#[test]
fn closing_with_nothing_in_flight_is_immediate() {
    let mut session = working();
    session.handle(at(1.0), Input::Stop);
    assert_eq!(outputs(&mut session), [Output::Finish(End::Asked)]);
}

#[test]
fn how_the_other_side_left_is_how_it_ended() {
    let mut session = working();
    session.handle(at(1.0), Input::Closed { code: Some(1001), reason: "bye".into() });
    assert_eq!(
        outputs(&mut session),
        [Output::Finish(End::Closed { code: Some(1001), reason: "bye".into() })]
    );
    let mut session = working();
    session.handle(at(1.0), Input::Broken { reason: "reset".into() });
    assert_eq!(outputs(&mut session), [Output::Finish(End::Lost { reason: "reset".into() })]);
}

#[test]
fn a_machine_that_slept_redials_at_the_next_look() {
    let mut session = working();
    assert!(session.deadline() <= Duration::from_secs(11));
    let woke = Now { wall_ms: at(10.0).wall_ms + 31_000, ..at(10.0) };
    session.handle(woke, Input::Tick);
    assert_eq!(outputs(&mut session), [Output::Finish(End::Lost { reason: "woke from sleep".into() })]);
}

#[test]
fn a_corrected_clock_is_no_sleep() {
    let mut session = working();
    for (seconds, moved_ms) in [(10.0, 29_000), (20.0, 58_000), (30.0, -86_400_000), (40.0, -86_390_000)] {
        let now = Now { wall_ms: at(seconds).wall_ms + moved_ms, ..at(seconds) };
        session.handle(now, Input::Tick);
        assert_eq!(outputs(&mut session), [], "{moved_ms}");
    }
}

/// Half an hour as the loop lives it: nothing but deadlines and what the other side does.
#[test]
fn thirty_minutes_of_heartbeats() {
    let mut session = session();
    let mut now = Duration::ZERO;
    let (mut pings, mut answer_at, mut intervals) = (0, None, vec![]);
    let mut last_ping = Duration::ZERO;
    while now < Duration::from_secs(1800) {
        for output in outputs(&mut session) {
            match output {
                Output::Send(_) => {
                    intervals.push(now - last_ping);
                    last_ping = now;
                    pings += 1;
                    // Pongs come after 0.2 s, every third one only just in time.
                    let delay = if pings % 3 == 0 { 14_900 } else { 200 };
                    answer_at = Some(now + Duration::from_millis(delay));
                    session.handle(at(now.as_secs_f64()), Input::Flushed);
                }
                Output::Usable => assert_eq!(pings, 1),
                other => panic!("{other:?} at {now:?}"),
            }
        }
        let tick_at = session.deadline().max(now + Duration::from_millis(1));
        match answer_at {
            Some(due) if due <= tick_at => {
                now = due;
                answer_at = None;
                // From the tenth minute on the platform asks for 30 s, then sends nonsense.
                let config = if now > Duration::from_secs(1200) {
                    "{\"PingInterval\":-1}"
                } else if now > Duration::from_secs(600) {
                    "{\"PingInterval\":30}"
                } else {
                    "{\"PingInterval\":90}"
                };
                session.handle(at(now.as_secs_f64()), pong(config));
            }
            _ => {
                now = tick_at;
                session.handle(at(now.as_secs_f64()), Input::Tick);
            }
        }
    }
    // 0, 90 … 630 at 90 s, then every 30 s to 1770.
    assert_eq!(pings, 8 + 38);
    assert!(intervals[1..8].iter().all(|gap| *gap == Duration::from_secs(90)), "{intervals:?}");
    assert!(intervals[8..].iter().all(|gap| *gap == Duration::from_secs(30)), "{intervals:?}");
}
