//! Acknowledging: a cursor moves forward to a line that is there, and never back.

use std::path::Path;

use super::sqlite::failed;
use super::store::advance_cursor_alone;
use crate::clock::Clock;
use crate::error::{Error, Result};

/// Where a cursor stands after an acknowledgement, and whether that moved it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advanced {
    pub seq: u64,
    pub moved: bool,
}

/// Moves a cursor of a journal that nobody writes: the caller holds its home.
pub fn advance_alone(path: &Path, name: &str, seq: u64) -> Result<Advanced> {
    let advanced = advance_cursor_alone(path, name, seq, Clock::system().wall_ms());
    let (moved, stands) = advanced.map_err(|error| failed("move a cursor of", path, &error))?;
    judge(name, seq, moved, stands)
}

/// `stands` is where the cursor is after it was asked to move to `seq`.
pub(super) fn judge(name: &str, seq: u64, moved: bool, stands: Option<u64>) -> Result<Advanced> {
    match stands {
        None => Err(Error::validation(format!("there is no cursor `{name}`"))
            .subtype("no_cursor")
            .hint("a watch with that name makes it; rooma status lists the cursors")),
        Some(stands) if stands < seq => Err(Error::validation(format!("there is no line {seq} yet"))
            .subtype(BEYOND)
            .hint("acknowledge the seq of a line that you have read")),
        Some(stands) => Ok(Advanced { seq: stands, moved }),
    }
}

const BEYOND: &str = "beyond_newest";

/// A position that no line has come to yet.
pub fn beyond(seq: u64, newest: u64) -> Error {
    Error::validation(format!("there is no line {seq} yet"))
        .subtype(BEYOND)
        .hint(format!("the newest line is {newest}; --since now begins behind it"))
}
