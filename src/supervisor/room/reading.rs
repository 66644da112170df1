//! What rooms learn from the journal, and from the lists of chats.

use std::collections::{BTreeMap, BTreeSet};

use super::super::known_chats::{ChatState, KnownChats};
use super::super::room_heard::Backlog;
use super::super::rooms::{self, CURSOR, Room};
use super::super::task::blocking;
use super::Rooming;
use crate::error::{Error, NEWER, Result};
use crate::event::ids::{ChatId, RoomId};
use crate::journal::{Cursors, Reader};

pub struct Work {
    pub reader: Reader,
    /// Which journal it reads.
    pub born: u64,
    pub cursors: Cursors,
    pub position: u64,
}

impl Work {
    /// Reads to the newest line. Gives back the rooms in which something changed.
    pub fn round(&mut self, rooming: &Rooming) -> Result<BTreeSet<RoomId>> {
        let mut changed = BTreeSet::new();
        if crate::fault::fails("rooms") {
            return Err(Error::storage("injected: the rooms are not counted"));
        }
        loop {
            // Rooms with a file count people too; a chat of people only costs nothing.
            let mut counted: BTreeMap<RoomId, bool> = BTreeMap::new();
            let said = self.reader.said(self.position, |of| {
                let chat = ChatId::new(of.chat_id);
                if !of.replayed {
                    rooming.rooms.set_member(&chat, of.profile, true);
                }
                let room = rooming.rooms.room(of.profile, &chat);
                let exists = |room: &RoomId| rooms::exists(&rooming.data, room);
                let counts = counted.entry(room).or_insert_with_key(exists);
                *counts |= of.makes_a_room();
                *counts
            })?;
            if said.looked_to == self.position {
                return Ok(changed);
            }
            let mut by_room: BTreeMap<RoomId, Backlog> = BTreeMap::new();
            for line in said.lines {
                let backlog = by_room.entry(rooming.rooms.room(&line.profile, &line.message.chat_id));
                backlog.or_insert_with(|| Backlog { born: self.born, lines: Vec::new() }).lines.push(line);
            }
            for (room, backlog) in by_room {
                match hear(rooming, &room, &backlog) {
                    Ok(true) => drop(changed.insert(room)),
                    Ok(false) => {}
                    // Nothing here will ever read that file: the other rooms go on.
                    Err(error) if error.subtype.as_deref() == Some(NEWER) => {
                        tracing::error!(%room, %error, "a room is not counted");
                    }
                    Err(error) => return Err(error),
                }
            }
            self.position = said.looked_to;
            self.cursors.store(CURSOR, self.position);
        }
    }
}

/// Counts what was said in one chat. True where that paused or resumed it.
fn hear(rooming: &Rooming, of: &RoomId, backlog: &Backlog) -> Result<bool> {
    let rules = rooms::rules(&(rooming.policy)(&of.chat));
    let counted = |room: &mut Room, now| backlog.count(room, now, rules);
    rooms::change(&rooming.data, of, &rooming.clock, rules.limits, counted)
}

/// Who sits where, as the lists of chats say.
pub async fn remember(rooming: &Rooming) {
    let rooming = rooming.clone();
    let profiles = rooming.asker.profiles().await.unwrap_or_default();
    let known = blocking(move || {
        for profile in profiles {
            let folder = rooming.data.join(&profile.profile);
            let known = KnownChats::load(&folder, rooming.clock.wall_ms()).unwrap_or_default();
            for (id, _) in known.chats.iter().filter(|(_, chat)| chat.state == ChatState::Joined) {
                rooming.rooms.set_member(&ChatId::new(id.as_str()), &profile.profile, true);
            }
            if !known.chats.is_empty() {
                rooming.rooms.set_listed(&profile.profile);
            }
        }
        Ok(())
    });
    if let Err(error) = known.await {
        tracing::error!(%error, "it is not known who sits where");
    }
}
