//! What readers that act on what is said read: the messages, in their order, and what changes who sits where.

use std::sync::Arc;

use rusqlite::params;

use super::reader::{PAGE_ROWS, Reader};
use super::store::failed;
use crate::error::Result;
use crate::event::ids::ChatId;
use crate::event::{Message, SenderType, stored};

/// A message as it was journalled for one profile.
#[derive(Debug)]
pub struct SaidLine {
    pub seq: u64,
    pub profile: Arc<str>,
    pub message: Message,
    /// It tells of the past.
    pub replayed: bool,
    /// It may not wake its agent.
    pub held: bool,
}

/// What is known of such a line before it is read.
#[derive(Clone, Copy, Debug)]
pub struct SaidOf<'a> {
    pub profile: &'a str,
    pub chat_id: &'a str,
    pub by_bot: bool,
    pub opens_floor: bool,
    pub replayed: bool,
}

impl SaidOf<'_> {
    /// A bot's word, or one that opens the floor: from there on the talk in its chat is counted.
    pub fn makes_a_room(&self) -> bool {
        !self.replayed && (self.by_bot || self.opens_floor)
    }
}

/// What one step of reading messages found.
#[derive(Debug, Default)]
pub struct Said {
    pub lines: Vec<SaidLine>,
    /// How far this step has looked; unchanged when there was nothing.
    pub looked_to: u64,
}

/// What became of a chat, as a line told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatLine {
    pub seq: u64,
    pub profile: String,
    pub type_name: String,
    pub chat_id: ChatId,
    pub chat_name: Option<String>,
    pub reason: Option<String>,
}

impl Reader {
    /// The messages after `after` that are wanted, held back or not.
    pub fn said(&self, after: u64, mut wants: impl FnMut(SaidOf<'_>) -> bool) -> Result<Said> {
        let mut read = || {
            let mut said = Said { looked_to: after, ..Said::default() };
            let mut statement = self.db.prepare_cached(
                "SELECT seq, type = 'message' AND profile IS NOT NULL, profile, chat_id, sender_type, floor, replayed,
                        held IS NOT NULL, body
                 FROM lines WHERE seq > ?1 ORDER BY seq LIMIT ?2",
            )?;
            let mut rows = statement.query(params![after, PAGE_ROWS])?;
            while let Some(row) = rows.next()? {
                said.looked_to = row.get(0)?;
                if !row.get::<_, bool>(1)? {
                    continue;
                }
                let of = SaidOf {
                    profile: row.get_ref(2)?.as_str()?,
                    chat_id: row.get_ref(3)?.as_str_or_null()?.unwrap_or_default(),
                    by_bot: row.get_ref(4)?.as_str_or_null()? == Some(SenderType::Bot.name()),
                    opens_floor: row.get(5)?,
                    replayed: row.get(6)?,
                };
                if wants(of)
                    && let Some(message) = stored(row.get_ref(8)?.as_str()?)
                {
                    let (profile, replayed) = (of.profile.into(), of.replayed);
                    let (seq, held) = (said.looked_to, row.get(7)?);
                    said.lines.push(SaidLine { seq, profile, message, replayed, held });
                }
            }
            Ok(said)
        };
        read().map_err(|error: rusqlite::Error| failed("read", &self.path, &error))
    }

    /// What the registry of chats needs to know, after `after`.
    pub fn chat_changes(&self, after: u64) -> Result<Vec<ChatLine>> {
        #[derive(serde::Deserialize)]
        struct Change {
            chat_id: ChatId,
            chat_name: Option<String>,
            reason: Option<String>,
        }
        let read = || {
            // The condition is that of the partial index, so that only such lines are looked at.
            let mut statement = self.db.prepare_cached(
                "SELECT seq, profile, type, body FROM line
                 WHERE seq > ?1 AND type IN ('rooma.chat_joined', 'rooma.chat_left', 'chat.updated')
                 AND profile IS NOT NULL ORDER BY seq LIMIT 256",
            )?;
            let rows = statement.query_map([after], |row| {
                let body = row.get_ref(3)?.as_str()?;
                let empty = Change { chat_id: ChatId::new(""), chat_name: None, reason: None };
                let Change { chat_id, chat_name, reason } = stored(body).unwrap_or(empty);
                let (seq, profile, type_name) = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok(ChatLine { seq, profile, type_name, chat_id, chat_name, reason })
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(|error| failed("read", &self.path, &error))
    }
}
