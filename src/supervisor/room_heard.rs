//! What the journal tells of the talk in a room, counted: by the Room actor, and by a verb that is about to speak there,
//! which cannot wait until a busy supervisor has come to the line that it answers. Whoever comes second counts nothing
//! twice.

use std::path::Path;

use super::rooms::{self, CURSOR, Counted, Room};
use crate::core::turns::{Kept, Rules, Spoken};
use crate::error::Result;
use crate::event::ids::RoomId;
use crate::journal::{Reader, SaidLine};

/// Lines of one chat, in their order.
pub struct Backlog {
    pub born: u64,
    pub lines: Vec<SaidLine>,
}

impl Backlog {
    /// What the journal holds of a room, as those of its realm (`is_of`) have heard it, and the Room actor may not have counted yet. Nothing where no bot spoke and nobody
    /// opened a floor: there is no room then.
    pub fn behind_the_actor(data: &Path, room: &RoomId, is_of: impl Fn(&str) -> bool) -> Result<Backlog> {
        let reader = Reader::open(&data.join("journal.db"))?;
        let mut talk = Backlog { born: reader.born()?, lines: Vec::new() };
        // Before its first start nothing is to be counted.
        let Some(mut position) = reader.cursor(CURSOR)? else { return Ok(talk) };
        let mut counted = rooms::exists(data, room);
        loop {
            let said = reader.said(position, |of| {
                let here = of.chat_id == room.chat.as_str() && is_of(of.profile);
                counted |= here && of.makes_a_room();
                counted && here
            })?;
            if said.looked_to == position {
                return Ok(talk);
            }
            position = said.looked_to;
            talk.lines.extend(said.lines);
        }
    }

    /// Counts what was not counted yet. True where that paused or resumed the room.
    pub fn count(&self, room: &mut Room, now: i64, rules: Rules) -> bool {
        let counted =
            room.counted.filter(|counted| counted.born == self.born).map_or(0, |counted| counted.seq);
        let before = room.clone();
        let mut changed = false;
        for line in self.lines.iter().filter(|line| line.seq > counted) {
            changed |= hear(room, line, now, rules);
        }
        // Lines that change nothing may be counted again, and are no reason to write.
        if *room != before {
            let newest = self.lines.last().map(|line| Counted { born: self.born, seq: line.seq });
            room.counted = newest.or(before.counted);
        }
        changed
    }
}

fn hear(room: &mut Room, line: &SaidLine, now: i64, rules: Rules) -> bool {
    let (mut guard, mut floor) = (std::mem::take(&mut room.guard), room.floor.take());
    let mut asks = |message_id: &str| room.asks(message_id);
    let mut talk = Kept { guard: &mut guard, floor: &mut floor, asks: &mut asks };
    let SaidLine { profile, message, replayed, held, .. } = line;
    let changed = talk.hear(&Spoken { profile, message, replayed: *replayed, held: *held }, now, rules);
    (room.guard, room.floor) = (guard, floor);
    changed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::turns::floor::Floor;
    use crate::core::turns::guard::Limits;
    use crate::event::{FloorMark, Message};

    const RULES: Rules =
        Rules { limits: Limits { turns: 10, per_minute: 20, cooldown_ms: 600_000 }, floor_ttl_ms: 60_000 };

    fn line(seq: u64, profile: &str, id: &str, by: &str) -> SaidLine {
        let mut message: Message = serde_json::from_value(serde_json::json!({
            "chat_id": "oc_1", "chat_type": "group", "message_id": id, "message_type": "text", "sender_id": by,
            "sender_type": if by == "ou_person" { "user" } else { "bot" }, "mentioned": false, "mention": "none",
            "content": id, "create_time": id, "trust": "stranger", "event_type": "e"
        }))
        .unwrap();
        if by == "ou_person" {
            let order = ["a", "b"].map(str::to_owned).to_vec();
            message.floor = Some(FloorMark { holder: "a".to_owned(), order, expires: "t".to_owned() });
        } else {
            message.sender_profile = Some(by.to_owned());
        }
        SaidLine { seq, profile: profile.into(), message, replayed: false, held: false }
    }

    fn talk(born: u64, lines: Vec<SaidLine>) -> Backlog {
        Backlog { born, lines }
    }

    /// `a` says something, a person asks `a` and `b`, and `b` hears all of it later than `a`.
    fn lines() -> Vec<SaidLine> {
        vec![
            line(1, "b", "om_1", "a"),
            line(2, "a", "om_2", "ou_person"),
            line(3, "c", "om_1", "a"),
            line(4, "b", "om_2", "ou_person"),
        ]
    }

    #[test]
    fn whoever_comes_second_counts_nothing_again() {
        let (mut once, mut twice) = (Room::default(), Room::default());
        talk(7, lines()).count(&mut once, 0, RULES);
        assert_eq!(
            once.floor.as_ref().and_then(Floor::holder),
            Some("a"),
            "what it said before is no answer"
        );
        for until in [3, 1, 4, 2] {
            talk(7, lines().into_iter().take(until).collect()).count(&mut twice, 0, RULES);
        }
        assert_eq!((&twice.guard, &twice.floor), (&once.guard, &once.floor));
    }

    #[test]
    fn another_journal_is_counted_from_its_start() {
        let mut room = Room::default();
        talk(7, lines()).count(&mut room, 0, RULES);
        let turns = room.guard.turns();
        talk(8, vec![line(1, "b", "om_3", "a")]).count(&mut room, 0, RULES);
        assert_eq!(room.guard.turns(), turns + 1);
    }
}
