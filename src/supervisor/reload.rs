//! Profiles that come, change and go while the supervisor runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Mutex;

use super::change::{Change, Reloaded};
use super::root::Asker;
use super::seat::Later;
use crate::error::Result;

/// What a person may have changed, and how much of it is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// Only where a file has another time than before.
    Touched,
    /// Everything.
    Whole,
    /// Everything, and these profiles too.
    Adding(Vec<String>),
}

/// Looks at the profiles and says what became of them.
pub type Reload = Arc<dyn Fn(Look) -> Later<Vec<Change>> + Send + Sync>;

/// Looks, and has the tree do what was found: one after the other, so that what was read first is not done last.
#[derive(Clone)]
pub struct Reloading {
    reload: Reload,
    asker: Asker,
    turn: Arc<Mutex<()>>,
    /// How often something was found to have changed.
    found: Arc<AtomicU64>,
}

impl Reloading {
    pub fn new(reload: Reload, asker: Asker) -> Reloading {
        Reloading { reload, asker, turn: Arc::default(), found: Arc::default() }
    }

    /// Says what became of the profiles that a person would want to hear of.
    pub async fn look(&self, look: Look) -> Result<Vec<Reloaded>> {
        let changes = self.changes(look).await?;
        Ok(changes.iter().filter_map(Change::outcome).collect())
    }

    /// What was known when a call began.
    pub fn known(&self) -> Known {
        Known(self.found.load(Ordering::Acquire))
    }

    /// Looks at once, for a call that failed by what a profile or its secret says. True where another attempt goes by
    /// other files than those it went by; the error is of files that cannot be used as they are now.
    pub async fn outdates(&self, known: Known, profile: &str) -> Result<bool> {
        let mut changes = self.changes(Look::Touched).await?;
        let ours = |change: &Change| matches!(change, Change::Failed(name, _) if **name == *profile);
        if let Some(at) = changes.iter().position(ours)
            && let Change::Failed(_, error) = changes.swap_remove(at)
        {
            return Err(error);
        }
        Ok(self.known() != known)
    }

    async fn changes(&self, look: Look) -> Result<Vec<Change>> {
        let _turn = self.turn.lock().await;
        let changes = (self.reload)(look).await;
        if !changes.is_empty() {
            self.asker.apply(changes.clone()).await?;
            self.found.fetch_add(1, Ordering::AcqRel);
        }
        Ok(changes)
    }
}

/// A state of the files as far as it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known(u64);
