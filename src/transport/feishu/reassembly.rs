//! Deliveries that come in several frames, put together again within bounds.

use std::collections::HashMap;
use std::time::Duration;

use bytes::{Bytes, BytesMut};

/// Parts of one delivery. The largest split event seen in the field has a few; this is far beyond.
pub const PARTS_MAX: usize = 1024;

/// Bytes of one delivery: as much as one unsplit message may have.
pub const BYTES_MAX: usize = 16 * 1024 * 1024;

/// Deliveries that wait for parts at any time.
pub const PENDING_MAX: usize = 64;

/// Bytes that wait for parts at any time, over all deliveries.
pub const PENDING_BYTES_MAX: usize = 32 * 1024 * 1024;

/// How long a delivery waits for its next part. The platform sends all parts at once and gives up on the
/// whole after 3 s, so what is not here by then comes again from the start.
pub const WAIT_MAX: Duration = Duration::from_secs(10);

/// One frame's share of a delivery.
#[derive(Clone, Debug)]
pub struct Part<'a> {
    /// The delivery; all its parts share it.
    pub id: &'a str,
    /// How many parts there are.
    pub sum: i64,
    /// Which one this is, from 0.
    pub seq: i64,
    pub bytes: Bytes,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The last missing part came.
    Whole(Bytes),
    /// More parts are to come.
    Waiting,
    /// This part was here already; the first one stays.
    Duplicate,
    Rejected(Fault),
}

/// Why a part was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A split delivery without an id.
    NoId,
    /// `sum` is not a positive number.
    BadSum,
    /// `sum` is not what the first part said.
    SumChanged,
    /// `seq` is not within `sum`.
    BadSeq,
    TooManyParts,
    TooLarge,
    TooManyPending,
}

impl Fault {
    pub fn word(self) -> &'static str {
        match self {
            Fault::NoId => "no_id",
            Fault::BadSum => "bad_sum",
            Fault::SumChanged => "sum_changed",
            Fault::BadSeq => "bad_seq",
            Fault::TooManyParts => "too_many_parts",
            Fault::TooLarge => "too_large",
            Fault::TooManyPending => "too_many_pending",
        }
    }
}

#[derive(Debug, Default)]
pub struct Reassembly {
    pending: HashMap<Box<str>, Pending>,
    bytes: usize,
}

#[derive(Debug)]
struct Pending {
    /// An empty part counts as missing: that is how the platform's own clients read it.
    slots: Vec<Bytes>,
    missing: usize,
    bytes: usize,
    expires: Duration,
}

impl Reassembly {
    /// Takes one part. `now` counts from any fixed moment.
    pub fn add(&mut self, now: Duration, part: Part<'_>) -> Outcome {
        match self.try_add(now, part) {
            Ok(outcome) => outcome,
            Err(fault) => Outcome::Rejected(fault),
        }
    }

    fn try_add(&mut self, now: Duration, part: Part<'_>) -> Result<Outcome, Fault> {
        let (sum, seq) = shape(&part)?;
        if sum == 1 {
            return if part.bytes.len() > BYTES_MAX {
                Err(Fault::TooLarge)
            } else {
                Ok(Outcome::Whole(part.bytes))
            };
        }
        if part.id.is_empty() {
            return Err(Fault::NoId);
        }
        self.admit(now, part.id, sum)?;
        let pending = self.pending.get_mut(part.id).expect("admitted above");
        if pending.slots.len() != sum {
            return Err(Fault::SumChanged);
        }
        pending.expires = now + WAIT_MAX;
        if !pending.slots[seq].is_empty() || part.bytes.is_empty() {
            return Ok(Outcome::Duplicate);
        }
        if pending.bytes + part.bytes.len() > BYTES_MAX {
            self.forget(part.id);
            return Err(Fault::TooLarge);
        }
        if self.bytes + part.bytes.len() > PENDING_BYTES_MAX {
            return Err(Fault::TooManyPending);
        }
        self.bytes += part.bytes.len();
        pending.bytes += part.bytes.len();
        pending.missing -= 1;
        pending.slots[seq] = part.bytes;
        if pending.missing > 0 {
            return Ok(Outcome::Waiting);
        }
        Ok(Outcome::Whole(self.take(part.id)))
    }

    /// Makes sure there is a place for this delivery.
    fn admit(&mut self, now: Duration, id: &str, sum: usize) -> Result<(), Fault> {
        if self.pending.contains_key(id) {
            return Ok(());
        }
        if self.pending.len() >= PENDING_MAX {
            return Err(Fault::TooManyPending);
        }
        let slots = vec![Bytes::new(); sum];
        self.pending.insert(id.into(), Pending { slots, missing: sum, bytes: 0, expires: now + WAIT_MAX });
        Ok(())
    }

    fn take(&mut self, id: &str) -> Bytes {
        let pending = self.forget(id).expect("completed just now");
        let mut whole = BytesMut::with_capacity(pending.bytes);
        for slot in &pending.slots {
            whole.extend_from_slice(slot);
        }
        whole.freeze()
    }

    fn forget(&mut self, id: &str) -> Option<Pending> {
        let pending = self.pending.remove(id)?;
        self.bytes -= pending.bytes;
        Some(pending)
    }

    /// Gives up on deliveries whose next part did not come, and says how many there were.
    pub fn expire(&mut self, now: Duration) -> usize {
        let before = self.pending.len();
        let mut freed = 0;
        self.pending.retain(|_, pending| {
            let stays = pending.expires > now;
            if !stays {
                freed += pending.bytes;
            }
            stays
        });
        self.bytes -= freed;
        before - self.pending.len()
    }

    /// When [`Reassembly::expire`] has something to do.
    pub fn deadline(&self) -> Option<Duration> {
        self.pending.values().map(|pending| pending.expires).min()
    }
}

/// `sum` and `seq`, checked against each other and the bound.
fn shape(part: &Part<'_>) -> Result<(usize, usize), Fault> {
    let sum = usize::try_from(part.sum).ok().filter(|sum| *sum > 0).ok_or(Fault::BadSum)?;
    if sum > PARTS_MAX {
        return Err(Fault::TooManyParts);
    }
    let seq = usize::try_from(part.seq).ok().filter(|seq| *seq < sum).ok_or(Fault::BadSeq)?;
    Ok((sum, seq))
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Reassembly {
        /// The books are right, and nothing is beyond its bound.
        pub fn check(&self) {
            let held: usize = self.pending.values().map(|pending| pending.bytes).sum();
            assert_eq!(self.bytes, held);
            assert!(held <= PENDING_BYTES_MAX && self.pending.len() <= PENDING_MAX);
            for pending in self.pending.values() {
                assert!(
                    pending.missing > 0 && pending.bytes <= BYTES_MAX && pending.slots.len() <= PARTS_MAX
                );
            }
        }
    }
    use proptest::prelude::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn part<'a>(id: &'a str, sum: i64, seq: i64, bytes: &str) -> Part<'a> {
        Part { id, sum, seq, bytes: Bytes::copy_from_slice(bytes.as_bytes()) }
    }

    fn whole(text: &'static str) -> Outcome {
        Outcome::Whole(Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn an_unsplit_delivery_passes_through() {
        assert_eq!(Reassembly::default().add(at(0), part("", 1, 0, "{}")), whole("{}"));
    }

    #[test]
    fn parts_come_in_any_order_and_interleave() {
        let mut store = Reassembly::default();
        assert_eq!(store.add(at(0), part("a", 3, 2, "3")), Outcome::Waiting);
        assert_eq!(store.add(at(0), part("b", 2, 1, "y")), Outcome::Waiting);
        assert_eq!(store.add(at(0), part("a", 3, 0, "1")), Outcome::Waiting);
        assert_eq!(store.add(at(0), part("b", 2, 0, "x")), whole("xy"));
        assert_eq!(store.add(at(0), part("a", 3, 1, "2")), whole("123"));
        assert_eq!((store.pending.len(), store.bytes, store.deadline()), (0, 0, None));
    }

    #[test]
    fn a_part_twice_is_ignored() {
        let mut store = Reassembly::default();
        store.add(at(0), part("a", 2, 0, "first"));
        assert_eq!(store.add(at(0), part("a", 2, 0, "again")), Outcome::Duplicate);
        assert_eq!(store.add(at(0), part("a", 2, 1, "!")), whole("first!"));
    }

    #[test]
    fn a_whole_delivery_can_come_again() {
        let mut store = Reassembly::default();
        for _ in 0..2 {
            assert_eq!(store.add(at(0), part("a", 2, 0, "1")), Outcome::Waiting);
            assert_eq!(store.add(at(0), part("a", 2, 1, "2")), whole("12"));
        }
    }

    #[test]
    fn wrong_numbers_are_refused() {
        let cases = [
            (part("a", 0, 0, "x"), Fault::BadSum),
            (part("a", -1, 0, "x"), Fault::BadSum),
            (part("a", 2, 2, "x"), Fault::BadSeq),
            (part("a", 2, -1, "x"), Fault::BadSeq),
            (part("a", 1025, 0, "x"), Fault::TooManyParts),
            (part("a", i64::MAX, 0, "x"), Fault::TooManyParts),
            (part("", 2, 0, "x"), Fault::NoId),
        ];
        for (given, fault) in cases {
            let shown = format!("{given:?}");
            assert_eq!(Reassembly::default().add(at(0), given), Outcome::Rejected(fault), "{shown}");
        }
    }

    #[test]
    fn the_first_part_says_how_many_there_are() {
        let mut store = Reassembly::default();
        store.add(at(0), part("a", 2, 0, "1"));
        assert_eq!(store.add(at(0), part("a", 3, 1, "x")), Outcome::Rejected(Fault::SumChanged));
        assert_eq!(store.add(at(0), part("a", 2, 1, "2")), whole("12"));
    }

    #[test]
    fn each_part_renews_the_wait() {
        let mut store = Reassembly::default();
        store.add(at(0), part("a", 3, 0, "1"));
        store.add(at(9), part("a", 3, 1, "2"));
        assert_eq!(store.deadline(), Some(at(19)));
        assert_eq!(store.expire(at(18)), 0);
        assert_eq!(store.add(at(18), part("a", 3, 2, "3")), whole("123"));
    }

    #[test]
    fn an_incomplete_delivery_is_given_up_after_ten_seconds() {
        let mut store = Reassembly::default();
        store.add(at(0), part("a", 2, 0, "1"));
        assert_eq!(store.expire(at(10)), 1);
        assert_eq!(store.bytes, 0);
        assert_eq!(store.add(at(11), part("a", 2, 1, "2")), Outcome::Waiting);
    }

    #[test]
    fn a_delivery_beyond_its_size_is_dropped() {
        let half = "x".repeat(BYTES_MAX / 2 + 1);
        let mut store = Reassembly::default();
        store.add(at(0), part("a", 3, 0, &half));
        assert_eq!(store.add(at(0), part("a", 3, 1, &half)), Outcome::Rejected(Fault::TooLarge));
        assert_eq!((store.pending.len(), store.bytes), (0, 0));
        let huge = "x".repeat(BYTES_MAX + 1);
        assert_eq!(store.add(at(0), part("b", 1, 0, &huge)), Outcome::Rejected(Fault::TooLarge));
    }

    #[test]
    fn all_waiting_deliveries_together_have_a_bound() {
        let mut store = Reassembly::default();
        let large = "x".repeat(BYTES_MAX - 1);
        assert_eq!(store.add(at(0), part("a", 2, 0, &large)), Outcome::Waiting);
        assert_eq!(store.add(at(0), part("b", 2, 0, &large)), Outcome::Waiting);
        assert_eq!(store.add(at(0), part("c", 2, 0, &large)), Outcome::Rejected(Fault::TooManyPending));
    }

    #[test]
    fn more_waiting_deliveries_than_the_bound_are_refused_until_some_expire() {
        let mut store = Reassembly::default();
        for n in 0..PENDING_MAX {
            assert_eq!(store.add(at(0), part(&format!("m{n}"), 2, 0, "1")), Outcome::Waiting);
        }
        assert_eq!(store.add(at(0), part("late", 2, 0, "1")), Outcome::Rejected(Fault::TooManyPending));
        assert_eq!(store.add(at(0), part("m0", 2, 1, "2")), whole("12"));
        assert_eq!(store.expire(at(10)), PENDING_MAX - 1);
        assert_eq!(store.add(at(10), part("late", 2, 0, "1")), Outcome::Waiting);
    }

    proptest! {
        #[test]
        fn any_parts_keep_the_books_right(
            parts in proptest::collection::vec((0u8..4, -1i64..6, -1i64..6, "[a-z]{0,4}", 0u64..6), 0..200)
        ) {
            let mut store = Reassembly::default();
            let mut now = at(0);
            for (id, sum, seq, bytes, wait) in parts {
                now += at(wait);
                store.expire(now);
                store.add(now, part(&format!("m{id}"), sum, seq, &bytes));
                let held: usize = store.pending.values().map(|pending| pending.bytes).sum();
                prop_assert_eq!(store.bytes, held);
                prop_assert!(store.pending.values().all(|pending| pending.missing > 0));
            }
        }
    }
}
