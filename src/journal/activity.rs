//! What the journal tells of a profile's past: where people talk, what is pushed to it, up to when it listened.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::reader::Reader;
use super::seen::{fingerprint, is_known};
use super::sqlite::failed;
use crate::clock::WallMs;
use crate::core::dedupe::DedupeKey;
use crate::core::hearing::{Hears, Said};
use crate::error::Result;
use crate::event::ids::{ChatId, ThreadId};
use crate::event::{ChatType, Origin, SenderType};

/// Positions looked through, from the newest back: some days of a busy home, and a fraction of a second's work.
const LOOK_BACK: u64 = 20_000;

/// Threads remembered per chat, the newest.
const THREADS_MAX: usize = 10;

/// What one profile's newest messages show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    pub hears: Hears,
    /// The busiest first.
    pub chats: Vec<ActiveChat>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActiveChat {
    pub chat_id: ChatId,
    pub chat_type: ChatType,
    pub messages: u64,
    /// The newest first.
    pub threads: Vec<ThreadId>,
}

/// What is read of a message.
struct Spoken {
    chat_id: ChatId,
    chat_type: ChatType,
    thread_id: Option<ThreadId>,
    said: Said,
}

impl Reader {
    /// Everything up to then was received, or caught up with.
    pub fn heard_to(&self, profile: &str) -> Result<Option<WallMs>> {
        self.meta(&key(profile, false))
    }

    /// Everything up to then was heard for certain: never later than [`Reader::heard_to`] tells.
    pub fn surely_heard_to(&self, profile: &str) -> Result<Option<WallMs>> {
        let (likely, certain) = (self.heard_to(profile)?, self.meta(&key(profile, true))?);
        Ok(certain.map_or(likely, |certain| likely.map(|likely| likely.min(certain))))
    }

    fn meta(&self, key: &str) -> Result<Option<WallMs>> {
        let read = self.db.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0));
        read.optional().map_err(|error| failed("read", &self.path, &error))
    }

    /// Was this event journalled, as far back as duplicates are known?
    pub fn knows(&self, profile: &str, key: &DedupeKey) -> Result<bool> {
        let known = is_known(&self.db, &fingerprint(profile, key.as_str()));
        known.map_err(|error| failed("read", &self.path, &error))
    }

    pub fn activity(&self, profile: &str) -> Result<Activity> {
        let mut activity = Activity::default();
        let mut chats: BTreeMap<ChatId, ActiveChat> = BTreeMap::new();
        let mut read = || -> rusqlite::Result<()> {
            let mut statement = self.db.prepare_cached(
                "SELECT chat_id, chat_type, thread_id, sender_type, mentioned, origin FROM lines
                 WHERE seq > (SELECT coalesce(max(seq), 0) FROM line) - ?1 AND profile = ?2 AND type = 'message'
                 AND chat_id IS NOT NULL ORDER BY seq DESC",
            )?;
            let mut rows = statement.query(params![LOOK_BACK, profile])?;
            while let Some(row) = rows.next()? {
                let chat_type = chat_type(row.get_ref(1)?.as_str_or_null()?);
                let spoken = Spoken {
                    chat_id: ChatId::new(row.get::<_, String>(0)?),
                    chat_type,
                    thread_id: row.get::<_, Option<String>>(2)?.map(ThreadId::new),
                    said: Said {
                        by_bot: row.get_ref(3)?.as_str_or_null()? == Some(SenderType::Bot.name()),
                        mentioned: row.get(4)?,
                        directly: chat_type == ChatType::P2p,
                    },
                };
                // A relay and the history bring what the platform keeps back.
                let pushed = row.get_ref(5)?.as_str_or_null()? == Some(Origin::Pushed.name());
                note(&mut activity.hears, &mut chats, spoken, pushed);
            }
            Ok(())
        };
        read().map_err(|error| failed("read", &self.path, &error))?;
        activity.chats = chats.into_values().collect();
        activity.chats.sort_by_key(|chat| std::cmp::Reverse(chat.messages));
        Ok(activity)
    }
}

fn chat_type(name: Option<&str>) -> ChatType {
    let known = [ChatType::P2p, ChatType::Topic];
    known.into_iter().find(|kind| Some(kind.name()) == name).unwrap_or(ChatType::Group)
}

fn note(hears: &mut Hears, chats: &mut BTreeMap<ChatId, ActiveChat>, spoken: Spoken, pushed: bool) {
    if pushed {
        hears.learn(spoken.said);
    }
    let chat = chats.entry(spoken.chat_id.clone()).or_insert_with(|| ActiveChat {
        chat_id: spoken.chat_id,
        chat_type: spoken.chat_type,
        messages: 0,
        threads: Vec::new(),
    });
    chat.messages += 1;
    if let Some(thread) = spoken.thread_id
        && chat.threads.len() < THREADS_MAX
        && !chat.threads.contains(&thread)
    {
        chat.threads.push(thread);
    }
}

fn key(profile: &str, certain: bool) -> String {
    format!("{}:{profile}", if certain { "surely_heard_to" } else { "heard_to" })
}

/// Notes up to when a profile has heard everything. The clock may have been set back: the newest note counts.
pub(super) fn store_heard_to(
    db: &Connection,
    profile: &str,
    at: WallMs,
    certain: bool,
) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO meta(key, value) VALUES (?1, ?2) ON CONFLICT(key) DO UPDATE SET value = excluded.value",
    )?
    .execute(params![key(profile, certain), at])?;
    Ok(())
}
