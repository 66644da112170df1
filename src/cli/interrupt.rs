//! A verb that is interrupted in its work: what it did stays done, what it prints is nothing.

use std::sync::{Mutex, PoisonError};

use tokio::signal::unix::{SignalKind, signal};

use super::print;
use crate::error::{Error, Kind, Result};

/// As shells count them: 128 and the signal's number.
const INTERRUPTED: u8 = 130;
const TERMINATED: u8 = 143;

/// How to go on after each send that is on its way. A process runs one verb, and a broadcast has several.
static UNDER_WAY: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Something is on its way for as long as this lives.
pub struct UnderWay(String);

impl UnderWay {
    /// `again` says how to repeat it without doing it twice.
    pub fn new(again: String) -> UnderWay {
        UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner).push(again.clone());
        UnderWay(again)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut all = UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = all.iter().position(|again| *again == self.0) {
            all.swap_remove(index);
        }
    }
}

/// Runs a verb until it is done or a signal ends it.
pub async fn watch(mut verb: impl Future<Output = Result<u8>> + Unpin) -> Result<u8> {
    let handler =
        |kind| signal(kind).map_err(|error| Error::internal(format!("failed to watch signals: {error}")));
    let (mut interrupt, mut terminate) =
        (handler(SignalKind::interrupt())?, handler(SignalKind::terminate())?);
    // By reference: what is under way must still be known when the signal has come.
    tokio::select! {
        outcome = &mut verb => outcome,
        _ = interrupt.recv() => Ok(ended("SIGINT", INTERRUPTED)),
        _ = terminate.recv() => Ok(ended("SIGTERM", TERMINATED)),
    }
}

fn ended(signal: &str, code: u8) -> u8 {
    let again = UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner).first().cloned();
    print::note(&interrupted(signal, again).to_json());
    code
}

/// As after a lost connection, nobody here knows how far it came.
fn interrupted(signal: &str, again: Option<String>) -> Error {
    let error = Error::new(Kind::Network, format!("ended by {signal} before it was done"));
    let error = error.subtype("interrupted");
    match again {
        Some(again) => error.hint(again),
        None => error,
    }
}
