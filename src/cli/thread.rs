//! `rooma thread`: the thread a message belongs to.

use super::Global;
use super::context::{Common, Context, MessageArg};
use crate::error::Result;

/// Read the thread of a message, oldest first
///
/// A message outside any thread is shown alone.
///
/// Risk: read
///
/// Example:
///   rooma thread --message-id s412
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(flatten)]
    message: MessageArg,
    /// The newest so many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=5000))]
    limit: u32,
    #[command(flatten)]
    common: Common,
}

pub async fn run(args: Args, global: &Global) -> Result<()> {
    let context = Context::reading(global, &args.common, &[Some(args.message.message_id.as_str())]).await?;
    let id = args.message.id(&context)?;
    context.output.emit(&context.account.thread(&id, args.limit as usize).await?)
}
