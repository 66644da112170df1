//! `rooma recall`: take a message back.

use serde_json::json;

use super::Global;
use super::context::{Common, Context, MessageArg};
use crate::error::Result;

/// Take a message of the bot back
///
/// Risk: write
///
/// Example:
///   rooma recall --message-id s412
///
/// AI agents: everybody sees that a message was taken back, and who read it has read it. To mend a text, use
/// `rooma edit`. After a day the platform takes nothing back.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(flatten)]
    message: MessageArg,
    #[command(flatten)]
    common: Common,
}

pub async fn run(args: Args, global: &Global) -> Result<()> {
    let context = Context::speaking(global, &args.common, &[Some(args.message.message_id.as_str())]).await?;
    let id = args.message.id(&context)?;
    context.account.recall(&id).await?;
    context.output.emit_done(&json!({"ok": true, "message_id": id}))
}
