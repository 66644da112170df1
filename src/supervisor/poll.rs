//! Asks a room's history for what the platform does not deliver: words of bots that somebody else runs, where an app
//! lacks the scope for them. Only in rooms whose policy wants it (`history_poll`), a few at a time, and of each
//! room at most `catchup.per_chat` messages.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::care::{Care, PAUSE};
use super::seat::Seat;
use crate::clock::{WallMs, rfc3339_ms};
use crate::core::hearing::Hears;
use crate::error::{Error, Result};
use crate::event::ids::ChatId;
use crate::event::{Catchup, CatchupCut, ChatType, Event};
use crate::journal::Appended;
use crate::transport::Missing;
use crate::transport::verbs::Place;

/// How often it is looked whether a room is due.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The same while no policy asks for it: a thousand profiles look.
const IDLE_LOOK_EVERY: Duration = Duration::from_secs(15);

/// A room is asked no more often, whatever its policy says.
const EVERY_MIN: Duration = Duration::from_secs(5);

/// Asked for again each time: clocks differ, and history comes late.
const MARGIN_MS: i64 = 60_000;

/// Rooms of one profile that are asked at one time.
const AT_ONCE: usize = 4;

/// What is known of a room that is asked.
struct Asked {
    due: Instant,
    /// Everything written before was asked for.
    since: WallMs,
    under_way: bool,
}

/// Runs for as long as the connection does. Of what was said before `connected_at` everything from `from` on is asked
/// for, too: nobody else asks for what the platform does not deliver.
pub async fn poll(care: &Care, seat: &Seat, from: WallMs, connected_at: WallMs) {
    let mut rooms: BTreeMap<ChatId, Asked> = BTreeMap::new();
    let mut under_way = FuturesUnordered::new();
    loop {
        tokio::select! {
            () = sleep(if care.rooms.is_any_polled() { LOOK_EVERY } else { IDLE_LOOK_EVERY }) => {}
            Some((chat, now, asked)) = under_way.next() => {
                let room = rooms.entry(chat).or_insert_with(|| Asked::begin(from));
                room.under_way = false;
                match asked {
                    Ok(()) => room.since = now,
                    Err(error) => {
                        let profile = &seat.name;
                        tracing::debug!(%profile, %error, "a room's history cannot be read");
                    }
                }
            }
        }
        for (chat, every) in care.rooms.polled_by(&seat.name) {
            let room = rooms.entry(chat.clone()).or_insert_with(|| Asked::begin(from));
            // A room that does not answer keeps no other one waiting.
            if room.under_way || Instant::now() < room.due || under_way.len() >= AT_ONCE {
                continue;
            }
            room.under_way = true;
            room.due = Instant::now() + every.max(EVERY_MIN);
            let now = care.clock.wall_ms();
            // A clock that was set back has not unsaid anything.
            let since = room.since.min(now) - MARGIN_MS;
            under_way.push(async move {
                let asked = ask(care, seat, chat.clone(), since, connected_at).await;
                sleep(PAUSE).await;
                (chat, now, asked)
            });
        }
    }
}

impl Asked {
    fn begin(since: WallMs) -> Asked {
        Asked { due: Instant::now(), since, under_way: false }
    }
}

async fn ask(care: &Care, seat: &Seat, chat: ChatId, since: WallMs, connected_at: WallMs) -> Result<()> {
    let hears = Hears { everybody: true, bots: true, every_bot: true };
    let (place, chat_type, limit) = (Place::Chat(chat.clone()), ChatType::Group, care.catch_up.per_chat);
    let missed = (seat.fetch)(Missing { place, chat_type, since, until: None, limit, hears }).await?;
    let (answers, mut settled) = mpsc::unbounded_channel();
    let (count, connected) = (missed.messages.len(), rfc3339_ms(connected_at));
    for mut message in missed.messages {
        // What is known already is folded; the rest tells of now, but for what was said before.
        message.past = message.written() < connected.as_str();
        care.appender.append(vec![seat.intake.entry(message)], &answers, 0).await;
    }
    let mut fresh = 0;
    for _ in 0..count {
        match settled.recv().await.map(|settled| settled.outcome) {
            Some(Ok(Appended::Fresh)) => fresh += 1,
            Some(Ok(Appended::Duplicate)) => {}
            Some(Err(error)) => return Err(Error::storage(error)),
            None => break,
        }
    }
    // Where nothing of it was new, what is older is known as well.
    if missed.more && fresh > 0 {
        let since = rfc3339_ms(since);
        let cut =
            Catchup { chat_id: Some(chat), count: fresh, since, cut: Some(CatchupCut::PerChat), error: None };
        care.appender.say(seat.intake.own(&Event::Catchup(cut)));
    }
    Ok(())
}
