//! What became of a profile while the supervisor runs.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::seat::Seat;
use crate::error::{Error, Report};

/// What became of one profile.
#[derive(Clone)]
pub enum Change {
    Added(Seat),
    /// It says something else than before: its connection is replaced.
    Changed(Seat),
    /// Its file was written, and says the same.
    Touched(Arc<str>),
    Removed(Arc<str>),
    /// It cannot be read or used. A connection that stands is left alone.
    Failed(Arc<str>, Error),
}

/// What `rooma reload` prints of one profile.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reloaded {
    pub profile: String,
    pub outcome: Outcome,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Report>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Added,
    Changed,
    Removed,
    Failed,
}

impl Change {
    /// Absent where nothing changed that a person would want to hear of.
    pub fn outcome(&self) -> Option<Reloaded> {
        let (profile, outcome, error) = match self {
            Change::Added(seat) => (&seat.name, Outcome::Added, None),
            Change::Changed(seat) => (&seat.name, Outcome::Changed, None),
            Change::Removed(name) => (name, Outcome::Removed, None),
            Change::Failed(name, error) => (name, Outcome::Failed, Some(error.report())),
            Change::Touched(_) => return None,
        };
        Some(Reloaded { profile: profile.to_string(), outcome, error })
    }
}
