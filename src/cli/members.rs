//! `rooma members`: who is in a chat.

use super::Global;
use super::context::{ChatArg, Common, Context};
use crate::error::Result;

/// List the people and bots of a chat
///
/// Bots that are profiles of this home carry `profile`.
///
/// Risk: read
///
/// Example:
///   rooma members --chat ops --format table
///
/// AI agents: a member_id is good for --mention of this profile only; every app sees ids of its own.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(flatten)]
    chat: ChatArg,
    #[command(flatten)]
    common: Common,
}

pub async fn run(args: Args, global: &Global) -> Result<()> {
    let context = Context::open(global, &args.common).await?;
    let chat = context.chat(args.chat.chat.as_deref()).await?;
    context.output.emit(&context.members(&chat).await?)
}
