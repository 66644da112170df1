use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::error::{Error, Kind, Result};

fn owed(id: &str, at: i64, to: Option<&[&str]>) -> Owed {
    Owed {
        sender: "a".to_owned(),
        chat_id: ChatId::new("oc_1"),
        message_id: MessageId::new(id),
        at,
        to: to.map(|to| to.iter().map(|profile| (*profile).to_owned()).collect()),
    }
}

fn heard(profile: &str, id: &str) -> Heard {
    Heard { profile: profile.to_owned(), message_id: MessageId::new(id) }
}

fn ids(relays: &Relays) -> Vec<&str> {
    relays.messages.iter().map(|message| message.message_id.as_str()).collect()
}

#[test]
fn a_message_is_owed_until_everybody_has_heard_of_it() {
    let mut relays = Relays::default();
    relays.owe(owed("om_1", 0, Some(&["b", "c"])));
    relays.owe(owed("om_1", 5, None));
    relays.owe(owed("om_2", 0, None));
    assert_eq!(ids(&relays), ["om_1", "om_2"], "the same send again is one");
    relays.settle(&[heard("b", "om_1"), heard("c", "om_9")]);
    assert_eq!(ids(&relays), ["om_1", "om_2"]);
    // Another platform may have given its message the same id.
    let mut elsewhere = relays.clone();
    elsewhere.owe(Owed { sender: "x".to_owned(), ..owed("om_1", 0, Some(&["y"])) });
    assert_eq!(ids(&elsewhere), ["om_1", "om_2", "om_1"]);
    relays.settle(&[heard("c", "om_1"), heard("b", "om_2")]);
    assert_eq!(ids(&relays), ["om_2"], "nobody knows yet who is to hear of it");
}

#[test]
fn who_hears_of_a_message_that_went_past_the_supervisor_is_everybody_else() {
    let profiles: Vec<String> = ["a", "b"].map(str::to_owned).into();
    let mut relays = Relays::default();
    relays.owe(owed("om_1", 0, None));
    relays.address(|owed| owed.listeners(&["far".to_owned()], &profiles));
    let to: Vec<&String> = relays.messages[0].to.iter().flatten().collect();
    assert_eq!(to, ["b", "far"]);
    let mut alone = Relays::default();
    alone.owe(owed("om_1", 0, None));
    alone.address(|owed| owed.listeners(&[], &profiles[..1]));
    assert!(alone.messages.is_empty());
}

#[test]
fn who_hears_of_a_message_at_once_sits_there_or_nobody_knows_where_it_sits() {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<String>>();
    for (members, unlisted, to) in
        [(&["a", "b"][..], &["c"][..], &["b", "c"][..]), (&["a"], &[], &[]), (&["b"], &["b", "a"], &["b"])]
    {
        let found = hearers("a", names(members), names(unlisted).into_iter());
        assert_eq!(found.into_iter().collect::<Vec<_>>(), to, "{members:?} {unlisted:?}");
    }
    let many = (0..100).map(|number| format!("p{number}"));
    assert_eq!(hearers("a", names(&["b"]), many).len(), ASKED_MAX + 1);
}

#[test]
fn what_is_owed_has_bounds_in_number_and_time() {
    let mut relays = Relays::default();
    for n in 0..OWED_MAX + 3 {
        relays.owe(owed(&format!("om_{n}"), n as i64, Some(&["b"])));
    }
    assert_eq!((relays.messages.len(), ids(&relays)[0]), (OWED_MAX, "om_3"));
    let tried: BTreeSet<MessageId> =
        relays.messages.iter().map(|message| message.message_id.clone()).collect();
    relays.give_up(1000, 10, &BTreeSet::new());
    assert_eq!(relays.messages.len(), OWED_MAX, "a clock that jumps gives up nothing that was never tried");
    relays.give_up(1000, 10, &tried);
    assert_eq!(ids(&relays)[0], "om_990");
    relays.give_up(-5000, 10, &tried);
    assert_eq!(ids(&relays)[0], "om_990", "nor does one that was set back");
}

const SECOND: Duration = Duration::from_secs(1);

/// Messages of one chat that b and c are to hear.
fn queue(count: i64) -> Queue {
    let mut queue = Queue::default();
    for number in 1..=count {
        queue.owe(owed(&format!("om_{number}"), number, Some(&["b", "c"])));
    }
    queue
}

/// Which message each profile begins to hear.
fn begun(queue: &mut Queue, now: Duration) -> Vec<(String, String)> {
    let due = queue.begin(now).into_iter();
    due.map(|((_, profile), owed)| (profile, owed.message_id.to_string())).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(profile, id)| ((*profile).to_owned(), (*id).to_owned())).collect()
}

fn ended(queue: &mut Queue, profile: &str, id: &str, outcome: &Result<()>, now: Duration) -> Became {
    queue.relayed((ChatId::new("oc_1"), profile.to_owned()), MessageId::new(id), outcome, now)
}

#[test]
fn a_profile_hears_one_after_the_other_and_is_not_held_up_for_ever_by_one() {
    let mut queue = queue(3);
    assert_eq!(begun(&mut queue, SECOND), pairs(&[("b", "om_1"), ("c", "om_1")]));
    assert_eq!(begun(&mut queue, SECOND), [], "they are at it");
    let trouble = Err(Error::network("reset"));
    assert_eq!(ended(&mut queue, "b", "om_1", &trouble, SECOND), Became::Later);
    assert_eq!(ended(&mut queue, "c", "om_1", &Ok(()), SECOND), Became::Heard);
    assert_eq!(begun(&mut queue, 2 * SECOND), pairs(&[("c", "om_2")]), "b waits for the first");
    assert_eq!(begun(&mut queue, 3 * SECOND), pairs(&[("b", "om_1")]), "it is tried again");
    ended(&mut queue, "b", "om_1", &trouble, 3 * SECOND);
    assert_eq!(begun(&mut queue, 4 * SECOND), pairs(&[("b", "om_2")]), "the others pass it");
    ended(&mut queue, "b", "om_2", &Ok(()), 4 * SECOND);
    assert_eq!(begun(&mut queue, 7 * SECOND), pairs(&[("b", "om_1")]), "it is tried again all the same");
}

#[test]
fn a_profile_that_is_away_is_left_alone_for_a_while_and_the_others_are_not() {
    for kind in [Kind::Authentication, Kind::Config] {
        let mut queue = queue(2);
        begun(&mut queue, SECOND);
        let away = Err(Error::new(kind, "parked"));
        assert_eq!(ended(&mut queue, "b", "om_1", &away, SECOND), Became::Later);
        ended(&mut queue, "c", "om_1", &Ok(()), SECOND);
        assert_eq!(begun(&mut queue, 2 * SECOND), pairs(&[("c", "om_2")]), "{kind:?}");
        assert_eq!(begun(&mut queue, 3 * SECOND), pairs(&[("b", "om_1")]), "{kind:?}");
        ended(&mut queue, "b", "om_1", &away, 3 * SECOND);
        assert_eq!(begun(&mut queue, 6 * SECOND), [], "nor is it asked for what passes the first");
        assert_eq!(begun(&mut queue, 7 * SECOND), pairs(&[("b", "om_1")]));
    }
}

#[test]
fn what_will_never_be_read_is_given_up_and_said_once_of_each_profile() {
    let mut queue = queue(2);
    let refused = |kind| Err(Error::new(kind, "no"));
    for (profile, id, outcome, became) in [
        ("b", "om_1", refused(Kind::Authorization), Became::MayNotRead),
        ("b", "om_2", refused(Kind::Authorization), Became::GivenUp),
        ("c", "om_1", refused(Kind::Authorization), Became::MayNotRead),
        ("c", "om_2", refused(Kind::Validation), Became::GivenUp),
    ] {
        begun(&mut queue, SECOND);
        assert_eq!(ended(&mut queue, profile, id, &outcome, SECOND), became, "{profile} {id}");
    }
    assert_eq!(begun(&mut queue, 100 * SECOND), []);
    for (error, passes) in [
        (Error::new(Kind::Api, "busy").retryable(true), true),
        (Error::new(Kind::Api, "gone"), false),
        (Error::new(Kind::Internal, "silent"), true),
        (Error::storage("full"), true),
    ] {
        let mut queue = self::queue(1);
        begun(&mut queue, SECOND);
        let became = ended(&mut queue, "b", "om_1", &Err(error), SECOND);
        assert_eq!(became, if passes { Became::Later } else { Became::GivenUp });
    }
}

#[test]
fn the_file_is_asked_where_one_of_the_two_knows_more() {
    let mut file = Relays::default();
    let mut queue = Queue::default();
    assert!(queue.merge(false).is_none() && queue.merge(true).is_some());
    // A send that went past us, and one of ours that no disk took.
    file.owe(owed("om_past", 0, None));
    queue.keep(owed("om_ours", 0, Some(&["b"])));
    queue.merge(false).unwrap().into(&mut file, 0, 10);
    queue.merged(file.messages().to_vec());
    assert!(queue.merge(false).is_none() && queue.is_unaddressed());
    assert_eq!(begun(&mut queue, SECOND), pairs(&[("b", "om_ours")]), "nobody is asked of the other yet");
    file.address(|owed| owed.listeners(&[], &["b".to_owned()]));
    queue.addressed(file.messages().to_vec());
    ended(&mut queue, "b", "om_ours", &Ok(()), SECOND);
    assert_eq!(begun(&mut queue, SECOND), pairs(&[("b", "om_past")]));
    queue.merge(false).unwrap().into(&mut file, 0, 10);
    assert_eq!(ids(&file), ["om_past"]);
}

#[derive(Clone, Debug)]
enum Step {
    Post(usize),
    Merge,
    /// The n-th attempt under way ends so.
    End(usize, bool),
    Wait(u64),
    /// Memory is lost, the file is not.
    Crash,
}

fn steps(crashes: bool) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..2_usize).prop_map(Step::Post),
        2 => Just(Step::Merge),
        8 => (0..4_usize, proptest::bool::weighted(0.7)).prop_map(|(number, well)| Step::End(number, well)),
        2 => (0..10_u64).prop_map(Step::Wait),
        1 => Just(if crashes { Step::Crash } else { Step::Merge }),
    ];
    proptest::collection::vec(step, 0..80)
}

/// Files, memory, and what is on its way between the two.
#[derive(Default)]
struct Model {
    file: Relays,
    queue: Queue,
    under_way: Vec<(Line, Owed)>,
    now: Duration,
    posted: usize,
    heard: Vec<(Line, MessageId)>,
}

impl Model {
    fn step(&mut self, step: &Step) {
        match step {
            Step::Post(chat) => {
                self.posted += 1;
                let mut posted = owed(&format!("om_{:03}", self.posted), 0, Some(&["b", "c"]));
                posted.chat_id = ChatId::new(format!("oc_{chat}"));
                self.file.owe(posted.clone());
                self.queue.owe(posted);
            }
            Step::Merge => {
                if let Some(merge) = self.queue.merge(true) {
                    merge.into(&mut self.file, 0, 1000);
                    self.queue.merged(self.file.messages().to_vec());
                }
            }
            Step::End(number, well) if *number < self.under_way.len() => {
                let (line, owed) = self.under_way.remove(*number);
                let outcome = if *well { Ok(()) } else { Err(Error::network("reset")) };
                if *well {
                    self.heard.push((line.clone(), owed.message_id.clone()));
                }
                self.queue.relayed(line, owed.message_id, &outcome, self.now);
            }
            Step::End(..) => {}
            Step::Wait(seconds) => self.now += Duration::from_secs(*seconds),
            Step::Crash => {
                self.queue = Queue::default();
                self.under_way.clear();
                self.step(&Step::Merge);
            }
        }
        self.under_way.extend(self.queue.begin(self.now));
    }

    fn end(&mut self) {
        while !self.file.messages().is_empty() {
            self.step(&Step::Wait(600));
            self.step(&Step::End(0, true));
            self.step(&Step::Merge);
        }
    }
}

proptest! {
    #[test]
    fn each_hears_everything_once_and_one_at_a_time(steps in steps(false)) {
        let mut model = Model::default();
        for step in &steps {
            model.step(step);
            let mut lines: Vec<_> = model.under_way.iter().map(|(line, _)| line.clone()).collect();
            lines.sort();
            lines.dedup();
            prop_assert_eq!(lines.len(), model.under_way.len());
        }
        model.end();
        let count = model.heard.len();
        let mut heard = std::mem::take(&mut model.heard);
        heard.sort();
        heard.dedup();
        prop_assert_eq!((heard.len(), count), (2 * model.posted, 2 * model.posted));
    }

    #[test]
    fn without_trouble_a_line_is_heard_in_the_order_it_was_posted(steps in steps(false)) {
        let mut model = Model::default();
        for step in &steps {
            let well = match step {
                Step::End(number, _) => Step::End(*number, true),
                other => other.clone(),
            };
            model.step(&well);
        }
        model.end();
        for line in model.heard.iter().map(|(line, _)| line) {
            let of: Vec<_> = model.heard.iter().filter(|(of, _)| of == line).map(|(_, id)| id).collect();
            prop_assert!(of.is_sorted(), "{:?}", of);
        }
    }

    #[test]
    fn a_memory_that_is_lost_loses_no_word(steps in steps(true)) {
        let mut model = Model::default();
        steps.iter().for_each(|step| model.step(step));
        model.end();
        let mut heard = std::mem::take(&mut model.heard);
        heard.sort();
        heard.dedup();
        prop_assert_eq!(heard.len(), 2 * model.posted);
    }
}
