//! Is a connection that looks well and brings nothing deaf? The platform's history tells.

use tokio::time::sleep;

use super::super::seat::Seat;
use super::means::{PAUSE, Upkeep};
use crate::clock::{WallMs, millis};
use crate::error::{Kind, Result};
use crate::event::ids::ChatId;
use crate::event::{Deaf, Event};
use crate::transport::verbs::Place;
use crate::transport::{Inbound, Missing};

/// The longest time that a message may still be on its way.
const GRACE_MS: i64 = 30_000;

/// Newest messages looked at per chat.
const NEWEST: usize = 10;

/// Chats tried where some cannot be read: the bot has left them, or may not.
const TRIED_PER_CHAT: usize = 4;

/// Looks whether the busiest chats hold a message that should have come. Says so where one does.
pub async fn is_deaf(upkeep: &Upkeep, seat: &Seat, last_event: WallMs, now: WallMs) -> Result<bool> {
    let Some(chat_id) = unheard(upkeep, seat, last_event, now - grace(upkeep)).await? else {
        return Ok(false);
    };
    let quiet_ms = u64::try_from(now - last_event).unwrap_or(0);
    tracing::warn!(profile = %seat.name, quiet_ms, "connected, and deaf");
    upkeep.appender.say(seat.intake.own(&Event::Deaf(Deaf { chat_id, quiet_ms })));
    Ok(true)
}

/// What was written within this time may still be on its way.
pub fn grace(upkeep: &Upkeep) -> WallMs {
    GRACE_MS.min(millis(upkeep.deaf.quiet_after) / 4)
}

/// The first of the busiest chats that holds a message of that time which should have come and did not.
pub async fn unheard(upkeep: &Upkeep, seat: &Seat, since: WallMs, until: WallMs) -> Result<Option<ChatId>> {
    let name = seat.name.to_string();
    let activity = upkeep.read(move |reader| reader.activity(&name)).await?;
    let mut left = upkeep.deaf.chats;
    for chat in activity.chats.into_iter().take(upkeep.deaf.chats.saturating_mul(TRIED_PER_CHAT)) {
        if left == 0 {
            break;
        }
        let missing = Missing {
            place: Place::Chat(chat.chat_id.clone()),
            chat_type: chat.chat_type,
            since,
            until: Some(until),
            limit: NEWEST,
            hears: activity.hears,
        };
        let missed = match (seat.fetch)(missing).await {
            Ok(missed) => missed,
            Err(error) if error.retryable || error.kind == Kind::Network => return Err(error),
            Err(error) => {
                tracing::debug!(profile = %seat.name, %error, "a chat cannot be looked into");
                sleep(PAUSE).await;
                continue;
            }
        };
        left -= 1;
        if unknown(upkeep, seat, missed.messages).await? {
            return Ok(Some(chat.chat_id));
        }
        sleep(PAUSE).await;
    }
    Ok(None)
}

async fn unknown(upkeep: &Upkeep, seat: &Seat, messages: Vec<Inbound>) -> Result<bool> {
    let name = seat.name.to_string();
    upkeep
        .read(move |reader| {
            for key in messages.iter().filter_map(|message| message.key.as_ref()) {
                if !reader.knows(&name, key)? {
                    return Ok(true);
                }
            }
            Ok(false)
        })
        .await
}
