//! `rooma chats`: the chats the bot is in.

use super::Global;
use super::context::{Common, Context};
use crate::error::Result;

/// List every chat the bot is in
///
/// Groups only: the platform does not list direct conversations.
///
/// Risk: read
///
/// Example:
///   rooma chats --jq '.items[] | "\(.chat_id) \(.name)"'
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// At most this many
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// All pages, which is the default without --limit
    #[arg(long, conflicts_with = "limit")]
    page_all: bool,
    #[command(flatten)]
    common: Common,
}

pub async fn run(args: Args, global: &Global) -> Result<()> {
    let context = Context::open(global, &args.common).await?;
    let limit = args.limit.filter(|_| !args.page_all).map(|limit| limit as usize);
    context.output.emit(&context.account.chats(limit).await?)
}
