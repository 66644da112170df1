//! The supervisor of a home, found by its lock where its socket does not answer.

use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep};

use crate::config::Home;
use crate::error::Result;
use crate::supervisor::Holder;
use crate::supervisor::control::Request;
use crate::supervisor::control::client::Client;

/// How long one that holds the home may be without a socket: it makes it again within a second, and ends within another
/// where it cannot go on.
const SOCKET_WITHIN: Duration = Duration::from_secs(3);

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What was found in a home.
pub enum Found<T> {
    Answered(T),
    /// It holds the home, and nobody answers for it.
    Unheard(Holder),
    Nobody,
}

/// Asks the supervisor of a home.
pub async fn ask<T: DeserializeOwned>(home: &Home, request: &Request) -> Result<Found<T>> {
    let give_up = Instant::now() + SOCKET_WITHIN;
    let mut seen = None;
    loop {
        if let Some(answer) = Client::ask_home(home.root(), request).await? {
            return Ok(Found::Answered(answer));
        }
        match holder(home, &mut seen) {
            None => return Ok(Found::Nobody),
            Some(holder) if Instant::now() > give_up => return Ok(Found::Unheard(holder)),
            Some(_) => sleep(LOOK_EVERY).await,
        }
    }
}

/// Waits until nobody holds the home any more. False when somebody still does.
pub async fn is_free(home: &Home, within: Duration) -> bool {
    let give_up = Instant::now() + within;
    let mut seen = None;
    while holder(home, &mut seen).is_some() {
        if Instant::now() > give_up {
            return false;
        }
        sleep(LOOK_EVERY).await;
    }
    true
}

/// Who holds the home, or did when it was looked at before and still runs.
fn holder(home: &Home, seen: &mut Option<Holder>) -> Option<Holder> {
    let held = Holder::of_home(home.root()).or_else(|| seen.take().filter(|before| !before.has_ended()));
    seen.clone_from(&held);
    held
}
