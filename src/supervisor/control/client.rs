//! The other end of the control socket.

use std::path::Path;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

use crate::error::{Error, Result};

use super::protocol::{Answered, Request, path};

/// How long a supervisor may take for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// A status of a thousand profiles has some hundred KiB.
const ANSWER_MAX: u64 = 4 * 1024 * 1024;

/// A connection to the supervisor of a home.
pub struct Client {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
}

impl Client {
    /// `None` when no supervisor runs there.
    pub async fn connect(home: &Path) -> Result<Option<Client>> {
        let path = path(home)?;
        let stream = match UnixStream::connect(&path).await {
            Ok(stream) => stream,
            Err(error) => {
                use std::io::ErrorKind::{ConnectionRefused, NotFound, WouldBlock};
                return match error.kind() {
                    NotFound | ConnectionRefused => Ok(None),
                    // Its queue is full.
                    WouldBlock => Err(silent("it takes no more clients")),
                    _ => Err(Error::network(format!("failed to reach {}: {error}", path.display()))),
                };
            }
        };
        let (reader, writer) = stream.into_split();
        Ok(Some(Client { reader: BufReader::new(reader), writer }))
    }

    pub async fn send(&mut self, request: &Request) -> Result<()> {
        let mut line = serde_json::to_vec(request).map_err(|error| Error::internal(error.to_string()))?;
        line.push(b'\n');
        let sent = timeout(PATIENCE, self.writer.write_all(&line)).await;
        sent.map_err(|_late| silent("it does not listen"))?.map_err(|error| gone(&error.to_string()))
    }

    /// The next answer; `None` when the supervisor has gone. Waits for as long as it takes, and may be dropped
    /// and called again: what was read of a line so far stays in `line`.
    pub async fn next<T: DeserializeOwned>(&mut self, line: &mut Vec<u8>) -> Result<Option<T>> {
        let mut bounded = (&mut self.reader).take(ANSWER_MAX);
        let read = bounded.read_until(b'\n', line).await.map_err(|error| gone(&error.to_string()))?;
        if read == 0 || line.last() != Some(&b'\n') {
            return Ok(None);
        }
        let answer = read_answer(line);
        line.clear();
        answer.map(Some)
    }

    /// Asks the supervisor of a home. `None` when none runs there, or the one that did is just ending.
    pub async fn ask_home<T: DeserializeOwned>(home: &Path, request: &Request) -> Result<Option<T>> {
        Client::ask_home_within(home, request, PATIENCE).await
    }

    /// The same, for somebody who waits this long.
    pub async fn ask_home_within<T: DeserializeOwned>(
        home: &Path,
        request: &Request,
        patience: Duration,
    ) -> Result<Option<T>> {
        let Some(client) = Client::connect(home).await? else { return Ok(None) };
        unless_ended(client.ask(request, patience).await)
    }

    /// Has an errand run by the supervisor of a home, which takes what it takes as long as it is worked at.
    pub async fn run_errand(home: &Path, request: &Request, silence: Duration) -> Result<Option<Value>> {
        let Some(client) = Client::connect(home).await? else { return Ok(None) };
        unless_ended(client.errand(request, silence.min(PATIENCE)).await)
    }

    async fn errand(mut self, request: &Request, silence: Duration) -> Result<Value> {
        self.send(request).await?;
        loop {
            let answer: Answered = self.answer(silence).await?;
            if !answer.working {
                return Ok(answer.value);
            }
        }
    }

    /// One question, one answer.
    async fn ask<T: DeserializeOwned>(mut self, request: &Request, patience: Duration) -> Result<T> {
        self.send(request).await?;
        self.answer(patience).await
    }

    async fn answer<T: DeserializeOwned>(&mut self, patience: Duration) -> Result<T> {
        let mut line = Vec::new();
        let answer =
            timeout(patience, self.next(&mut line)).await.map_err(|_late| silent("it does not answer"))?;
        answer?.ok_or_else(|| gone("it ended"))
    }
}

fn unless_ended<T>(asked: Result<T>) -> Result<Option<T>> {
    match asked {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.subtype.as_deref() == Some(ENDED) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What a verb says that only a running supervisor can serve.
pub fn not_running() -> Error {
    Error::validation("no supervisor runs in this home")
        .subtype("not_running")
        .hint("start one with rooma up")
}

/// What is no answer may be an error in the shape of all errors.
fn read_answer<T: DeserializeOwned>(line: &[u8]) -> Result<T> {
    serde_json::from_slice(line).map_err(|_| {
        let said = Error::from_json(line);
        said.unwrap_or_else(|| Error::internal("the supervisor's answer is not understood"))
    })
}

/// The `subtype` of a connection that broke: a supervisor that is killed still takes connections for a moment.
const ENDED: &str = "ended";

fn gone(what: &str) -> Error {
    Error::network(format!("the supervisor cannot be reached: {what}")).subtype(ENDED)
}

/// The `subtype` of a supervisor that is there and does nothing.
pub const SILENT: &str = "silent";

fn silent(what: &str) -> Error {
    Error::network(format!("the supervisor cannot be reached: {what}")).subtype(SILENT)
}
