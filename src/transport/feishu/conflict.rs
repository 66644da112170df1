//! Is somebody else online with the same app? The platform gives each event to one random connection, so a
//! second consumer takes half of them, silently.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::task::JoinSet;

use super::account::State;
use super::api;
use crate::transport::{Report, Voice};

/// Asks every few minutes while the connection stands. A question that fails is asked again next time.
pub fn start(state: &Arc<State>, voice: &Voice, tasks: &mut JoinSet<()>) {
    let (state, voice) = (Arc::clone(state), voice.clone());
    tasks.spawn(async move {
        loop {
            tokio::time::sleep(state.shared.limits.conflict_check).await;
            // Boxed: between two questions a connection does not carry room for one.
            match Box::pin(api::online_instances(&state.rest)).await {
                Ok(online) => judge(&state, &voice, online, 1),
                Err(error) => tracing::debug!(%error, "could not ask who is online"),
            }
        }
    });
}

/// Says so when others are online, once per number.
pub fn judge(state: &State, voice: &Voice, online: u32, ours: u32) {
    let others = online.saturating_sub(ours);
    if state.conflict.swap(others, Ordering::Relaxed) == others || others == 0 {
        return;
    }
    voice.report(Report::Conflict { online, ours });
}
