//! Looks after a connected profile: fetches what was said while it was away, notes up to when it has heard
//! everything, and finds out when it is connected and hears nothing.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use super::catch_up;
use super::chat_registry;
use super::deaf;
use super::known_chats::Synced;
use super::part::keep_running;
use super::poll;
use super::task::{Task, blocking};
use super::{Later, Seat};
use crate::clock::{Clock, WallMs};
use crate::core::hearing::{Window, window};
use crate::error::Result;
use crate::journal::{Appender, Heard, Reader};
use crate::transport::{Alive, Missed, Missing, Rooms};

/// Fetches a part of the past as a profile.
pub type Fetch = Arc<dyn Fn(Missing) -> Later<Result<Missed>> + Send + Sync>;

/// How often it is noted up to when a profile has heard everything: as much is asked for again after a kill.
const NOTE_EVERY: Duration = Duration::from_secs(60);

/// How often the list of chats is compared with the platform's.
const RECONCILE_EVERY: Duration = Duration::from_secs(24 * 3600);

/// After trouble that passes, the past is asked for again.
const TRY_AGAIN: Duration = Duration::from_secs(60);

/// After so many tries a chat that cannot be read keeps the others, and all other care, waiting no longer.
const TRIES_MAX: u32 = 3;

/// Profiles that are cared for at one time: a home of a thousand must not fall upon its platform.
const AT_ONCE: usize = 8;

/// Between two calls: the rate limits are for those who write.
pub const PAUSE: Duration = Duration::from_millis(100);

/// How far catching up goes.
#[derive(Clone, Copy, Debug)]
pub struct CatchUpRules {
    pub per_chat: usize,
    pub total: usize,
    pub max_age: Duration,
    /// A shorter outage is none: the platform delivers again by itself.
    pub after: Duration,
}

/// When a profile that hears nothing is looked into.
#[derive(Clone, Copy, Debug)]
pub struct DeafRules {
    pub quiet_after: Duration,
    /// The busiest chats are looked at.
    pub chats: usize,
}

/// What all profiles of a supervisor are cared for with.
#[derive(Clone)]
pub struct Care {
    pub journal: PathBuf,
    pub appender: Appender,
    pub heard: Heard,
    pub rooms: Rooms,
    pub clock: Clock,
    pub catch_up: CatchUpRules,
    pub deaf: DeafRules,
    room: Arc<Semaphore>,
}

/// One connection that is cared for.
pub struct Cared {
    pub seat: Seat,
    pub alive: Alive,
    /// Set when the connection before this one was deaf: nothing after this was heard.
    pub deaf_since: Option<WallMs>,
    /// Deaf connections in a row: the suspicion may be wrong, and each costs a connection.
    pub strikes: u32,
    /// Turns true once nothing of the past is missing any more.
    pub complete: Arc<AtomicBool>,
    /// Tells that the connection is deaf, since when, and whether it heard anything before.
    pub deaf: Box<dyn Fn(WallMs, bool) + Send + Sync>,
}

impl Care {
    pub fn new(
        journal: PathBuf,
        appender: Appender,
        heard: Heard,
        rooms: Rooms,
        clock: Clock,
        rules: (CatchUpRules, DeafRules),
    ) -> Care {
        let (catch_up, deaf) = rules;
        Care {
            journal,
            appender,
            heard,
            rooms,
            clock,
            catch_up,
            deaf,
            room: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    pub fn appender(&self) -> Appender {
        self.appender.clone()
    }

    /// Begins with a connection, and ends with what is returned.
    pub fn begin(&self, cared: Cared) -> Task {
        let (care, cared) = (self.clone(), Arc::new(cared));
        let (profile, appender) = (Arc::clone(&cared.seat.name), self.appender.clone());
        // Boxed, so that no connection carries room for more than a pointer.
        keep_running("care", Some(&profile), appender, move || Box::pin(care.clone().run(Arc::clone(&cared))))
    }

    async fn run(self, cared: Arc<Cared>) {
        crate::fault::may_panic("care");
        let (connected_at, began) = (self.clock.wall_ms(), self.clock.now());
        // What the last connection left to be noted is in the journal by then.
        self.appender.settled().await;
        let heard_to = self.surely_heard_to(&cared, connected_at).await;
        let mut tries = 1;
        // Boxed, so that a profile that is cared for does not carry room for what is done once.
        while let Err(error) = Box::pin(self.catch_up(&cared, connected_at, tries >= TRIES_MAX)).await {
            tries += 1;
            tracing::warn!(profile = %cared.seat.name, %error, "what was missed cannot be fetched yet");
            sleep(TRY_AGAIN).await;
        }
        self.appender.heard_to(&cared.seat.name, connected_at);
        self.appender.surely_heard_to(&cared.seat.name, connected_at);
        cared.complete.store(true, Ordering::Relaxed);
        let reconciled = Box::pin(self.reconcile(&cared.seat)).await;
        tokio::select! {
            () = self.watch(&cared, connected_at, began, reconciled) => {}
            () = poll::poll(&self, &cared.seat, heard_to, connected_at) => {}
        }
    }

    /// When the list of chats was compared; absent where it cannot be had now.
    async fn reconcile(&self, seat: &Seat) -> Option<Instant> {
        let _room = self.room.acquire().await;
        match self.sync_chats(seat).await {
            Ok(_) => Some(self.clock.now()),
            Err(error) => {
                tracing::info!(profile = %seat.name, %error, "the list of chats cannot be had yet");
                None
            }
        }
    }

    /// Compares the list of a profile's chats with the platform's.
    pub async fn sync_chats(&self, seat: &Seat) -> Result<Synced> {
        let data = self.journal.parent().unwrap_or(&self.journal);
        chat_registry::reconcile(data, seat, &self.appender, &self.rooms, self.clock.wall_ms()).await
    }

    async fn catch_up(&self, cared: &Cared, connected_at: WallMs, last: bool) -> Result<()> {
        let window = match cared.deaf_since {
            Some(since) => window(since, connected_at, Duration::ZERO, self.catch_up.max_age),
            None => self.outage(&cared.seat, connected_at).await?,
        };
        let Some(window) = window else { return Ok(()) };
        let _room = self.room.acquire().await;
        tracing::info!(profile = %cared.seat.name, since = window.since, "catching up");
        catch_up::catch_up(self, &cared.seat, window, last).await
    }

    /// From where on a profile may not have heard everything; no longer ago than is asked for at all.
    async fn surely_heard_to(&self, cared: &Cared, connected_at: WallMs) -> WallMs {
        let name = Arc::clone(&cared.seat.name);
        let noted = self.read(move |reader| reader.surely_heard_to(&name)).await.ok().flatten();
        let heard_to = [cared.deaf_since, noted].into_iter().flatten().min().unwrap_or(connected_at);
        heard_to.clamp(connected_at - millis(self.catch_up.max_age), connected_at)
    }

    /// Nothing where the profile was never connected before: then it begins now.
    async fn outage(&self, seat: &Seat, now: WallMs) -> Result<Option<Window>> {
        let name = Arc::clone(&seat.name);
        let noted = self.read(move |reader| Ok((reader.heard_to(&name)?, reader.surely_heard_to(&name)?)));
        let (Some(heard_to), Some(certain)) = noted.await? else { return Ok(None) };
        let rules = &self.catch_up;
        let whole = window(certain, now, Duration::ZERO, rules.max_age);
        if let Some(outage) = window(heard_to, now, rules.after, rules.max_age) {
            return Ok(whole.filter(|whole| whole.since < outage.since).or(Some(outage)));
        }
        // The connection before this one answered, and may have been deaf for a while before it was lost.
        let until = heard_to.min(now - deaf::grace(self));
        if certain + deaf::grace(self) >= until {
            return Ok(None);
        }
        let _room = self.room.acquire().await;
        match deaf::unheard(self, seat, certain, until).await {
            Ok(None) => Ok(None),
            Ok(Some(_)) => Ok(whole),
            Err(error) => {
                tracing::debug!(profile = %seat.name, %error, "a quiet while could not be looked into");
                Ok(None)
            }
        }
    }

    /// While connected: notes how far it has heard, and looks into silence.
    async fn watch(
        &self,
        cared: &Cared,
        connected_at: WallMs,
        began: Instant,
        mut reconciled: Option<Instant>,
    ) {
        let suspicious = self.deaf.quiet_after * 2_u32.pow(cared.strikes.min(5));
        let look_every = NOTE_EVERY.min(self.deaf.quiet_after / 2);
        let mut certain = connected_at;
        let mut silence = Silence { last_event: None, since: self.clock.now(), looked: began, after: began };
        loop {
            sleep(look_every).await;
            if let Some(at) = cared.alive.last() {
                self.appender.heard_to(&cared.seat.name, at);
            }
            let now = self.clock.wall_ms();
            if reconciled.is_none_or(|at| self.clock.now() - at >= RECONCILE_EVERY) {
                reconciled = Box::pin(self.reconcile(&cared.seat)).await;
            }
            let last_event = self.heard.last_event(&cared.seat.name);
            // A connection that has brought something is under no suspicion of its predecessors'.
            let hears = last_event.is_some_and(|at| at > connected_at);
            let quiet_after = if hears { self.deaf.quiet_after } else { suspicious };
            let last_event = last_event.map(|at| at.max(connected_at));
            if let Some(at) = last_event.filter(|at| *at > certain) {
                certain = at;
                self.appender.surely_heard_to(&cared.seat.name, at);
            }
            let quiet_for = silence.at(last_event, self.clock.now());
            if quiet_for < quiet_after {
                continue;
            }
            silence.since = self.clock.now();
            let last_event = match last_event.unwrap_or(connected_at) {
                at if at <= now => at,
                // The clock was set back meanwhile. The event came after the look before the silence.
                _ => now - millis(self.clock.now() - silence.after),
            };
            let Ok(_room) = self.room.acquire().await else { return };
            match Box::pin(deaf::is_deaf(self, &cared.seat, last_event, now)).await {
                Ok(false) => {
                    certain = certain.max(now - deaf::grace(self));
                    self.appender.surely_heard_to(&cared.seat.name, certain);
                }
                Ok(true) => return (cared.deaf)(last_event, hears),
                Err(error) => {
                    tracing::debug!(profile = %cared.seat.name, %error, "silence could not be looked into");
                }
            }
        }
    }

    /// Reads the journal on a thread that may wait for a disk.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Reader) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let path = self.journal.clone();
        blocking(move || read(&Reader::open(&path)?)).await
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

pub fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
