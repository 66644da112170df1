//! What a reader has been given, and how much of it it has taken: a cursor stands behind what was taken.

use std::collections::VecDeque;

/// Positions by the bytes behind which a reader has come to them.
#[derive(Debug)]
pub struct Written {
    /// Bytes given so far.
    bytes: u64,
    /// A position, and how many bytes have to be taken for it. Both only grow.
    waiting: VecDeque<(u64, u64)>,
    taken: u64,
}

impl Written {
    pub fn new(position: u64) -> Written {
        Written { bytes: 0, waiting: VecDeque::new(), taken: position }
    }

    /// `bytes` more were given.
    pub fn gave(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }

    /// Once all that was given so far is taken, the reader is at `position`.
    pub fn reached(&mut self, position: u64) {
        match self.waiting.back_mut() {
            Some(last) if last.1 == self.bytes => last.0 = last.0.max(position),
            _ => self.waiting.push_back((position, self.bytes)),
        }
    }

    /// Takes note that `unread` bytes, at most, have not been taken; `None` where nobody can tell, and what is given is
    /// as good as taken.
    pub fn look(&mut self, unread: Option<u64>) {
        let taken = self.bytes.saturating_sub(unread.unwrap_or(0));
        while let Some((position, _)) = self.waiting.front().filter(|(_, bytes)| *bytes <= taken) {
            self.taken = self.taken.max(*position);
            self.waiting.pop_front();
        }
    }

    /// The position behind everything that was taken.
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// Is everything taken, as far as the last look told?
    pub fn is_all_taken(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_position_counts_once_its_last_byte_is_taken() {
        let mut written = Written::new(3);
        written.gave(10);
        written.reached(4);
        written.gave(10);
        written.reached(5);
        // Lines that are held back have no bytes: they are passed with what came before them.
        written.reached(9);
        for (unread, taken) in [(20, 3), (11, 3), (10, 4), (1, 4), (0, 9)] {
            written.look(Some(unread));
            assert_eq!(written.taken(), taken, "{unread} unread");
        }
        assert!(written.is_all_taken());
    }

    #[test]
    fn where_nobody_can_tell_given_is_taken() {
        let mut written = Written::new(0);
        written.gave(1);
        written.reached(7);
        written.look(None);
        assert_eq!(written.taken(), 7);
    }

    proptest! {
        /// Whatever is looked at when, the cursor is never ahead of the bytes that are out of the pipe, and never back.
        #[test]
        fn a_cursor_is_never_ahead_of_its_reader(steps in proptest::collection::vec((1usize..50, 0u64..60), 1..60)) {
            let mut written = Written::new(0);
            let (mut ends, mut total, mut last) = (Vec::new(), 0u64, 0);
            for (at, (size, unread)) in steps.iter().enumerate() {
                written.gave(*size);
                total += *size as u64;
                written.reached(at as u64 + 1);
                ends.push(total);
                written.look(Some(*unread));
                let out = total.saturating_sub(*unread);
                let taken = written.taken();
                prop_assert!(taken >= last);
                prop_assert!(taken == last || ends[taken as usize - 1] <= out);
                last = taken;
            }
        }
    }
}
