//! What has become of a room, and who is to be told of it.

use super::guard::{Pause, Why};
use crate::clock::rfc3339_ms;
use crate::core::dedupe::DedupeKey;
use crate::event::ids::ChatId;
use crate::event::{Event, RoomPaused, RoomResumed};

/// A room as it was found.
#[derive(Clone, Debug)]
pub struct Found {
    pub chat: ChatId,
    /// Named, where there is one.
    pub pause: Option<Pause>,
    /// The pause that our profiles were told of last.
    pub told: Option<String>,
    pub turns: usize,
}

/// What is to be done about it, in this order.
#[derive(Clone, Debug, PartialEq)]
pub enum Do {
    /// What is received there is marked so from now on.
    Mark(Option<Why>),
    /// One line for each of ours that sits there.
    Tell(Line),
    /// No notice is owed any more.
    Silence,
    /// The room itself is to hear this of the pause, once.
    Notice { id: String, text: String },
    /// It is noted that our profiles were told, once their lines are journalled.
    Note(Option<String>),
}

/// A line that comes once, whenever we are killed: its key is of what it tells of.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub key: DedupeKey,
    pub event: Event,
}

/// `to_wall_ms` is what wall time is ahead of steady time; `notices`: the room wants to hear of its pauses.
pub fn look(found: &Found, to_wall_ms: i64, notices: bool) -> Vec<Do> {
    let Found { chat, pause, told, turns } = found;
    let mut todo = vec![Do::Mark(pause.as_ref().map(|pause| pause.why))];
    let id = pause.as_ref().and_then(|pause| pause.id.clone());
    if let Some(pause) = pause {
        let until = pause.until.map(|until| rfc3339_ms(until.saturating_add(to_wall_ms)));
        if let Some(id) = id.as_ref().filter(|id| told.as_ref() != Some(*id)) {
            todo.push(Do::Tell(paused(chat, id, pause.why, *turns, until.clone())));
        }
        if let Some(id) = id.clone().filter(|_| notices && !pause.told) {
            todo.push(Do::Notice { id, text: notice_text(pause.why, *turns, until.as_deref()) });
        }
    } else if let Some(before) = told {
        todo.push(Do::Silence);
        let event = Event::RoomResumed(RoomResumed { chat_id: chat.clone() });
        todo.push(Do::Tell(Line { key: DedupeKey::derived(before, "room_resumed"), event }));
    }
    if *told != id {
        todo.push(Do::Note(id));
    }
    todo
}

fn paused(chat: &ChatId, id: &str, why: Why, turns: usize, until: Option<String>) -> Line {
    let (chat_id, reason, turns) = (chat.clone(), reason(why), turns as u64);
    let event = Event::RoomPaused(RoomPaused { chat_id, reason, turns, until });
    Line { key: DedupeKey::derived(id, "room_paused"), event }
}

fn notice_text(why: Why, turns: usize, until: Option<&str>) -> String {
    let why = match why {
        Why::Manual => "somebody paused this room".to_owned(),
        Why::Turns => format!("{turns} messages of bots in a row"),
        Why::PerMinute => "too many messages of bots in a minute".to_owned(),
        Why::Alike | Why::PingPong => "bots repeat themselves".to_owned(),
    };
    let until = until.and_then(|until| until.get(11..16)).map(|at| format!(", or until {at} UTC"));
    // Where our apps hear mentions only, a person's other words do not reach us.
    format!(
        "⏸ {why}: our agents are silent here until a person mentions one of them{}.",
        until.unwrap_or_default()
    )
}

/// As lines and commands call it.
pub fn reason(why: Why) -> String {
    match why {
        Why::Manual => "manual",
        Why::Turns => "turns",
        Why::PerMinute => "per_minute",
        Why::Alike => "alike",
        Why::PingPong => "ping_pong",
    }
    .to_owned()
}
