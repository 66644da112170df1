//! What is kept of each room in `data/rooms/CHAT.json`: its loop guard and its floor. Commands and the supervisor
//! change it under one lock, so that a send is counted whichever way it goes.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::stored::{self, Stamp, Stored};
use crate::clock::{Clock, boot_id, millis, steady_ms};
use crate::config::{LoopGuardOptions, RoomPolicy};
use crate::core::turns::Rules;
use crate::core::turns::floor::Floor;
use crate::core::turns::guard::{Guard, Limits, Why};
use crate::error::{Error, Kind, Result};
use crate::event::ids::{ChatId, Realm, RoomId};

const VERSION: u32 = 1;

/// The rooms' position in the journal.
pub const CURSOR: &str = "rooms";

/// Up to where a journal was counted in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// Which journal: another one begins with small positions again.
    pub(super) born: u64,
    pub(super) seq: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    pub version: u32,
    /// Whose file it is, where its name cannot tell. Absent in files of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    chat_id: Option<ChatId>,
    /// Where that id means something. Absent in files of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    realm: Option<Realm>,
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

/// Changes a room. The function is given steady time.
pub fn change<R>(
    data: &Path,
    of: &RoomId,
    clock: &Clock,
    limits: Limits,
    change: impl FnOnce(&mut Room, i64) -> R,
) -> Result<R> {
    let (now, mut change) = (steady_ms(), Some(change));
    loop {
        let changed =
            stored::update_named(&folder(data), &file_of(data, of), clock.wall_ms(), |room: &mut Room| {
                // Of another realm, since a moment ago.
                if room.realm.as_ref().is_some_and(|realm| *realm != of.realm) {
                    return None;
                }
                room.rebase(boot_id(), now, limits);
                // What an older version has kept goes on being everybody's who means that chat: nobody loses a pause.
                if room.version == 0 {
                    room.realm = Some(of.realm.clone());
                    room.chat_id = Some(of.chat.clone());
                }
                change.take().map(|change| change(room, now))
            })?;
        if let Some(outcome) = changed {
            return Ok(outcome);
        }
    }
}

/// The room as it is. Who only looks leaves the file alone.
pub fn load(data: &Path, of: &RoomId, clock: &Clock, limits: Limits) -> Result<Room> {
    let mut room: Room = stored::load_named(&folder(data), &file_of(data, of), clock.wall_ms())?;
    room.rebase(boot_id(), steady_ms(), limits);
    Ok(room)
}

pub fn stamp(data: &Path, of: &RoomId) -> Stamp {
    stored::stamp_named(&folder(data), &file_of(data, of))
}

/// Fails where a person has silenced a chat. What is no turn in a talk may be said in any other.
pub fn may_speak(data: &Path, of: &RoomId, clock: &Clock) -> Result<()> {
    let mut room = load(data, of, clock, limits(&LoopGuardOptions::default()))?;
    room.guard.lift(steady_ms());
    match room.guard.paused() {
        Some(pause) if pause.why == Why::Manual => {
            Err(Error::new(Kind::Policy, "a person has paused this room").subtype("room_paused"))
        }
        _ => Ok(()),
    }
}

pub fn exists(data: &Path, of: &RoomId) -> bool {
    path(data, &file_of(data, of)).exists()
}

/// Is there any room at all?
pub fn any(data: &Path) -> bool {
    names(data).next().is_some()
}

/// Every room there is a file of. `old` says where a room is that an older version has kept.
pub fn all(data: &Path, old: impl Fn(&ChatId) -> RoomId) -> Vec<RoomId> {
    let room = |name: String| {
        let Head { chat_id, realm } = head(data, &name);
        let chat = chat_id.unwrap_or_else(|| ChatId::new(name));
        match realm {
            Some(realm) => RoomId { realm, chat },
            None => old(&chat),
        }
    };
    names(data).map(room).collect()
}

fn names(data: &Path) -> impl Iterator<Item = String> {
    let entries = std::fs::read_dir(folder(data)).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter_map(|name| Some(name.strip_suffix(".json")?.to_owned()))
}

/// Whose file it is, as far as it says so.
#[derive(Clone, Default, Deserialize)]
struct Head {
    chat_id: Option<ChatId>,
    realm: Option<Realm>,
}

/// What files said when they were looked into last: that is done for every room, again and again.
static HEADS: Mutex<BTreeMap<PathBuf, (Stamp, Head)>> = Mutex::new(BTreeMap::new());

fn head(data: &Path, name: &str) -> Head {
    let (path, stamp) = (path(data, name), stored::stamp_named(&folder(data), name));
    let heads = || HEADS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, head)) = heads().get(&path).filter(|(seen, _)| *seen == stamp) {
        return head.clone();
    }
    let told = crate::plain::read_text(&path, ROOM_MAX).ok();
    let head: Head = told.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    heads().insert(path, (stamp, head.clone()));
    head
}

fn folder(data: &Path) -> PathBuf {
    data.join("rooms")
}

fn path(data: &Path, name: &str) -> PathBuf {
    folder(data).join(format!("{name}.json"))
}

/// An id is a name of a file as it is, unless it is unlike any, or stands for a room of another realm already.
fn file_of(data: &Path, of: &RoomId) -> String {
    let chat = of.chat.as_str();
    let name =
        if is_plain(&of.chat) { chat.to_owned() } else { crate::journal::fingerprint_hex("room", chat) };
    match head(data, &name).realm {
        Some(realm) if realm != of.realm => {
            crate::journal::fingerprint_hex("room", &format!("{}\0{chat}", of.realm.as_str()))
        }
        _ => name,
    }
}

fn is_plain(chat: &ChatId) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    (1..=100).contains(&chat.as_str().len()) && chat.as_str().chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(chat: &str) -> RoomId {
        RoomId { realm: Realm::new("r"), chat: ChatId::new(chat) }
    }

    #[test]
    fn the_same_id_in_two_realms_is_two_rooms_and_what_an_older_version_kept_is_everybody_s() {
        let folder = tempfile::tempdir().unwrap();
        let (clock, limits) = (Clock::system(), limits(&LoopGuardOptions::default()));
        crate::folder::make(&folder.path().join("rooms")).unwrap();
        std::fs::write(folder.path().join("rooms/C0.json"), r#"{"version":1,"told":"old"}"#).unwrap();
        assert_eq!(all(folder.path(), |chat| of(chat.as_str())), [of("C0")]);
        let there = |chat: &str| RoomId { realm: Realm::new("s"), chat: ChatId::new(chat) };
        for id in [of("C0"), there("C0")] {
            // Who changes it takes it from nobody.
            let told = change(folder.path(), &id, &clock, limits, |room, now| {
                room.guard.pause(now, None);
                room.told.clone()
            });
            assert_eq!(told.unwrap().as_deref(), Some("old"));
        }
        std::fs::remove_file(folder.path().join("rooms/C0.json")).unwrap();
        let there = there("C1");
        change(folder.path(), &of("C1"), &clock, limits, |room, _| room.told = Some("here".to_owned()))
            .unwrap();
        assert!(!exists(folder.path(), &there));
        change(folder.path(), &there, &clock, limits, |room, _| {
            assert_eq!(room.told.replace("there".to_owned()), None);
        })
        .unwrap();
        for (id, told) in [(of("C1"), "here"), (there.clone(), "there")] {
            assert_eq!(load(folder.path(), &id, &clock, limits).unwrap().told.as_deref(), Some(told));
        }
        let mut found = all(folder.path(), |chat| panic!("{chat} says where it is"));
        found.sort();
        assert_eq!(found, [of("C1"), there]);
    }

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
            change(folder.path(), &of(id), &clock, limits, |room, _| room.told = Some(count.to_string()))
                .unwrap();
        }
        let nowhere = |chat: &ChatId| panic!("{chat} says where it is");
        let mut found: Vec<String> = all(folder.path(), nowhere).iter().map(ToString::to_string).collect();
        let mut expected: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected);
        for (count, id) in ids.iter().enumerate() {
            let room = load(folder.path(), &of(id), &clock, limits).unwrap();
            assert_eq!((room.told, exists(folder.path(), &of(id))), (Some(count.to_string()), true));
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
