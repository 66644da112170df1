//! While connected: notes how far the profile has heard, and looks into silence.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::deaf;
use super::means::{Charge, Upkeep};
use super::reconcile::reconcile;
use crate::clock::{WallMs, millis};

/// How often it is noted up to when a profile has heard everything: as much is asked for again after a kill.
const NOTE_EVERY: Duration = Duration::from_secs(60);

/// How often the list of chats is compared with the platform's.
const RECONCILE_EVERY: Duration = Duration::from_secs(24 * 3600);

/// A suspicion that was wrong makes the next one come later, up to this many doublings.
const DOUBLINGS_MAX: u32 = 5;

/// Runs for as long as the connection hears, or until it is told to be deaf. `reconciled` is when the list of chats was
/// compared.
pub async fn watch(
    upkeep: &Upkeep,
    charge: &Charge,
    connected_at: WallMs,
    began: Instant,
    reconciled: Option<Instant>,
) {
    let silence = Silence { last_event: None, since: upkeep.clock.now(), looked: began, after: began };
    let mut ear = Ear { upkeep, charge, connected_at, certain: connected_at, silence };
    let look_every = NOTE_EVERY.min(upkeep.deaf.quiet_after / 2);
    let mut reconciled = reconciled;
    loop {
        sleep(look_every).await;
        if let Some(at) = charge.alive.last() {
            upkeep.appender.heard_to(&charge.seat.name, at);
        }
        if reconciled.is_none_or(|at| upkeep.clock.now() - at >= RECONCILE_EVERY) {
            reconciled = Box::pin(reconcile(upkeep, charge)).await;
        }
        if let Some(quiet) = ear.suspects()
            && ear.is_deaf(&quiet).await
        {
            return (charge.deaf)(quiet.last_event, quiet.heard);
        }
    }
}

/// What one connection brought so far.
struct Ear<'a> {
    upkeep: &'a Upkeep,
    charge: &'a Charge,
    connected_at: WallMs,
    /// Up to here everything was heard.
    certain: WallMs,
    silence: Silence,
}

/// Nothing came for suspiciously long.
struct Quiet {
    last_event: WallMs,
    /// The connection has brought something.
    heard: bool,
    now: WallMs,
}

impl Ear<'_> {
    fn suspects(&mut self) -> Option<Quiet> {
        let (upkeep, profile, now) = (self.upkeep, &self.charge.seat.name, self.upkeep.clock.wall_ms());
        let last_event = upkeep.heard.last_event(profile);
        // A connection that has brought something is under no suspicion of its predecessors'.
        let heard = last_event.is_some_and(|at| at > self.connected_at);
        let strikes = if heard { 0 } else { self.charge.strikes.min(DOUBLINGS_MAX) };
        let last_event = last_event.map(|at| at.max(self.connected_at));
        if let Some(at) = last_event.filter(|at| *at > self.certain) {
            self.is_certain(at);
        }
        let quiet_for = self.silence.at(last_event, upkeep.clock.now());
        if quiet_for < upkeep.deaf.quiet_after * 2_u32.pow(strikes) {
            return None;
        }
        self.silence.since = upkeep.clock.now();
        let last_event = match last_event.unwrap_or(self.connected_at) {
            at if at <= now => at,
            // The clock was set back meanwhile. The event came after the look before the silence.
            _ => now - millis(upkeep.clock.now() - self.silence.after),
        };
        Some(Quiet { last_event, heard, now })
    }

    async fn is_deaf(&mut self, quiet: &Quiet) -> bool {
        let (upkeep, seat) = (self.upkeep, &self.charge.seat);
        let Some(_turn) = upkeep.turn().await else { return false };
        match Box::pin(deaf::is_deaf(upkeep, seat, quiet.last_event, quiet.now)).await {
            Ok(false) => self.is_certain(self.certain.max(quiet.now - deaf::grace(upkeep))),
            Ok(true) => return true,
            Err(error) => {
                tracing::debug!(profile = %seat.name, %error, "silence could not be looked into");
            }
        }
        false
    }

    fn is_certain(&mut self, at: WallMs) {
        self.certain = at;
        self.upkeep.appender.surely_heard_to(&self.charge.seat.name, at);
    }
}

/// How long nothing has come, by a clock that does not jump.
struct Silence {
    last_event: Option<WallMs>,
    since: Instant,
    /// When it was looked last.
    looked: Instant,
    /// The look before the one that found the last event: it came after that.
    after: Instant,
}

impl Silence {
    fn at(&mut self, last_event: Option<WallMs>, now: Instant) -> Duration {
        if self.last_event != last_event {
            *self = Silence { last_event, since: now, looked: now, after: self.looked };
        }
        self.looked = now;
        now - self.since
    }
}
