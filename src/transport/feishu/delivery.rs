//! One delivery on its way to the journal: normalised where no input can hurt, read again where in doubt.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::time::timeout;

use super::account::State;
use super::api::{self, Bot};
use super::known::Known;
use super::mention::{Doubt, Me};
use super::names::Asked;
use super::normalize::{self, Learnt, Normalised, Verdict, View, Wanted};
use super::past_verbs;
use crate::error::Error;
use crate::journal::Entry;

/// Reading a doubtful message again. With it the platform's 3 s for an ack are kept.
const REREAD_MAX: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub enum Prepared {
    Append(Vec<Entry>),
    /// Our own doing: nothing to journal.
    Nothing,
    Doubtful(Doubtful),
}

/// What it says, or whether this bot is meant, can be told after [`settle`].
#[derive(Debug)]
pub struct Doubtful {
    payload: Bytes,
    message_id: String,
    lacks: Lack,
}

#[derive(Debug)]
enum Lack {
    /// The apps behind these mentions.
    Apps(Vec<(String, String)>),
    Words,
}

/// Normalises a payload. A panic in there becomes a line of its own: unacknowledged, the payload would come
/// back for seven hours.
pub fn prepare(state: &State, bot: &Bot, asked: &Asked, payload: Bytes, doubt: Doubt) -> Prepared {
    let normalised = {
        let known = state.known();
        let view = View {
            identity: &state.identity,
            me: Me { app_id: &state.identity.app_id, open_id: &bot.open_id, name: &bot.name },
            known: &known,
            doubt,
            poison: state.marks.poison.as_deref(),
        };
        catch_unwind(AssertUnwindSafe(|| normalize::normalise(&payload, view)))
    };
    let Ok(Normalised { verdict, learnt, wanted, advice }) = normalised else {
        tracing::error!(bytes = payload.len(), "a delivery could not be normalised; it is kept as `unknown`");
        return Prepared::Append(vec![normalize::panicked(&payload, &state.identity)]);
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
        Verdict::Entries(entries) => Prepared::Append(entries),
        Verdict::Own => Prepared::Nothing,
        Verdict::Doubtful { message_id, keys } => {
            Prepared::Doubtful(Doubtful { payload, message_id, lacks: Lack::Apps(keys) })
        }
        Verdict::Empty { message_id } => {
            Prepared::Doubtful(Doubtful { payload, message_id, lacks: Lack::Words })
        }
    }
}

/// Reads the message again for what its push lacks, and normalises with that. What cannot be learnt in time is
/// decided by the name, or stays empty.
pub async fn settle(state: Arc<State>, bot: Arc<Bot>, asked: Asked, doubtful: Doubtful) -> Prepared {
    let rest = &state.rest;
    let read = async {
        match &doubtful.lacks {
            Lack::Apps(keys) => {
                let message = api::message_get(rest, &doubtful.message_id).await?;
                let mut known = state.known();
                for (key, app_id) in &message.mentioned_apps {
                    if let Some((_, open_id)) = keys.iter().find(|(named, _)| named == key) {
                        known.learn_app(open_id, app_id);
                    }
                }
                Ok::<_, Error>(None)
            }
            Lack::Words => {
                let messages = api::message(rest, &doubtful.message_id).await?;
                Ok(messages.first().and_then(|message| refilled(&doubtful.payload, message)))
            }
        }
    };
    match timeout(REREAD_MAX, read).await {
        Ok(Ok(Some(whole))) => {
            return as_pushed(prepare(&state, &bot, &asked, whole, Doubt::Name), &doubtful);
        }
        Ok(Ok(None)) => {}
        Ok(Err(error)) => tracing::debug!(%error, "could not read a doubtful message again"),
        Err(_late) => tracing::debug!("a doubtful message was not read again in time"),
    }
    by_name(&state, &bot, &asked, doubtful)
}

/// The pushed payload with what the history has of its message.
fn refilled(payload: &Bytes, message: &api::Raw) -> Option<Bytes> {
    let told = past_verbs::read(message)?.told()?;
    let mut whole: Value = serde_json::from_slice(payload).ok()?;
    let wire = whole.pointer_mut("/event/message")?.as_object_mut()?;
    wire.insert("content".to_owned(), told.content.into());
    wire.insert("message_type".to_owned(), told.message_type.into());
    wire.insert("mentions".to_owned(), told.mentions);
    serde_json::to_vec(&whole).ok().map(Bytes::from)
}

/// The journal keeps what the platform pushed, not what was made of it.
fn as_pushed(prepared: Prepared, doubtful: &Doubtful) -> Prepared {
    let Prepared::Append(mut entries) = prepared else { return prepared };
    if let Ok(raw) = std::str::from_utf8(&doubtful.payload) {
        let raw: Arc<str> = raw.into();
        entries.iter_mut().for_each(|entry| entry.raw = Some(Arc::clone(&raw)));
    }
    Prepared::Append(entries)
}

/// Decides without asking.
pub fn by_name(state: &State, bot: &Bot, asked: &Asked, doubtful: Doubtful) -> Prepared {
    prepare(state, bot, asked, doubtful.payload, Doubt::Name)
}

fn learn(known: &mut Known, learnt: Vec<Learnt>) {
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
