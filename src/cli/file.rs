//! `rooma file`: upload a file and post it.

use std::path::PathBuf;

use serde::Serialize;

use super::Global;
use super::attach;
use super::context::{ChatArg, Common, Context, message_id};
use super::say::{Rehearsal, Said, rehearse, say};
use crate::error::Result;
use crate::transport::outgoing::Outgoing;
use crate::transport::traits::Power;
use crate::transport::verbs::{Target, UploadKind};

/// Upload a file and post it
///
/// Images (up to 10 MB) are shown as such, .opus as audio, .mp4 as video, all else as a file (up to 30 MB).
/// Files of rooma's own home (profiles, .env, config, data) are refused.
///
/// Risk: write
///
/// Example:
///   rooma file --chat ops --path /abs/path/to/report.pdf
///
/// AI agents: everybody in the chat gets the file, and a recall does not take back what was downloaded. Look
/// with --dry-run if you are not sure; a short text is better sent as one.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(flatten)]
    chat: ChatArg,
    /// The file
    #[arg(long, value_name = "PATH")]
    path: PathBuf,
    /// Show it under this name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Answer this message with it
    #[arg(long, value_name = "ID", conflicts_with = "chat")]
    reply_to: Option<String>,
    /// Answer in a thread of its own
    #[arg(long, requires = "reply_to")]
    reply_in_thread: bool,
    /// Repeating a send with the same key within an hour posts nothing new
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Check the file and show what would be sent
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    common: Common,
}

#[derive(Serialize)]
struct Posted {
    #[serde(flatten)]
    said: Said,
    #[serde(flatten)]
    attachment: Attachment,
}

/// What would be posted.
#[derive(Serialize)]
struct Rehearsed {
    #[serde(flatten)]
    rehearsal: Rehearsal,
    #[serde(flatten)]
    attachment: Attachment,
}

#[derive(Serialize)]
struct Attachment {
    r#type: UploadKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    name: String,
    bytes: usize,
}

pub async fn run(args: Args, global: &Global) -> Result<()> {
    let context = Context::speaking(global, &args.common, &[args.reply_to.as_deref()]).await?;
    context.account.require(Power::Upload)?;
    let key = context.key(args.idempotency_key.as_deref())?;
    let upload = attach::read(&context, &args.path, args.name.as_deref())?;
    let target = match &args.reply_to {
        Some(id) => {
            Target::Reply { to: message_id("--reply-to", id, &context)?, in_thread: args.reply_in_thread }
        }
        None => context.recipient(args.chat.chat.as_deref()).await?.0,
    };
    if args.dry_run {
        let attachment = Attachment {
            r#type: context.account.upload_kind(&upload)?,
            key: None,
            name: upload.name,
            bytes: upload.bytes.len(),
        };
        let shown = Rehearsed { rehearsal: rehearse(&target, Vec::new(), &key, Vec::new()), attachment };
        return context.output.emit(&shown);
    }
    let uploaded = context.account.upload(&upload).await?;
    let parts = context.account.split(&Outgoing::file(uploaded.clone()))?;
    let said = say(&context, &target, &parts, &key).await?;
    let attachment = Attachment {
        r#type: uploaded.kind,
        key: Some(uploaded.key),
        name: upload.name,
        bytes: upload.bytes.len(),
    };
    context.output.emit_done(&Posted { said, attachment })
}
