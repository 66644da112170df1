//! How many notifications a reader's harness takes: so many at once, and one more every so often.

use serde::{Deserialize, Serialize};

/// `10/2s`: ten at once, one more every two seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    pub burst: u32,
    pub every_ms: u64,
}

/// What is left of a reader's budget. Times are steady milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// The time it took to come back: `every_ms` of it are one notification. Below nothing, where the last line of a watch
    /// has taken what was kept back.
    left_ms: i64,
    every_ms: u64,
    counted_at: i64,
    /// When the last one was written.
    last_at: i64,
}

/// Lines that come closer together are read as one notification, and cut as one. Harnesses join what comes within
/// 200 ms; the rest is for a busy machine.
pub const APART_MS: i64 = 500;

impl Pace {
    /// A full budget.
    pub fn full(&self, now: i64) -> Budget {
        let last_at = now.saturating_sub(APART_MS);
        Budget { left_ms: self.usable_ms(), every_ms: self.every_ms, counted_at: now, last_at }
    }

    /// One is kept back, for a reader that sees two lines closer together than they were written.
    fn usable_ms(&self) -> i64 {
        i64::from(self.burst.saturating_sub(1).max(1)) * self.every_ms.cast_signed()
    }
}

impl Budget {
    /// The budget as it is now. One of another pace, or of another start of the machine, counts for nothing.
    pub fn counted(self, pace: &Pace, now: i64) -> Budget {
        let passed = now.saturating_sub(self.counted_at);
        if passed < 0 || self.last_at > now || self.every_ms != pace.every_ms {
            return pace.full(now);
        }
        let left_ms = self.left_ms.saturating_add(passed).min(pace.usable_ms());
        Budget { left_ms, counted_at: now, ..self }
    }

    /// How many may be written before the next one comes back.
    pub fn whole(&self) -> u64 {
        self.left_ms.max(0).unsigned_abs() / self.every_ms.max(1)
    }

    /// Milliseconds until one may be written; 0: now. As of when it was counted.
    pub fn wait_ms(&self) -> u64 {
        self.apart_ms().max(self.every_ms.cast_signed().saturating_sub(self.left_ms).max(0).unsigned_abs())
    }

    /// Milliseconds until a watch may say its last line, for which one is kept back.
    pub fn last_wait_ms(&self) -> u64 {
        self.apart_ms().max(self.left_ms.min(0).unsigned_abs())
    }

    /// Milliseconds until one would not be joined with the last.
    fn apart_ms(&self) -> u64 {
        (self.last_at.saturating_add(APART_MS)).saturating_sub(self.counted_at).max(0).unsigned_abs()
    }

    /// One was written.
    pub fn take(&mut self) {
        self.left_ms = self.left_ms.saturating_sub(self.every_ms.cast_signed());
        self.last_at = self.counted_at;
    }
}

impl std::str::FromStr for Pace {
    type Err = String;

    fn from_str(text: &str) -> Result<Pace, String> {
        let wrong =
            || format!("`{text}` is not a pace such as 10/2s: so many at once, and one more every so often");
        let (burst, every) = text.split_once('/').ok_or_else(wrong)?;
        let burst = burst.parse().ok().filter(|burst| (1..=10_000).contains(burst)).ok_or_else(wrong)?;
        let every = humantime::parse_duration(every).map_err(|_| wrong())?;
        let every_ms = u64::try_from(every.as_millis()).map_err(|_| wrong())?;
        if !(1..=3_600_000).contains(&every_ms) {
            return Err(wrong());
        }
        Ok(Pace { burst, every_ms })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_pace_is_written_as_so_many_per_so_long() {
        assert_eq!("10/2s".parse(), Ok(Pace { burst: 10, every_ms: 2000 }));
        assert_eq!("1/500ms".parse(), Ok(Pace { burst: 1, every_ms: 500 }));
        for wrong in ["", "10", "0/2s", "10/0s", "10/x", "-1/2s", "99999/1s", "1/3h"] {
            assert!(wrong.parse::<Pace>().is_err(), "{wrong}");
        }
    }

    proptest! {
        /// The harness's own count never falls below nothing, whenever lines come.
        #[test]
        fn a_harness_with_this_budget_drops_nothing(
            burst in 2u32..12, every in 100u64..3000,
            steps in proptest::collection::vec((0i64..3000, any::<bool>()), 1..200)
        ) {
            let pace = Pace { burst, every_ms: every };
            let mut now = 1_000_000;
            let mut budget = pace.full(now);
            let full = u64::from(burst) * every;
            let (mut theirs, mut at, mut last) = (full, now, i64::MIN / 2);
            for (step, is_last) in steps {
                now += step;
                budget = budget.counted(&pace, now);
                if is_last && budget.last_wait_ms() > 0 || !is_last && budget.wait_ms() > 0 {
                    continue;
                }
                budget.take();
                prop_assert!(now - last >= APART_MS, "{now} after {last}");
                theirs = (theirs + (now - at) as u64).min(full);
                prop_assert!(theirs >= every, "dropped at {now}");
                (theirs, at, last) = (theirs - every, now, now);
            }
        }
    }

    #[test]
    fn a_budget_of_another_start_of_the_machine_counts_for_nothing() {
        let pace = Pace { burst: 3, every_ms: 1000 };
        let mut budget = pace.full(5_000_000);
        budget.take();
        budget.take();
        assert_eq!(budget.counted(&pace, 100).whole(), 2);
    }
}
