//! Asks a room's history for what the platform does not deliver: words of bots that somebody else runs, where an app
//! lacks the scope for them. Only in rooms whose policy wants it (`history_poll`).

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::Seat;
use super::care::{Care, millis};
use crate::clock::WallMs;
use crate::core::hearing::Hears;
use crate::error::Result;
use crate::event::ChatType;
use crate::event::ids::ChatId;
use crate::transport::Missing;
use crate::transport::verbs::Place;

/// How often it is looked whether a room is due.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A room is asked no more often, whatever its policy says.
const EVERY_MIN: Duration = Duration::from_secs(5);

/// Messages taken in one go: the newest.
const TAKEN_MAX: usize = 50;

/// Asked for again each time: clocks differ, and history comes late.
const MARGIN_MS: i64 = 60_000;

/// Runs for as long as the connection does.
pub async fn poll(care: &Care, seat: &Seat, from: WallMs) {
    let mut next: BTreeMap<ChatId, Instant> = BTreeMap::new();
    loop {
        sleep(LOOK_EVERY).await;
        for (chat, every) in care.rooms.polled_by(&seat.name) {
            let due = next.get(&chat).is_none_or(|due| Instant::now() >= *due);
            if !due {
                continue;
            }
            next.insert(chat.clone(), Instant::now() + every.max(EVERY_MIN));
            let since = (care.clock.wall_ms() - millis(every) - MARGIN_MS).max(from - MARGIN_MS);
            if let Err(error) = ask(care, seat, chat, since).await {
                tracing::debug!(profile = %seat.name, %error, "a room's history cannot be read");
            }
        }
    }
}

async fn ask(care: &Care, seat: &Seat, chat: ChatId, since: WallMs) -> Result<()> {
    let hears = Hears { everybody: true, bots: true, every_bot: true };
    let (place, chat_type) = (Place::Chat(chat), ChatType::Group);
    let missed =
        (seat.fetch)(Missing { place, chat_type, since, until: None, limit: TAKEN_MAX, hears }).await?;
    let (answers, mut settled) = mpsc::unbounded_channel();
    let count = missed.entries.len();
    for mut entry in missed.entries {
        // It tells of now: what is known already is folded.
        entry.replayed = false;
        care.appender.append(vec![entry], &answers, 0).await;
    }
    for _ in 0..count {
        settled.recv().await;
    }
    Ok(())
}
