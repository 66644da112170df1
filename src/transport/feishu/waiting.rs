//! What a command does about a call that failed: wait and repeat it, or let it fail.

use std::time::Duration;

use tokio::time::Instant;

use super::call::Call;
use super::envelope;
use crate::clock::Clock;
use crate::core::retry::{Failure, Retry};
use crate::error::{Error, Result};

/// Spread between commands that failed together.
const JITTER: f64 = 0.3;

/// The patience of one call.
pub struct Waiting {
    give_up: Instant,
    clock: Clock,
    retry: Retry,
    in_doubt: bool,
}

impl Waiting {
    pub fn new(patience: Duration, repeatable: bool, clock: Clock) -> Waiting {
        let give_up = clock.now() + patience;
        Waiting { give_up, clock, retry: Retry::new(repeatable, JITTER), in_doubt: false }
    }

    /// Has an attempt failed of which nobody knows whether it had an effect?
    pub fn in_doubt(&self) -> bool {
        self.in_doubt
    }

    /// Waits before the next attempt, or says that there is none.
    pub async fn after(&mut self, call: &Call<'_>, error: Error) -> Result<()> {
        let left = self.give_up.saturating_duration_since(self.clock.now());
        let failure = failure(&error);
        self.in_doubt |= failure == Failure::Passing;
        let wait = self.retry.after(failure, left);
        let (log_id, path) = (error.log_id.as_deref(), call.path.join("/"));
        tracing::debug!(method = %call.method, path, log_id, %error, ?wait, "call failed");
        match wait {
            None => Err(error),
            Some(wait) => {
                tokio::time::sleep(wait).await;
                Ok(())
            }
        }
    }
}

fn failure(error: &Error) -> Failure {
    if error.subtype.as_deref() == Some(envelope::RATE_LIMIT) {
        Failure::Limited { reset: error.retry_after_ms.map(Duration::from_millis) }
    } else if error.retryable {
        Failure::Passing
    } else {
        Failure::Final
    }
}
