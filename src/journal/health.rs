//! How the journal's disk is: what the writer and the syncer have met, as one state that others can watch.

use std::sync::Arc;
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

use crate::event::{Storage, StorageState};

/// Cheap to clone; the clones share all of it.
#[derive(Clone, Debug)]
pub struct Health {
    known: Arc<Mutex<Known>>,
    told: watch::Sender<Storage>,
}

#[derive(Debug, Default)]
struct Known {
    written: Option<(StorageState, String)>,
    synced: Option<String>,
    lost: Option<String>,
}

impl Default for Health {
    fn default() -> Health {
        let (told, _) = watch::channel(Storage::fine());
        Health { known: Arc::default(), told }
    }
}

impl Health {
    pub fn watch(&self) -> watch::Receiver<Storage> {
        self.told.subscribe()
    }

    /// What became of the writer's latest group.
    pub fn written(&self, outcome: Option<(StorageState, String)>) {
        self.note(|known| known.written = outcome);
    }

    pub fn synced(&self, error: Option<String>) {
        self.note(|known| known.synced = error);
    }

    /// The files are not the journal's any more. Nothing mends that.
    pub fn lost(&self, what: String) {
        self.note(|known| known.lost = Some(what));
    }

    pub fn is_fine(&self) -> bool {
        self.told.borrow().state == StorageState::Ok
    }

    fn note(&self, change: impl FnOnce(&mut Known)) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut known);
        let now = known.state();
        // The reason may change its words; what others are told is another state.
        self.told.send_if_modified(|told| {
            let changed = told.state != now.state;
            if changed {
                *told = now;
            }
            changed
        });
    }
}

impl Known {
    fn state(&self) -> Storage {
        let (state, reason) = match (&self.lost, &self.written, &self.synced) {
            (Some(what), ..) => (StorageState::Lost, what.clone()),
            (_, Some((state, why)), _) => (*state, why.clone()),
            (_, _, Some(why)) => (StorageState::Failing, why.clone()),
            (None, None, None) => return Storage::fine(),
        };
        Storage { state, reason: Some(reason), hint: Some(hint(state).to_owned()) }
    }
}

fn hint(state: StorageState) -> &'static str {
    match state {
        StorageState::Ok => "",
        StorageState::Full => {
            "free some space on the disk of the home's data folder; what was not acknowledged comes again by itself"
        }
        StorageState::Failing => {
            "look after the disk of the home's data folder; what was not acknowledged comes again by itself"
        }
        StorageState::Lost => LOST_HINT,
    }
}

pub const LOST_HINT: &str = "start again with rooma up; what was not acknowledged comes again by itself";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_of_what_is_known_is_told_once_and_its_end_too() {
        let health = Health::default();
        let mut told = health.watch();
        let mut news = || told.has_changed().unwrap().then(|| told.borrow_and_update().clone());
        health.written(None);
        health.synced(None);
        assert_eq!(news(), None);
        health.synced(Some("the disk does not sync".to_owned()));
        assert_eq!(news().unwrap().state, StorageState::Failing);
        let full = || Some((StorageState::Full, "no space".to_owned()));
        health.written(full());
        let said = news().unwrap();
        assert_eq!((said.state, said.reason.as_deref()), (StorageState::Full, Some("no space")));
        health.written(full());
        assert_eq!(news(), None, "told once");
        health.synced(None);
        health.written(None);
        assert_eq!(news(), Some(Storage::fine()));
        health.lost("it was removed".to_owned());
        health.written(None);
        assert_eq!(news().unwrap().state, StorageState::Lost);
        assert!(!health.is_fine());
    }
}
