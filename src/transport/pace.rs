//! Is a transfer still going anywhere? One that stands still is noticed by its silence, one that drips only by how
//! little it brings.

use std::time::Duration;

/// A transfer that brings nothing for this long has failed.
const STALLED_AFTER: Duration = Duration::from_secs(30);

/// What each such stretch of waiting has to bring, on average: a slow telephone line brings ten times as much.
const BYTES_PER_SECOND: u64 = 1024;

/// Only time spent waiting counts: a reader that is busy with what it has is not the other side's fault.
#[derive(Debug, Default)]
pub struct Pace {
    waited: Duration,
    brought: u64,
}

impl Pace {
    /// How long to wait for the next bytes.
    pub fn patience(&self) -> Duration {
        STALLED_AFTER
    }

    /// Counts what a wait has brought. False where it is too little to go on.
    pub fn goes_on(&mut self, waited: Duration, bytes: usize) -> bool {
        self.waited += waited;
        self.brought += bytes as u64;
        if self.waited < STALLED_AFTER {
            return true;
        }
        let enough = self.brought >= BYTES_PER_SECOND * self.waited.as_secs();
        *self = Pace::default();
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many seconds a transfer lasts that brings `bytes` every `every`.
    fn lasts(every: Duration, bytes: usize) -> Option<u64> {
        let (mut pace, mut total) = (Pace::default(), Duration::ZERO);
        while total < Duration::from_secs(3600) {
            total += every;
            if !pace.goes_on(every, bytes) {
                return Some(total.as_secs());
            }
        }
        None
    }

    #[test]
    fn a_transfer_that_drips_is_given_up_and_a_slow_one_is_not() {
        let ms = Duration::from_millis;
        for (every, bytes, wanted) in [
            (ms(1000), 1, Some(30)),
            (ms(29_000), 16, Some(58)),
            (ms(10), 1, Some(30)),
            (ms(1000), 900, Some(30)),
            (ms(1000), 1100, None),
            (ms(20_000), 100_000, None),
            (ms(1), 65_536, None),
        ] {
            assert_eq!(lasts(every, bytes), wanted, "{bytes} B every {every:?}");
        }
    }

    #[test]
    fn a_transfer_that_begins_to_drip_is_given_up_too() {
        let mut pace = Pace::default();
        assert!((0..30).all(|_| pace.goes_on(Duration::from_secs(1), 100_000)));
        assert!((0..29).all(|_| pace.goes_on(Duration::from_secs(1), 1)));
        assert!(!pace.goes_on(Duration::from_secs(1), 1));
    }
}
