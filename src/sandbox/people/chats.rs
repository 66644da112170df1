//! Groups change: members come and go, chats are made, renamed and dissolved, scopes granted and revoked.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{DONE, Done, find_actor, find_app, find_chat, find_person};
use crate::error::{Error, Result};
use crate::sandbox::delivery;
use crate::sandbox::feishu::notices::Notice;
use crate::sandbox::feishu::scopes;
use crate::sandbox::shared::{Shared, lock};
use crate::sandbox::world::World;
use crate::sandbox::world::actor::Actor;
use crate::sandbox::world::chat::{Chat as Room, Mode};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Member {
    pub chat: String,
    pub add: Option<String>,
    pub remove: Option<String>,
    /// Who does it; the first person when absent. A bot that adds a bot causes no event, as on the platform.
    pub by: Option<String>,
    /// The removal is the withdrawal of an invitation.
    pub withdrawn: bool,
}

pub fn member(shared: &Arc<Shared>, member: Member) -> Result<Done> {
    let now_ms = shared.clock.wall_ms();
    let mut world = lock(&shared.world);
    let chat = find_chat(&world, &member.chat)?;
    let by = match &member.by {
        Some(name) => find_actor(&world, name)?,
        None => Actor::Person(find_person(&world, None)?),
    };
    let notices = match (&member.add, &member.remove) {
        (Some(name), None) => {
            let who = find_actor(&world, name)?;
            add(&mut world, chat, who, by, now_ms)?
        }
        (None, Some(name)) => {
            let who = find_actor(&world, name)?;
            remove(&mut world, chat, who, by, member.withdrawn, now_ms)?
        }
        (Some(_), Some(_)) | (None, None) => {
            return Err(Error::validation("exactly one of `add` and `remove` is needed"));
        }
    };
    drop(world);
    delivery::publish(shared, notices);
    Ok(DONE)
}

fn add(world: &mut World, chat: usize, who: Actor, by: Actor, now_ms: i64) -> Result<Vec<Notice>> {
    if world.is_member(chat, who) {
        return Err(Error::validation(format!("{} is in the chat already", world.actor_name(who))));
    }
    world.chats[chat].members.push(who);
    Ok(match who {
        Actor::Bot(_) if by.is_bot() => Vec::new(),
        Actor::Bot(app) => bot_notice(world, app, chat, by, "im.chat.member.bot.added_v1", now_ms),
        Actor::Person(_) => user_notices(world, chat, who, by, "im.chat.member.user.added_v1", now_ms),
    })
}

fn remove(
    world: &mut World,
    chat: usize,
    who: Actor,
    by: Actor,
    withdrawn: bool,
    now_ms: i64,
) -> Result<Vec<Notice>> {
    if !world.is_member(chat, who) {
        return Err(Error::validation(format!("{} is not in the chat", world.actor_name(who))));
    }
    world.chats[chat].members.retain(|member| *member != who);
    let event_type =
        if withdrawn { "im.chat.member.user.withdrawn_v1" } else { "im.chat.member.user.deleted_v1" };
    Ok(match who {
        Actor::Bot(app) => bot_notice(world, app, chat, by, "im.chat.member.bot.deleted_v1", now_ms),
        Actor::Person(_) => user_notices(world, chat, who, by, event_type, now_ms),
    })
}

/// To the bot that came or went, and to no other.
fn bot_notice(
    world: &mut World,
    app: usize,
    chat: usize,
    by: Actor,
    event_type: &str,
    now_ms: i64,
) -> Vec<Notice> {
    if !world.has_scope(app, scopes::BOT_MEMBERSHIP) {
        return Vec::new();
    }
    let event = world.group_event(app, chat, Some(by));
    vec![world.notice(app, event_type, now_ms, event)]
}

fn user_notices(
    world: &mut World,
    chat: usize,
    who: Actor,
    by: Actor,
    event_type: &str,
    now_ms: i64,
) -> Vec<Notice> {
    world.chat_notices(chat, event_type, scopes::USER_MEMBERSHIP, now_ms, |world, app| {
        let mut event = world.group_event(app, chat, Some(by));
        event["users"] = json!([{
            "name": world.actor_name(who), "tenant_key": world.tenant_key,
            "user_id": world.user_id_object(app, who),
        }]);
        event
    })
}

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

pub fn chat(shared: &Arc<Shared>, request: Chat) -> Result<ChatAnswer> {
    let now_ms = shared.clock.wall_ms();
    let mut world = lock(&shared.world);
    let (chat, mut notices) = match &request.chat {
        Some(name) => {
            let chat = find_chat(&world, name)?;
            (chat, rename(&mut world, chat, &request, now_ms)?)
        }
        None => create(&mut world, &request, now_ms)?,
    };
    apply(&mut world.chats[chat], &request, now_ms);
    if request.dissolve {
        let operator = Actor::Person(find_person(&world, None)?);
        notices.extend(world.chat_notices(
            chat,
            "im.chat.disbanded_v1",
            scopes::CHAT_CHANGES,
            now_ms,
            |world, app| world.group_event(app, chat, Some(operator)),
        ));
        world.chats[chat].dissolved = true;
    }
    let answer = ChatAnswer { chat_id: world.chats[chat].id.clone() };
    drop(world);
    delivery::publish(shared, notices);
    Ok(answer)
}

fn create(world: &mut World, request: &Chat, now_ms: i64) -> Result<(usize, Vec<Notice>)> {
    let name = request.name.as_deref().ok_or_else(|| Error::validation("a new chat needs a `name`"))?;
    let everybody = || {
        let people = (0..world.people.len()).map(Actor::Person);
        people.chain((0..world.apps.len()).map(Actor::Bot)).collect::<Vec<Actor>>()
    };
    let members = match &request.members {
        None => everybody(),
        Some(names) => names.iter().map(|name| find_actor(world, name)).collect::<Result<_>>()?,
    };
    let mode = if request.topic { Mode::Topic } else { Mode::Group };
    let chat = world.add_chat(Room::new(name, mode, members, now_ms));
    let by = world.chats[chat].owner;
    let bots: Vec<usize> = world.chats[chat].bots().collect();
    let mut notices = Vec::new();
    if let Some(by) = by {
        for app in bots {
            notices.extend(bot_notice(world, app, chat, by, "im.chat.member.bot.added_v1", now_ms));
        }
    }
    Ok((chat, notices))
}

fn rename(world: &mut World, chat: usize, request: &Chat, now_ms: i64) -> Result<Vec<Notice>> {
    let changes = [
        ("name", &request.name, world.chats[chat].name.clone()),
        ("description", &request.description, world.chats[chat].description.clone()),
    ];
    let (mut before, mut after) = (json!({}), json!({}));
    for (key, new, old) in &changes {
        if let Some(new) = new {
            before[*key] = json!(old);
            after[*key] = json!(new);
        }
    }
    if after == json!({}) {
        return Ok(Vec::new());
    }
    if let Some(name) = &request.name {
        world.chats[chat].name.clone_from(name);
    }
    let operator = Actor::Person(find_person(world, None)?);
    Ok(world.chat_notices(chat, "im.chat.updated_v1", scopes::CHAT_CHANGES, now_ms, |world, app| {
        let mut event: Value = world.group_event(app, chat, Some(operator));
        event["before_change"] = before.clone();
        event["after_change"] = after.clone();
        event
    }))
}

fn apply(room: &mut Room, request: &Chat, now_ms: i64) {
    if let Some(description) = &request.description {
        room.description.clone_from(description);
    }
    if let Some(muted) = request.muted {
        room.muted = muted;
    }
    if let Some(legacy) = request.legacy_announcement {
        room.announcement.legacy = legacy;
    }
    if let Some(text) = &request.announcement {
        room.announcement.text.clone_from(text);
        room.announcement.revision += 1;
        room.announcement.updated_ms = now_ms;
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scopes {
    pub app: String,
    pub grant: Vec<String>,
    pub revoke: Vec<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ScopesAnswer {
    pub scopes: Vec<String>,
}

pub fn scopes(shared: &Arc<Shared>, request: Scopes) -> Result<ScopesAnswer> {
    let mut world = lock(&shared.world);
    let app = find_app(&world, &request.app)?;
    let scopes = &mut world.apps[app].scopes;
    for scope in &request.revoke {
        if !scopes.remove(scope) {
            return Err(Error::validation(format!("{} has no scope `{scope}`", request.app)));
        }
    }
    scopes.extend(request.grant);
    Ok(ScopesAnswer { scopes: scopes.iter().cloned().collect() })
}
