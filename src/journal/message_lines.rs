//! What the journal tells of one message, and of what was said before it.

use rusqlite::{OptionalExtension, params};

use super::reader::Reader;
use super::sqlite::failed;
use crate::clock::WallMs;
use crate::error::Result;
use crate::event::ids::{ChatId, MessageId};
use crate::event::{Earlier, Message, stored};

/// Positions looked through for what came before a message.
const LOOK_BACK: u64 = 20_000;

/// Positions before a line in which another profile's line of the same message is looked for.
const NEAR: u64 = 512;

/// Positions before the newest line among which a message is looked for that somebody speaks of now.
const LATELY: u64 = 5000;

/// A message's line for one profile, whether or not any reader sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageLine {
    pub seq: u64,
    pub at: WallMs,
    pub profile: String,
    /// Why it may not wake its agent.
    pub held: Option<String>,
    pub replayed: bool,
    pub message: Message,
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
    pub fn lines_of(&self, message: &MessageId) -> Result<Vec<MessageLine>> {
        let read = || {
            let mut statement = self.db.prepare_cached(
                "SELECT seq, at, profile, held, replayed, body FROM lines
                 WHERE type = 'message' AND profile IS NOT NULL AND message_id = ?1 ORDER BY seq",
            )?;
            let rows = statement.query_map([message.as_str()], |row| {
                let Some(message) = stored(row.get_ref(5)?.as_str()?) else { return Ok(None) };
                Ok(Some(MessageLine {
                    seq: row.get(0)?,
                    at: row.get(1)?,
                    profile: row.get(2)?,
                    held: row.get(3)?,
                    replayed: row.get(4)?,
                    message,
                }))
            })?;
            rows.filter_map(Result::transpose).collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(|error| failed("read", &self.path, &error))
    }

    /// Which profiles have a line of a message, one of whose lines is at `near`; held back or not.
    pub fn received(&self, message: &MessageId, near: u64) -> Result<Vec<String>> {
        let read = || {
            let mut statement = self.db.prepare_cached(
                "SELECT profile FROM lines
                 WHERE seq > ?1 AND type = 'message' AND profile IS NOT NULL AND message_id = ?2",
            )?;
            let from = near.saturating_sub(NEAR);
            let rows = statement.query_map(params![from, message.as_str()], |row| row.get(0))?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(|error| failed("read", &self.path, &error))
    }

    /// The messages that a profile has of a chat before `seq`, the oldest first; held back or not.
    pub fn before(&self, seq: u64, profile: &str, chat: &ChatId, count: usize) -> Result<Vec<Earlier>> {
        let read = || {
            let mut statement = self.db.prepare_cached(
                "SELECT body FROM lines
                 WHERE seq < ?1 AND seq > ?2 AND profile = ?3 AND type = 'message' AND chat_id = ?4
                 ORDER BY seq DESC LIMIT ?5",
            )?;
            let from = seq.saturating_sub(LOOK_BACK);
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            let rows = statement.query_map(params![seq, from, profile, chat.as_str(), count], |row| {
                Ok(stored(row.get_ref(0)?.as_str()?))
            })?;
            let mut earlier =
                rows.filter_map(Result::transpose).collect::<rusqlite::Result<Vec<Earlier>>>()?;
            earlier.reverse();
            Ok(earlier)
        };
        read().map_err(|error: rusqlite::Error| failed("read", &self.path, &error))
    }

    /// The line that told a profile of a message, lately; any profile where none is named.
    pub fn seq_of(&self, message: &str, profile: Option<&str>) -> Result<Option<u64>> {
        let read = || {
            let mut statement = self.db.prepare_cached(
                "SELECT seq FROM lines
                 WHERE seq > (SELECT coalesce(max(seq), 0) FROM line) - ?3 AND type = 'message'
                 AND (?2 IS NULL OR profile = ?2) AND message_id = ?1 ORDER BY seq DESC LIMIT 1",
            )?;
            statement.query_row(params![message, profile, LATELY], |row| row.get(0)).optional()
        };
        read().map_err(|error| failed("read", &self.path, &error))
    }

    /// The chat of a message that any profile has received lately.
    pub fn chat_of(&self, message: &MessageId) -> Result<Option<ChatId>> {
        let read = || {
            let mut statement = self.db.prepare_cached(
                "SELECT chat_id FROM lines
                 WHERE seq > (SELECT coalesce(max(seq), 0) FROM line) - ?2 AND type = 'message'
                 AND message_id = ?1 ORDER BY seq DESC LIMIT 1",
            )?;
            statement.query_row(params![message.as_str(), LATELY], |row| row.get::<_, String>(0)).optional()
        };
        let chat = read().map_err(|error| failed("read", &self.path, &error))?;
        Ok(chat.map(ChatId::new))
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

#[cfg(test)]
mod tests {
    use super::super::Entry;
    use super::super::store::Store;
    use super::*;
    use crate::core::gate::Held;
    use crate::event::ids::UserId;
    use crate::event::{Connected, Event, Started, Stopped};
    use std::sync::Arc;

    fn journal(lines: &[(WallMs, Entry)]) -> (tempfile::TempDir, Reader) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.db");
        let mut store = Store::open(&path).unwrap();
        for (at, entry) in lines {
            store.group(|store| store.insert(entry, *at)).unwrap();
        }
        store.close().unwrap();
        let reader = Reader::open(&path).unwrap();
        (folder, reader)
    }

    fn own(profile: Option<&str>, event: &Event) -> Entry {
        Entry::own(profile.map(|profile| (Arc::from(profile), "feishu")), event)
    }

    fn message(profile: &str, id: &str, chat: &str, held: Option<Held>) -> Entry {
        let message = serde_json::from_value(serde_json::json!({
            "chat_id": chat, "chat_type": "group", "message_id": id, "message_type": "text",
            "sender_id": "ou_1", "sender_type": "user", "mentioned": true, "mention": "me",
            "content": "\"message_id\":\"om_3\"", "create_time": "t", "trust": "stranger", "event_type": "e"
        }));
        Entry { held, ..own(Some(profile), &Event::Message(Box::new(message.unwrap()))) }
    }

    #[test]
    fn a_message_is_found_with_all_its_lines_and_with_what_came_before() {
        let (_folder, reader) = journal(&[
            (1, message("a", "om_1", "oc_1", None)),
            (2, message("a", "om_2", "oc_1", Some(Held::Bot))),
            (3, message("b", "om_2", "oc_1", None)),
            (4, message("a", "om_x", "oc_2", None)),
            (5, message("a", "om_4", "oc_1", None)),
        ]);
        let told = reader.lines_of(&MessageId::new("om_2")).unwrap();
        let lines: Vec<(u64, &str, Option<&str>)> =
            told.iter().map(|told| (told.seq, told.profile.as_str(), told.held.as_deref())).collect();
        assert_eq!(lines, [(2, "a", Some("bot")), (3, "b", None)]);
        assert_eq!(reader.received(&MessageId::new("om_2"), 3).unwrap(), ["a", "b"]);
        assert!(reader.lines_of(&MessageId::new("om_3")).unwrap().is_empty(), "no text passes for an id");
        let before = |count| reader.before(5, "a", &ChatId::new("oc_1"), count).unwrap();
        assert_eq!(before(5).len(), 2);
        assert_eq!(
            (before(1).len(), before(1)[0].message_id.as_str()),
            (1, "om_2"),
            "the newest, held back or not"
        );
    }

    #[test]
    fn whether_a_profile_listened_is_told_by_its_lines_and_by_silence_after_a_kill() {
        let started = Event::Started(Started { version: "1".into(), profiles: vec![], pid: 1 });
        let connected = Event::Connected(Connected { bot_name: "a".into(), bot_open_id: UserId::new("ou") });
        let stopped = Event::Stopped(Stopped { reason: "asked".into() });
        let (_folder, reader) = journal(&[
            (10, own(None, &started)),
            (20, own(Some("a"), &connected)),
            (40, message("b", "om_1", "oc_1", None)),
            // Killed here.
            (60, own(None, &started)),
            (70, own(Some("a"), &connected)),
            (80, own(None, &stopped)),
            (90, own(None, &started)),
            (100, own(Some("a"), &connected)),
        ]);
        let at = |then, running| reader.listened("a", then, running).unwrap();
        assert_eq!(at(5, true), Listening::Unknown);
        assert_eq!((at(15, true), at(30, true)), (Listening::No, Listening::Yes));
        assert_eq!(at(50, true), Listening::No, "nothing more was written before the next start");
        assert_eq!((at(75, true), at(85, true)), (Listening::Yes, Listening::No));
        assert_eq!((at(110, true), at(110, false)), (Listening::Yes, Listening::No));
    }
}
