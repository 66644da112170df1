//! From the outbox into the chats: by the running supervisor, or by ourselves.

use std::time::Duration;

use futures_util::future::join_all;
use serde::Serialize;
use tokio::time::timeout;

use super::super::context::Context;
use super::{change, folder};
use crate::core::presence::{Part, Sessions, settled};
use crate::error::Result;
use crate::event::NotSaid;
use crate::event::ids::ChatId;
use crate::supervisor::control::client::{Client, SILENT};
use crate::supervisor::control::{ELSEWHERE, Op, Request};
use crate::supervisor::outbox::Speaker;
use crate::supervisor::stored;

/// How long the supervisor's word is waited for. What it has not heard it finds in the file, within a second.
const POKE_PATIENCE: Duration = Duration::from_millis(100);

/// What became of greetings and farewells.
#[derive(Debug, Serialize)]
pub struct Delivery {
    pub ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The running supervisor says it.
    pub handed_over: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub chats: Vec<ChatId>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<NotSaid>,
    /// Not said in time: the next start of a supervisor tries again, if that is soon enough.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<ChatId>,
}

impl Delivery {
    pub fn nothing() -> Delivery {
        let (chats, failed, waiting) = (Vec::new(), Vec::new(), Vec::new());
        Delivery { ok: true, session: None, handed_over: false, chats, failed, waiting }
    }
}

/// Tells the running supervisor that the session has changed. False where none runs that has this profile.
pub async fn poke(context: &Context) -> Result<bool> {
    let request = Request { profiles: vec![context.profile.name.to_string()], ..Request::new(Op::Session) };
    let home = context.config.home.root();
    match Client::ask_home_within::<serde_json::Value>(home, &request, POKE_PATIENCE).await {
        Ok(answer) => Ok(answer.is_some()),
        Err(error) if error.subtype.as_deref() == Some(ELSEWHERE) => Ok(false),
        // It runs and is busy.
        Err(error) if error.subtype.as_deref() == Some(SILENT) => Ok(true),
        Err(error) => Err(error),
    }
}

/// Has the outbox said.
pub async fn hand_over(context: &Context, patience: Duration) -> Result<Delivery> {
    if poke(context).await? {
        return Ok(Delivery { handed_over: true, ..Delivery::nothing() });
    }
    let sessions: Sessions = stored::load(&folder(context), context.clock.wall_ms())?;
    let pending = sessions.pending().map(|(words, part)| one(context, &words.text, part, patience));
    join_all(pending).await;
    let (settled, waiting) = change(context, |sessions, _| {
        let waiting: Vec<ChatId> = sessions.pending().map(|(_, part)| part.chat_id.clone()).collect();
        (sessions.take_settled(), waiting)
    })?;
    let parts = || settled.iter().flat_map(|words| &words.parts);
    let still = |part: &&Part| waiting.contains(&part.chat_id);
    let chats: Vec<ChatId> = settled
        .iter()
        .flat_map(|words| words.sent())
        .filter(|part| !still(part))
        .map(|part| part.chat_id.clone())
        .collect();
    let failed: Vec<NotSaid> = parts()
        .filter_map(|part| Some(NotSaid { chat_id: part.chat_id.clone(), error: part.error.clone()? }))
        .collect();
    let ok = failed.is_empty() && waiting.is_empty();
    Ok(Delivery { ok, session: None, handed_over: false, chats, failed, waiting })
}

/// What passes, or takes too long, stays in the outbox.
async fn one(context: &Context, text: &str, part: &Part, patience: Duration) {
    let data = context.config.home.data();
    let speaker = Speaker {
        data: &data,
        clock: &context.clock,
        transport: context.profile.transport,
        realm: context.profile.realm(),
    };
    let send = async |target, what| context.account.send(&target, &what, &part.key).await;
    let said = timeout(patience, speaker.say(&part.chat_id, text, send)).await;
    let Some(outcome) = said.ok().and_then(|outcome| settled(&outcome)) else { return };
    if let Err(error) = change(context, |sessions, _| sessions.settle(&part.key, outcome)) {
        tracing::error!(%error, "what was said cannot be noted");
    }
}
