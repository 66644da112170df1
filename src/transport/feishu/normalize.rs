//! From a delivered payload to events. Total: every payload becomes at least one event or is known to be our own doing.

mod action;
mod card;
mod message;
mod others;

use std::borrow::Cow;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::known::Known;
use super::mention::{Doubt, Me};
use super::strangers::{Called, Strangers};
use super::wire::{Envelope, EventHeader, OldEvent};
use super::{repair, tidy};
use crate::core::dedupe::DedupeKey;
use crate::event::ids::UserId;
use crate::event::{Event, Origin, Unknown};
use crate::transport::{Identity, Inbound};

/// All that normalising looks at beside the payload.
#[derive(Clone, Copy)]
pub struct View<'a> {
    pub identity: &'a Identity,
    pub me: Me<'a>,
    pub known: &'a Known,
    pub doubt: Doubt,
    /// A payload that contains this makes normalising panic, so that tests can show what happens then.
    pub poison: Option<&'a str>,
}

#[derive(Debug)]
pub struct Normalised {
    pub verdict: Verdict,
    /// What the payload told in passing.
    pub learnt: Vec<Learnt>,
    /// What a line lacked.
    pub wanted: Vec<Wanted>,
    pub strangers: Strangers,
    /// What a person should be told, once.
    pub advice: Option<&'static str>,
}

#[derive(Debug)]
pub enum Verdict {
    Events(Vec<Inbound>),
    /// This bot's own message or reaction: acknowledged, and no line.
    Own,
    /// Whether this bot is mentioned cannot be told from the payload. Reading the message again tells the app
    /// behind each key.
    Doubtful {
        message_id: String,
        mentions: Vec<Called>,
    },
    /// A message without content that can be read. The history may have what it says.
    Empty {
        message_id: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Learnt {
    Name { open_id: String, name: String },
    App { open_id: String, app_id: String },
    Chat { chat_id: String, name: String },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// `chat_id` is a group they speak in: its member list has their name too.
    Person {
        open_id: String,
        chat_id: Option<String>,
    },
    Chat {
        chat_id: String,
    },
    /// The app behind a bot that wrote this message.
    Bot {
        open_id: String,
        message_id: String,
        chat_id: String,
    },
}

/// What a handler of one event type makes of it.
struct Made {
    events: Vec<(Event, Option<DedupeKey>)>,
    learnt: Vec<Learnt>,
    wanted: Vec<Wanted>,
    strangers: Strangers,
}

/// Why a handler makes nothing of an event.
enum Pass {
    Own,
    Doubtful {
        message_id: String,
        mentions: Vec<Called>,
    },
    /// There is nothing in it.
    Empty {
        message_id: String,
    },
    /// It has not the shape its type promises.
    Shape,
    /// Its type has no words in our vocabulary.
    Unmapped,
    UnknownType,
}

/// An event with its header, ready for the handler of its type.
struct Delivered<'a> {
    event_id: &'a str,
    event_type: &'a str,
    create_time: &'a str,
    event: &'a str,
}

impl Made {
    fn one(event: Event, key: Option<DedupeKey>) -> Made {
        Made {
            events: vec![(event, key)],
            learnt: Vec::new(),
            wanted: Vec::new(),
            strangers: Strangers::default(),
        }
    }
}

pub fn normalise(payload: &[u8], view: View<'_>) -> Normalised {
    // The lossy reading alone would do, but it is slower for text that is in order.
    let text = std::str::from_utf8(payload).map_or_else(|_| String::from_utf8_lossy(payload), Cow::Borrowed);
    if view.poison.is_some_and(|marker| text.contains(marker)) {
        panic!("poisoned payload");
    }
    let text = repair::surrogates(text);
    let Ok(envelope) = serde_json::from_str::<Envelope<'_>>(&text) else {
        let reason = if is_json(&text) { "shape" } else { "json" };
        return alone(unknown(reason, None, None, &text));
    };
    if !envelope.encrypt.is_empty() && envelope.event.is_none() {
        return advised(unknown("encrypted", None, None, &text), ENCRYPTED);
    }
    if envelope.event.is_none() && envelope.action.is_some() {
        let made = card::acted_of_old(&text, view).map(|made| events(made, "", &text));
        return made.unwrap_or_else(|_| alone(unknown("shape", None, None, &text)));
    }
    if envelope.schema.is_empty() && !envelope.uuid.is_empty() {
        return old(&envelope, &text);
    }
    let header = envelope.header.and_then(|raw| serde_json::from_str::<EventHeader<'_>>(raw.get()).ok());
    let (Some(header), Some(event)) = (header, envelope.event) else {
        return alone(unknown("shape", None, None, &text));
    };
    let (event_id, event_type) = (header.event_id.as_str(), header.event_type.as_str());
    let pass = |reason| alone(unknown(reason, Some(event_type), Some(event_id), &text));
    if !header.app_id.is_empty() && header.app_id.as_str() != view.identity.app_id {
        return pass("app_id");
    }
    let create_time = header.create_time.as_str();
    match handle(Delivered { event_id, event_type, create_time, event: event.get() }, view) {
        Ok(made) => events(made, event_id, &text),
        Err(Pass::Own) => verdict(Verdict::Own),
        Err(Pass::Doubtful { message_id, mentions }) => verdict(Verdict::Doubtful { message_id, mentions }),
        Err(Pass::Empty { message_id }) => verdict(Verdict::Empty { message_id }),
        Err(Pass::Shape) => pass("shape"),
        Err(Pass::Unmapped) => pass("unmapped"),
        Err(Pass::UnknownType) => pass("event_type"),
    }
}

fn handle(event: Delivered<'_>, view: View<'_>) -> Result<Made, Pass> {
    match event.event_type {
        "im.message.receive_v1" => message::received(event, view),
        "im.message.recalled_v1" => others::recalled(event, view),
        "im.message.message_read_v1" => others::read(event, view),
        "im.message.reaction.created_v1" => others::reacted(event, view, Event::ReactionAdded),
        "im.message.reaction.deleted_v1" => others::reacted(event, view, Event::ReactionRemoved),
        "im.chat.member.bot.added_v1" => others::bot_moved(event, Event::ChatJoined, "added"),
        "im.chat.member.bot.deleted_v1" => others::bot_moved(event, Event::ChatLeft, "removed"),
        "im.chat.member.user.added_v1" => others::members(event, view, Event::MemberJoined),
        "im.chat.member.user.deleted_v1" | "im.chat.member.user.withdrawn_v1" => {
            others::members(event, view, Event::MemberLeft)
        }
        "im.chat.updated_v1" => others::updated(event, view),
        "im.chat.disbanded_v1" => others::disbanded(event, view),
        "card.action.trigger" => card::acted(event, view),
        "application.bot.menu_v6" => others::menu(event),
        "im.chat.access_event.bot_p2p_chat_entered_v1" | "url.preview.get" => Err(Pass::Unmapped),
        _ => Err(Pass::UnknownType),
    }
}

/// The event of a payload that could not even be normalised.
pub fn panicked(payload: &[u8]) -> Inbound {
    unknown("panic", None, None, &String::from_utf8_lossy(payload))
}

fn old(envelope: &Envelope<'_>, text: &str) -> Normalised {
    let event = envelope.event.and_then(|raw| serde_json::from_str::<OldEvent<'_>>(raw.get()).ok());
    let event_type = event.unwrap_or_default().r#type;
    let event_id = envelope.uuid.as_str();
    let event = unknown("schema", Some(event_type.as_str()), Some(event_id), text);
    advised(event, OLD_SCHEMA)
}

/// Long connections carry plain text, whatever key is set; a body in this form was made for a webhook.
const ENCRYPTED: &str = "an event came encrypted, and nothing here can read it: in the developer console, under Events and \
                         Callbacks, remove the Encrypt Key and let events come through the persistent connection";

const OLD_SCHEMA: &str = "an event came in the old form (schema 1.0), which is not read: in the developer console, under \
                          Events and Callbacks, subscribe to the event's version 2.0 instead, and publish a version";

/// What can be done about a payload that has no words here.
fn advice(reason: &str) -> Option<&'static str> {
    match reason {
        "encrypted" => Some(ENCRYPTED),
        "schema" => Some(OLD_SCHEMA),
        _ => None,
    }
}

fn events(made: Made, event_id: &str, text: &str) -> Normalised {
    let Made { events, learnt, wanted, strangers } = made;
    let raw: Arc<str> = text.into();
    let inbound = |(event, key)| Inbound {
        origin: Origin::Pushed,
        event,
        key,
        event_id: tidy::some(event_id, tidy::id),
        raw: Arc::clone(&raw),
        past: false,
    };
    let events = events.into_iter().map(inbound).collect();
    Normalised { verdict: Verdict::Events(events), learnt, wanted, strangers, advice: None }
}

fn unknown(reason: &str, event_type: Option<&str>, event_id: Option<&str>, text: &str) -> Inbound {
    let event_type = event_type.and_then(|name| tidy::some(name, tidy::word));
    let hint = advice(reason).map(str::to_owned);
    Inbound {
        origin: Origin::Pushed,
        event: Event::Unknown(Unknown { reason: reason.to_owned(), event_type, hint }),
        key: event_id.and_then(event_key),
        event_id: event_id.and_then(|id| tidy::some(id, tidy::id)),
        raw: valid_json(text).into(),
        past: false,
    }
}

/// Absent where the id cannot be trusted to tell two events apart.
fn event_key(event_id: &str) -> Option<DedupeKey> {
    (!event_id.is_empty() && event_id.len() <= tidy::ID_MAX).then(|| DedupeKey::event(event_id))
}

/// The text as it is, or inside a JSON string: a reader of `raw` must be able to parse it.
fn valid_json(text: &str) -> Cow<'_, str> {
    if is_json(text) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(serde_json::to_string(text).expect("a string is JSON"))
    }
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<&RawValue>(text).is_ok()
}

fn alone(event: Inbound) -> Normalised {
    verdict(Verdict::Events(vec![event]))
}

fn advised(event: Inbound, advice: &'static str) -> Normalised {
    Normalised { advice: Some(advice), ..alone(event) }
}

fn verdict(verdict: Verdict) -> Normalised {
    Normalised {
        verdict,
        learnt: Vec::new(),
        wanted: Vec::new(),
        strangers: Strangers::default(),
        advice: None,
    }
}

fn shape<'a, T: Deserialize<'a>>(event: &'a str) -> Result<T, Pass> {
    serde_json::from_str(event).map_err(|_| Pass::Shape)
}

/// An id that must be there, and be short enough to be one.
fn required(id: &str) -> Result<String, Pass> {
    if id.is_empty() || id.len() > tidy::ID_MAX { Err(Pass::Shape) } else { Ok(tidy::id(id)) }
}

fn name_of(known: &Known, open_id: &str) -> Option<String> {
    known.person(open_id)?.name.as_deref().map(tidy::name)
}

fn chat_name(known: &Known, chat_id: &str) -> Option<String> {
    known.chat(chat_id)?.name.as_deref().map(tidy::name)
}

fn profile_of(identity: &Identity, app_id: &str) -> Option<String> {
    if app_id == identity.app_id {
        return Some(identity.profile.to_string());
    }
    identity.siblings.profile(app_id)
}

/// A question for the name of a person a line could not name.
fn nameless(known: &Known, open_id: &str) -> Vec<Wanted> {
    let named = open_id.is_empty() || known.person(open_id).is_some_and(|person| person.name.is_some());
    let wanted = || Wanted::Person { open_id: open_id.to_owned(), chat_id: None };
    (!named).then(wanted).into_iter().collect()
}

fn operator(id: &super::wire::UserIds<'_>) -> Option<UserId> {
    tidy::some(id.any(), |id| UserId::new(tidy::id(id)))
}

/// Who did something, by whichever id it came with; empty where there is none: what was done is told all the same.
fn somebody(id: &str) -> Result<String, Pass> {
    if id.is_empty() { Ok(String::new()) } else { required(id) }
}

#[cfg(test)]
mod tests;
