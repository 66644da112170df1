//! The way to the root from outside.

use ractor::ActorRef;

use super::super::change::Change;
use super::super::seat::Seat;
use super::super::status::ProfileStatus;
use super::messages::Msg;
use crate::error::{Error, Result};

/// The root's handlers only decide: an answer takes microseconds.
const ANSWER_MS: u64 = 1_000;

/// Asks the root from outside.
#[derive(Clone)]
pub struct Asker(ActorRef<Msg>);

impl Asker {
    pub(super) fn new(root: ActorRef<Msg>) -> Asker {
        Asker(root)
    }

    pub async fn profiles(&self) -> Result<Vec<ProfileStatus>> {
        ractor::call_t!(self.0, Msg::Status, ANSWER_MS).map_err(silent)
    }

    /// The seat of a profile, if it has one.
    pub async fn seat(&self, profile: &str) -> Result<Option<Seat>> {
        ractor::call_t!(self.0, Msg::Seat, ANSWER_MS, profile.to_owned()).map_err(silent)
    }

    /// Tells what became of profiles; answered once that is under way.
    pub async fn apply(&self, changes: Vec<Change>) -> Result<()> {
        ractor::call_t!(self.0, Msg::Apply, ANSWER_MS, changes).map_err(silent)
    }
}

fn silent(error: impl std::fmt::Display) -> Error {
    Error::internal(format!("the supervisor does not answer: {error}"))
}
