//! `rooma edit`: change what was said.

use serde_json::json;

use super::Global;
use super::context::{Common, Context, MessageArg};
use super::mentions::Around;
use super::say::Words;
use crate::error::{Error, Result};
use crate::transport::traits::Power;

/// Change a text the bot has sent
///
/// A message stays of its type: what was sent with --markdown is edited with --markdown. At most 20 times.
///
/// Risk: write
///
/// Example:
///   rooma edit --message-id s412 --text "3 of 5 done"
///
/// AI agents: an edit notifies nobody, and a mention added by an edit calls nobody. Send a new message for
/// what somebody should notice.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(flatten)]
    message: MessageArg,
    #[command(flatten)]
    words: Words,
    #[command(flatten)]
    common: Common,
}

pub async fn run(args: Args, global: &Global) -> Result<()> {
    let context = Context::speaking(global, &args.common, &[Some(args.message.message_id.as_str())]).await?;
    context.account.require(Power::Edit)?;
    let id = args.message.id(&context)?;
    let what = args.words.said(&context, &Around::Message(id.clone())).await?;
    let what = what.ok_or_else(|| Error::validation("there is no new text").hint("give --text"))?;
    if context.account.split(&what)?.len() != 1 {
        return Err(Error::validation("the text is too long for one message, and an edit cannot split it"));
    }
    context.account.edit(&id, &what).await?;
    context.output.emit_done(&json!({"ok": true, "message_id": id}))
}
