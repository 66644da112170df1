//! What a profile may have missed while it was away.

use std::sync::Arc;
use std::time::Duration;

use super::super::seat::Seat;
use super::deaf;
use super::means::{Charge, Upkeep};
use crate::clock::{WallMs, millis};
use crate::core::hearing::{self, Window};
use crate::error::Result;

/// The part of the past to ask for, if any.
pub async fn window(upkeep: &Upkeep, charge: &Charge, connected_at: WallMs) -> Result<Option<Window>> {
    match charge.deaf_since {
        Some(since) => Ok(hearing::window(since, connected_at, Duration::ZERO, upkeep.catch_up.max_age)),
        None => outage(upkeep, &charge.seat, connected_at).await,
    }
}

/// From where on a profile may not have heard everything; no longer ago than is asked for at all.
pub async fn surely_heard_to(upkeep: &Upkeep, charge: &Charge, connected_at: WallMs) -> WallMs {
    let name = Arc::clone(&charge.seat.name);
    let noted = upkeep.read(move |reader| reader.surely_heard_to(&name)).await.ok().flatten();
    let heard_to = [charge.deaf_since, noted].into_iter().flatten().min().unwrap_or(connected_at);
    heard_to.clamp(connected_at - millis(upkeep.catch_up.max_age), connected_at)
}

/// Nothing where the profile was never connected before: then it begins now.
async fn outage(upkeep: &Upkeep, seat: &Seat, now: WallMs) -> Result<Option<Window>> {
    let name = Arc::clone(&seat.name);
    let noted = upkeep.read(move |reader| Ok((reader.heard_to(&name)?, reader.surely_heard_to(&name)?)));
    let (Some(heard_to), Some(certain)) = noted.await? else { return Ok(None) };
    let rules = &upkeep.catch_up;
    let whole = hearing::window(certain, now, Duration::ZERO, rules.max_age);
    if let Some(outage) = hearing::window(heard_to, now, rules.after, rules.max_age) {
        return Ok(whole.filter(|whole| whole.since < outage.since).or(Some(outage)));
    }
    // The connection before this one answered, and may have been deaf for a while before it was lost.
    let until = heard_to.min(now - deaf::grace(upkeep));
    if certain + deaf::grace(upkeep) >= until {
        return Ok(None);
    }
    let _turn = upkeep.turn().await;
    match deaf::unheard(upkeep, seat, certain, until).await {
        Ok(None) => Ok(None),
        Ok(Some(_)) => Ok(whole),
        Err(error) => {
            tracing::debug!(profile = %seat.name, %error, "a quiet while could not be looked into");
            Ok(None)
        }
    }
}
