//! What the journal tells of a profile's past: where people talk, what is pushed to it, up to when it listened.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};
use serde::Deserialize;

use super::reader::Reader;
use super::seen::{fingerprint, is_known};
use super::store::failed;
use crate::clock::WallMs;
use crate::core::dedupe::DedupeKey;
use crate::core::hearing::{Hears, Said};
use crate::error::Result;
use crate::event::ids::{ChatId, ThreadId};
use crate::event::{ChatType, SenderType};

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

/// The part of a message's body that is read.
#[derive(Deserialize)]
struct Body {
    chat_id: ChatId,
    chat_type: ChatType,
    sender_type: SenderType,
    mentioned: bool,
    thread_id: Option<ThreadId>,
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
        let read = || -> rusqlite::Result<()> {
            let mut statement = self.db.prepare_cached(
                "SELECT body, instr(head || body, '\"event_id\":') > 0 FROM line
                 WHERE seq > (SELECT coalesce(max(seq), 0) FROM line) - ?1 AND profile = ?2 AND type = 'message'
                 ORDER BY seq DESC",
            )?;
            let mut rows = statement.query(params![LOOK_BACK, profile])?;
            while let Some(row) = rows.next()? {
                let body = row.get_ref(0)?.as_str()?;
                if let Ok(body) = serde_json::from_str::<Body>(&format!("{{{body}}}")) {
                    note(&mut activity.hears, &mut chats, body, row.get(1)?);
                }
            }
            Ok(())
        };
        let mut read = read;
        read().map_err(|error| failed("read", &self.path, &error))?;
        activity.chats = chats.into_values().collect();
        activity.chats.sort_by_key(|chat| std::cmp::Reverse(chat.messages));
        Ok(activity)
    }
}

fn note(hears: &mut Hears, chats: &mut BTreeMap<ChatId, ActiveChat>, body: Body, pushed: bool) {
    let said = Said {
        by_bot: body.sender_type == SenderType::Bot,
        mentioned: body.mentioned,
        directly: body.chat_type == ChatType::P2p,
    };
    // Only what came as an event: a relay and the history bring what the platform keeps back.
    if pushed {
        hears.learn(said);
    }
    let chat = chats.entry(body.chat_id.clone()).or_insert_with(|| ActiveChat {
        chat_id: body.chat_id,
        chat_type: body.chat_type,
        messages: 0,
        threads: Vec::new(),
    });
    chat.messages += 1;
    if let Some(thread) = body.thread_id
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
