//! One delivery on its way to the journal: normalised where no input can hurt, read again where in doubt.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::de::IgnoredAny;
use serde_json::Value;
use tokio::time::timeout;

use super::account::State;
use super::api::{self, Bot};
use super::content;
use super::known::Known;
use super::mention::{Doubt, Me};
use super::names::Asked;
use super::normalize::{self, Learnt, Normalised, Verdict, View, Wanted};
use super::past_verbs;
use super::strangers::{Called, LOOKED_AT_MAX, Strangers};
use crate::error::Result;
use crate::event::Event;
use crate::transport::Inbound;

/// Reading a doubtful message again. With it the platform's 3 s for an ack are kept.
const REREAD_MAX: Duration = Duration::from_secs(1);

/// Where it is not read again, what the others of ours are given of it is waited for so long.
pub const OTHERS_MAX: Duration = Duration::from_millis(300);

/// Looks at one delivery: more than it has mentions that tell something.
const LOOKS_MAX: usize = LOOKED_AT_MAX + 1;

/// What the others tell comes in bursts.
pub const BURST: Duration = Duration::from_millis(10);

#[derive(Debug)]
pub enum Prepared {
    Append(Vec<Inbound>),
    /// Our own doing: nothing to journal.
    Nothing,
    Doubtful(Doubtful),
}

/// What it says, or who is meant, can be told after [`settle`].
#[derive(Debug)]
pub struct Doubtful {
    payload: Bytes,
    message_id: String,
    mentions: Vec<Called>,
    /// Whether this bot is meant is in doubt, not only who else is.
    me: bool,
    /// Reading it again is due.
    read: bool,
    /// It says nothing that can be read; the history may have its words.
    wordless: bool,
}

/// Normalises a payload. A panic in there becomes a line of its own: unacknowledged, the payload would come
/// back for seven hours.
pub fn prepare(state: &State, bot: &Bot, asked: &Asked, payload: Bytes, doubt: Doubt) -> Prepared {
    let mut normalised = look(state, bot, &payload, doubt);
    // Each look may find that another one has been told meanwhile.
    for _ in 0..LOOKS_MAX {
        if !learn_of_others(state, &normalised) {
            break;
        }
        normalised = look(state, bot, &payload, doubt);
    }
    let Some(Normalised { verdict, learnt, wanted, strangers, advice }) = normalised else {
        tracing::error!(bytes = payload.len(), "a delivery could not be normalised; it is kept as `unknown`");
        return Prepared::Append(vec![normalize::panicked(&payload)]);
    };
    if !learnt.is_empty() || !wanted.is_empty() {
        let now = state.age();
        learn(&mut state.known(), learnt);
        let due: Vec<_> =
            wanted.into_iter().filter(|wanted| is_due(&mut state.known(), now, wanted)).collect();
        for wanted in due {
            let _ = asked.try_send(wanted);
        }
    }
    if let Some(advice) = advice.filter(|advice| state.is_news(advice)) {
        tracing::warn!(profile = %state.identity.profile, "{advice}");
    }
    match verdict {
        Verdict::Events(events) if doubt == Doubt::Name || strangers.unknown.is_empty() => {
            Prepared::Append(events)
        }
        Verdict::Events(events) => {
            let read = is_any_app_due(state, &strangers.unknown);
            if !read && !strangers.unknown.iter().any(|called| called.bot) {
                return Prepared::Append(events);
            }
            let Strangers { message_id, unknown: mentions, .. } = strangers;
            Prepared::Doubtful(Doubtful { payload, message_id, mentions, me: false, read, wordless: false })
        }
        Verdict::Own => Prepared::Nothing,
        Verdict::Doubtful { message_id, mentions } => Prepared::Doubtful(Doubtful {
            payload,
            message_id,
            mentions,
            me: true,
            read: true,
            wordless: false,
        }),
        Verdict::Empty { message_id } => {
            let mentions = Vec::new();
            Prepared::Doubtful(Doubtful {
                payload,
                message_id,
                mentions,
                me: false,
                read: false,
                wordless: true,
            })
        }
    }
}

fn look(state: &State, bot: &Bot, payload: &Bytes, doubt: Doubt) -> Option<Normalised> {
    let known = state.known();
    let view = View {
        identity: &state.identity,
        me: Me { app_id: &state.identity.app_id, open_id: &bot.open_id, name: &bot.name },
        known: &known,
        doubt,
        poison: state.marks.poison.as_deref(),
    };
    catch_unwind(AssertUnwindSafe(|| normalize::normalise(payload, view))).ok()
}

/// True if the others of ours, who were given the same message, told something new.
fn learn_of_others(state: &State, normalised: &Option<Normalised>) -> bool {
    let told = normalised.as_ref().map_or(&[][..], |normalised| &normalised.strangers.learnt);
    learn(&mut state.known(), told.to_vec());
    !told.is_empty()
}

fn is_any_app_due(state: &State, unknown: &[Called]) -> bool {
    let (now, mut known) = (state.age(), state.known());
    let due = unknown.iter().filter(|called| known.ask_app(now, &called.open_id));
    due.count() > 0
}

/// Learns what a push lacks, and normalises with that: words by reading the message again, the apps behind mentions by
/// that or of the others who were given it. What cannot be learnt in time is decided by the name, or stays empty.
pub async fn settle(state: Arc<State>, bot: Arc<Bot>, asked: Asked, doubtful: Doubtful) -> Prepared {
    if doubtful.wordless {
        return match timeout(REREAD_MAX, whole(&state, &doubtful)).await {
            Ok(Ok(Some(whole))) => as_pushed(prepare(&state, &bot, &asked, whole, Doubt::Name), &doubtful),
            // The history has no more of it either.
            Ok(Ok(None)) => prepare(&state, &bot, &asked, doubtful.payload, Doubt::Name),
            Ok(Err(_)) | Err(_) => by_name(&state, &bot, &asked, doubtful),
        };
    }
    let patience = if doubtful.read { REREAD_MAX } else { OTHERS_MAX };
    // The others cannot tell whether this bot is meant.
    let others = async {
        if doubtful.me { std::future::pending().await } else { others_told(&state, &bot, &doubtful).await }
    };
    let read = async {
        if !doubtful.read || !read_again(&state, &doubtful).await {
            tokio::time::sleep(if doubtful.me { Duration::ZERO } else { OTHERS_MAX }).await;
        }
    };
    let looked_into = async {
        tokio::select! { () = others => {}, () = read => {} }
    };
    if timeout(patience, looked_into).await.is_err() {
        tracing::debug!("who a message mentions was not told in time");
    }
    by_name(&state, &bot, &asked, doubtful)
}

/// False where that cannot be.
async fn read_again(state: &State, doubtful: &Doubtful) -> bool {
    let message = match api::message_get(&state.rest, &doubtful.message_id).await {
        Ok(message) => message,
        Err(error) => {
            tracing::debug!(%error, "could not read a doubtful message again");
            return false;
        }
    };
    let mut known = state.known();
    for Called { key, open_id, name, .. } in &doubtful.mentions {
        match message.app_of(key, name) {
            Some(app_id) => known.learn_app(open_id, app_id),
            None => known.learn_appless(open_id),
        }
    }
    drop(known);
    // Further messages may wait for the same.
    state.identity.sights.learnt();
    true
}

/// Resolves when nobody who is mentioned is unknown any more.
async fn others_told(state: &State, bot: &Bot, doubtful: &Doubtful) {
    loop {
        let more = state.identity.sights.more();
        let normalised = look(state, bot, &doubtful.payload, Doubt::Name);
        learn_of_others(state, &normalised);
        if normalised.is_none_or(|normalised| normalised.strangers.unknown.is_empty()) {
            return;
        }
        more.await;
        tokio::time::sleep(BURST).await;
    }
}

/// The payload with its words, where the history has them.
async fn whole(state: &State, doubtful: &Doubtful) -> Result<Option<Bytes>> {
    let messages = state.message(&doubtful.message_id).await.inspect_err(|error| {
        tracing::debug!(%error, "could not read a message without words again");
    })?;
    Ok(messages.first().and_then(|message| refilled(&doubtful.payload, message)))
}

/// The pushed payload with what the history has of its message.
fn refilled(payload: &Bytes, message: &api::Raw) -> Option<Bytes> {
    let told = past_verbs::read(message)?.told()?;
    let mut whole: Value = serde_json::from_slice(payload).ok()?;
    let wire = whole.pointer_mut("/event/message")?.as_object_mut()?;
    let breaks_off = wire.get("content").and_then(Value::as_str).is_some_and(breaks_off);
    if breaks_off && (told.recalled || !content::reads(&told.message_type, &told.content)) {
        return None;
    }
    wire.insert("content".to_owned(), told.content.into());
    wire.insert("message_type".to_owned(), told.message_type.into());
    // Whom a card names in its own words, the history may not tell.
    if !told.mentions.is_empty() || told.recalled {
        wire.insert("mentions".to_owned(), told.mentions.into());
    }
    serde_json::to_vec(&whole).ok().map(Bytes::from)
}

/// Some of its words are there, which only better ones may replace.
fn breaks_off(content: &str) -> bool {
    !content.trim().is_empty() && serde_json::from_str::<IgnoredAny>(content).is_err()
}

/// The journal keeps what the platform pushed, not what was made of it.
fn as_pushed(prepared: Prepared, doubtful: &Doubtful) -> Prepared {
    let Prepared::Append(mut events) = prepared else { return prepared };
    if let Ok(raw) = std::str::from_utf8(&doubtful.payload) {
        let raw: Arc<str> = raw.into();
        events.iter_mut().for_each(|event| event.raw = Arc::clone(&raw));
    }
    Prepared::Append(events)
}

/// Decides without asking. Words that could have been read and were not are said to be missing.
pub fn by_name(state: &State, bot: &Bot, asked: &Asked, doubtful: Doubtful) -> Prepared {
    let mut prepared = prepare(state, bot, asked, doubtful.payload, Doubt::Name);
    if doubtful.wordless
        && let Prepared::Append(events) = &mut prepared
    {
        events.iter_mut().for_each(|inbound| unread(&mut inbound.event));
    }
    prepared
}

/// Stands for the words of a message that came without them and could not be read again.
const UNREAD: &str = "[its words did not come]";

/// `truncated` lets `rooma message` read it anew.
fn unread(event: &mut Event) {
    if let Event::Message(message) = event {
        message.truncated = Some(true);
        if message.content.trim().is_empty() {
            message.content = UNREAD.to_owned();
        }
    }
}

pub fn learn(known: &mut Known, learnt: Vec<Learnt>) {
    for fact in learnt {
        match fact {
            Learnt::Name { open_id, name } => known.learn_name(&open_id, &name),
            Learnt::App { open_id, app_id } => known.learn_app(&open_id, &app_id),
            Learnt::Chat { chat_id, name } => known.learn_chat(&chat_id, &name),
        }
    }
}

fn is_due(known: &mut Known, now: Duration, wanted: &Wanted) -> bool {
    match wanted {
        Wanted::Person { open_id, .. } | Wanted::Bot { open_id, .. } => known.ask_person(now, open_id),
        Wanted::Chat { chat_id } => known.ask_chat(now, chat_id),
    }
}
