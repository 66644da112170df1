//! The command line's end of the control socket.

use std::path::Path;
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

use crate::error::{Error, Kind, Result};
use crate::supervisor::control::{self, Request};

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
        let path = control::path(home)?;
        let stream = match UnixStream::connect(&path).await {
            Ok(stream) => stream,
            Err(error) => {
                use std::io::ErrorKind::{ConnectionRefused, NotFound};
                return match error.kind() {
                    NotFound | ConnectionRefused => Ok(None),
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
        let Some(client) = Client::connect(home).await? else { return Ok(None) };
        match client.ask(request).await {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.subtype.as_deref() == Some(ENDED) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// One question, one answer.
    async fn ask<T: DeserializeOwned>(mut self, request: &Request) -> Result<T> {
        self.send(request).await?;
        let mut line = Vec::new();
        let answer =
            timeout(PATIENCE, self.next(&mut line)).await.map_err(|_late| silent("it does not answer"))?;
        answer?.ok_or_else(|| gone("it ended"))
    }
}

/// What is no answer may be an error in the shape of all errors.
fn read_answer<T: DeserializeOwned>(line: &[u8]) -> Result<T> {
    serde_json::from_slice(line).map_err(|_| {
        let value: serde_json::Value = serde_json::from_slice(line).unwrap_or_default();
        let said = |key: &str| value["error"][key].as_str().map(crate::event::neutralise);
        let message =
            said("message").unwrap_or_else(|| "the supervisor's answer is not understood".to_owned());
        let kind = serde_json::from_value(value["error"]["type"].clone()).unwrap_or(Kind::Internal);
        let mut error = Error::new(kind, message);
        (error.hint, error.subtype) = (said("hint"), said("subtype"));
        error
    })
}

/// The `subtype` of a connection that broke: a supervisor that is killed still takes connections for a moment.
const ENDED: &str = "ended";

fn gone(what: &str) -> Error {
    Error::network(format!("the supervisor cannot be reached: {what}")).subtype(ENDED)
}

fn silent(what: &str) -> Error {
    Error::network(format!("the supervisor cannot be reached: {what}")).subtype("silent")
}
