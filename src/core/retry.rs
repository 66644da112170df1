//! Whether and when a failed call of a command is repeated: one table of what is worth another attempt, and one
//! function from the failure to a wait.

use std::time::Duration;

use backoff::ExponentialBackoff;
use backoff::backoff::Backoff;

const MIN: Duration = Duration::from_millis(250);
const MAX: Duration = Duration::from_secs(5);

/// What an attempt brought instead of success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Brought {
    /// No answer, or half of one.
    Nothing,
    /// What another attempt would bring again: a certificate nobody vouches for, an answer beyond all bounds.
    Unusable,
    /// An answer without a code that is known.
    Status(u16),
    /// The platform's code for too much at once.
    Limit,
    /// A code for trouble of its own.
    Trouble,
    /// A code for a token that it does not take, or no longer.
    StaleToken,
    /// Any other code that is known.
    Refusal,
}

/// What another attempt is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worth {
    /// Waiting, whatever the call: it had no effect.
    Waiting,
    /// Waiting where repeating does no harm: nobody knows whether it had an effect.
    WaitingIfHarmless,
    /// One new token, and no waiting. Refused with that as well, it will be refused again.
    NewToken,
    Nothing,
}

/// The table. Nothing else decides which answers are waited out.
pub fn worth(brought: Brought) -> Worth {
    match brought {
        Brought::Limit | Brought::Status(429) => Worth::Waiting,
        Brought::Nothing | Brought::Trouble => Worth::WaitingIfHarmless,
        // Too early, or too late for a server that is busy.
        Brought::Status(408 | 425) => Worth::WaitingIfHarmless,
        // Not made for this call, or behind a gateway that wants a login: neither passes.
        Brought::Status(501 | 505 | 510 | 511) => Worth::Nothing,
        Brought::Status(500..) => Worth::WaitingIfHarmless,
        Brought::StaleToken => Worth::NewToken,
        Brought::Unusable | Brought::Refusal | Brought::Status(_) => Worth::Nothing,
    }
}

/// How a call failed, as far as its repetition is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The call had no effect; the platform may say when to come back.
    Limited {
        reset: Option<Duration>,
    },
    /// Nobody knows whether it had an effect.
    Passing,
    Final,
}

/// The memory of one call's failures.
#[derive(Debug)]
pub struct Retry {
    delays: ExponentialBackoff,
    /// A repetition after an unknown effect does no harm.
    repeatable: bool,
}

impl Retry {
    pub fn new(repeatable: bool, jitter: f64) -> Retry {
        let mut delays = ExponentialBackoff {
            initial_interval: MIN,
            current_interval: MIN,
            max_interval: MAX,
            multiplier: 2.0,
            randomization_factor: jitter,
            max_elapsed_time: None,
            ..ExponentialBackoff::default()
        };
        delays.reset();
        Retry { delays, repeatable }
    }

    /// The wait before the next attempt, if there is to be one within `left`.
    pub fn after(&mut self, failure: Failure, left: Duration) -> Option<Duration> {
        let wait = match failure {
            Failure::Final => return None,
            Failure::Passing if !self.repeatable => return None,
            Failure::Passing | Failure::Limited { reset: None } => self.delays.next_backoff()?,
            // A reset of 0 s means the running second.
            Failure::Limited { reset: Some(reset) } => reset.max(self.delays.next_backoff()?),
        };
        (wait < left).then_some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    fn waits(repeatable: bool, failure: Failure) -> Vec<Option<u128>> {
        let mut retry = Retry::new(repeatable, 0.0);
        (0..7).map(|_| retry.after(failure, LONG).map(|wait| wait.as_millis())).collect()
    }

    #[test]
    fn only_what_passes_is_waited_out() {
        for (brought, wanted) in [
            (Brought::Nothing, Worth::WaitingIfHarmless),
            (Brought::Trouble, Worth::WaitingIfHarmless),
            (Brought::Limit, Worth::Waiting),
            (Brought::StaleToken, Worth::NewToken),
            (Brought::Unusable, Worth::Nothing),
            (Brought::Refusal, Worth::Nothing),
        ] {
            assert_eq!(worth(brought), wanted, "{brought:?}");
        }
        let of = |status| worth(Brought::Status(status));
        for status in [408, 425, 500, 502, 503, 504, 507, 520, 529, 599] {
            assert_eq!(of(status), Worth::WaitingIfHarmless, "{status}");
        }
        for status in [
            100, 200, 204, 301, 302, 400, 401, 402, 403, 404, 405, 407, 409, 410, 413, 422, 451, 501, 505,
            511,
        ] {
            assert_eq!(of(status), Worth::Nothing, "{status}");
        }
        assert_eq!(of(429), Worth::Waiting);
    }

    #[test]
    fn passing_trouble_is_waited_out_longer_each_time_and_only_where_repeating_is_safe() {
        let wanted = [250, 500, 1000, 2000, 4000, 5000, 5000].map(Some);
        assert_eq!(waits(true, Failure::Passing), wanted);
        assert_eq!(waits(false, Failure::Passing), [None; 7]);
        assert_eq!(waits(true, Failure::Final), [None; 7]);
    }

    #[test]
    fn a_limit_waits_for_its_reset_whatever_the_call() {
        let reset = Some(Duration::from_secs(3));
        assert_eq!(waits(false, Failure::Limited { reset })[0], Some(3000));
        assert_eq!(waits(false, Failure::Limited { reset: None })[0], Some(250));
        assert_eq!(waits(false, Failure::Limited { reset: Some(Duration::ZERO) })[0], Some(250));
    }

    #[test]
    fn nobody_waits_beyond_the_patience() {
        let mut retry = Retry::new(true, 0.0);
        let limited = Failure::Limited { reset: Some(Duration::from_secs(31)) };
        assert_eq!(retry.after(limited, LONG), None);
        assert_eq!(retry.after(Failure::Passing, Duration::ZERO), None);
    }
}
