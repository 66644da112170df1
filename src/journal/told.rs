//! What the journal tells of one message, and of what was said before it.

use rusqlite::{OptionalExtension, params};

use super::reader::Reader;
use super::store::failed;
use crate::clock::WallMs;
use crate::error::Result;
use crate::event::ids::{ChatId, MessageId};

/// Positions looked through for what came before a message.
const LOOK_BACK: u64 = 20_000;

/// Positions before a line in which another profile's line of the same message is looked for.
const NEAR: u64 = 512;

/// A message's line for one profile, whether or not any reader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub seq: u64,
    pub at: WallMs,
    pub profile: String,
    /// Why it may not wake its agent.
    pub held: Option<String>,
    pub replayed: bool,
    /// JSON without its braces.
    pub body: String,
}

/// What a profile's own lines say of a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listening {
    Yes,
    No,
    /// The journal does not reach that far back.
    Unknown,
}

impl Reader {
    /// Every line of a message, the oldest first. Reads the whole journal.
    pub fn told(&self, message: &MessageId) -> Result<Vec<Told>> {
        let read = || {
            let mut statement = self.db.prepare_cached(
                "SELECT seq, at, profile, held, replayed, body FROM line
                 WHERE type = 'message' AND profile IS NOT NULL AND instr(body, ?1) > 0 ORDER BY seq",
            )?;
            let rows = statement.query_map([marker("message_id", message.as_str())], |row| {
                Ok(Told {
                    seq: row.get(0)?,
                    at: row.get(1)?,
                    profile: row.get(2)?,
                    held: row.get(3)?,
                    replayed: row.get(4)?,
                    body: row.get(5)?,
                })
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(|error| failed("read", &self.path, &error))
    }

    /// Which profiles have a line of a message, one of whose lines is at `near`; held back or not.
    pub fn received(&self, message: &MessageId, near: u64) -> Result<Vec<String>> {
        let read = || {
            let mut statement = self.db.prepare_cached(
                "SELECT profile FROM line
                 WHERE seq > ?1 AND type = 'message' AND profile IS NOT NULL AND instr(body, ?2) > 0",
            )?;
            let from = near.saturating_sub(NEAR);
            let rows = statement
                .query_map(params![from, marker("message_id", message.as_str())], |row| row.get(0))?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(|error| failed("read", &self.path, &error))
    }

    /// The bodies of the messages that a profile has of a chat before `seq`, the oldest first; held back or not.
    pub fn before(&self, seq: u64, profile: &str, chat: &ChatId, count: usize) -> Result<Vec<String>> {
        let read = || {
            let mut statement = self.db.prepare_cached(
                "SELECT body FROM line
                 WHERE seq < ?1 AND seq > ?2 AND profile = ?3 AND type = 'message' AND instr(body, ?4) > 0
                 ORDER BY seq DESC LIMIT ?5",
            )?;
            let (from, chat) = (seq.saturating_sub(LOOK_BACK), marker("chat_id", chat.as_str()));
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            let rows = statement.query_map(params![seq, from, profile, chat, count], |row| row.get(0))?;
            let mut bodies = rows.collect::<rusqlite::Result<Vec<String>>>()?;
            bodies.reverse();
            Ok(bodies)
        };
        read().map_err(|error: rusqlite::Error| failed("read", &self.path, &error))
    }

    /// Was a profile connected then, as far as its lines tell? `running` is whether a supervisor runs now.
    pub fn listened(&self, profile: &str, then: WallMs, running: bool) -> Result<Listening> {
        let read = || -> rusqlite::Result<Listening> {
            let states = "type IN ('rooma.connected', 'rooma.disconnected', 'rooma.parked', 'rooma.crashed')
                 AND profile = ?1 OR type IN ('rooma.started', 'rooma.stopped')";
            let last =
                format!("SELECT type FROM line WHERE at <= ?2 AND ({states}) ORDER BY seq DESC LIMIT 1");
            let last: Option<String> =
                self.db.query_row(&last, params![profile, then], |row| row.get(0)).optional()?;
            let Some(last) = last else { return Ok(Listening::Unknown) };
            if last != "rooma.connected" {
                return Ok(Listening::No);
            }
            // One that was killed could not say so: it wrote nothing any more before the next one started.
            let next = "SELECT seq FROM line WHERE at > ?1 AND type = 'rooma.started' ORDER BY seq LIMIT 1";
            let next: Option<u64> = self.db.query_row(next, [then], |row| row.get(0)).optional()?;
            let lived = "SELECT EXISTS (SELECT 1 FROM line WHERE at >= ?1 AND seq < ?2)";
            let lived = self.db.query_row(lived, params![then, next.unwrap_or(i64::MAX as u64)], |row| {
                row.get::<_, bool>(0)
            })?;
            Ok(if lived || (next.is_none() && running) { Listening::Yes } else { Listening::No })
        };
        read().map_err(|error| failed("read", &self.path, &error))
    }
}

/// Keys of a body stand in quotes; those inside a text are escaped, so no text looks like one.
fn marker(key: &str, id: &str) -> String {
    format!("\"{key}\":{}", serde_json::Value::from(id))
}
