//! What is kept of each room in `data/rooms/CHAT.json`: its loop guard and its floor. Commands and the supervisor
//! change it under one lock, so that a send is counted whichever way it goes.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::room_heard::{Counted, Rules};
use super::stored::{self, Stamp, Stored};
use crate::clock::{Clock, boot_id, steady_ms};
use crate::config::{LoopGuardOptions, RoomPolicy};
use crate::core::floor::Floor;
use crate::core::guard::{Guard, Limits, Why};
use crate::error::{Error, Kind, Result};
use crate::event::ids::ChatId;

const VERSION: u32 = 1;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    pub version: u32,
    /// Whose file it is, where its name cannot tell. Absent in files of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    chat_id: Option<ChatId>,
    /// The start of the machine that steady times count from.
    #[serde(default)]
    boot: String,
    #[serde(default)]
    pub guard: Guard,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor: Option<Floor>,
    /// The pause that our profiles were told of last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<String>,
    /// Messages that have opened the floor, the newest last: each does so once, however many profiles hear it.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    asked: VecDeque<String>,
    /// Up to where the journal was counted here. Absent in files of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) counted: Option<Counted>,
}

/// Messages remembered for opening the floor.
const ASKED_MAX: usize = 32;

impl Room {
    /// Does this message open the floor? True once.
    pub fn asks(&mut self, message_id: &str) -> bool {
        if self.asked.iter().any(|asked| asked == message_id) {
            return false;
        }
        if self.asked.len() == ASKED_MAX {
            self.asked.pop_front();
        }
        self.asked.push_back(message_id.to_owned());
        true
    }

    /// Steady times count from the machine's start: after another one a pause begins anew, and nobody holds the floor.
    fn rebase(&mut self, boot: String, now: i64, limits: Limits) {
        if self.boot == boot {
            return;
        }
        if !self.boot.is_empty() {
            self.guard.rebase(now, limits);
            self.floor = None;
        }
        self.boot = boot;
    }
}

impl Stored for Room {
    const NAME: &'static str = "room";
    const VERSION: u32 = VERSION;

    fn version(&mut self) -> &mut u32 {
        &mut self.version
    }
}

/// Letters of a fingerprint.
const FINGERPRINT: usize = 32;

/// Far more than a room takes.
const ROOM_MAX: u64 = 1024 * 1024;

/// A rate beyond this is none that a chat takes.
const PER_MINUTE_MAX: u32 = 600;

pub fn limits(options: &LoopGuardOptions) -> Limits {
    Limits {
        turns: options.turns.max(1) as usize,
        per_minute: options.per_minute.clamp(1, PER_MINUTE_MAX) as usize,
        cooldown_ms: millis(options.cooldown.0),
    }
}

pub fn rules(policy: &RoomPolicy) -> Rules {
    Rules { limits: limits(&policy.loop_guard), floor_ttl_ms: millis(policy.floor_ttl.0) }
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// Changes a room. The function is given steady time.
pub fn change<R>(
    data: &Path,
    chat: &ChatId,
    clock: &Clock,
    limits: Limits,
    change: impl FnOnce(&mut Room, i64) -> R,
) -> Result<R> {
    let (now, boot) = (steady_ms(), boot_id());
    stored::update_named(&folder(data), &file_name(chat), clock.wall_ms(), |room: &mut Room| {
        room.rebase(boot, now, limits);
        room.chat_id = (!is_plain(chat)).then(|| chat.clone());
        change(room, now)
    })
}

/// The room as it is. Who only looks leaves the file alone.
pub fn load(data: &Path, chat: &ChatId, clock: &Clock, limits: Limits) -> Result<Room> {
    let mut room: Room = stored::load_named(&folder(data), &file_name(chat), clock.wall_ms())?;
    room.rebase(boot_id(), steady_ms(), limits);
    Ok(room)
}

pub fn stamp(data: &Path, chat: &ChatId) -> Stamp {
    stored::stamp_named(&folder(data), &file_name(chat))
}

/// Fails where a person has silenced a chat. What is no turn in a talk may be said in any other.
pub fn may_speak(data: &Path, chat: &ChatId, clock: &Clock) -> Result<()> {
    let mut room = load(data, chat, clock, limits(&LoopGuardOptions::default()))?;
    room.guard.lift(steady_ms());
    match room.guard.paused() {
        Some(pause) if pause.why == Why::Manual => {
            Err(Error::new(Kind::Policy, "a person has paused this room").subtype("room_paused"))
        }
        _ => Ok(()),
    }
}

pub fn exists(data: &Path, chat: &ChatId) -> bool {
    folder(data).join(format!("{}.json", file_name(chat))).exists()
}

/// Every room there is a file of.
pub fn all(data: &Path) -> Vec<ChatId> {
    let entries = std::fs::read_dir(folder(data)).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter_map(|name| Some(chat_of(data, name.strip_suffix(".json")?))).collect()
}

/// The chat whose file has this name. Only a name that may be a fingerprint has to be looked behind.
fn chat_of(data: &Path, name: &str) -> ChatId {
    let fingerprint = name.len() == FINGERPRINT && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    let path = folder(data).join(format!("{name}.json"));
    let told = fingerprint.then(|| crate::plain::read_text(&path, ROOM_MAX).ok()).flatten();
    let room = told.and_then(|text| serde_json::from_str::<Room>(&text).ok());
    room.and_then(|room| room.chat_id).unwrap_or_else(|| ChatId::new(name))
}

fn folder(data: &Path) -> PathBuf {
    data.join("rooms")
}

/// An id is a name of a file as it is, unless it is unlike any.
fn file_name(chat: &ChatId) -> String {
    if is_plain(chat) {
        chat.as_str().to_owned()
    } else {
        crate::journal::fingerprint_hex("room", chat.as_str())
    }
}

fn is_plain(chat: &ChatId) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    (1..=100).contains(&chat.as_str().len()) && chat.as_str().chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_are_found_again_by_the_ids_that_were_put_in() {
        let folder = tempfile::tempdir().unwrap();
        let (clock, limits) = (Clock::system(), limits(&LoopGuardOptions::default()));
        let long = "x".repeat(300);
        let ids = [
            "oc_1",
            "C1:2.3",
            "../../etc",
            "a\"b",
            "漢字",
            "C0123ABC",
            &long,
            "0123456789abcdef0123456789abcdef",
        ];
        for (count, id) in ids.iter().enumerate() {
            let chat = ChatId::new(*id);
            change(folder.path(), &chat, &clock, limits, |room, _| room.told = Some(count.to_string()))
                .unwrap();
        }
        let mut found: Vec<String> = all(folder.path()).iter().map(ToString::to_string).collect();
        let mut expected: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected);
        for (count, id) in ids.iter().enumerate() {
            let room = load(folder.path(), &ChatId::new(*id), &clock, limits).unwrap();
            assert_eq!(
                (room.told, exists(folder.path(), &ChatId::new(*id))),
                (Some(count.to_string()), true)
            );
        }
    }

    #[test]
    fn a_message_that_several_hear_opens_the_floor_once() {
        let mut room = Room::default();
        // Two messages, told to two profiles each, one between the lines of the other.
        let opened: Vec<&str> =
            ["om_1", "om_2", "om_1", "om_2"].into_iter().filter(|id| room.asks(id)).collect();
        assert_eq!(opened, ["om_1", "om_2"]);
        assert!((0..ASKED_MAX * 2).all(|n| room.asks(&n.to_string())));
        assert_eq!(room.asked.len(), ASKED_MAX);
    }
}
