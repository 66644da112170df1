//! One client of the control socket: what it says is read here, and what it hears is written.

use serde::Serialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::{sleep, timeout};

use super::places::PATIENCE;
use super::protocol::{Answered, Request, UNKNOWN, WORKING_EVERY};
use crate::error::{Error, Result};

/// A request is a few names and numbers, or a message to be sent: those have at most 150 KB, escaped.
const REQUEST_MAX: u64 = 512 * 1024;

pub type Requests = BufReader<OwnedReadHalf>;

pub struct Conversation {
    pub requests: Requests,
    pub answers: OwnedWriteHalf,
    /// Whose it is.
    pub pid: Option<u32>,
}

impl Conversation {
    /// With a client of our own user only.
    pub fn begin(stream: UnixStream) -> Result<Conversation> {
        if !is_ours(&stream) {
            return Err(Error::validation("it belongs to another user"));
        }
        let pid = stream.peer_cred().ok().and_then(|peer| peer.pid()).and_then(|pid| u32::try_from(pid).ok());
        let (reader, answers) = stream.into_split();
        Ok(Conversation { requests: BufReader::new(reader), answers, pid })
    }

    /// The first request, which has to come soon.
    pub async fn request(&mut self, patience: std::time::Duration) -> Result<Option<Result<Request>>> {
        let request = timeout(patience, next_request(&mut self.requests)).await;
        request.map_err(|_late| Error::validation("it asks for nothing"))?
    }

    pub async fn respond(&mut self, outcome: Result<impl Serialize>) -> Result<()> {
        match outcome {
            Ok(value) => self.answer(&value).await,
            Err(error) => self.refuse(&error).await,
        }
    }

    pub async fn answer(&mut self, value: &impl Serialize) -> Result<()> {
        answer(&mut self.answers, value).await
    }

    pub async fn refuse(&mut self, error: &Error) -> Result<()> {
        write_line(&mut self.answers, error.to_json()).await
    }

    pub async fn hung_up(&mut self) {
        hung_up(&mut self.requests).await;
    }
}

pub async fn next_request(reader: &mut Requests) -> Result<Option<Result<Request>>> {
    let mut line = Vec::new();
    let read = reader.take(REQUEST_MAX).read_until(b'\n', &mut line).await;
    let read = read.map_err(|error| Error::network(error.to_string()))?;
    match (read, line.last()) {
        (0, _) => Ok(None),
        (_, Some(b'\n')) => {
            let request = serde_json::from_slice(&line);
            Ok(Some(request.map_err(|_| Error::validation(UNKNOWN))))
        }
        _ => Err(Error::validation("the request has no end")),
    }
}

/// Ends when the client does. It has nothing more to say.
pub async fn hung_up(requests: &mut Requests) {
    let mut more = [0; 64];
    while requests.read(&mut more).await.is_ok_and(|read| read > 0) {}
}

/// Says so for as long as an errand takes. A supervisor that was stopped, or has no room for another client, is
/// silent instead.
pub async fn working(answers: &mut OwnedWriteHalf) -> Result<()> {
    loop {
        sleep(WORKING_EVERY).await;
        answer(answers, &Answered { working: true, value: serde_json::Value::Null }).await?;
    }
}

async fn answer(answers: &mut OwnedWriteHalf, value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string(value).map_err(|error| Error::internal(error.to_string()))?;
    write_line(answers, text).await
}

async fn write_line(answers: &mut OwnedWriteHalf, mut text: String) -> Result<()> {
    text.push('\n');
    let written = timeout(PATIENCE, answers.write_all(text.as_bytes())).await;
    let written = written.map_err(|_late| Error::network("it does not take the answer"))?;
    written.map_err(|error| Error::network(error.to_string()))
}

fn is_ours(stream: &UnixStream) -> bool {
    stream.peer_cred().is_ok_and(|peer| peer.uid() == rustix::process::getuid().as_raw())
}
