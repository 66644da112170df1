//! What waits when a watch begins is given, however short its time is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

/// How long beyond its time a watch goes on, at most, and while its reader takes nothing.
const MORE: Duration = Duration::from_secs(3);
const STALLED: Duration = Duration::from_millis(500);

const LOOK_EVERY: Duration = Duration::from_millis(5);

#[derive(Clone, Debug, Default)]
pub struct Backlog(Arc<State>);

#[derive(Debug, Default)]
struct State {
    given: AtomicBool,
    steps: AtomicU64,
}

impl Backlog {
    /// More of it was written.
    pub fn goes_on(&self) {
        self.0.steps.fetch_add(1, Ordering::Relaxed);
    }

    /// For the moment nothing is left to be written.
    pub fn is_given(&self) {
        self.0.given.store(true, Ordering::Relaxed);
    }

    /// Resolves once the time is over and what waited is given, or is not taken.
    pub async fn over(&self, deadline: Instant) {
        sleep_until(deadline).await;
        let give_up = Instant::now() + MORE;
        let (mut steps, mut since) = (self.0.steps.load(Ordering::Relaxed), Instant::now());
        while !self.0.given.load(Ordering::Relaxed) {
            let (now, done) = (Instant::now(), self.0.steps.load(Ordering::Relaxed));
            if done != steps {
                (steps, since) = (done, now);
            }
            if now >= give_up || now.saturating_duration_since(since) >= STALLED {
                return;
            }
            sleep(LOOK_EVERY).await;
        }
    }
}
