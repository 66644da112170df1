//! What a reader has had of the journal: stretches of it, each as the filter of the time let it through.

use serde::{Deserialize, Serialize};

use super::filter::{Filter, Traits};
use crate::event::Past;

/// So many are told apart. A reader that changes its filter more often has had, as it seems, all of the oldest.
const STRETCHES_MAX: usize = 8;

/// Lines behind `from` and up to `to` that the filter did not hold back. One that holds back nothing stands for one that
/// is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    pub from: u64,
    pub to: u64,
    #[serde(default, skip_serializing_if = "is_open")]
    pub filter: Filter,
}

fn is_open(filter: &Filter) -> bool {
    *filter == Filter::default()
}

impl Stretch {
    fn holds(&self, seq: u64, line: &Traits<'_>) -> bool {
        seq > self.from && seq <= self.to && self.filter.wants(line)
    }

    fn meets(&self, other: &Stretch) -> bool {
        self.from <= other.to && other.from <= self.to
    }

    fn covers(&self, other: &Stretch) -> bool {
        self.from <= other.from
            && other.to <= self.to
            && (is_open(&self.filter) || self.filter == other.filter)
    }

    /// Both, and what lies between them.
    fn join(&mut self, other: &Stretch) {
        (self.from, self.to) = (self.from.min(other.from), self.to.max(other.to));
    }
}

/// What a reader may have had before it began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Had {
    pub given: Vec<Stretch>,
    /// Lines up to here came before it started.
    pub late_to: u64,
}

impl Had {
    /// What was fetched from the history is marked in the journal.
    pub(super) fn past(&self, seq: u64, line: &Traits<'_>, fetched: bool) -> Past {
        if fetched || self.given.iter().any(|stretch| stretch.holds(seq, line)) {
            Past::Replayed
        } else if seq <= self.late_to {
            Past::Late
        } else {
            Past::New
        }
    }
}

/// What was given once a reader begins behind `position`. Its own stretch stands last, and is never missing.
pub fn begin(given: &[Stretch], position: u64, filter: &Filter) -> Vec<Stretch> {
    let filter = Filter { raw: false, ..filter.clone() };
    let mut all = joined(given);
    let goes_on = |one: &Stretch| one.filter == filter && one.from <= position && position <= one.to;
    let own = match all.iter().position(goes_on) {
        Some(at) => all.remove(at),
        None => Stretch { from: position, to: position, filter },
    };
    while all.len() >= STRETCHES_MAX {
        let oldest = all.remove(0);
        all[0].join(&oldest);
        all[0].filter = Filter::default();
    }
    all.push(own);
    all
}

/// One for those of the same filter that meet, and none that says nothing. The newest stand last.
fn joined(given: &[Stretch]) -> Vec<Stretch> {
    let mut all: Vec<Stretch> = Vec::new();
    for stretch in given.iter().filter(|stretch| stretch.from < stretch.to) {
        let mut stretch = stretch.clone();
        while let Some(at) = all.iter().position(|one| one.filter == stretch.filter && one.meets(&stretch)) {
            stretch.join(&all.remove(at));
        }
        all.retain(|one| !stretch.covers(one));
        if !all.iter().any(|one| one.covers(&stretch)) {
            all.push(stretch);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(profile: &str) -> Filter {
        Filter { profiles: vec![profile.to_owned()], ..Filter::default() }
    }

    fn replayed(given: &[Stretch], seq: u64, profile: &str) -> bool {
        let line = Traits { profile: Some(profile), type_name: "message", mentioned: false, trouble: false };
        let had = Had { given: given.to_vec(), late_to: u64::MAX };
        had.past(seq, &line, false) == Past::Replayed
    }

    #[test]
    fn a_line_was_had_where_a_filter_let_it_through() {
        let stretch = |from, to, filter| Stretch { from, to, filter };
        let given = [stretch(0, 5, only("alice")), stretch(3, 9, Filter::default())];
        for (seq, profile, wanted) in [
            (0, "alice", false),
            (1, "alice", true),
            (3, "bob", false),
            (4, "bob", true),
            (10, "alice", false),
        ] {
            assert_eq!(replayed(&given, seq, profile), wanted, "{seq} {profile}");
        }
    }

    #[test]
    fn a_reader_that_goes_on_has_one_stretch_and_one_that_skips_has_two() {
        let mut given = begin(&[], 0, &only("alice"));
        for at in [4, 9] {
            given.last_mut().unwrap().to = at;
            given = begin(&given, at, &only("alice"));
        }
        assert_eq!(given, [Stretch { from: 0, to: 9, filter: only("alice") }]);
        let mut given = begin(&given, 20, &only("alice"));
        given.last_mut().unwrap().to = 25;
        assert!(!replayed(&given, 15, "alice") && replayed(&given, 25, "alice"));
        // What was skipped is read after all.
        let given = begin(&given, 8, &only("alice"));
        assert_eq!(given.last().unwrap().to, 9, "{given:?}");
        let mut given = given;
        given.last_mut().unwrap().to = 22;
        assert_eq!(begin(&given, 30, &only("bob"))[0], Stretch { from: 0, to: 25, filter: only("alice") });
    }

    /// However often a reader changes its mind, what it had is never told as new to it, and the list stays short.
    #[test]
    fn many_filters_are_kept_as_few_stretches_and_nothing_that_was_had_is_forgotten() {
        let names: Vec<String> = (0..12).map(|number| format!("p{number}")).collect();
        let (mut given, mut had) = (Vec::new(), Vec::new());
        for round in 0..200u64 {
            let (name, position) = (&names[(round * 7 % 12) as usize], round * 37 % 500);
            given = begin(&given, position, &only(name));
            let own = given.last_mut().unwrap();
            own.to = own.to.max(position + 1 + round * 13 % 40);
            had.extend((position + 1..=position + 1 + round * 13 % 40).map(|seq| (seq, name)));
            assert!(given.len() <= STRETCHES_MAX, "{given:?}");
            assert!(had.iter().all(|(seq, name)| replayed(&given, *seq, name)), "{round}: {given:?}");
        }
    }
}
