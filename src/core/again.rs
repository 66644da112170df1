//! When what failed is tried again: after a wait that grows. Times count from whenever whoever tries began.

use std::time::Duration;

/// Doublings of the shortest wait: more would be beyond any longest one.
const DOUBLINGS_MAX: u32 = 8;

/// The shortest and the longest wait.
#[derive(Clone, Copy, Debug)]
pub struct Waits {
    pub min: Duration,
    pub max: Duration,
}

/// Attempts that failed so far, and when the next one is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Again {
    pub attempts: u32,
    pub due: Duration,
}

impl Waits {
    /// After one more failure.
    pub fn again(self, before: Option<&Again>, now: Duration) -> Again {
        let attempts = before.map_or(0, |before| before.attempts);
        let wait = (self.min * 2_u32.pow(attempts.min(DOUBLINGS_MAX))).min(self.max);
        Again { attempts: attempts + 1, due: now + wait }
    }
}

impl Again {
    pub fn is_due(&self, now: Duration) -> bool {
        now >= self.due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let waits = Waits { min: Duration::from_secs(1), max: Duration::from_secs(5) };
        let (mut again, mut seen, now) = (None, Vec::new(), Duration::from_secs(100));
        for _ in 0..20 {
            let next = waits.again(again.as_ref(), now);
            seen.push((next.due - now).as_secs());
            again = Some(next);
        }
        assert_eq!(seen[..5], [1, 2, 4, 5, 5]);
        let again = again.unwrap();
        assert_eq!((seen[19], again.attempts), (5, 20));
        assert!(!again.is_due(now + waits.max - Duration::from_millis(1)) && again.is_due(now + waits.max));
    }
}
