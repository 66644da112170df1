//! Members of groups come and go.

use std::sync::Arc;

use serde::Deserialize;

use super::{DONE, Done, find_actor, find_chat, find_somebody};
use crate::error::{Error, Result};
use crate::sandbox::delivery;
use crate::sandbox::lock::lock;
use crate::sandbox::platform::Platform;
use crate::sandbox::shared::Shared;
use crate::sandbox::world::change::Change;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Member {
    pub chat: String,
    pub add: Option<String>,
    pub remove: Option<String>,
    /// Who does it; the first person when absent.
    pub by: Option<String>,
    /// The removal is the withdrawal of an invitation.
    pub withdrawn: bool,
}

pub fn member<P: Platform>(shared: &Arc<Shared<P>>, member: Member) -> Result<Done> {
    let now_ms = shared.clock.wall_ms();
    let mut world = lock(&shared.world);
    let chat = find_chat(&world, &member.chat)?;
    let by = find_somebody(&world, member.by.as_deref())?;
    let change = match (&member.add, &member.remove) {
        (Some(name), None) => {
            let who = find_actor(&world, name)?;
            if world.is_member(chat, who) {
                return Err(Error::validation(format!("{} is in the chat already", world.actor_name(who))));
            }
            world.chats[chat].members.push(who);
            Change::Joined { chat, who, by }
        }
        (None, Some(name)) => {
            let who = find_actor(&world, name)?;
            if !world.is_member(chat, who) {
                return Err(Error::validation(format!("{} is not in the chat", world.actor_name(who))));
            }
            world.chats[chat].members.retain(|known| *known != who);
            Change::Left { chat, who, by, withdrawn: member.withdrawn }
        }
        (Some(_), Some(_)) | (None, None) => {
            return Err(Error::validation("exactly one of `add` and `remove` is needed"));
        }
    };
    delivery::tell(shared, world, &[change], now_ms);
    Ok(DONE)
}
