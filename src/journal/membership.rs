//! That a bot came to a chat or left it is told by an event and by the platform's list, in either order: one of them is
//! enough.

use rusqlite::{Connection, params};
use serde::Deserialize;

use super::entry::Entry;
use crate::clock::WallMs;
use crate::event::stored;

const JOINED: &str = "rooma.chat_joined";
const LEFT: &str = "rooma.chat_left";

/// The reason of a line that the list gave rise to.
pub const RECONCILED: &str = "reconciled";

/// An event that comes later than this after the list tells of another time: the platform delivers for 7.1 hours.
const SAME_MS: i64 = 8 * 3600 * 1000;

/// Lines looked at for the last one about a chat.
const LOOK_AT: u32 = 5000;

#[derive(Deserialize)]
struct Body {
    chat_id: String,
    reason: String,
}

/// Was the same told already by the other of the two?
pub fn is_told(db: &Connection, entry: &Entry, now: WallMs) -> rusqlite::Result<bool> {
    let type_name = entry.rendered.type_name;
    let (JOINED | LEFT, Some(profile)) = (type_name, entry.profile.as_deref()) else { return Ok(false) };
    let Some(new) = stored::<Body>(&entry.rendered.body) else { return Ok(false) };
    // The condition is that of the partial index, so that only such lines are looked at.
    let mut lines = db.prepare_cached(
        "SELECT type, body, at FROM line
         WHERE type IN ('rooma.chat_joined', 'rooma.chat_left', 'chat.updated') AND profile = ?1
         ORDER BY seq DESC LIMIT ?2",
    )?;
    let mut lines = lines.query(params![profile, LOOK_AT])?;
    while let Some(line) = lines.next()? {
        let (told, at) = (line.get_ref(0)?.as_str()?, line.get::<_, WallMs>(2)?);
        let Some(last) = stored::<Body>(line.get_ref(1)?.as_str()?) else { continue };
        if !matches!(told, JOINED | LEFT) || last.chat_id != new.chat_id {
            continue;
        }
        let by_list = new.reason == RECONCILED || (last.reason == RECONCILED && now - at < SAME_MS);
        return Ok(told == type_name && by_list);
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::store::Store;
    use super::*;
    use crate::core::dedupe::DedupeKey;
    use crate::event::ids::ChatId;
    use crate::event::{ChatChange, Event};

    /// How it is told, and whether that leaves a line.
    struct Told(&'static str, &'static str, WallMs, bool);

    fn entry(told: &Told, number: usize) -> Entry {
        let change = ChatChange {
            chat_id: ChatId::new("oc_1"),
            chat_name: None,
            reason: told.1.to_owned(),
            operator_id: None,
        };
        let event = if told.0 == JOINED { Event::ChatJoined(change) } else { Event::ChatLeft(change) };
        let mut entry = Entry::own(Some((Arc::from("alice"), "feishu")), &event);
        entry.key = (told.1 != RECONCILED).then(|| DedupeKey::event(&format!("e{number}")));
        entry
    }

    #[test]
    fn a_join_is_told_once_by_event_and_list_in_either_order() {
        const DAY: WallMs = 24 * 3600 * 1000;
        let stories: [&[Told]; 6] = [
            &[
                Told(JOINED, "added", 0, true),
                Told(JOINED, RECONCILED, 1, false),
                Told(JOINED, RECONCILED, DAY, false),
            ],
            &[
                Told(JOINED, RECONCILED, 0, true),
                Told(JOINED, "added", 1, false),
                Told(JOINED, RECONCILED, 2, false),
            ],
            &[Told(JOINED, "added", 0, true), Told(LEFT, "removed", 1, true), Told(JOINED, "added", 2, true)],
            &[
                Told(LEFT, RECONCILED, 0, true),
                Told(LEFT, "removed", 1, false),
                Told(JOINED, RECONCILED, 2, true),
            ],
            // Two events are two joins, whatever was missed between them.
            &[Told(JOINED, "added", 0, true), Told(JOINED, "added", 1, true)],
            &[Told(JOINED, RECONCILED, 0, true), Told(JOINED, "added", DAY, true)],
        ];
        for (number, story) in stories.into_iter().enumerate() {
            let folder = tempfile::tempdir().unwrap();
            let mut store = Store::open(&folder.path().join("journal.db")).unwrap();
            for (step, told) in story.iter().enumerate() {
                let fresh = store.group(|store| store.insert(&entry(told, step), told.2)).unwrap();
                assert_eq!(fresh, told.3, "story {number}, step {step}");
            }
        }
    }
}
