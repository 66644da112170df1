//! Somebody reacts to what was said, or takes back what they said.

use std::sync::Arc;

use serde::Deserialize;

use super::{DONE, Done, find_message, find_somebody};
use crate::error::{Error, Result};
use crate::sandbox::delivery;
use crate::sandbox::lock::lock;
use crate::sandbox::platform::Platform;
use crate::sandbox::shared::Shared;
use crate::sandbox::world::change::Change;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct React {
    pub message_id: String,
    pub from: Option<String>,
    pub emoji: String,
    /// Takes the reaction away again.
    pub remove: bool,
}

pub fn react<P: Platform>(shared: &Arc<Shared<P>>, react: React) -> Result<Done> {
    if !shared.platform.has_emoji(&react.emoji) {
        return Err(Error::validation(format!("`{}` is no emoji_type", react.emoji)));
    }
    let now_ms = shared.clock.wall_ms();
    let mut world = lock(&shared.world);
    let message = find_message(&world, &react.message_id)?;
    let by = find_somebody(&world, react.from.as_deref())?;
    if react.remove {
        let reactions = world.message(message).map(|known| known.reactions.as_slice()).unwrap_or_default();
        let known = reactions.iter().find(|known| known.by == by && known.emoji == react.emoji);
        let known = known.ok_or_else(|| Error::validation("there is no such reaction"))?.number;
        world.unreact(message, known);
    } else if !world.react(message, &react.emoji, by, now_ms).1 {
        return Ok(DONE);
    }
    let change = Change::Reacted { message, emoji: react.emoji, by, added: !react.remove };
    delivery::tell(shared, world, &[change], now_ms);
    Ok(DONE)
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Recall {
    pub message_id: String,
    /// Whose right it was, in the platform's word; the author's own unless said otherwise.
    pub recall_type: Option<String>,
}

pub fn recall<P: Platform>(shared: &Arc<Shared<P>>, recall: Recall) -> Result<Done> {
    let now_ms = shared.clock.wall_ms();
    let mut world = lock(&shared.world);
    let number = find_message(&world, &recall.message_id)?;
    if let Some(message) = world.message_mut(number) {
        message.deleted = true;
    }
    let change = Change::Recalled { message: number, by_right: recall.recall_type };
    delivery::tell(shared, world, &[change], now_ms);
    Ok(DONE)
}
