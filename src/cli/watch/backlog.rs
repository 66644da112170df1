//! What waits when a watch begins is given, however short its time is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

/// How long beyond its time a watch goes on, at most.
const MORE: Duration = Duration::from_secs(3);

/// The same for one that has not come past a single line yet: the next one with its cursor would come no further.
const MORE_FOR_ONE: Duration = Duration::from_secs(10);

/// How long a reader may take nothing of what it is offered.
const STALLED: Duration = Duration::from_millis(500);

/// How long beyond its time others are still asked for what belongs to a line.
const ASKS_FOR: Duration = Duration::from_secs(2);

const LOOK_EVERY: Duration = Duration::from_millis(5);

#[derive(Clone, Debug, Default)]
pub struct Backlog(Arc<State>);

#[derive(Debug, Default)]
struct State {
    given: AtomicBool,
    /// Something was written for the reader to take. What is still being made of a line is nobody's stall.
    offered: AtomicBool,
    /// A line was passed.
    passed: AtomicBool,
    over: AtomicBool,
    steps: AtomicU64,
}

impl Backlog {
    /// More of it was written.
    pub fn goes_on(&self) {
        self.0.steps.fetch_add(1, Ordering::Relaxed);
    }

    /// The reader has something to take, or again nothing.
    pub fn offers(&self, offered: bool) {
        self.goes_on();
        self.0.offered.store(offered, Ordering::Relaxed);
    }

    /// The watch is behind a line that waited.
    pub fn passes(&self) {
        self.0.passed.store(true, Ordering::Relaxed);
    }

    /// For the moment nothing is left to be written.
    pub fn is_given(&self) {
        self.0.given.store(true, Ordering::Relaxed);
    }

    /// Is it too late to wait for others with each line?
    pub fn hurries(&self) -> bool {
        self.0.over.load(Ordering::Relaxed)
    }

    /// Resolves once the time is over and what waited is given, or is not taken.
    pub async fn over(&self, deadline: Instant) {
        sleep_until(deadline).await;
        let began = Instant::now();
        let (mut steps, mut since) = (self.0.steps.load(Ordering::Relaxed), began);
        while !self.0.given.load(Ordering::Relaxed) {
            let (now, done) = (Instant::now(), self.0.steps.load(Ordering::Relaxed));
            if done != steps || !self.0.offered.load(Ordering::Relaxed) {
                (steps, since) = (done, now);
            }
            let more = if self.0.passed.load(Ordering::Relaxed) { MORE } else { MORE_FOR_ONE };
            let late = now.saturating_duration_since(began);
            if late >= more || now.saturating_duration_since(since) >= STALLED {
                return;
            }
            self.0.over.store(late >= ASKS_FOR, Ordering::Relaxed);
            sleep(LOOK_EVERY).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long beyond its time a watch goes on that does this meanwhile, and never comes to the end.
    async fn goes_on_for(does: impl Fn(&Backlog, Duration)) -> Duration {
        let (backlog, began) = (Backlog::default(), Instant::now());
        let over = backlog.over(began);
        let mut over = std::pin::pin!(over);
        loop {
            tokio::select! {
                biased;
                () = &mut over => return began.elapsed(),
                () = sleep(Duration::from_millis(10)) => does(&backlog, began.elapsed()),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_a_reader_does_not_take_ends_a_watch_early() {
        let near = |took: Duration, expected: Duration| {
            assert!(took >= expected && took < expected + Duration::from_millis(100), "{took:?}");
        };
        near(goes_on_for(|backlog, _| backlog.0.offered.store(true, Ordering::Relaxed)).await, STALLED);
        let takes = |backlog: &Backlog, _| {
            backlog.offers(true);
            backlog.passes();
        };
        near(goes_on_for(takes).await, MORE);
        // A line that takes its time to be made, and then another.
        near(goes_on_for(|_, _| {}).await, MORE_FOR_ONE);
        let makes = |backlog: &Backlog, late: Duration| {
            if late >= Duration::from_secs(2) {
                backlog.passes();
            }
            let near = Duration::from_millis(50);
            assert!(!backlog.hurries() || late >= ASKS_FOR, "{late:?}");
            assert!(backlog.hurries() || late < ASKS_FOR + near, "{late:?}");
        };
        near(goes_on_for(makes).await, MORE);
    }
}
