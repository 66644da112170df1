//! `rooma session set` and `session set-farewell`.

use std::str::FromStr;
use std::time::Duration;

use serde::Serialize;

use super::super::Global;
use super::super::context::{Common, Context};
use super::deliver::{Delivery, hand_over, poke};
use super::{Shift, change, nothing_armed};
use crate::config::Span;
use crate::core::presence::{Arming, Owner};
use crate::error::{Error, Result};
use crate::event::ids::ChatId;
use crate::supervisor::control::client::Client;
use crate::supervisor::control::{Op, Request};
use crate::supervisor::owner;
use crate::transport::outgoing::Outgoing;

/// A shift longer than a year is a slip.
const TTL_MAX: Duration = Duration::from_secs(366 * 24 * 3600);

/// Begin a shift: greet the chats, and arm the farewell
///
/// The owner is the process whose end ends the shift: by default the agent among the ancestors of this command. A
/// new owner takes the session over, and nobody says farewell for the one before; chats that were greeted already
/// are not greeted again.
///
/// Risk: write
///
/// Examples:
///   rooma session set --chat ops --farewell-text "alice is off"
///   rooma session set --chat ops --chat lobby --greeting-text "alice is here" --farewell-text "alice is off" --ttl 8h
///
/// AI agents: run it again after a resume; it is the same shift and greets nobody twice.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// A chat of this shift: an id, an alias or a name; may be repeated
    #[arg(long, visible_alias = "chat-id", value_name = "CHAT", required = true)]
    chat: Vec<String>,
    /// Said in every chat when the shift ends; @FILE or - as for --text
    #[arg(long, value_name = "TEXT")]
    farewell_text: String,
    /// Said instead where the agent ended without a word
    #[arg(long, value_name = "TEXT")]
    crash_text: Option<String>,
    /// Said now, once per chat and shift
    #[arg(long, value_name = "TEXT")]
    greeting_text: Option<String>,
    /// `auto`, `none`, or the number of a process
    #[arg(long, visible_alias = "owner-pid", value_name = "auto|none|PID", default_value = "auto")]
    owner: Whose,
    /// The agent's own name of its session: the same name is the same shift, whatever process it is
    #[arg(long, value_name = "ID")]
    agent_session: Option<String>,
    /// End the shift after this time
    #[arg(long, value_name = "DURATION")]
    ttl: Option<Span>,
    /// Stay, and end the shift when this command ends
    #[arg(long)]
    hold: bool,
    #[command(flatten)]
    common: Common,
}

/// Change what will be said at the end of the shift
///
/// Risk: write
///
/// Example:
///   rooma session set-farewell --text "in a meeting, back at three"
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct FarewellArgs {
    /// The text; @FILE or - as for rooma send
    #[arg(long, visible_alias = "farewell-text", value_name = "TEXT")]
    text: String,
    #[command(flatten)]
    common: Common,
}

#[derive(Clone, Copy, Debug)]
enum Whose {
    Auto,
    Nobody,
    Pid(u32),
}

impl FromStr for Whose {
    type Err = String;

    fn from_str(text: &str) -> Result<Whose, String> {
        match text {
            "auto" => Ok(Whose::Auto),
            "none" => Ok(Whose::Nobody),
            pid => pid.parse().map(Whose::Pid).map_err(|_| "expected auto, none or a pid".to_owned()),
        }
    }
}

#[derive(Serialize)]
struct Set {
    ok: bool,
    /// Another owner had it.
    taken_over: bool,
    session: Shift,
    /// Of the greeting, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    greeting: Option<Delivery>,
    /// Nobody watches the owner while no supervisor runs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// False where a greeting could not be said.
pub async fn run(args: Args, global: &Global) -> Result<bool> {
    let context = Context::open(global, &args.common).await?;
    // Before anything is armed that nobody would hold.
    if args.hold {
        holder(&context).await?;
    }
    let arming = arming(&context, &args).await?;
    let greets = arming.greeting_text.is_some();
    let (taken_over, session) = change(&context, |sessions, now| {
        let taken_over = sessions.arm(arming, now);
        (taken_over, sessions.session.clone())
    })?;
    let session = session.ok_or_else(|| Error::internal("the session was not armed"))?;
    let delivery = hand_over(&context, args.common.timeout).await?;
    let mut warnings = Vec::new();
    if !delivery.handed_over {
        warnings.push("no supervisor runs: nobody watches the owner; rooma up starts one".to_owned());
    }
    let ok = delivery.ok;
    let set =
        Set { ok, taken_over, session: Shift::of(&session), greeting: greets.then_some(delivery), warnings };
    context.output.emit_done(&set)?;
    if args.hold {
        hold(&context, &session.id).await?;
    }
    Ok(ok)
}

async fn arming(context: &Context, args: &Args) -> Result<Arming> {
    let text = |flag: &str, text: &str| -> Result<String> {
        let text = context.body(flag, text, &[])?;
        context.profile.transport.single(Outgoing::text(&text))?;
        Ok(text)
    };
    let some =
        |flag: &str, given: &Option<String>| given.as_deref().map(|given| text(flag, given)).transpose();
    let ttl = args.ttl.map(|ttl| ttl.0);
    if ttl.is_some_and(|ttl| ttl.is_zero() || ttl > TTL_MAX) {
        return Err(Error::validation("--ttl is longer than a year, or nothing"));
    }
    let (farewell_text, crash_text) =
        (text("--farewell-text", &args.farewell_text)?, some("--crash-text", &args.crash_text)?);
    let greeting_text = some("--greeting-text", &args.greeting_text)?;
    let mut chats: Vec<ChatId> = Vec::new();
    for chat in &args.chat {
        let chat = context.chat(Some(chat)).await?;
        if !chats.contains(&chat) {
            chats.push(chat);
        }
    }
    Ok(Arming {
        id: uuid::Uuid::new_v4().simple().to_string()[..16].to_owned(),
        chats,
        farewell_text,
        crash_text,
        greeting_text,
        owner: if args.hold { owner::of(std::process::id()) } else { owner(args.owner)? },
        agent_session: args.agent_session.clone(),
        ttl_ms: ttl.map(crate::clock::millis),
    })
}

fn owner(whose: Whose) -> Result<Option<Owner>> {
    match whose {
        Whose::Nobody => Ok(None),
        Whose::Pid(pid) => owner::of(pid).map(Some).ok_or_else(|| {
            Error::validation(format!("--owner: there is no process {pid}")).subtype("unknown_owner")
        }),
        Whose::Auto => {
            let ancestors = owner::ancestors();
            let chosen = owner::choose(&ancestors).and_then(|chosen| owner::of(chosen.pid));
            chosen.map(Some).ok_or_else(|| {
                Error::validation("no agent is found among the processes that started this one")
                    .subtype("unknown_owner")
                    .hint("say --owner PID, or --owner none with a --ttl")
            })
        }
    }
}

async fn holder(context: &Context) -> Result<Client> {
    let client = Client::connect(context.config.home.root()).await?;
    client.ok_or_else(|| {
        Error::validation("--hold needs a running supervisor")
            .subtype("not_running")
            .hint("rooma up starts one")
    })
}

/// The supervisor ends the session when this connection closes, however that comes.
async fn hold(context: &Context, session: &str) -> Result<()> {
    let mut client = holder(context).await?;
    let (profiles, held) = (vec![context.profile.name.to_string()], Some(session.to_owned()));
    client.send(&Request { profiles, held, ..Request::new(Op::Hold) }).await?;
    let mut line = Vec::new();
    // Answered once, and then nothing more until one side ends.
    while client.next::<serde_json::Value>(&mut line).await?.is_some() {}
    Ok(())
}

pub async fn farewell(args: FarewellArgs, global: &Global) -> Result<()> {
    let context = Context::open(global, &args.common).await?;
    let text = context.body("--text", &args.text, &[])?;
    context.profile.transport.single(Outgoing::text(&text))?;
    let session = change(&context, |sessions, _| {
        let session = sessions.session.as_mut()?;
        session.farewell_text = text;
        Some(session.clone())
    })?;
    let session = session.ok_or_else(nothing_armed)?;
    poke(&context).await?;
    #[derive(Serialize)]
    struct Changed {
        ok: bool,
        session: Shift,
    }
    context.output.emit_done(&Changed { ok: true, session: Shift::of(&session) })
}
