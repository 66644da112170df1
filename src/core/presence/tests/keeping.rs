use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::error::{Error, Kind as Trouble, Result};

const SECOND: Duration = Duration::from_secs(1);

/// In short: what is done.
fn done(keeping: &mut Keeping, sessions: &Sessions, told: Option<(&str, i64)>, now: Duration) -> Vec<String> {
    let told = told.map(|(id, at)| (id.to_owned(), at));
    let short = |action: Do| match action {
        Do::TellArmed((id, at), _) => format!("armed {id} {at}"),
        Do::Watch(Some(watched)) => format!("watch {} {}", watched.session, watched.owner.pid),
        Do::Watch(None) => "watch nobody".to_owned(),
        Do::Hush(key) => format!("hush {key}"),
        Do::Say { chat, key, text } => format!("say {key} {text} in {chat}"),
    };
    keeping.keep(sessions, told.as_ref(), now).into_iter().map(short).collect()
}

#[test]
fn a_shift_is_told_of_watched_greeted_for_and_taken_leave_of_once() {
    let (mut keeping, mut sessions) = (Keeping::default(), Sessions::default());
    assert_eq!(done(&mut keeping, &sessions, None, SECOND), [""; 0]);
    sessions.arm(arming("s1", 1, &["a", "b"]), 5);
    let begun = ["armed s1 5", "watch s1 1", "say s1-hello-0 hello in a", "say s1-hello-1 hello in b"];
    assert_eq!(done(&mut keeping, &sessions, None, SECOND), begun);
    assert_eq!(done(&mut keeping, &sessions, Some(("s1", 5)), SECOND), [""; 0], "it is under way");
    assert_eq!(keeping.said("s1-hello-0", &Ok(()), SECOND), Said::Settled(Ok(())));
    sessions.settle("s1-hello-0", Ok(()));
    // Armed again by the same owner, it is told of again, and nobody is greeted twice.
    sessions.arm(arming("s2", 1, &["a", "b"]), 6);
    assert_eq!(done(&mut keeping, &sessions, Some(("s1", 5)), SECOND), ["armed s1 6"]);
    sessions.end(None, &Ending::OwnerGone, 7);
    let ended = ["watch nobody", "hush s1-hello-1", "say s1-bye-0 gone in a", "say s1-bye-1 gone in b"];
    assert_eq!(done(&mut keeping, &sessions, Some(("s1", 6)), SECOND), ended);
}

#[test]
fn a_farewell_that_is_on_its_way_is_not_said_into_the_next_shift() {
    let (mut keeping, mut sessions) = (Keeping::default(), Sessions::default());
    let silent = |id, pid| Arming { greeting_text: None, ..arming(id, pid, &["a"]) };
    sessions.arm(silent("s1", 1), 0);
    sessions.end(None, &Ending::OwnerGone, 1);
    assert_eq!(done(&mut keeping, &sessions, None, SECOND), ["say s1-bye-0 gone in a"]);
    sessions.arm(silent("s2", 2), 2);
    assert_eq!(done(&mut keeping, &sessions, None, SECOND), ["armed s2 2", "watch s2 2", "hush s1-bye-0"]);
    // Its end came too late to matter.
    assert_eq!(keeping.said("s1-bye-0", &Ok(()), SECOND), Said::Settled(Ok(())));
    sessions.settle("s1-bye-0", Ok(()));
    assert_eq!(done(&mut keeping, &sessions, Some(("s2", 2)), SECOND), [""; 0]);
}

#[test]
fn another_owner_is_watched_instead_and_a_session_without_one_not_at_all() {
    let (mut keeping, mut sessions) = (Keeping::default(), Sessions::default());
    let of = |id, pid| Arming { greeting_text: None, ..arming(id, pid, &["a"]) };
    sessions.arm(of("s1", 1), 0);
    assert_eq!(done(&mut keeping, &sessions, Some(("s1", 0)), SECOND), ["watch s1 1"]);
    sessions.arm(of("s2", 2), 0);
    assert_eq!(done(&mut keeping, &sessions, Some(("s2", 0)), SECOND), ["watch s2 2"]);
    sessions.arm(Arming { owner: None, ..of("s3", 2) }, 0);
    assert_eq!(done(&mut keeping, &sessions, Some(("s3", 0)), SECOND), ["watch nobody"]);
}

#[test]
fn what_may_pass_is_tried_again_after_a_while_and_the_rest_is_settled() {
    let (mut keeping, mut sessions) = (Keeping::default(), Sessions::default());
    sessions.arm(Arming { greeting_text: None, ..arming("s1", 1, &["a"]) }, 0);
    sessions.end(None, &Ending::TimeOver, 1);
    let say = ["say s1-bye-0 bye in a"];
    let trouble: Result<()> = Err(Error::network("reset").retryable(true));
    assert_eq!(done(&mut keeping, &sessions, None, SECOND), say);
    assert_eq!(keeping.said("s1-bye-0", &trouble, SECOND), Said::Later { attempts: 1 });
    assert_eq!(done(&mut keeping, &sessions, None, SECOND), [""; 0]);
    assert_eq!(done(&mut keeping, &sessions, None, 2 * SECOND), say);
    assert_eq!(keeping.said("s1-bye-0", &trouble, 2 * SECOND), Said::Later { attempts: 2 });
    assert_eq!(done(&mut keeping, &sessions, None, 3 * SECOND), [""; 0], "it waits longer");
    assert_eq!(done(&mut keeping, &sessions, None, 4 * SECOND), say);
    let refused = Err(Error::new(Trouble::Policy, "paused").hint("resume it"));
    let settled = Said::Settled(Err("paused (resume it)".to_owned()));
    assert_eq!(keeping.said("s1-bye-0", &refused, 4 * SECOND), settled);
}

#[derive(Clone, Debug)]
enum Step {
    Arm(u32),
    /// The owner of the session that is armed is gone, or somebody says farewell.
    End(bool),
    Look,
    /// The n-th attempt under way ends so.
    Said(usize, bool),
    /// Memory is lost, the file is not, nor is what was told.
    Break,
    Wait,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        1 => (1..3_u32).prop_map(Step::Arm),
        1 => proptest::bool::ANY.prop_map(Step::End),
        3 => Just(Step::Look),
        4 => (0..3_usize, proptest::bool::weighted(0.7)).prop_map(|(number, well)| Step::Said(number, well)),
        1 => Just(Step::Break),
        2 => Just(Step::Wait),
    ];
    proptest::collection::vec(step, 0..60)
}

/// A file, what is known beside it, what is on its way, and what the platform has posted.
#[derive(Default)]
struct Model {
    sessions: Sessions,
    keeping: Keeping,
    told: Option<Mark>,
    under_way: Vec<String>,
    watched: Option<Watched>,
    posted: Vec<String>,
    lines: Vec<crate::core::dedupe::DedupeKey>,
    now: i64,
}

impl Model {
    fn look(&mut self) {
        let attended = attend(&mut self.sessions, |_| true, self.now, 1_000_000_000, true);
        self.lines.extend(attended.lines.into_iter().map(|line| line.key));
        let now = Duration::from_millis(self.now.unsigned_abs());
        for action in self.keeping.keep(&attended.sessions, self.told.as_ref(), now) {
            match action {
                Do::TellArmed(mark, _) => self.told = Some(mark),
                Do::Watch(watched) => self.watched = watched,
                Do::Hush(key) => self.under_way.retain(|known| *known != key),
                Do::Say { key, .. } => {
                    assert!(!self.under_way.contains(&key), "{key} is said twice at a time");
                    self.under_way.push(key);
                }
            }
        }
    }

    fn step(&mut self, number: usize, step: &Step) {
        match step {
            Step::Arm(pid) => {
                self.sessions.arm(arming(&format!("s{number}"), *pid, &["a", "b"]), self.now);
            }
            Step::End(gone) => {
                let ending = if *gone { Ending::OwnerGone } else { Ending::Asked("bye".to_owned()) };
                self.sessions.end(None, &ending, self.now);
            }
            Step::Look => self.look(),
            Step::Said(number, well) if *number < self.under_way.len() => {
                let key = self.under_way.remove(*number);
                let outcome = if *well { Ok(()) } else { Err(Error::network("reset").retryable(true)) };
                // The platform knows the key of what it has posted.
                if *well && !self.posted.contains(&key) {
                    self.posted.push(key.clone());
                }
                let now = Duration::from_millis(self.now.unsigned_abs());
                if let Said::Settled(settled) = self.keeping.said(&key, &outcome, now) {
                    self.sessions.settle(&key, settled);
                }
                self.look();
            }
            Step::Said(..) => {}
            Step::Break => {
                (self.keeping, self.watched) = (Keeping::default(), None);
                self.under_way.clear();
            }
            Step::Wait => self.now += 70_000,
        }
    }
}

proptest! {
    #[test]
    fn what_is_owed_is_said_and_told_of_once_whoever_breaks(steps in steps()) {
        let mut model = Model::default();
        for (number, step) in steps.iter().enumerate() {
            model.step(number, step);
        }
        for _ in 0..20 {
            model.step(0, &Step::Wait);
            model.look();
            (0..5).for_each(|_| model.step(0, &Step::Said(0, true)));
        }
        prop_assert!(model.sessions.outbox.is_empty(), "{:?}", model.sessions.outbox);
        let owner = model.sessions.session.as_ref().and_then(|session| session.owner.clone());
        prop_assert_eq!(model.watched.map(|watched| watched.owner), owner);
        let told = model.sessions.session.map(|session| (session.id, session.armed_at));
        prop_assert!(told.is_none() || told == model.told);
        let count = model.lines.len();
        model.lines.sort_by_key(|key| format!("{key:?}"));
        model.lines.dedup();
        prop_assert_eq!(model.lines.len(), count, "told twice");
    }
}
