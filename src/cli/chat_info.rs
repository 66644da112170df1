//! `rooma chat-info`: what one chat is.

use super::Global;
use super::context::{ChatArg, Common, Context};
use crate::error::Result;

/// Show a chat's name, description, announcement and counts
///
/// Risk: read
///
/// Example:
///   rooma chat-info --chat ops
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
    context.output.emit(&context.account.chat_info(&chat).await?)
}
