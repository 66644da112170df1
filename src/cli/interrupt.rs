//! A verb that is interrupted in its work: what it did stays done, what it prints is nothing.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::print;
use crate::error::{Error, Kind, Result};

/// As shells count them: 128 and the signal's number.
const INTERRUPTED: u8 = 130;
const TERMINATED: u8 = 143;

/// How long a verb may take to put its things away.
const GRACE: Duration = Duration::from_millis(300);

/// What is to be said of each send that is on its way. A process runs one verb, and a broadcast has several.
static UNDER_WAY: Mutex<Vec<Note>> = Mutex::new(Vec::new());

#[derive(Clone, PartialEq)]
struct Note {
    hint: String,
    retryable: bool,
}

/// Something is on its way, or done and not yet told, for as long as this lives.
pub struct UnderWay(Note);

impl UnderWay {
    /// `again` says how to repeat it without doing it twice.
    pub fn new(again: String) -> UnderWay {
        UnderWay::noted(Note { hint: again, retryable: true })
    }

    /// All that is left is to say so.
    pub fn done(told: String) -> UnderWay {
        UnderWay::noted(Note { hint: told, retryable: false })
    }

    fn noted(note: Note) -> UnderWay {
        UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner).push(note.clone());
        UnderWay(note)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut all = UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = all.iter().position(|note| *note == self.0) {
            all.swap_remove(index);
        }
    }
}

/// Runs a verb until it is done or a signal ends it.
pub async fn watch(mut verb: impl Future<Output = Result<u8>> + Unpin) -> Result<u8> {
    let mut signals = Signals::new()?;
    let busy = tokio::spawn(end_the_busy(Signals::new()?));
    // By reference: what is under way must still be known when the signal has come.
    let outcome = tokio::select! {
        outcome = &mut verb => outcome,
        (name, code) = signals.next() => Ok(ended(name, code)),
    };
    busy.abort();
    outcome
}

/// A verb that reads stdin, waits for the reader of stdout or runs an endless expression does not look up to see
/// a signal. There is nothing it could put away.
async fn end_the_busy(mut signals: Signals) {
    let (name, code) = signals.next().await;
    tokio::time::sleep(GRACE).await;
    std::process::exit(i32::from(ended(name, code)));
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> Result<Signals> {
        let listen =
            |kind| signal(kind).map_err(|error| Error::internal(format!("failed to watch signals: {error}")));
        Ok(Signals {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> (&'static str, u8) {
        tokio::select! {
            _ = self.interrupt.recv() => ("SIGINT", INTERRUPTED),
            _ = self.terminate.recv() => ("SIGTERM", TERMINATED),
        }
    }
}

fn ended(signal: &str, code: u8) -> u8 {
    let note = UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner).first().cloned();
    print::note(&interrupted(signal, note).to_json());
    code
}

/// As after a lost connection, nobody here knows how far it came.
fn interrupted(signal: &str, note: Option<Note>) -> Error {
    let error = Error::new(Kind::Network, format!("ended by {signal} before it was done"));
    let error = error.subtype("interrupted");
    match note {
        Some(Note { hint, retryable }) => error.hint(hint).retryable(retryable),
        None => error,
    }
}
