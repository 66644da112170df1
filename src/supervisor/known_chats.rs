//! `data/<profile>/known_chats.json`: which chats a bot is in. Written under a lock and as a whole, so that
//! several processes may do so.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::stored::{self, Stored};
use crate::clock::{WallMs, rfc3339_ms};
use crate::error::Result;
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

/// What became of the list when it was compared with the platform's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Synced {
    /// How many the platform lists.
    pub chats: usize,
    pub changes: Vec<Change>,
}

/// What a line tells about a chat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

    /// Brings the file in line with what the platform lists: gives back who came and who is gone. Nothing is
    /// deleted. Of chats that an event told of meanwhile, the list is the older news.
    pub fn reconcile(
        &mut self,
        live: &[(ChatId, String)],
        told: &BTreeSet<String>,
        now: WallMs,
    ) -> Vec<Change> {
        let mut changes = Vec::new();
        for (chat_id, name) in live.iter().filter(|(chat_id, _)| !told.contains(chat_id.as_str())) {
            let name = Some(name.clone()).filter(|name| !name.is_empty());
            let known = self.chats.get(chat_id.as_str());
            let change = Change { chat_id: chat_id.clone(), name, state: Some(ChatState::Joined) };
            if known.is_none_or(|known| known.state != ChatState::Joined) {
                changes.push(change.clone());
            }
            self.apply(&change, now);
        }
        let here = |id: &String| live.iter().any(|(chat_id, _)| chat_id.as_str() == id);
        let gone: Vec<String> = self
            .chats
            .iter()
            .filter(|(id, chat)| chat.state == ChatState::Joined && !here(id) && !told.contains(*id))
            .map(|(id, _)| id.clone())
            .collect();
        for id in gone {
            let name = self.chats.get(&id).and_then(|chat| chat.name.clone());
            let change = Change { chat_id: ChatId::new(id), name, state: Some(ChatState::Removed) };
            self.apply(&change, now);
            changes.push(change);
        }
        changes
    }

    /// Reads, changes and replaces the file, alone.
    pub fn update<R>(folder: &Path, now: WallMs, change: impl FnOnce(&mut KnownChats) -> R) -> Result<R> {
        stored::update(folder, now, change)
    }

    pub fn load(folder: &Path, now: WallMs) -> Result<KnownChats> {
        stored::load(folder, now)
    }
}

impl Stored for KnownChats {
    const NAME: &'static str = "known_chats";
    const VERSION: u32 = VERSION;

    fn version(&mut self) -> &mut u32 {
        &mut self.version
    }
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
    fn what_the_platform_lists_mends_the_file_and_what_is_gone_is_marked() {
        let mut known = KnownChats::default();
        let live = |ids: &[&str]| -> Vec<(ChatId, String)> {
            ids.iter().map(|id| (ChatId::new(*id), format!("name of {id}"))).collect()
        };
        let ids = |changes: Vec<Change>| -> Vec<(String, ChatState)> {
            changes.into_iter().map(|change| (change.chat_id.to_string(), change.state.unwrap())).collect()
        };
        let joined = |id: &str| (id.to_owned(), ChatState::Joined);
        let none = BTreeSet::new();
        assert_eq!(ids(known.reconcile(&live(&["a", "b"]), &none, 1)), [joined("a"), joined("b")]);
        assert_eq!(ids(known.reconcile(&live(&["a", "b"]), &none, 2)), []);
        let changes = ids(known.reconcile(&live(&["a", "c"]), &none, 3));
        assert_eq!(changes, [joined("c"), ("b".to_owned(), ChatState::Removed)]);
        assert_eq!(known.chats["b"].name.as_deref(), Some("name of b"));
        assert_eq!(ids(known.reconcile(&live(&["a", "b", "c"]), &none, 4)), [joined("b")]);
        // A list that was asked for before an event came knows less than the event.
        let told = BTreeSet::from(["c".to_owned(), "d".to_owned()]);
        assert_eq!(ids(known.reconcile(&live(&["a", "b", "d"]), &told, 5)), []);
        assert!(known.chats["c"].state == ChatState::Joined && !known.chats.contains_key("d"));
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
