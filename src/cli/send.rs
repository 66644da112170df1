//! `rooma send`: say something.

use std::path::PathBuf;

use super::Global;
use super::attach;
use super::context::{ChatArg, Common, Context, message_id};
use super::files::shown_path;
use super::mentions::Around;
use super::say::{Words, rehearse, rehearsed, say};
use crate::error::{Error, Result};
use crate::transport::outgoing::{Body, Outgoing};
use crate::transport::verbs::{Target, UploadKind, Uploaded};

/// Say something in a chat, to a person, or in reply to a message
///
/// Where the text says @Name of somebody in --mention, the mention stands there, otherwise in front. A text
/// over the platform's limit becomes several messages. A failed send may be repeated with the same
/// --idempotency-key within an hour: it is posted once.
///
/// Risk: write
///
/// Examples:
///   rooma send --chat ops --text "hello"
///   rooma send --chat ops --text "@Ann the build is green" --mention Ann
///   git log -3 | rooma send --chat ops --text -
///   rooma send --reply-to s412 --text "on it"
///
/// AI agents: "@Ann" in a text alone calls nobody, --mention does. Reply to the message you answer, so that
/// the platform puts the answer into its thread. A text that begins with @ names a file; write @@ instead.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(flatten)]
    chat: ChatArg,
    /// A person instead of a chat: an id or an alias
    #[arg(long, value_name = "WHO", conflicts_with_all = ["chat", "reply_to"])]
    user_id: Option<String>,
    #[command(flatten)]
    words: Words,
    /// Answer this message
    #[arg(long, value_name = "ID", conflicts_with = "chat")]
    reply_to: Option<String>,
    /// Answer in a thread of its own
    #[arg(long, requires = "reply_to")]
    reply_in_thread: bool,
    /// An image, after the words if there are any
    #[arg(long, value_name = "PATH")]
    image: Option<PathBuf>,
    /// The platform's own content, as JSON; @FILE or - as for --text
    #[arg(long, value_name = "JSON", conflicts_with_all = ["text", "markdown", "image", "mention"])]
    content: Option<String>,
    /// Type of --content, such as text, post or interactive
    #[arg(
        long,
        value_name = "TYPE",
        requires = "content",
        default_value = "text",
        hide_default_value = true
    )]
    msg_type: String,
    /// Repeating a send with the same key within an hour posts nothing new
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Show what would be sent
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    common: Common,
}

pub async fn run(args: Args, global: &Global) -> Result<()> {
    let context = Context::speaking(global, &args.common, &[args.reply_to.as_deref()]).await?;
    let key = context.key(args.idempotency_key.as_deref())?;
    if args.words.text.is_none()
        && args.words.markdown.is_none()
        && args.image.is_none()
        && args.content.is_none()
    {
        return Err(Error::validation("there is nothing to say")
            .hint("give --text, --markdown, --image or --content"));
    }
    let (target, around) = target(&context, &args).await?;
    let (mut what, warnings) = words(&context, &args, &around).await?;
    if what.body != Body::Empty {
        // Words that cannot be sent are told of before an image is uploaded.
        context.account.split(&what)?;
    }
    if let Some(path) = &args.image {
        what.files.push(image(&context, path, args.dry_run).await?);
    }
    let parts = context.account.split(&what)?;
    if args.dry_run {
        let messages = rehearsed(&context, &parts)?;
        return context.output.emit(&rehearse(&target, messages, &key, warnings));
    }
    let mut said = say(&context, &target, &parts, &key).await?;
    said.warnings = warnings;
    context.output.emit_done(&said)
}

async fn target(context: &Context, args: &Args) -> Result<(Target, Around)> {
    if let Some(id) = &args.reply_to {
        let to = message_id("--reply-to", id, context)?;
        return Ok((Target::Reply { to: to.clone(), in_thread: args.reply_in_thread }, Around::Message(to)));
    }
    match &args.user_id {
        Some(person) => Ok((Target::Person(context.named_person(person)?), Around::Nobody)),
        None => context.recipient(args.chat.chat.as_deref()).await,
    }
}

/// The words, and what is strange about them.
async fn words(context: &Context, args: &Args, around: &Around) -> Result<(Outgoing, Vec<String>)> {
    if let Some(content) = &args.content {
        let content = context.body("--content", content, &[])?;
        return Ok((context.account.native(&args.msg_type, &content)?, Vec::new()));
    }
    match args.words.said(context, around).await? {
        Some(what) => {
            let warnings = args.words.warnings(context, &what, around).await;
            Ok((what, warnings))
        }
        None if args.words.mention.is_empty() => Ok((Outgoing::of(Body::Empty), Vec::new())),
        None => Err(Error::validation("--mention needs a text").hint("add --text")),
    }
}

async fn image(context: &Context, path: &std::path::Path, dry_run: bool) -> Result<Uploaded> {
    let upload = attach::read(context, path, None)?;
    // Told before it is uploaded: what was, nobody takes back.
    if context.account.upload_kind(&upload)? != UploadKind::Image {
        let size = upload.bytes.len() as f64 / f64::from(1 << 20);
        let text = format!("{} is no image the platform takes ({size:.1} MiB)", shown_path(path));
        return Err(Error::validation(text)
            .hint("images have up to 10 MB, and an image's name and content; send it as a file: rooma file --path …"));
    }
    if dry_run {
        Ok(context.account.not_uploaded(UploadKind::Image))
    } else {
        context.account.upload(&upload).await
    }
}
