//! What is told of a shift.

use super::outbox::{Kind, Part, PartState, Words};
use super::session::Session;
use crate::clock::rfc3339_ms;
use crate::core::dedupe::DedupeKey;
use crate::event::{Event, FarewellSent, GreetingSent, NotSaid, SessionArmed, SessionExpired};

/// A line that comes once, whenever we are killed: its key is of what it tells of.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub key: DedupeKey,
    pub event: Event,
}

pub fn armed(session: &Session) -> Event {
    Event::SessionArmed(SessionArmed {
        session: session.id.clone(),
        chats: session.chats.clone(),
        owner_pid: session.owner.as_ref().map(|owner| owner.pid),
        owner_name: session.owner.as_ref().map(|owner| owner.name.clone()),
        expires: session.expires_at.map(rfc3339_ms),
    })
}

pub fn expired(session: Session) -> Line {
    let key = DedupeKey::derived(&format!("{} {}", session.id, session.armed_at), "session_expired");
    let Session { id, chats, seen_at, .. } = session;
    let event = Event::SessionExpired(SessionExpired { session: id, chats, seen: rfc3339_ms(seen_at) });
    Line { key, event }
}

/// Of words of which every part is settled.
pub fn said(words: Words) -> Line {
    let of_whom = words.parts.first().map_or(words.session.as_str(), |part| part.key.as_str());
    let key = DedupeKey::derived(of_whom, "said");
    let of = |state: PartState| words.parts.iter().filter(move |part| part.state == state);
    let chats = of(PartState::Sent).map(|part| part.chat_id.clone()).collect();
    let not_said = |part: &Part| NotSaid {
        chat_id: part.chat_id.clone(),
        error: part.error.clone().unwrap_or_default(),
    };
    let failed = of(PartState::Failed).map(not_said).collect();
    let (session, reason) = (words.session, words.reason.unwrap_or_default());
    let event = match words.kind {
        Kind::Greeting => Event::GreetingSent(GreetingSent { session, chats, failed }),
        Kind::Farewell => Event::FarewellSent(FarewellSent { session, reason, chats, failed }),
    };
    Line { key, event }
}
