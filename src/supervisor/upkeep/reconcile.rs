//! Compares the list of a profile's chats with the platform's, now and then.

use tokio::time::Instant;

use super::means::{Charge, Upkeep};

/// When it was compared; absent where the list cannot be had now.
pub async fn reconcile(upkeep: &Upkeep, charge: &Charge) -> Option<Instant> {
    let _turn = upkeep.turn().await;
    match upkeep.sync_chats(&charge.seat).await {
        Ok(_) => Some(upkeep.clock.now()),
        Err(error) => {
            tracing::info!(profile = %charge.seat.name, %error, "the list of chats cannot be had yet");
            None
        }
    }
}
