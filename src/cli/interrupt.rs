//! A verb that is interrupted in its work: what it did stays done, what it prints is nothing.

use tokio::signal::unix::{SignalKind, signal};

use super::print;
use crate::error::{Error, Result};

/// As shells count them: 128 and the signal's number.
const INTERRUPTED: u8 = 130;
const TERMINATED: u8 = 143;

/// Runs a verb until it is done or a signal ends it.
pub async fn watch(verb: impl Future<Output = Result<u8>>) -> Result<u8> {
    let handler =
        |kind| signal(kind).map_err(|error| Error::internal(format!("failed to watch signals: {error}")));
    let (mut interrupt, mut terminate) =
        (handler(SignalKind::interrupt())?, handler(SignalKind::terminate())?);
    tokio::select! {
        outcome = verb => outcome,
        _ = interrupt.recv() => Ok(ended("SIGINT", INTERRUPTED)),
        _ = terminate.recv() => Ok(ended("SIGTERM", TERMINATED)),
    }
}

fn ended(signal: &str, code: u8) -> u8 {
    let error = Error::internal(format!("ended by {signal} before it was done")).subtype("interrupted");
    print::note(&error.to_json());
    code
}
