//! Groups are made, renamed, described and dissolved.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{find_actor, find_chat, find_person};
use crate::error::{Error, Result};
use crate::sandbox::delivery;
use crate::sandbox::lock::lock;
use crate::sandbox::platform::Platform;
use crate::sandbox::shared::Shared;
use crate::sandbox::world::World;
use crate::sandbox::world::actor::Actor;
use crate::sandbox::world::change::{Change, Renamed};
use crate::sandbox::world::chat::{Chat as Group, Mode};

/// Makes a group, or changes the one named by `chat`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Chat {
    pub chat: Option<String>,
    pub name: Option<String>,
    /// Of a new group; everybody when absent.
    pub members: Option<Vec<String>>,
    /// A topic group.
    pub topic: bool,
    pub description: Option<String>,
    pub announcement: Option<String>,
    /// The announcement is of the older generation.
    pub legacy_announcement: Option<bool>,
    pub muted: Option<bool>,
    pub dissolve: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ChatAnswer {
    pub chat_id: String,
}

pub fn chat<P: Platform>(shared: &Arc<Shared<P>>, request: Chat) -> Result<ChatAnswer> {
    let now_ms = shared.clock.wall_ms();
    let mut world = lock(&shared.world);
    let mut changes = Vec::new();
    let chat = match &request.chat {
        Some(name) => {
            let chat = find_chat(&world, name)?;
            changes.extend(describe(&mut world, chat, &request)?);
            chat
        }
        None => {
            let chat = create(&mut world, &request, now_ms)?;
            changes.push(Change::ChatMade { chat, by: world.chats[chat].owner });
            chat
        }
    };
    apply(&mut world.chats[chat], &request, now_ms);
    if request.dissolve {
        let by = Actor::Person(find_person(&world, None)?);
        world.chats[chat].dissolved = true;
        changes.push(Change::Dissolved { chat, by });
    }
    let answer = ChatAnswer { chat_id: world.chats[chat].id.clone() };
    delivery::tell(shared, world, &changes, now_ms);
    Ok(answer)
}

fn create(world: &mut World, request: &Chat, now_ms: i64) -> Result<usize> {
    let name = request.name.as_deref().ok_or_else(|| Error::validation("a new chat needs a `name`"))?;
    let members = match &request.members {
        None => world.everybody(),
        Some(names) => names.iter().map(|name| find_actor(world, name)).collect::<Result<_>>()?,
    };
    let mode = if request.topic { Mode::Topic } else { Mode::Group };
    Ok(world.add_chat(Group::new(name, mode, members, now_ms)))
}

/// Name and description, as far as they are given.
fn describe(world: &mut World, chat: usize, request: &Chat) -> Result<Option<Change>> {
    let renamed =
        |old: &String, new: &Option<String>| new.clone().map(|after| Renamed { before: old.clone(), after });
    let known = &world.chats[chat];
    let name = renamed(&known.name, &request.name);
    let description = renamed(&known.description, &request.description);
    if name.is_none() && description.is_none() {
        return Ok(None);
    }
    if let Some(name) = &name {
        world.chats[chat].name.clone_from(&name.after);
    }
    let by = Actor::Person(find_person(world, None)?);
    Ok(Some(Change::Described { chat, by, name, description }))
}

fn apply(group: &mut Group, request: &Chat, now_ms: i64) {
    if let Some(description) = &request.description {
        group.description.clone_from(description);
    }
    if let Some(muted) = request.muted {
        group.muted = muted;
    }
    if let Some(legacy) = request.legacy_announcement {
        group.announcement.legacy = legacy;
    }
    if let Some(text) = &request.announcement {
        group.announcement.text.clone_from(text);
        group.announcement.revision += 1;
        group.announcement.updated_ms = now_ms;
    }
}
