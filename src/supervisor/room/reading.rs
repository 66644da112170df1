//! What rooms learn from the journal, and from the lists of chats.

use std::collections::{BTreeMap, BTreeSet};

use super::super::known_chats::{ChatState, KnownChats};
use super::super::room_heard::Talk;
use super::super::rooms::{self, Room};
use super::super::task::blocking;
use super::{CURSOR, Rooming};
use crate::error::{Error, NEWER, Result};
use crate::event::ids::ChatId;
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
    pub fn round(&mut self, rooming: &Rooming) -> Result<BTreeSet<ChatId>> {
        let mut changed = BTreeSet::new();
        if crate::fault::fails("rooms") {
            return Err(Error::storage("injected: the rooms are not counted"));
        }
        loop {
            // Rooms with a file count people too; a chat of people only costs nothing.
            let mut counted: BTreeSet<String> =
                rooms::all(&rooming.data).into_iter().map(|chat| chat.to_string()).collect();
            let said = self.reader.said(self.position, |of| {
                if !of.replayed {
                    rooming.rooms.set_member(&ChatId::new(of.chat_id), of.profile, true);
                }
                if of.makes_a_room() && !counted.contains(of.chat_id) {
                    counted.insert(of.chat_id.to_owned());
                }
                counted.contains(of.chat_id)
            })?;
            if said.looked_to == self.position {
                return Ok(changed);
            }
            let mut by_chat: BTreeMap<ChatId, Talk> = BTreeMap::new();
            for line in said.lines {
                let talk = by_chat.entry(line.message.chat_id.clone());
                talk.or_insert_with(|| Talk { born: self.born, lines: Vec::new() }).lines.push(line);
            }
            for (chat, talk) in by_chat {
                match hear(rooming, &chat, &talk) {
                    Ok(true) => drop(changed.insert(chat)),
                    Ok(false) => {}
                    // Nothing here will ever read that file: the other rooms go on.
                    Err(error) if error.subtype.as_deref() == Some(NEWER) => {
                        tracing::error!(%chat, %error, "a room is not counted");
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
fn hear(rooming: &Rooming, chat: &ChatId, talk: &Talk) -> Result<bool> {
    let rules = rooms::rules(&(rooming.policy)(chat));
    let counted = |room: &mut Room, now| talk.count(room, now, rules);
    rooms::change(&rooming.data, chat, &rooming.clock, rules.limits, counted)
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
