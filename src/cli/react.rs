//! `rooma react` and `rooma unreact`.

use super::Global;
use super::context::{Common, Context, MessageArg};
use crate::error::Result;

/// Add a reaction to a message
///
/// Risk: write
///
/// Example:
///   rooma react --message-id s412 --emoji DONE
///
/// AI agents: react with OnIt or Typing when you begin, and with DONE when you are through; a reaction
/// disturbs nobody. Names are case-sensitive; Unicode emoji that the platform has as well are taken too, and
/// what other platforms call them: +1, :tada:.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct React {
    #[command(flatten)]
    reaction: Reaction,
}

/// Take the bot's own reaction back
///
/// Risk: write
///
/// Example:
///   rooma unreact --message-id s412 --emoji Typing
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Unreact {
    #[command(flatten)]
    reaction: Reaction,
}

#[derive(Debug, clap::Args)]
struct Reaction {
    #[command(flatten)]
    message: MessageArg,
    /// The platform's name of the emoji, such as OK, DONE or THUMBSUP, or the emoji itself
    #[arg(long, value_name = "NAME")]
    emoji: String,
    #[command(flatten)]
    common: Common,
}

pub async fn react(args: React, global: &Global) -> Result<()> {
    let args = args.reaction;
    let context = Context::speaking(global, &args.common, &[Some(args.message.message_id.as_str())]).await?;
    let id = args.message.id(&context)?;
    context.output.emit_done(&context.account.react(&id, &args.emoji).await?)
}

pub async fn unreact(args: Unreact, global: &Global) -> Result<()> {
    let args = args.reaction;
    let context = Context::speaking(global, &args.common, &[Some(args.message.message_id.as_str())]).await?;
    let id = args.message.id(&context)?;
    context.output.emit_done(&context.account.unreact(&id, &args.emoji).await?)
}
