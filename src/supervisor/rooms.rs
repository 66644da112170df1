//! What is kept of each room in `data/rooms/CHAT.json`: its loop guard and its floor. Commands and the supervisor
//! change it under one lock, so that a send is counted whichever way it goes.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::stored::{self, Stamp, Stored};
use crate::clock::{Clock, boot_id, steady_ms};
use crate::config::LoopGuardOptions;
use crate::core::floor::Floor;
use crate::core::guard::{Guard, Limits, Why};
use crate::error::{Error, Kind, Result};
use crate::event::ids::ChatId;

const VERSION: u32 = 1;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    pub version: u32,
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

/// A rate beyond this is none that a chat takes.
const PER_MINUTE_MAX: u32 = 600;

pub fn limits(options: &LoopGuardOptions) -> Limits {
    Limits {
        turns: options.turns.max(1) as usize,
        per_minute: options.per_minute.clamp(1, PER_MINUTE_MAX) as usize,
        cooldown_ms: i64::try_from(options.cooldown.0.as_millis()).unwrap_or(i64::MAX),
    }
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
    names.filter_map(|name| name.strip_suffix(".json").map(ChatId::new)).collect()
}

fn folder(data: &Path) -> PathBuf {
    data.join("rooms")
}

/// An id is a name of a file as it is, unless it is unlike any.
fn file_name(chat: &ChatId) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if (1..=100).contains(&chat.as_str().len()) && chat.as_str().chars().all(plain) {
        return chat.as_str().to_owned();
    }
    crate::journal::fingerprint_hex("room", chat.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

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
