//! `rooma message`: one message by its id, or by the handle of its line.

use super::context::{Common, Context, message_id};
use super::handle::{self, Told};
use super::output::Output;
use super::{Global, down};
use crate::config::Home;
use crate::error::{Error, Result};
use crate::event::Message;

/// What such a message holds is the platform's to tell.
const FORWARD: &str = "merge_forward";

/// Read one message, whole
///
/// A handle such as s412, as `rooma watch --brief` writes it, reads the line from the journal: at once, without the
/// platform and without its rights. An id asks the platform. A merged forward comes with the messages it holds as
/// `children`, where the platform is asked.
///
/// Risk: read
///
/// Examples:
///   rooma message s412
///   rooma message s412
///   rooma message get --message-id s412
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The message: its id, or the handle of its line. Or `get`, with --message-id
    #[arg(value_name = "ID", required_unless_present = "message_id")]
    message: Option<String>,
    /// Id of the message, or the handle of its line, s412
    #[arg(long, value_name = "ID")]
    message_id: Option<String>,
    /// Ask the platform, whatever the journal has: an edited text, or what a forward holds
    #[arg(long)]
    fresh: bool,
    #[command(flatten)]
    common: Common,
}

pub async fn run(args: Args, global: &Global) -> Result<()> {
    let (flag, id) = named(&args)?;
    let home = down::home(global)?;
    let acting = global.profile.clone().or_else(|| std::env::var("ROOMA_PROFILE").ok());
    let told = match handle::seq(id) {
        Some(seq) => Some(seen_by(flag, &home, seq, acting.as_deref())?),
        None => None,
    };
    if let Some(kept) =
        told.as_ref().filter(|told| !args.fresh && is_of(told, acting.as_deref())).and_then(kept)
    {
        return Output::new(args.common.format, args.common.jq.as_deref())?.emit(&kept);
    }
    let whose = || match &told {
        Some(told) => Ok(told.profile.clone()),
        None => whose(&home, id),
    };
    // Somebody has to ask, and who was told of it may.
    let profile = if acting.is_some() { acting } else { whose()? };
    let global = &Global { profile, ..global.clone() };
    let context = Context::open(global, &args.common).await?;
    let id = message_id(flag, id, &context)?;
    context.output.emit(&context.account.message(&id).await?)
}

/// The line of a handle, or what the acting profile was told of the same message: ids and mentions differ by app.
fn seen_by(flag: &str, home: &Home, seq: u64, acting: Option<&str>) -> Result<Told> {
    let told = handle::told(flag, home, seq)?;
    if is_of(&told, acting) {
        return Ok(told);
    }
    let id = told.message(flag)?;
    match handle::of_message(home, id.as_str(), acting)? {
        Some(own) => handle::told(flag, home, own),
        None => Ok(told),
    }
}

fn is_of(told: &Told, acting: Option<&str>) -> bool {
    acting.is_none_or(|acting| told.profile.as_deref() == Some(acting))
}

/// The profile that was told of a message.
fn whose(home: &Home, id: &str) -> Result<Option<String>> {
    let Some(seq) = handle::of_message(home, id, None)? else { return Ok(None) };
    Ok(handle::told("message", home, seq)?.profile)
}

fn named(args: &Args) -> Result<(&str, &str)> {
    match (args.message.as_deref(), args.message_id.as_deref()) {
        (None | Some("get"), Some(id)) => Ok(("--message-id", id)),
        (Some("get") | None, None) => Err(Error::validation("which message?").hint("rooma message s412")),
        (Some(id), None) => Ok(("message", id)),
        (Some(_), Some(_)) => Err(Error::validation("a message is named twice").hint("give one id")),
    }
}

/// What the journal has of it, where that is all.
fn kept(told: &Told) -> Option<Message> {
    let message = (told.type_name == "message").then(|| serde_json::from_value(told.fields.clone()).ok());
    let whole = |message: &Message| message.truncated != Some(true) && message.message_type != FORWARD;
    message.flatten().filter(whole)
}
