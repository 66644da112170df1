//! Is the other side still there?

use std::time::Duration;

use serde::Deserialize;

use super::super::loose::Text;
use super::Now;
use crate::core::end::End;

/// Limits of a ping interval that the platform may set: not a flood, and no heartbeat that is none.
pub const INTERVAL_MIN: Duration = Duration::from_secs(1);
pub const INTERVAL_MAX: Duration = Duration::from_secs(600);

/// Beside two intervals, how long no frame at all may come.
const SILENCE_GRACE: Duration = Duration::from_secs(15);

/// How far the wall clock may run ahead of monotonic time between two looks before the machine must have
/// slept. A clock being corrected moves less.
const SLEPT: Duration = Duration::from_secs(30);

/// How often to look for that. A sleeping machine's timers stand still, so no deadline would tell.
const SLEEP_CHECK: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub struct Heartbeat {
    interval: Duration,
    pong: Duration,
    last_ping: Option<Duration>,
    last_inbound: Duration,
    /// Set by a ping, cleared by any frame that comes in.
    pong_due: Option<Duration>,
    /// Set by the first write that has not left yet.
    flush_due: Option<Duration>,
    /// The last look at both clocks.
    looked: Now,
}

#[derive(Debug, PartialEq)]
pub enum Verdict {
    Alive,
    Ping,
    Dead(End),
}

/// The part of the platform's `ClientConfig` that is followed. When to reconnect is our own decision.
#[derive(Deserialize)]
struct ClientConfig<'a> {
    #[serde(rename = "PingInterval", borrow, default)]
    ping_interval: Text<'a>,
}

impl Heartbeat {
    pub fn new(now: Now, interval: Duration, pong: Duration) -> Heartbeat {
        Heartbeat {
            interval: interval.clamp(INTERVAL_MIN, INTERVAL_MAX),
            pong,
            last_ping: None,
            last_inbound: now.mono,
            pong_due: None,
            flush_due: None,
            looked: now,
        }
    }

    pub fn inbound(&mut self, now: Duration) {
        self.last_inbound = now;
        self.pong_due = None;
    }

    pub fn sent(&mut self, now: Duration) {
        self.flush_due.get_or_insert(now + self.pong);
    }

    pub fn flushed(&mut self) {
        self.flush_due = None;
    }

    /// Takes the configuration that a pong may carry.
    pub fn configure(&mut self, payload: &[u8]) {
        if let Some(interval) = ping_interval(payload) {
            self.interval = interval;
        }
    }

    /// `listening` is false while we do not read: then silence is our own doing and proves nothing.
    pub fn check(&mut self, now: Now, listening: bool) -> Verdict {
        if self.slept(now) {
            return Verdict::Dead(End::Lost { reason: "woke from sleep".to_owned() });
        }
        if self.flush_due.is_some_and(|due| now.mono >= due) {
            return Verdict::Dead(End::Lost { reason: "the other side takes no data".to_owned() });
        }
        if !listening {
            self.last_inbound = now.mono;
            self.pong_due = self.pong_due.map(|_| now.mono + self.pong);
        }
        let silent = now.mono >= self.silence_due();
        if silent || self.pong_due.is_some_and(|due| now.mono >= due) {
            return Verdict::Dead(End::Silent { quiet_for: now.mono - self.last_inbound });
        }
        if now.mono < self.ping_due() {
            return Verdict::Alive;
        }
        self.last_ping = Some(now.mono);
        self.pong_due.get_or_insert(now.mono + self.pong);
        Verdict::Ping
    }

    pub fn deadline(&self) -> Duration {
        let armed = self.pong_due.into_iter().chain(self.flush_due);
        let always = self.ping_due().min(self.silence_due()).min(self.looked.mono + SLEEP_CHECK);
        armed.fold(always, Duration::min)
    }

    fn ping_due(&self) -> Duration {
        self.last_ping.map_or(Duration::ZERO, |last| last + self.interval)
    }

    fn silence_due(&self) -> Duration {
        self.last_inbound + 2 * self.interval + SILENCE_GRACE
    }

    fn slept(&mut self, now: Now) -> bool {
        let mono = crate::clock::millis(now.mono.saturating_sub(self.looked.mono));
        let wall = now.wall_ms.saturating_sub(self.looked.wall_ms);
        self.looked = now;
        wall.saturating_sub(mono) > SLEPT.as_millis() as i64
    }
}

/// A usable ping interval from a `ClientConfig`, whatever else it holds.
pub fn ping_interval(config: &[u8]) -> Option<Duration> {
    let config: ClientConfig<'_> = serde_json::from_slice(config).ok()?;
    let seconds: f64 = config.ping_interval.as_str().trim().parse().ok()?;
    (seconds > 0.0).then(|| Duration::from_secs_f64(seconds.min(1e6)).clamp(INTERVAL_MIN, INTERVAL_MAX))
}
