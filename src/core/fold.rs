//! What a reader that takes so many notifications gets of what waits: as it is where that fits, and else the lines
//! that are not meant for it folded into one for each chat.

use std::collections::BTreeMap;

/// A line that waits.
#[derive(Clone, Debug)]
pub struct Waiting<'a> {
    /// What it is folded with; `None`: it is never folded.
    pub with: Option<&'a str>,
    /// Its length, newline included.
    pub size: usize,
}

/// A part of a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    Line(usize),
    /// These in one line, in their order.
    Folded(Vec<usize>),
}

/// What is written now: a beginning of what waits, all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Folded lines come first: what else was going on, and then what is for the reader.
    pub pieces: Vec<Piece>,
    /// How many of what waits are in it.
    pub count: usize,
}

/// The longest line that several are folded into, newline included.
pub const FOLDED_MAX: usize = 400;

/// The next notification of at most `room`, where `left` of them may be written before one has to be waited for. A line
/// that is longer than that is one of its own.
pub fn next(waiting: &[Waiting<'_>], left: u64, room: usize) -> Batch {
    let whole = whole(waiting, room);
    if whole.count == waiting.len() || fits(waiting, left, room) {
        return whole;
    }
    let folded = folded(waiting, room);
    if folded.count > whole.count { folded } else { whole }
}

/// Would all of it fit as it is?
fn fits(mut waiting: &[Waiting<'_>], left: u64, room: usize) -> bool {
    for _ in 0..left {
        waiting = &waiting[whole(waiting, room).count..];
        if waiting.is_empty() {
            return true;
        }
    }
    false
}

/// As many lines as there is room for, as they are.
fn whole(waiting: &[Waiting<'_>], room: usize) -> Batch {
    let mut size = 0;
    let fitting = waiting.iter().take_while(|line| {
        size += line.size;
        size <= room
    });
    let count = fitting.count().max(usize::from(!waiting.is_empty()));
    Batch { pieces: (0..count).map(Piece::Line).collect(), count }
}

/// As many lines as there is room for once those of a chat are one.
fn folded(waiting: &[Waiting<'_>], room: usize) -> Batch {
    let mut groups: BTreeMap<&str, (usize, Vec<usize>)> = BTreeMap::new();
    let (mut lines, mut size, mut count) = (Vec::new(), 0, 0);
    for (at, line) in waiting.iter().enumerate() {
        let more = match line.with {
            None => line.size,
            Some(with) if groups.contains_key(with) => 0,
            // One that stays alone is told as it is.
            Some(_) => line.size.max(FOLDED_MAX),
        };
        if size + more > room && at > 0 {
            break;
        }
        size += more;
        count += 1;
        match line.with {
            None => lines.push(at),
            Some(with) => groups.entry(with).or_insert_with(|| (more, Vec::new())).1.push(at),
        }
    }
    let mut spare = room.saturating_sub(size);
    let mut pieces = Vec::new();
    for (reserved, mut all) in groups.into_values() {
        // What takes no more room as it is stays as it is.
        let whole: usize = all.iter().map(|at| waiting[*at].size).sum();
        if whole <= reserved + spare {
            spare -= whole.saturating_sub(reserved);
            lines.append(&mut all);
            continue;
        }
        // The newest are told in full while there is room; one alone is not folded for that.
        while all.len() > 2 && waiting[all[all.len() - 1]].size <= spare {
            let newest = all.pop().expect("there are more than two");
            spare -= waiting[newest].size;
            lines.push(newest);
        }
        pieces.push(all);
    }
    pieces.sort();
    lines.sort_unstable();
    let folded = pieces.into_iter().map(Piece::Folded);
    Batch { pieces: folded.chain(lines.into_iter().map(Piece::Line)).collect(), count }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(with: Option<&str>, size: usize) -> Waiting<'_> {
        Waiting { with, size }
    }

    #[test]
    fn what_fits_into_the_budget_is_not_folded() {
        let waiting = vec![line(Some("a"), 480); 30];
        let batch = next(&waiting, 9, 2900);
        assert_eq!((batch.count, batch.pieces.len()), (6, 6));
        assert!(batch.pieces.iter().all(|piece| matches!(piece, Piece::Line(_))));
    }

    #[test]
    fn what_does_not_is_one_line_for_each_chat_and_what_is_for_the_reader_stays() {
        let mut waiting = vec![line(Some("a"), 480), line(Some("b"), 480), line(None, 480)];
        waiting.extend(vec![line(Some("a"), 480); 20]);
        let batch = next(&waiting, 1, 2900);
        assert_eq!(batch.count, 23);
        let Piece::Folded(first) = &batch.pieces[0] else { panic!("{batch:?}") };
        assert_eq!(first[..3], [0, 3, 4]);
        assert!(batch.pieces.contains(&Piece::Line(1)), "one alone is told as it is: {batch:?}");
        assert!(batch.pieces.contains(&Piece::Line(2)), "{batch:?}");
        assert!(
            batch.pieces.contains(&Piece::Line(22)),
            "the newest are told while there is room: {batch:?}"
        );
    }

    #[test]
    fn a_line_that_is_longer_than_the_room_is_alone() {
        let waiting = vec![line(None, 9000), line(None, 100)];
        assert_eq!(next(&waiting, 1, 2900), Batch { pieces: vec![Piece::Line(0)], count: 1 });
    }

    proptest! {
        #[test]
        fn each_line_is_told_once_in_order_and_within_the_room(
            lines in proptest::collection::vec((0u8..6, 60usize..481), 1..120), left in 0u64..10
        ) {
            let names = ["a", "b", "c", "d"];
            let waiting: Vec<Waiting<'_>> = lines
                .iter()
                .map(|(with, size)| line(names.get(usize::from(*with)).copied(), *size))
                .collect();
            let batch = next(&waiting, left, 2900);
            prop_assert!(batch.count >= 1);
            let mut told: Vec<usize> = Vec::new();
            let mut size = 0;
            for piece in &batch.pieces {
                match piece {
                    Piece::Line(at) => {
                        told.push(*at);
                        size += waiting[*at].size;
                    }
                    Piece::Folded(all) => {
                        prop_assert!(all.len() > 1);
                        prop_assert!(all.iter().all(|at| waiting[*at].with == waiting[all[0]].with));
                        prop_assert!(waiting[all[0]].with.is_some());
                        told.extend(all);
                        size += FOLDED_MAX;
                    }
                }
            }
            told.sort_unstable();
            prop_assert_eq!(told, (0..batch.count).collect::<Vec<_>>());
            prop_assert!(size <= 2900, "{size}");
        }
    }
}
