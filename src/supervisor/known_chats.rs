//! `data/<profile>/known_chats.json`: which chats a bot is in. Written under a lock and as a whole, so that
//! several processes may do so.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::clock::{WallMs, rfc3339_ms};
use crate::error::{Error, Result};
use crate::event::ids::ChatId;

const VERSION: u32 = 1;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownChats {
    pub version: u32,
    pub chats: BTreeMap<String, KnownChat>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownChat {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub state: ChatState,
    /// RFC 3339, when the state was learnt.
    pub since: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChatState {
    Joined,
    Removed,
    Disbanded,
}

impl Default for KnownChats {
    fn default() -> KnownChats {
        KnownChats { version: VERSION, chats: BTreeMap::new() }
    }
}

/// What a line tells about a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub chat_id: ChatId,
    pub name: Option<String>,
    /// Absent when only the name is told.
    pub state: Option<ChatState>,
}

impl KnownChats {
    pub fn apply(&mut self, change: &Change, now: WallMs) {
        let known = self.chats.entry(change.chat_id.as_str().to_owned());
        // A chat that was never told of, and is now only renamed, is one the bot is in.
        let fallback = KnownChat { name: None, state: ChatState::Joined, since: rfc3339_ms(now) };
        let known = known.or_insert(fallback);
        if change.name.is_some() {
            known.name.clone_from(&change.name);
        }
        if let Some(state) = change.state
            && state != known.state
        {
            known.state = state;
            known.since = rfc3339_ms(now);
        }
    }

    /// Reads, changes and replaces the file, alone.
    pub fn update(folder: &Path, now: WallMs, change: impl FnOnce(&mut KnownChats)) -> Result<()> {
        std::fs::create_dir_all(folder).map_err(|error| failed("create", folder, &error))?;
        let lock_path = folder.join("known_chats.lock");
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&lock_path);
        let lock = lock.map_err(|error| failed("open", &lock_path, &error))?;
        lock.lock().map_err(|error| failed("lock", &lock_path, &error))?;
        let path = file(folder);
        let mut known = read_or_set_aside(&path, now)?;
        change(&mut known);
        replace(&path, &known)
    }

    pub fn load(folder: &Path, now: WallMs) -> Result<KnownChats> {
        read_or_set_aside(&file(folder), now)
    }
}

fn file(folder: &Path) -> PathBuf {
    folder.join("known_chats.json")
}

/// A file that does not parse is kept under another name, never overwritten.
fn read_or_set_aside(path: &Path, now: WallMs) -> Result<KnownChats> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(KnownChats::default()),
        Err(error) => return Err(failed("open", path, &error)),
    };
    match serde_json::from_slice::<KnownChats>(&text) {
        Ok(known) if known.version <= VERSION => Ok(known),
        Ok(known) => Err(Error::storage(format!(
            "{} has version {}, written by a newer rooma",
            path.display(),
            known.version
        ))),
        Err(error) => {
            let aside = path.with_extension(format!("json.corrupt-{now}"));
            std::fs::rename(path, &aside).map_err(|error| failed("set aside", path, &error))?;
            tracing::error!(%error, kept_as = %aside.display(), "the file of known chats does not parse");
            Ok(KnownChats::default())
        }
    }
}

fn replace(path: &Path, known: &KnownChats) -> Result<()> {
    let text = serde_json::to_vec_pretty(known).expect("names and words");
    let fresh = path.with_extension(format!("json.new-{}", std::process::id()));
    let write = || {
        let mut file = File::create(&fresh)?;
        file.write_all(&text)?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        std::fs::rename(&fresh, path)
    };
    write().map_err(|error| failed("write", path, &error))
}

fn failed(what: &str, path: &Path, error: &std::io::Error) -> Error {
    Error::storage(format!("failed to {what} {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(name: Option<&str>, state: Option<ChatState>) -> Change {
        Change { chat_id: ChatId::new("oc_1"), name: name.map(str::to_owned), state }
    }

    #[test]
    fn a_chat_keeps_its_name_when_it_is_left() {
        let mut known = KnownChats::default();
        known.apply(&change(Some("Ops"), Some(ChatState::Joined)), 0);
        known.apply(&change(None, Some(ChatState::Removed)), 1000);
        let chat = &known.chats["oc_1"];
        assert_eq!((chat.name.as_deref(), chat.state), (Some("Ops"), ChatState::Removed));
        assert_eq!(chat.since, "1970-01-01T00:00:01.000Z");
    }

    #[test]
    fn many_writers_lose_nothing() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for writer in 0..20 {
                let folder = folder.path();
                scope.spawn(move || {
                    let change = Change {
                        chat_id: ChatId::new(format!("oc_{writer}")),
                        name: None,
                        state: Some(ChatState::Joined),
                    };
                    KnownChats::update(folder, 0, |known| known.apply(&change, 0)).unwrap();
                });
            }
        });
        assert_eq!(KnownChats::load(folder.path(), 0).unwrap().chats.len(), 20);
    }

    #[test]
    fn a_corrupt_file_is_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("known_chats.json"), "{ half").unwrap();
        KnownChats::update(folder.path(), 77, |known| known.apply(&change(None, None), 0)).unwrap();
        assert_eq!(std::fs::read(folder.path().join("known_chats.json.corrupt-77")).unwrap(), b"{ half");
        assert_eq!(KnownChats::load(folder.path(), 0).unwrap().chats.len(), 1);
    }
}
