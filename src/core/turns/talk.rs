//! What a line that was said in a room changes there.

use super::floor::Floor;
use super::guard::{Guard, Heard, Limits, Who};
use crate::event::{Message, SenderType};

/// A message as it was journalled for one of ours.
#[derive(Clone, Copy, Debug)]
pub struct Spoken<'a> {
    pub profile: &'a str,
    pub message: &'a Message,
    /// It tells of the past.
    pub replayed: bool,
    /// It may not wake its agent.
    pub held: bool,
}

/// What a room allows.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    pub limits: Limits,
    pub floor_ttl_ms: i64,
}

/// What is kept of a room, as far as its talk changes it. Times are steady.
pub struct Kept<'a> {
    pub guard: &'a mut Guard,
    pub floor: &'a mut Option<Floor>,
    /// Does this message open the floor? True once.
    pub asks: &'a mut dyn FnMut(&str) -> bool,
}

impl Kept<'_> {
    /// Counts the message, and hands the floor on. True where that paused or resumed the room.
    pub fn hear(&mut self, spoken: &Spoken<'_>, now: i64, rules: Rules) -> bool {
        let Some(who) = who(spoken) else { return false };
        let Message { content, create_time, message_id, .. } = spoken.message;
        self.guard.meet(spoken.profile);
        let first = !self.guard.has_heard(message_id.as_str());
        let heard = Heard { message_id: message_id.as_str(), who, text: content, written: create_time };
        let changed = self.guard.hear(heard, now, rules.limits).is_some();
        if !spoken.replayed {
            self.open(spoken.message, now, rules.floor_ttl_ms);
            self.hand_on(spoken, first, now, rules.floor_ttl_ms);
        }
        changed
    }

    fn open(&mut self, message: &Message, now: i64, ttl_ms: i64) {
        let (Some(mark), id) = (&message.floor, message.message_id.as_str()) else { return };
        if (self.asks)(id) {
            *self.floor = Floor::open(id, mark.order.clone(), now, ttl_ms);
        } else if let Some(floor) = self.floor.as_mut().filter(|floor| floor.message_id == id) {
            floor.widen(&mark.order);
        }
    }

    fn hand_on(&mut self, spoken: &Spoken<'_>, first: bool, now: i64, ttl_ms: i64) {
        let Some(floor) = &mut self.floor else { return };
        floor.advance(now, ttl_ms);
        if spoken.held && floor.message_id == spoken.message.message_id.as_str() {
            floor.leave(spoken.profile);
        }
        // What another profile hears later may have been said before this floor was opened.
        if let Some(speaker) = spoken.message.sender_profile.as_ref().filter(|_| first) {
            floor.spoken(speaker);
        }
    }
}

/// Nobody, where it does not count at all.
fn who<'a>(spoken: &Spoken<'a>) -> Option<Who<'a>> {
    let message = spoken.message;
    match message.sender_type {
        // Somebody without an id may be anybody, a bot too.
        SenderType::User if message.sender_id.as_str().is_empty() => None,
        SenderType::User => Some(Who::Person),
        // It is over: what bots said then loops no more. A person's word then is as good as one now.
        SenderType::Bot if spoken.replayed => None,
        SenderType::Bot => {
            Some(Who::Bot(message.sender_profile.as_deref().unwrap_or(message.sender_id.as_str())))
        }
    }
}
