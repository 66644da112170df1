//! The one place that reads a clock.
//!
//! Wall time labels lines and bounds ages; monotonic time drives every deadline. Both come from one
//! [`Clock`], so a test with a paused runtime sees them move together, and can move the wall alone to
//! play a laptop that slept.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::fault;

/// Milliseconds since the Unix epoch.
pub type WallMs = i64;

#[derive(Clone, Debug)]
pub struct Clock {
    /// `None` reads the system's wall clock.
    simulated: Option<Arc<Simulated>>,
}

#[derive(Debug)]
struct Simulated {
    start: Instant,
    wall_at_start: WallMs,
    /// How far the wall ran ahead of monotonic time: what a machine that slept looks like.
    slept_ms: AtomicI64,
}

impl Clock {
    pub fn system() -> Clock {
        Clock { simulated: None }
    }

    /// A wall clock that follows tokio's (pausable) time from a fixed start.
    pub fn simulated(wall_at_start: WallMs) -> Clock {
        let simulated = Simulated { start: Instant::now(), wall_at_start, slept_ms: AtomicI64::new(0) };
        Clock { simulated: Some(Arc::new(simulated)) }
    }

    /// Lets the simulated wall clock run ahead while monotonic time stands still.
    pub fn sleep_machine(&self, duration: Duration) {
        if let Some(simulated) = &self.simulated {
            simulated.slept_ms.fetch_add(millis(duration), Ordering::SeqCst);
        }
    }

    pub fn wall_ms(&self) -> WallMs {
        match &self.simulated {
            None => system_wall_ms(),
            Some(simulated) => {
                simulated.wall_at_start
                    + millis(simulated.start.elapsed())
                    + simulated.slept_ms.load(Ordering::SeqCst)
            }
        }
    }

    /// Monotonic time; follows tokio's clock, which tests may pause.
    pub fn now(&self) -> Instant {
        Instant::now()
    }
}

/// Milliseconds since the machine started, sleep included: the same for all processes, and set by nobody.
pub fn steady_ms() -> i64 {
    #[cfg(target_os = "linux")]
    let clock = rustix::time::ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    let clock = rustix::time::ClockId::Monotonic;
    let now = rustix::time::clock_gettime(clock);
    now.tv_sec.saturating_mul(1000).saturating_add(now.tv_nsec / 1_000_000)
}

/// Differs between two starts of the machine; empty where that cannot be told.
pub fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|id| id.trim().to_owned())
        .unwrap_or_default()
}

/// How much faster than monotonic time ages may grow: a night's sleep is caught up with in minutes, and a clock that
/// is wrong by weeks for an hour makes nothing old.
const AGEING: i64 = 60;

/// A jump by less makes nothing old that was not nearly so.
const JUMP_MS: i64 = 3600 * 1000;

/// Wall time by which it is judged how old things are: what a jump of the clock makes old is not thrown away at once.
#[derive(Clone, Copy, Debug)]
pub struct Age {
    at: WallMs,
    looked: Instant,
}

impl Age {
    pub fn new(clock: &Clock) -> Age {
        Age { at: clock.wall_ms(), looked: clock.now() }
    }

    pub fn now(&mut self, clock: &Clock) -> WallMs {
        let (now, wall) = (clock.now(), clock.wall_ms());
        let grown = AGEING * millis(now - self.looked);
        if wall - self.at <= JUMP_MS {
            *self = Age { at: wall, looked: now };
        } else if grown > 0 {
            *self = Age { at: wall.min(self.at.saturating_add(grown)), looked: now };
        }
        self.at
    }
}

#[expect(clippy::disallowed_methods, reason = "the one reading of the system's wall clock")]
fn system_wall_ms() -> WallMs {
    // A clock before 1970 reads as 1970: an age computed from it is large, never negative.
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, millis) + fault::clock_offset_ms()
}

/// Monotonic time for threads outside the runtime.
#[expect(clippy::disallowed_methods, reason = "threads have no tokio clock")]
pub fn thread_now() -> std::time::Instant {
    std::time::Instant::now()
}

pub fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// RFC 3339 in UTC with milliseconds, as lines carry it.
pub fn rfc3339_ms(wall: WallMs) -> String {
    let time = jiff::Timestamp::from_millisecond(wall).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("{time:.3}")
}

/// A time of a line, so much later. What is no time stays as it is.
pub fn plus_ms(time: &str, millis: i64) -> String {
    match time.parse::<jiff::Timestamp>() {
        Ok(time) => rfc3339_ms(time.as_millisecond().saturating_add(millis)),
        Err(_) => time.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_carries_utc_with_exactly_three_decimals() {
        assert_eq!(rfc3339_ms(1_767_225_600_000), "2026-01-01T00:00:00.000Z");
        assert_eq!(rfc3339_ms(1_767_225_600_123), "2026-01-01T00:00:00.123Z");
        assert_eq!(rfc3339_ms(i64::MAX), "1970-01-01T00:00:00.000Z");
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_jump_ages_grow_a_minute_a_second_and_shrink_at_once() {
        let clock = Clock::simulated(1_000);
        let mut age = Age::new(&clock);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(age.now(&clock), 2_000);
        clock.sleep_machine(Duration::from_secs(2 * 3600));
        assert_eq!(age.now(&clock), 2_000);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(age.now(&clock), 2_000 + 2 * 60_000);
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!(age.now(&clock), clock.wall_ms());
        clock.sleep_machine(Duration::from_secs(3600));
        assert_eq!(age.now(&clock), clock.wall_ms());
        assert_eq!(age.now(&Clock::simulated(500)), 500);
    }

    #[tokio::test(start_paused = true)]
    async fn a_machine_that_slept_moves_the_wall_and_nothing_else() {
        let clock = Clock::simulated(1_000);
        let before = clock.now();
        tokio::time::advance(Duration::from_secs(2)).await;
        clock.sleep_machine(Duration::from_secs(60));
        assert_eq!(clock.wall_ms(), 63_000);
        assert_eq!(clock.now() - before, Duration::from_secs(2));
    }
}
