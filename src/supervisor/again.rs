//! When what failed is tried again: after a wait that grows.

use std::time::Duration;

use tokio::time::Instant;

/// Doublings of the shortest wait: more would be beyond any longest one.
const DOUBLINGS_MAX: u32 = 8;

/// The shortest and the longest wait.
#[derive(Clone, Copy, Debug)]
pub struct Waits {
    pub min: Duration,
    pub max: Duration,
}

/// Attempts that failed so far, and when the next one is due.
#[derive(Clone, Copy, Debug)]
pub struct Again {
    pub attempts: u32,
    pub due: Instant,
}

impl Waits {
    /// After one more failure.
    pub fn again(self, before: Option<&Again>) -> Again {
        let attempts = before.map_or(0, |before| before.attempts);
        let wait = (self.min * 2_u32.pow(attempts.min(DOUBLINGS_MAX))).min(self.max);
        Again { attempts: attempts + 1, due: Instant::now() + wait }
    }
}

impl Again {
    pub fn is_due(&self) -> bool {
        Instant::now() >= self.due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn waits_double_up_to_the_longest() {
        let waits = Waits { min: Duration::from_secs(1), max: Duration::from_secs(5) };
        let (mut again, mut seen) = (None, Vec::new());
        for _ in 0..20 {
            let next = waits.again(again.as_ref());
            seen.push((next.due - Instant::now()).as_secs());
            again = Some(next);
        }
        assert_eq!(seen[..5], [1, 2, 4, 5, 5]);
        assert_eq!((seen[19], again.unwrap().attempts), (5, 20));
        assert!(!again.unwrap().is_due());
        tokio::time::advance(waits.max).await;
        assert!(again.unwrap().is_due());
    }
}
