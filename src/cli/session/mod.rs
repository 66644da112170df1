//! `rooma session`: an agent's shift. Arms a farewell, shows it, says it, and takes it back.

mod deliver;
mod set;

pub use deliver::{Delivery, hand_over, poke};

use std::path::PathBuf;

use serde::Serialize;

use super::Global;
use super::context::{Common, Context};
use crate::clock::rfc3339_ms;
use crate::core::presence::{Ending, Session, Sessions};
use crate::error::{Error, Result};
use crate::event::ids::ChatId;
use crate::supervisor::stored;

/// A reason is a word in a line.
const REASON_MAX: usize = 64;

/// Be on shift: greet chats, and have a farewell said however the shift ends
///
/// The running supervisor watches the agent that holds the session and says the farewell when it ends, by whatever
/// way. Without a supervisor, `session farewell` says it.
///
/// Examples:
///   rooma session set --chat ops --greeting-text "alice is here" --farewell-text "alice is off"
///   rooma session set-farewell --text "back in five minutes"
///   rooma session farewell
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    Set(Box<set::Args>),
    SetFarewell(set::FarewellArgs),
    Show(ShowArgs),
    Clear(ClearArgs),
    Farewell(FarewellArgs),
}

/// Show the session that is armed, and words that are still on their way
///
/// Risk: read
///
/// Example:
///   rooma session show
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
struct ShowArgs {
    #[command(flatten)]
    common: Common,
}

/// End the session without a word
///
/// Risk: write
///
/// Example:
///   rooma session clear
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
struct ClearArgs {
    #[command(flatten)]
    common: Common,
}

/// Say the farewell and end the session
///
/// While a supervisor runs this hands the farewell over and returns at once; it is said even if the network is
/// away now. Without one it is said here, within --timeout, which is a second where none is given: whoever ends has
/// no more. What could not be said stays for the next start of a supervisor, and is reported.
///
/// Risk: write
///
/// Example:
///   rooma session farewell --reason logout
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
#[command(mut_arg("timeout", |timeout| timeout.default_value(FAREWELL_WITHIN)))]
struct FarewellArgs {
    /// Why, as a word in the line
    #[arg(long, value_name = "REASON", default_value = "farewell")]
    reason: String,
    #[command(flatten)]
    common: Common,
}

/// False where something could not be said.
pub async fn run(args: Args, global: &Global) -> Result<bool> {
    match args.verb {
        Verb::Set(args) => set::run(*args, global).await,
        Verb::SetFarewell(args) => set::farewell(args, global).await.map(|()| true),
        Verb::Show(args) => show(&args, global).await.map(|()| true),
        Verb::Clear(args) => clear(&args, global).await.map(|()| true),
        Verb::Farewell(args) => farewell(&args, global).await,
    }
}

async fn show(args: &ShowArgs, global: &Global) -> Result<()> {
    let context = Context::open(global, &args.common).await?;
    let sessions: Sessions = stored::load(&folder(&context), context.clock.wall_ms())?;
    let waiting = sessions.pending().map(|(words, part)| Waiting {
        chat_id: part.chat_id.clone(),
        kind: words.kind,
        text: words.text.clone(),
    });
    let waiting = waiting.collect();
    context.output.emit(&Shown { ok: true, session: sessions.session.as_ref().map(Shift::of), waiting })
}

async fn clear(args: &ClearArgs, global: &Global) -> Result<()> {
    let context = Context::open(global, &args.common).await?;
    let cleared = change(&context, |sessions, _| sessions.clear(None))?;
    deliver::poke(&context).await?;
    context.output.emit_done(&Cleared { ok: true, cleared: cleared.map(|session| session.id) })
}

async fn farewell(args: &FarewellArgs, global: &Global) -> Result<bool> {
    let context = Context::open(global, &args.common).await?;
    let delivery = end(&context, &args.reason, args.common.timeout).await?;
    context.output.emit_done(&delivery)?;
    Ok(delivery.ok)
}

/// Ends the session of a profile with its farewell, handed over or said within `patience`.
pub async fn end(context: &Context, reason: &str, patience: std::time::Duration) -> Result<Delivery> {
    let reason = crate::event::neutralise(crate::event::bounded(reason, REASON_MAX));
    let (session, ended) = change(context, |sessions, now| {
        let session = sessions.session.as_ref().map(|session| session.id.clone());
        (session, sessions.end(None, &Ending::Asked(reason), now))
    })?;
    if !ended {
        return Ok(Delivery { session: None, ..Delivery::nothing() });
    }
    let delivery = hand_over(context, patience).await?;
    Ok(Delivery { session, ..delivery })
}

/// How long a farewell is tried without a supervisor: what Claude Code's hook has for it.
const FAREWELL_WITHIN: &str = "1s";

/// Where a profile's session is kept.
pub fn folder(context: &Context) -> PathBuf {
    context.config.home.data().join(context.profile.name.as_ref())
}

pub fn change<R>(context: &Context, change: impl FnOnce(&mut Sessions, i64) -> R) -> Result<R> {
    let now = context.clock.wall_ms();
    stored::update(&folder(context), now, |sessions| change(sessions, now))
}

fn nothing_armed() -> Error {
    Error::validation("no session is armed")
        .subtype("no_session")
        .hint("arm one: rooma session set --chat CHAT --farewell-text TEXT")
}

#[derive(Serialize)]
struct Shown {
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<Shift>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    waiting: Vec<Waiting>,
}

#[derive(Serialize)]
struct Waiting {
    chat_id: ChatId,
    kind: crate::core::presence::Kind,
    text: String,
}

#[derive(Serialize)]
struct Cleared {
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cleared: Option<String>,
}

/// A session as people read it.
#[derive(Debug, Serialize)]
pub struct Shift {
    id: String,
    chats: Vec<ChatId>,
    farewell_text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    crash_text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    greeting_text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<crate::core::presence::Owner>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_session: Option<String>,
    armed: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
}

impl Shift {
    pub fn of(session: &Session) -> Shift {
        Shift {
            id: session.id.clone(),
            chats: session.chats.clone(),
            farewell_text: session.farewell_text.clone(),
            crash_text: session.crash_text.clone(),
            greeting_text: session.greeting_text.clone(),
            owner: session.owner.clone(),
            agent_session: session.agent_session.clone(),
            armed: rfc3339_ms(session.armed_at),
            expires: session.expires_at.map(rfc3339_ms),
        }
    }
}
