//! Looks after a connected profile: fetches what was said while it was away, notes up to when it has heard
//! everything, and finds out when it is connected and hears nothing.

pub mod catch_up;
pub mod deaf;
mod means;
mod outage;
mod poll;
mod reconcile;
mod silence;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::sleep;

use super::part::keep_running;
use super::task::Task;
use crate::clock::WallMs;
use crate::error::Result;
pub use means::{CatchUpRules, Charge, DeafRules, Upkeep};

/// After trouble that passes, the past is asked for again.
const TRY_AGAIN: Duration = Duration::from_secs(60);

/// After so many tries a chat that cannot be read keeps the others, and all other upkeep, waiting no longer.
const TRIES_MAX: u32 = 3;

/// Begins with a connection, and ends with what is returned.
pub fn begin(upkeep: &Upkeep, charge: Charge) -> Task {
    let (upkeep, charge) = (upkeep.clone(), Arc::new(charge));
    let (profile, appender) = (Arc::clone(&charge.seat.name), upkeep.appender.clone());
    // Boxed, so that no connection carries room for more than a pointer.
    keep_running("care", Some(&profile), appender, move || Box::pin(run(upkeep.clone(), Arc::clone(&charge))))
}

async fn run(upkeep: Upkeep, charge: Arc<Charge>) {
    crate::fault::may_panic("care");
    let (connected_at, began) = (upkeep.clock.wall_ms(), upkeep.clock.now());
    let profile = &charge.seat.name;
    // What the last connection left to be noted is in the journal by then.
    upkeep.appender.settled().await;
    let heard_to = outage::surely_heard_to(&upkeep, &charge, connected_at).await;
    let mut tries = 1;
    // Boxed, so that a profile that is looked after does not carry room for what is done once.
    while let Err(error) = Box::pin(catch_up(&upkeep, &charge, connected_at, tries >= TRIES_MAX)).await {
        tries += 1;
        tracing::warn!(%profile, %error, "what was missed cannot be fetched yet");
        sleep(TRY_AGAIN).await;
    }
    upkeep.appender.heard_to(profile, connected_at);
    upkeep.appender.surely_heard_to(profile, connected_at);
    charge.complete.store(true, Ordering::Relaxed);
    let reconciled = Box::pin(reconcile::reconcile(&upkeep, &charge)).await;
    tokio::select! {
        () = silence::watch(&upkeep, &charge, connected_at, began, reconciled) => {}
        () = poll::poll(&upkeep, &charge.seat, heard_to, connected_at) => {}
    }
}

async fn catch_up(upkeep: &Upkeep, charge: &Charge, connected_at: WallMs, last: bool) -> Result<()> {
    let Some(window) = outage::window(upkeep, charge, connected_at).await? else { return Ok(()) };
    let _turn = upkeep.turn().await;
    tracing::info!(profile = %charge.seat.name, since = window.since, "catching up");
    catch_up::catch_up(upkeep, &charge.seat, window, last).await
}
