//! `rooma message`: one message by its id.

use super::Global;
use super::context::{Common, Context, MessageArg};
use crate::error::Result;

/// Read one message
///
/// A merged forward comes with the messages it holds as `children`.
///
/// Risk: read
///
/// Example:
///   rooma message get --message-id om_a0b1
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// What to do with it; there is only `get`
    #[arg(value_parser = ["get"], default_value = "get", hide_default_value = true)]
    action: String,
    #[command(flatten)]
    message: MessageArg,
    #[command(flatten)]
    common: Common,
}

pub async fn run(args: Args, global: &Global) -> Result<()> {
    let context = Context::open(global, &args.common).await?;
    let id = args.message.id(&context)?;
    context.output.emit(&context.account.message(&id).await?)
}
