//! One line per message for a reader of several profiles: which lines are one, and how long the others are waited for.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

/// How long the other profiles' lines of a message are waited for, in milliseconds. Deliveries to the apps of one
/// chat leave the platform together, and come within some tens of milliseconds.
pub const WAIT_MS: i64 = 200;

/// Messages remembered as written. A line that comes later than so many others tells its message anew.
const WRITTEN_MAX: usize = 8192;

/// A line of the journal, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen<'a> {
    pub seq: u64,
    /// Absent for what is not somebody's message to a profile.
    pub said: Option<Said<'a>>,
    /// It has been in the journal for longer than is waited.
    pub old: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said<'a> {
    /// Ids of one platform say nothing on another.
    pub transport: &'a str,
    pub message_id: &'a str,
    pub profile: &'a str,
}

/// What is to be written next. The numbers count the lines that were seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// As it is.
    Line(usize),
    /// One message, by all the lines of it; the first one comes first.
    Together(Vec<usize>),
    /// A message that was written before.
    Late(usize),
}

impl Piece {
    pub fn first(&self) -> usize {
        match self {
            Piece::Line(at) | Piece::Late(at) => *at,
            Piece::Together(all) => all[0],
        }
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plan {
    pub pieces: Vec<Piece>,
    /// The first line that is held; a cursor stays before it.
    pub held: Option<u64>,
    /// Milliseconds until that one is written, whoever is missing.
    pub wait_ms: Option<i64>,
}

/// What a page holds beside its lines.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// The page begins behind this position.
    pub after: u64,
    pub looked_to: u64,
    /// More lines are there already.
    pub more: bool,
}

/// What a reader remembers between two pages.
#[derive(Debug, Default)]
pub struct Coalescer {
    written: HashSet<String>,
    order: VecDeque<String>,
    /// Lines behind the reader's position that were written with an earlier one.
    absorbed: BTreeSet<u64>,
    /// Since when a line is held.
    since: BTreeMap<u64, i64>,
}

impl Coalescer {
    /// This message was written by an earlier life of this reader.
    pub fn remember(&mut self, transport: &str, message_id: &str) {
        let key = key(transport, message_id);
        if self.written.insert(key.clone()) {
            self.order.push_back(key);
        }
        while self.order.len() > WRITTEN_MAX {
            self.order.pop_front().map(|oldest| self.written.remove(&oldest));
        }
    }

    /// What of these lines is to be written at `now` (steady milliseconds), in the order of each message's first
    /// line. `complete` says whether a message, known by these lines of it, has all it will have.
    pub fn plan(
        &mut self,
        seen: &[Seen<'_>],
        extent: Extent,
        now: i64,
        complete: impl Fn(&[usize]) -> bool,
    ) -> Plan {
        self.absorbed.retain(|seq| *seq > extent.after);
        self.since.retain(|seq, _| *seq > extent.after);
        let mut plan = Plan::default();
        for piece in self.pieces(seen) {
            let first = &seen[piece.first()];
            if let Some(wait_ms) = self.must_wait(&piece, first, extent, now, &complete) {
                plan.held = Some(first.seq);
                plan.wait_ms = Some(wait_ms);
                break;
            }
            plan.pieces.push(piece);
        }
        for piece in &plan.pieces {
            self.note(piece, seen, plan.held);
        }
        plan
    }

    fn pieces(&self, seen: &[Seen<'_>]) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = Vec::new();
        let mut of_message: HashMap<(&str, &str), usize> = HashMap::new();
        for (at, line) in seen.iter().enumerate().filter(|(_, line)| !self.absorbed.contains(&line.seq)) {
            match line.said {
                None => pieces.push(Piece::Line(at)),
                Some(said) if self.written.contains(&key(said.transport, said.message_id)) => {
                    pieces.push(Piece::Late(at))
                }
                Some(said) => {
                    match of_message.get(&(said.transport, said.message_id)).map(|piece| &mut pieces[*piece])
                    {
                        Some(Piece::Together(all)) => all.push(at),
                        _ => {
                            of_message.insert((said.transport, said.message_id), pieces.len());
                            pieces.push(Piece::Together(vec![at]));
                        }
                    }
                }
            }
        }
        pieces
    }

    /// For how many milliseconds at most a piece is held; none where it may go.
    fn must_wait(
        &mut self,
        piece: &Piece,
        first: &Seen<'_>,
        extent: Extent,
        now: i64,
        complete: impl Fn(&[usize]) -> bool,
    ) -> Option<i64> {
        let Piece::Together(all) = piece else { return None };
        if complete(all) {
            return None;
        }
        // In the second half of a page that was cut, what belongs to it may stand on the next one. That page begins
        // with it, or at least behind the first half, so a reader goes on in any case.
        let middle = extent.after + (extent.looked_to - extent.after) / 2;
        if extent.more && first.seq > middle && first.seq > extent.after + 1 {
            return Some(0);
        }
        let since = *self.since.entry(first.seq).or_insert(now);
        let left = since.saturating_add(WAIT_MS).saturating_sub(now);
        (left > 0 && !first.old).then_some(left)
    }

    fn note(&mut self, piece: &Piece, seen: &[Seen<'_>], held: Option<u64>) {
        if let Piece::Together(all) = piece {
            let beyond =
                all.iter().map(|at| seen[*at].seq).filter(|seq| held.is_some_and(|held| *seq > held));
            self.absorbed.extend(beyond);
            if let Some(said) = seen[all[0]].said {
                self.remember(said.transport, said.message_id);
            }
        }
    }
}

fn key(transport: &str, message_id: &str) -> String {
    format!("{transport} {message_id}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use Piece::{Late, Line, Together};
    use proptest::prelude::*;

    /// `a1` is profile a's line of message 1; `-` a line of another kind.
    fn seen(after: u64, lines: &str) -> Vec<Seen<'_>> {
        let words = lines.split_whitespace().enumerate();
        words
            .map(|(at, word)| Seen {
                seq: after + 1 + at as u64,
                said: (word != "-").then(|| Said {
                    transport: "p",
                    profile: &word[..1],
                    message_id: &word[1..],
                }),
                old: false,
            })
            .collect()
    }

    fn whole(seen: &[Seen<'_>]) -> Extent {
        let after = seen.first().map_or(0, |line| line.seq - 1);
        Extent { after, looked_to: after + seen.len() as u64, more: false }
    }

    fn plan(coalescer: &mut Coalescer, seen: &[Seen<'_>], now: i64, members: usize) -> Plan {
        coalescer.plan(seen, whole(seen), now, |all| all.len() >= members)
    }

    #[test]
    fn the_same_id_on_two_platforms_is_two_messages() {
        let mut coalescer = Coalescer::default();
        let said = |seq, transport, profile| Seen {
            seq,
            said: Some(Said { transport, profile, message_id: "1" }),
            old: false,
        };
        let seen = [said(1, "p", "a"), said(2, "q", "c"), said(3, "p", "b")];
        let pieces = plan(&mut coalescer, &seen, WAIT_MS, 1).pieces;
        assert_eq!(pieces, [Together(vec![0, 2]), Together(vec![1])]);
        let later = [said(4, "q", "d")];
        assert_eq!(plan(&mut coalescer, &later, WAIT_MS, 1).pieces, [Late(0)]);
        coalescer.remember("r", "1");
        assert_eq!(plan(&mut coalescer, &[said(5, "s", "e")], WAIT_MS, 1).pieces, [Together(vec![0])]);
    }

    #[test]
    fn lines_of_one_message_become_one_as_soon_as_all_are_there_or_the_wait_is_over() {
        // What is read, how long after the first look, how many members there are, what goes, what is held.
        type Case = (&'static str, i64, usize, Vec<Piece>, Option<u64>);
        let cases: [Case; 9] = [
            ("a1 b1", 0, 2, vec![Together(vec![0, 1])], None),
            ("a1", 0, 2, vec![], Some(1)),
            ("a1", 199, 2, vec![], Some(1)),
            ("a1", 200, 2, vec![Together(vec![0])], None),
            ("a1 a2 b1 b2", 0, 2, vec![Together(vec![0, 2]), Together(vec![1, 3])], None),
            ("a1 a2 b2", 0, 2, vec![], Some(1)),
            ("a1 - a2 b2", 0, 2, vec![], Some(1)),
            ("- a1 -", 0, 2, vec![Line(0)], Some(2)),
            ("- - a1", 0, 1, vec![Line(0), Line(1), Together(vec![2])], None),
        ];
        for (lines, later, members, pieces, held) in cases {
            let mut coalescer = Coalescer::default();
            let seen = seen(0, lines);
            plan(&mut coalescer, &seen[..0], 1000, members);
            if later > 0 {
                plan(&mut coalescer, &seen, 1000, members);
            }
            let plan = plan(&mut coalescer, &seen, 1000 + later, members);
            assert_eq!((plan.pieces, plan.held), (pieces, held), "{lines} after {later}");
            assert_eq!(plan.wait_ms, held.map(|_| WAIT_MS - later), "{lines} after {later}");
        }
    }

    #[test]
    fn what_comes_too_late_is_a_line_of_its_own() {
        let mut coalescer = Coalescer::default();
        plan(&mut coalescer, &seen(0, "a1"), 0, 2);
        assert_eq!(plan(&mut coalescer, &seen(0, "a1"), 200, 2).pieces, [Together(vec![0])]);
        let late = plan(&mut coalescer, &seen(1, "b1 a2 b2"), 300, 2);
        assert_eq!(late.pieces, [Late(0), Together(vec![1, 2])]);
        let mut next_life = Coalescer::default();
        next_life.remember("p", "1");
        assert_eq!(plan(&mut next_life, &seen(1, "b1"), 0, 2).pieces, [Late(0)]);
    }

    /// A reader's position stays before what is held, so the page comes again, with what was written of it.
    #[test]
    fn a_line_that_was_written_with_an_earlier_one_is_not_written_again() {
        let mut coalescer = Coalescer::default();
        let first = plan(&mut coalescer, &seen(0, "a1 a2 b1"), 0, 2);
        assert_eq!((first.pieces, first.held), (vec![Together(vec![0, 2])], Some(2)));
        let second = plan(&mut coalescer, &seen(1, "a2 b1 b2"), 10, 2);
        assert_eq!((second.pieces, second.held), (vec![Together(vec![0, 2])], None));
        assert_eq!(plan(&mut coalescer, &seen(4, "a3 b3"), 20, 2).pieces, [Together(vec![0, 1])]);
    }

    #[test]
    fn old_lines_wait_for_nobody_unless_what_belongs_to_them_may_stand_on_the_next_page() {
        let mut old = seen(0, "a1 a2 b1 a3");
        old.iter_mut().for_each(|line| line.old = true);
        let mut coalescer = Coalescer::default();
        let cut = coalescer.plan(&old, Extent { more: true, ..whole(&old) }, 0, |_| false);
        assert_eq!((cut.pieces, cut.held), (vec![Together(vec![0, 2]), Together(vec![1])], Some(4)));
        assert_eq!(cut.wait_ms, Some(0));
        // The next page begins with it: now it goes.
        let mut rest = seen(3, "a3");
        rest[0].old = true;
        let all = coalescer.plan(&rest, Extent { more: true, ..whole(&rest) }, 0, |_| false);
        assert_eq!(all.pieces, [Together(vec![0])]);
    }

    proptest! {
        /// Whatever comes when: every line is in exactly one piece, no message is told twice in full, and the
        /// order of the pieces is that of their first lines.
        #[test]
        fn every_line_goes_once_and_in_order(
            lines in proptest::collection::vec((0..3u8, 0..6u8, 0..120i64), 1..40), page in 1..8usize
        ) {
            let texts: Vec<(String, String, i64)> = {
                let mut at = 0;
                lines.iter().map(|(profile, message, gap)| {
                    at += gap;
                    (profile.to_string(), message.to_string(), at)
                }).collect()
            };
            let end = texts.last().map_or(0, |line| line.2) + WAIT_MS * (texts.len() as i64 + 1);
            let (mut coalescer, mut position, mut now) = (Coalescer::default(), 0_u64, 0);
            let mut written: Vec<u64> = Vec::new();
            let mut firsts: Vec<u64> = Vec::new();
            let mut full: Vec<String> = Vec::new();
            while now <= end {
                let there = texts.iter().filter(|line| line.2 <= now).count() as u64;
                let looked_to = there.min(position + page as u64);
                let seen: Vec<Seen<'_>> = (position + 1..=looked_to).map(|seq| {
                    let (profile, message_id, _) = &texts[seq as usize - 1];
                    Seen { seq, said: Some(Said { transport: "p", profile, message_id }), old: false }
                }).collect();
                let extent = Extent { after: position, looked_to, more: there > looked_to };
                let plan = coalescer.plan(&seen, extent, now, |all| all.len() >= 3);
                for piece in &plan.pieces {
                    firsts.push(seen[piece.first()].seq);
                    match piece {
                        Together(all) => {
                            full.push(seen[all[0]].said.unwrap().message_id.to_owned());
                            written.extend(all.iter().map(|at| seen[*at].seq));
                        }
                        Line(at) | Late(at) => written.push(seen[*at].seq),
                    }
                }
                let next = plan.held.map_or(looked_to, |held| held - 1);
                prop_assert!(next >= position);
                if next == position {
                    now += plan.wait_ms.unwrap_or(5).clamp(1, 5);
                }
                position = next;
            }
            prop_assert_eq!(position, texts.len() as u64);
            prop_assert!(firsts.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", firsts);
            written.sort_unstable();
            prop_assert_eq!(written, (1..=texts.len() as u64).collect::<Vec<_>>());
            let distinct: HashSet<&String> = full.iter().collect();
            prop_assert_eq!(distinct.len(), full.len());
        }
    }
}
