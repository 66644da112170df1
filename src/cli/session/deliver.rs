//! From the outbox into the chats: by the running supervisor, or by ourselves.

use std::time::Duration;

use futures_util::future::join_all;
use serde::Serialize;
use tokio::time::timeout;

use super::super::context::Context;
use super::super::control::{Client, SILENT};
use super::{change, folder};
use crate::core::session::{Part, Sessions};
use crate::error::Result;
use crate::event::NotSaid;
use crate::event::ids::ChatId;
use crate::supervisor::control::{ELSEWHERE, Op, Request};
use crate::supervisor::rooms;
use crate::supervisor::stored;
use crate::transport::outgoing::Outgoing;
use crate::transport::verbs::Target;

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
    let said = async {
        rooms::may_speak(&context.config.home.data(), &part.chat_id, &context.clock)?;
        let what = context.profile.transport.single(Outgoing::text(text))?;
        context.account.send(&Target::Chat(part.chat_id.clone()), &what, &part.key).await
    };
    let outcome = match timeout(patience, said).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) if error.may_pass() => return,
        Ok(Err(error)) => Err(error.sentence()),
        Err(_late) => return,
    };
    if let Err(error) = change(context, |sessions, _| sessions.settle(&part.key, outcome)) {
        tracing::error!(%error, "what was said cannot be noted");
    }
}
