//! Scripts of what happens, and what is to be done at each of it; and what holds whatever happens.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

const NEVER_HEARD: Signs = Signs { complete: false, last: None };

fn name() -> Arc<str> {
    Arc::from("alice")
}

fn tag(number: usize, generation: u64) -> Tag {
    Tag { number, generation }
}

fn ended(end: End) -> Message {
    Message::Ended { number: 0, end, signs: NEVER_HEARD }
}

fn lost() -> End {
    End::Lost { reason: "reset".to_owned() }
}

fn wrong() -> End {
    End::Unauthorized { code: Some(7), message: "wrong secret".to_owned(), hint: Some("check it".to_owned()) }
}

fn crashed() -> End {
    End::Crashed { message: "fault".to_owned() }
}

fn deaf(generation: u64, since: i64, heard: bool) -> Message {
    Message::Deaf { tag: tag(0, generation), since, heard }
}

fn connections() -> Connections {
    Connections::new(Policy { jitter: 0.0, ..Policy::default() })
}

/// In a few words.
fn words(todo: &Do) -> String {
    match todo {
        Do::Dial { tag, attempt } => format!("dial {}.{} attempt {attempt}", tag.number, tag.generation),
        Do::Wait { tag, after } => format!("wait {}.{} {}s", tag.number, tag.generation, after.as_secs()),
        Do::Close { number } => format!("close {number}"),
        Do::Say { number, event } => format!("say {number} {}", event.type_name()),
        Do::Care { tag, deaf_since, strikes } => {
            format!("care {}.{} deaf {deaf_since:?} strikes {strikes}", tag.number, tag.generation)
        }
        Do::NoteHeard { number, to } => format!("heard {number} {to}"),
        Do::Forget { number } => format!("forget {number}"),
        Do::AllClosed => "all closed".to_owned(),
    }
}

/// What happens at which second, and what is to be done then.
type Script<'a> = Vec<(u64, Message, &'a [&'a str])>;

fn plays(script: Script<'_>) -> Connections {
    let mut connections = connections();
    for (step, (second, message, wanted)) in script.into_iter().enumerate() {
        let now = Now { steady: Duration::from_secs(second), wall: i64::try_from(second).unwrap() * 1000 };
        let told = format!("step {step}, second {second}: {message:?}");
        let todo: Vec<String> = connections.decide(message, now).iter().map(words).collect();
        assert_eq!(todo, wanted, "{told}");
    }
    connections
}

#[test]
fn it_dials_at_once_and_again_with_growing_delays() {
    plays(vec![
        (0, Message::Came(name()), &["wait 0.0 0s"]),
        (0, Message::Due(tag(0, 0)), &["dial 0.0 attempt 1"]),
        (0, Message::Due(tag(0, 0)), &[]),
        (1, ended(lost()), &["say 0 rooma.disconnected", "wait 0.1 1s"]),
        (2, Message::Due(tag(0, 1)), &["dial 0.1 attempt 2"]),
        (3, ended(lost()), &["say 0 rooma.disconnected", "wait 0.2 2s"]),
        (5, Message::Due(tag(0, 2)), &["dial 0.2 attempt 3"]),
        (6, ended(lost()), &["say 0 rooma.disconnected", "wait 0.3 4s"]),
    ]);
}

#[test]
fn only_what_worked_for_long_is_forgiven() {
    let up = |usable_at: u64, ends_at: u64, wanted: &'static [&'static str]| -> Script<'static> {
        vec![
            (0, Message::Came(name()), &["wait 0.0 0s"]),
            (0, Message::Due(tag(0, 0)), &["dial 0.0 attempt 1"]),
            (0, ended(lost()), &["say 0 rooma.disconnected", "wait 0.1 1s"]),
            (1, Message::Due(tag(0, 1)), &["dial 0.1 attempt 2"]),
            (2, Message::Connected(tag(0, 1)), &["care 0.1 deaf None strikes 0"]),
            (usable_at, Message::Usable(tag(0, 1)), &[]),
            // Only the first counts.
            (usable_at + 5, Message::Usable(tag(0, 1)), &[]),
            (ends_at, ended(lost()), wanted),
        ]
    };
    plays(up(10, 69, &["say 0 rooma.disconnected", "wait 0.2 2s"]));
    plays(up(10, 70, &["say 0 rooma.disconnected", "wait 0.2 1s"]));
}

#[test]
fn parked_it_waits_for_a_person_and_a_written_file_is_one() {
    let connections = plays(vec![
        (0, Message::Came(name()), &["wait 0.0 0s"]),
        (0, Message::Due(tag(0, 0)), &["dial 0.0 attempt 1"]),
        (1, ended(wrong()), &["say 0 rooma.parked", "wait 0.1 60s"]),
    ]);
    let profile = connections.get(0).unwrap();
    assert_eq!(
        (profile.state, profile.since, profile.reason.as_deref(), profile.hint.as_deref()),
        (ProfileState::Parked, 1000, Some("unauthorized: 7 wrong secret"), Some("check it"))
    );
    let connections = plays(vec![
        (0, Message::Came(name()), &["wait 0.0 0s"]),
        (0, Message::Due(tag(0, 0)), &["dial 0.0 attempt 1"]),
        (1, ended(wrong()), &["say 0 rooma.parked", "wait 0.1 60s"]),
        (2, Message::Failed(name(), wrong()), &["say 0 rooma.parked", "wait 0.3 120s"]),
        (12, Message::Touched(name()), &["wait 0.4 0s"]),
        (12, Message::Due(tag(0, 4)), &["dial 0.4 attempt 1"]),
        (13, Message::Connected(tag(0, 4)), &["care 0.4 deaf None strikes 0"]),
        // Those that were due for an earlier life.
        (61, Message::Due(tag(0, 1)), &[]),
        (122, Message::Due(tag(0, 3)), &[]),
        // Who is connected is left alone.
        (130, Message::Touched(name()), &[]),
        (131, Message::Failed(name(), wrong()), &[]),
    ]);
    let profile = connections.get(0).unwrap();
    assert_eq!((profile.state, profile.reason.as_deref()), (ProfileState::Connected, None));
}

#[test]
fn five_crashes_within_half_a_minute_park_it() {
    let mut script: Script<'_> = vec![(0, Message::Came(name()), &["wait 0.0 0s"])];
    let waits: [&[&str]; 5] = [
        &["say 0 rooma.crashed", "wait 0.1 1s"],
        &["say 0 rooma.crashed", "wait 0.2 2s"],
        &["say 0 rooma.crashed", "wait 0.3 4s"],
        &["say 0 rooma.crashed", "wait 0.4 8s"],
        &["say 0 rooma.parked", "wait 0.5 60s"],
    ];
    let dials: [&[&str]; 5] = [
        &["dial 0.0 attempt 1"],
        &["dial 0.1 attempt 2"],
        &["dial 0.2 attempt 3"],
        &["dial 0.3 attempt 4"],
        &["dial 0.4 attempt 5"],
    ];
    for (generation, at) in [0, 1, 3, 7, 15].into_iter().enumerate() {
        script.push((at, Message::Due(tag(0, generation as u64)), dials[generation]));
        script.push((at, ended(crashed()), waits[generation]));
    }
    plays(script);
}

#[test]
fn a_deaf_connection_is_replaced_and_its_successor_knows_since_when() {
    let signs = Signs { complete: true, last: Some(55_000) };
    let closed = |end| Message::Ended { number: 0, end, signs };
    plays(vec![
        (0, Message::Came(name()), &["wait 0.0 0s"]),
        (0, Message::Due(tag(0, 0)), &["dial 0.0 attempt 1"]),
        (1, Message::Connected(tag(0, 0)), &["care 0.0 deaf None strikes 0"]),
        (60, deaf(0, 20_000, true), &["say 0 rooma.disconnected", "close 0"]),
        // Told twice, or late.
        (60, deaf(0, 20_000, true), &[]),
        // It has heard all up to then only.
        (61, closed(End::Asked), &["heard 0 20000", "wait 0.2 0s"]),
        (61, Message::Due(tag(0, 2)), &["dial 0.2 attempt 1"]),
        (62, Message::Connected(tag(0, 2)), &["care 0.2 deaf Some(20000) strikes 1"]),
        // It brought nothing either: the next one is suspected later.
        (99, deaf(2, 62_000, false), &["say 0 rooma.disconnected", "close 0"]),
        (99, closed(End::Asked), &["heard 0 62000", "wait 0.4 0s"]),
        (99, Message::Due(tag(0, 4)), &["dial 0.4 attempt 1"]),
        (99, Message::Connected(tag(0, 4)), &["care 0.4 deaf Some(62000) strikes 2"]),
        (200, deaf(4, 150_000, true), &["say 0 rooma.disconnected", "close 0"]),
        (200, closed(End::Asked), &["heard 0 150000", "wait 0.6 0s"]),
        (200, Message::Due(tag(0, 6)), &["dial 0.6 attempt 1"]),
        (200, Message::Connected(tag(0, 6)), &["care 0.6 deaf Some(150000) strikes 1"]),
    ]);
}

#[test]
fn what_was_heard_is_noted_by_how_it_ended() {
    let asked: &[&str] = &["heard 0 9000", "all closed"];
    let last: &[&str] = &["heard 0 5000", "all closed"];
    let nothing: &[&str] = &["all closed"];
    for (end, complete, sign, wanted) in [
        (End::Asked, true, Some(5000), asked),
        (End::Asked, true, None, asked),
        (lost(), true, Some(5000), last),
        (lost(), true, None, nothing),
        (End::Asked, false, Some(5000), nothing),
        (lost(), false, Some(5000), nothing),
    ] {
        let signs = Signs { complete, last: sign };
        plays(vec![
            (0, Message::Came(name()), &["wait 0.0 0s"]),
            (0, Message::Due(tag(0, 0)), &["dial 0.0 attempt 1"]),
            (8, Message::Stop, &["close 0"]),
            (9, Message::Ended { number: 0, end, signs }, wanted),
        ]);
    }
}

#[test]
fn a_changed_profile_connects_anew_once_the_old_connection_has_closed() {
    plays(vec![
        (0, Message::Came(name()), &["wait 0.0 0s"]),
        (0, Message::Due(tag(0, 0)), &["dial 0.0 attempt 1"]),
        (1, Message::Came(name()), &["close 0"]),
        (2, Message::Connected(tag(0, 0)), &[]),
        (3, ended(End::Asked), &["wait 0.2 0s"]),
        (3, Message::Due(tag(0, 2)), &["dial 0.2 attempt 1"]),
        (4, ended(lost()), &["say 0 rooma.disconnected", "wait 0.3 1s"]),
        // It waits: the change is a reason not to.
        (4, Message::Came(name()), &["wait 0.4 0s"]),
        (5, Message::Due(tag(0, 3)), &[]),
        (5, Message::Due(tag(0, 4)), &["dial 0.4 attempt 1"]),
    ]);
}

#[test]
fn a_removed_profile_is_gone_with_its_connection_and_may_come_again_before() {
    let connections = plays(vec![
        (0, Message::Came(name()), &["wait 0.0 0s"]),
        (0, Message::Due(tag(0, 0)), &["dial 0.0 attempt 1"]),
        (1, Message::Removed(name()), &["close 0"]),
        (1, Message::Removed(name()), &[]),
        (2, Message::Came(name()), &["wait 1.0 0s"]),
        (2, Message::Due(tag(1, 0)), &["dial 1.0 attempt 1"]),
        (3, ended(lost()), &["say 0 rooma.stopped", "forget 0"]),
        (3, Message::Due(tag(0, 0)), &[]),
        (
            4,
            Message::Ended { number: 1, end: lost(), signs: NEVER_HEARD },
            &["say 1 rooma.disconnected", "wait 1.1 1s"],
        ),
        (4, Message::Removed(name()), &["say 1 rooma.stopped", "forget 1"]),
        (5, Message::Due(tag(1, 1)), &[]),
    ]);
    assert_eq!(connections.staying().count(), 0);
}

#[test]
fn stopping_waits_for_what_is_open_and_dials_no_more() {
    let bob = || Arc::from("bob");
    plays(vec![
        (0, Message::Came(name()), &["wait 0.0 0s"]),
        (0, Message::Came(bob()), &["wait 1.0 0s"]),
        (0, Message::Due(tag(0, 0)), &["dial 0.0 attempt 1"]),
        (1, Message::Stop, &["close 0"]),
        (1, Message::Due(tag(1, 0)), &[]),
        (1, Message::Due(tag(1, 1)), &[]),
        (1, Message::Came(bob()), &[]),
        (1, Message::Came(Arc::from("carol")), &[]),
        (1, Message::Touched(bob()), &[]),
        (1, Message::Removed(bob()), &[]),
        (2, ended(lost()), &["all closed"]),
        (3, Message::Due(tag(0, 1)), &[]),
    ]);
    plays(vec![(0, Message::Stop, &["all closed"])]);
}

#[test]
fn a_sign_of_an_earlier_life_counts_for_nothing() {
    plays(vec![
        (0, Message::Came(name()), &["wait 0.0 0s"]),
        (0, Message::Due(tag(0, 0)), &["dial 0.0 attempt 1"]),
        (0, ended(lost()), &["say 0 rooma.disconnected", "wait 0.1 1s"]),
        (1, Message::Due(tag(0, 1)), &["dial 0.1 attempt 2"]),
        (2, Message::Usable(tag(0, 0)), &[]),
        (3, Message::Connected(tag(0, 0)), &[]),
        (99, ended(lost()), &["say 0 rooma.disconnected", "wait 0.2 2s"]),
    ]);
}

/// A world in which everything that is decided is done at once, and anything may happen.
struct World {
    connections: Connections,
    /// Connections that are open: their life, and whether they were asked to close.
    open: BTreeMap<usize, (Tag, bool)>,
    /// What is due some time, the old ones too.
    due: BTreeSet<Tag>,
    second: u64,
    stopped: bool,
    all_closed: bool,
}

impl World {
    fn happens(&mut self, message: Message) {
        let now = Now { steady: Duration::from_secs(self.second), wall: 1000 };
        for todo in self.connections.decide(message, now) {
            match todo {
                Do::Dial { tag, .. } => {
                    assert!(!self.stopped, "it dials while it stops");
                    assert!(self.open.insert(tag.number, (tag, false)).is_none(), "two at one time");
                }
                Do::Wait { tag, .. } => drop(self.due.insert(tag)),
                Do::Close { number } => self.open.get_mut(&number).expect("it is open").1 = true,
                Do::Forget { number } => assert!(!self.open.contains_key(&number), "it is still open"),
                Do::AllClosed => self.all_closed = true,
                Do::Care { tag, .. } => assert!(self.open.contains_key(&tag.number)),
                Do::Say { .. } | Do::NoteHeard { .. } => {}
            }
        }
        self.holds();
    }

    fn holds(&self) {
        let names: Vec<&str> = self.connections.staying().map(|(_, profile)| profile.name.as_ref()).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "twice: {names:?}");
        if self.stopped {
            assert_eq!(self.all_closed, self.open.is_empty());
            return;
        }
        for (number, profile) in self.connections.staying() {
            let open = self.open.contains_key(&number);
            let waits = self.due.iter().any(|tag| tag.number == number && self.connections.is_current(*tag));
            assert!(open || waits, "{} has no future", profile.name);
            assert_eq!(open, profile.is_open());
        }
    }

    fn any(&mut self, what: u8, which: usize, end: u8) {
        let name: Arc<str> = Arc::from(["alice", "bob", "carol"][which % 3]);
        let any_open = self.open.values().nth(which % self.open.len().max(1)).copied();
        match what {
            0 => self.happens(Message::Came(name)),
            1 => self.happens(Message::Touched(name)),
            2 => self.happens(Message::Removed(name)),
            3 => self.happens(Message::Failed(name, wrong())),
            4..8 => {
                // In any order, and some of them twice.
                let due = self.due.iter().nth(which % self.due.len().max(1)).copied();
                due.into_iter().for_each(|tag| self.happens(Message::Due(tag)));
            }
            8..10 => any_open.into_iter().for_each(|(tag, _)| self.happens(Message::Connected(tag))),
            10 => any_open.into_iter().for_each(|(tag, _)| self.happens(Message::Usable(tag))),
            11 => any_open.into_iter().for_each(|(tag, _)| {
                self.happens(Message::Deaf { tag, since: 500, heard: end.is_multiple_of(2) });
            }),
            12..16 => any_open.into_iter().for_each(|(tag, asked)| {
                let end = match end % 4 {
                    _ if asked => End::Asked,
                    0 => lost(),
                    1 => wrong(),
                    2 => crashed(),
                    _ => End::Silent { quiet_for: Duration::from_secs(9) },
                };
                self.open.remove(&tag.number);
                let signs = Signs { complete: true, last: Some(900) };
                self.happens(Message::Ended { number: tag.number, end, signs });
            }),
            _ => {
                self.stopped = true;
                self.happens(Message::Stop);
            }
        }
    }
}

proptest! {
    #[test]
    fn whatever_happens_each_profile_has_a_future_and_at_most_one_connection(
        steps in proptest::collection::vec((0_u8..16, 0_usize..8, 0_u8..8, 0_u64..40), 0..120),
        stops in proptest::bool::ANY,
    ) {
        let mut world = World {
            connections: connections(),
            open: BTreeMap::new(),
            due: BTreeSet::new(),
            second: 0,
            stopped: false,
            all_closed: false,
        };
        for (what, which, end, pause) in steps {
            world.second += pause;
            world.any(what, which, end);
        }
        if stops {
            world.any(16, 0, 0);
            for which in 0..8 {
                world.any(4, which, 0);
                world.any(0, which, 0);
                world.any(12, which, 0);
            }
            prop_assert!(world.all_closed && world.open.is_empty());
        }
    }
}
