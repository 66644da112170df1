//! When each profile was heard of last: kept beside the journal, so that nobody has to search it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::entry::{Batch, Entry};
use crate::clock::WallMs;
use crate::event::Origin;

/// The newest event the platform pushed to each profile since this journal was opened. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Heard(Arc<Mutex<BTreeMap<Arc<str>, WallMs>>>);

impl Heard {
    pub fn last_event(&self, profile: &str) -> Option<WallMs> {
        self.profiles().get(profile).copied()
    }

    /// Takes note of a delivery that became lines.
    pub(super) fn note(&self, batch: &Batch, now: WallMs) {
        // What was relayed or asked for has no event of its own, and tells nothing of the connection.
        let pushed = |entry: &&Entry| {
            entry.origin == Some(Origin::Pushed) && !entry.rendered.type_name.starts_with("rooma.")
        };
        let Some(profile) = batch.entries.iter().find(pushed).and_then(|entry| entry.profile.as_ref()) else {
            return;
        };
        let mut profiles = self.profiles();
        match profiles.get_mut(profile) {
            Some(at) => *at = now,
            None => drop(profiles.insert(Arc::clone(profile), now)),
        }
    }

    fn profiles(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, WallMs>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
