//! What follows when a connection has ended: one function from (how it ended, how long it had been usable)
//! to the next step. Times are given as distances from any fixed moment.

use std::collections::VecDeque;
use std::time::Duration;

use backoff::ExponentialBackoff;
use backoff::backoff::Backoff;

use super::end::End;

/// A parked profile is tried again after this at the earliest, and at the latest after [`PARK_MAX`]:
/// a wrong secret does not mend itself, and the platform's own trouble sometimes wears the same code.
const PARK_MIN: Duration = Duration::from_secs(60);
const PARK_MAX: Duration = Duration::from_secs(600);

/// A server's wish is honoured up to here; beyond it we ask again.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(600);

/// Crashes within [`CRASH_WINDOW`] that park a profile.
const CRASH_BUDGET: usize = 5;
const CRASH_WINDOW: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Policy {
    pub min: Duration,
    pub max: Duration,
    /// How long a connection must have been usable for its trouble to be forgotten.
    pub stable_after: Duration,
    /// How far a delay may be from its centre, as a fraction: profiles that fell together rise apart.
    pub jitter: f64,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            min: Duration::from_secs(1),
            max: Duration::from_secs(60),
            stable_after: Duration::from_secs(60),
            jitter: 0.3,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Dial again.
    Redial { after: Duration },
    /// A person is needed; try again slowly meanwhile.
    Park { after: Duration, hint: Option<String> },
    /// The end was asked for.
    Stay,
}

/// The memory of one profile's connections.
#[derive(Debug)]
pub struct Redial {
    policy: Policy,
    quick: ExponentialBackoff,
    slow: ExponentialBackoff,
    attempts: u32,
    crashes: VecDeque<Duration>,
}

impl Redial {
    pub fn new(policy: Policy) -> Redial {
        let quick = delays(policy.min, policy.max, policy.jitter);
        let slow = delays(PARK_MIN, PARK_MAX, 0.0);
        Redial { policy, quick, slow, attempts: 0, crashes: VecDeque::new() }
    }

    /// Attempts since the last stable connection.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Crashes that count against the budget.
    pub fn crashes(&self) -> u32 {
        u32::try_from(self.crashes.len()).unwrap_or(u32::MAX)
    }

    /// Call when a connection is about to be made; answers with the number of the attempt, from 1.
    pub fn dialling(&mut self) -> u32 {
        self.attempts = self.attempts.saturating_add(1);
        self.attempts
    }

    /// The next step. `usable_for` is absent when the connection never worked.
    pub fn next(&mut self, end: &End, usable_for: Option<Duration>, now: Duration) -> Step {
        if usable_for.is_some_and(|up| up >= self.policy.stable_after) {
            self.forget();
        }
        match end {
            End::Asked => Step::Stay,
            End::Closed { .. } | End::Lost { .. } | End::Silent { .. } => self.redial(None),
            End::Refused { retry_after, .. } => self.redial(*retry_after),
            End::Unauthorized { hint, .. } => self.park(hint.clone()),
            End::ConnectionLimit { .. } => self.park(Some(LIMIT_HINT.to_owned())),
            End::Crashed { .. } => self.crashed(now),
        }
    }

    /// All is well, or a person has changed something: what went wrong before no longer counts.
    pub fn forget(&mut self) {
        self.quick.reset();
        self.slow.reset();
        self.attempts = 0;
        self.crashes.clear();
    }

    fn redial(&mut self, retry_after: Option<Duration>) -> Step {
        let own = self.quick_delay();
        let after = match retry_after {
            Some(asked) => asked.clamp(self.policy.min, RETRY_AFTER_MAX),
            None => own,
        };
        Step::Redial { after }
    }

    fn quick_delay(&mut self) -> Duration {
        let delay = self.quick.next_backoff().unwrap_or(self.policy.max);
        delay.clamp(self.policy.min, self.policy.max)
    }

    fn park(&mut self, hint: Option<String>) -> Step {
        let after = self.slow.next_backoff().unwrap_or(PARK_MAX);
        Step::Park { after: after.clamp(PARK_MIN, PARK_MAX), hint }
    }

    fn crashed(&mut self, now: Duration) -> Step {
        self.crashes.push_back(now);
        while self.crashes.front().is_some_and(|at| now.saturating_sub(*at) > CRASH_WINDOW) {
            self.crashes.pop_front();
        }
        if self.crashes.len() >= CRASH_BUDGET {
            return self.park(Some(CRASH_HINT.to_owned()));
        }
        self.redial(None)
    }
}

const LIMIT_HINT: &str = "too many connections of this app are open: stop the other processes that use it; a dead \
                          connection frees its place after a while";
const CRASH_HINT: &str = "this is a fault of rooma: please report the lines around it";

/// The crate's policy object used as an endless iterator of delays: it never gives up by itself.
fn delays(min: Duration, max: Duration, jitter: f64) -> ExponentialBackoff {
    let mut delays = ExponentialBackoff {
        initial_interval: min,
        current_interval: min,
        max_interval: max,
        multiplier: 2.0,
        randomization_factor: jitter,
        max_elapsed_time: None,
        ..ExponentialBackoff::default()
    };
    delays.reset();
    delays
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const T0: Duration = Duration::from_secs(1000);

    fn exact() -> Redial {
        Redial::new(Policy { jitter: 0.0, ..Policy::default() })
    }

    fn lost() -> End {
        End::Lost { reason: "reset".into() }
    }

    fn after(step: Step) -> u64 {
        match step {
            Step::Redial { after } => after.as_secs(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn delays_double_from_one_second_to_a_minute_and_never_end() {
        let mut redial = exact();
        let delays: Vec<u64> = (0..10).map(|_| after(redial.next(&lost(), None, T0))).collect();
        assert_eq!(delays, [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]);
    }

    #[test]
    fn only_a_stable_connection_resets_the_delay() {
        let mut redial = exact();
        for _ in 0..5 {
            redial.next(&lost(), None, T0);
        }
        assert_eq!(after(redial.next(&lost(), Some(Duration::from_secs(59)), T0)), 32);
        assert_eq!(after(redial.next(&lost(), Some(Duration::from_secs(60)), T0)), 1);
    }

    #[test]
    fn a_servers_wish_beats_our_own_delay() {
        let mut redial = exact();
        let busy = |seconds| End::Refused {
            code: Some(1),
            message: "busy".into(),
            retry_after: Some(Duration::from_secs(seconds)),
        };
        assert_eq!(after(redial.next(&busy(17), None, T0)), 17);
        assert_eq!(after(redial.next(&busy(86_400), None, T0)), 600);
        assert_eq!(after(redial.next(&busy(0), None, T0)), 1);
    }

    #[test]
    fn what_only_a_person_can_mend_is_parked_from_one_to_ten_minutes() {
        let mut redial = exact();
        let end = End::Unauthorized { code: Some(514), message: "auth".into(), hint: Some("check".into()) };
        let waits: Vec<u64> = (0..6)
            .map(|_| match redial.next(&end, None, T0) {
                Step::Park { after, hint } => {
                    assert_eq!(hint.as_deref(), Some("check"));
                    after.as_secs()
                }
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(waits, [60, 120, 240, 480, 600, 600]);
        assert!(matches!(
            redial.next(&End::ConnectionLimit { message: String::new() }, None, T0),
            Step::Park { .. }
        ));
    }

    #[test]
    fn the_fifth_crash_within_thirty_seconds_parks() {
        let mut redial = exact();
        let crash = End::Crashed { message: "boom".into() };
        for second in 0..4 {
            let step = redial.next(&crash, None, T0 + Duration::from_secs(second));
            assert!(matches!(step, Step::Redial { .. }), "{second}: {step:?}");
        }
        assert!(matches!(redial.next(&crash, None, T0 + Duration::from_secs(30)), Step::Park { .. }));
        let mut spread = exact();
        for minute in 0..20 {
            let step = spread.next(&crash, None, T0 + Duration::from_secs(minute * 31));
            assert!(matches!(step, Step::Redial { .. }));
        }
    }

    #[test]
    fn an_end_that_was_asked_for_stays() {
        assert_eq!(exact().next(&End::Asked, None, T0), Step::Stay);
    }

    fn any_end() -> impl Strategy<Value = End> {
        prop_oneof![
            Just(End::Closed { code: Some(1006), reason: String::new() }),
            Just(lost()),
            Just(End::Silent { quiet_for: Duration::from_secs(15) }),
            prop::option::of(0u64..100_000).prop_map(|seconds| End::Refused {
                code: None,
                message: String::new(),
                retry_after: seconds.map(Duration::from_secs)
            }),
            Just(End::Unauthorized { code: None, message: String::new(), hint: None }),
            Just(End::ConnectionLimit { message: String::new() }),
            Just(End::Crashed { message: String::new() }),
        ]
    }

    proptest! {
        /// Whatever happens in whatever order: there is always a next attempt, never sooner than the
        /// minimum and never later than ten minutes; trouble without a server's wish waits a minute at most.
        #[test]
        fn a_profile_is_never_given_up_and_never_hammers(
            ends in prop::collection::vec((any_end(), prop::option::of(0u64..200), 0u64..40), 1..60)
        ) {
            let mut redial = Redial::new(Policy::default());
            let mut now = T0;
            for (end, up, pause) in ends {
                now += Duration::from_secs(pause);
                redial.dialling();
                match redial.next(&end, up.map(Duration::from_secs), now) {
                    Step::Redial { after } => {
                        prop_assert!(after >= Duration::from_secs(1));
                        let wish = matches!(end, End::Refused { retry_after: Some(_), .. });
                        let most = Duration::from_secs(if wish { 600 } else { 60 });
                        prop_assert!(after <= most, "{:?}", after);
                    }
                    Step::Park { after, .. } => {
                        prop_assert!((PARK_MIN..=PARK_MAX).contains(&after));
                    }
                    Step::Stay => prop_assert!(false, "nobody asked"),
                }
            }
        }

        #[test]
        fn profiles_that_fall_together_rise_apart(seed in 0u8..8) {
            let mut firsts: Vec<Duration> = (0..20 + seed as usize)
                .map(|_| {
                    let mut redial = Redial::new(Policy::default());
                    redial.next(&lost(), None, T0);
                    match redial.next(&lost(), None, T0) { Step::Redial { after } => after, other => panic!("{other:?}") }
                })
                .collect();
            firsts.sort();
            firsts.dedup();
            prop_assert!(firsts.len() > 10);
        }
    }
}
