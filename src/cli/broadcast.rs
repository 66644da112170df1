//! `rooma broadcast`: say the same in several chats.

use futures_util::{StreamExt, stream};
use serde::Serialize;

use super::Global;
use super::context::{Common, Context};
use super::say::{Key, Words, rehearsed, say};
use crate::error::{Error, Kind, Report, Result};
use crate::event::ids::{ChatId, MessageId};
use crate::transport::outgoing::{Outgoing, Rehearsed};
use crate::transport::verbs::Target;

/// Chats that are written to at the same time.
const AT_ONCE: usize = 4;

/// Say the same in several chats
///
/// Prints what became of each chat. If any failed, "ok" is false and the exit code is 1; repeating with the
/// same --idempotency-key posts only where it is missing.
///
/// Risk: write
///
/// Example:
///   rooma broadcast --chat lobby --chat ops --text "hello, all"
///
/// AI agents: more chats than broadcast.confirm_over need --yes; ask your user before you give it.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Id, alias or name of a chat, or an id or alias of a person; repeat for each
    #[arg(long, visible_alias = "chat-id", value_name = "CHAT", required = true)]
    chat: Vec<String>,
    #[command(flatten)]
    words: Words,
    /// Go on although there are many chats
    #[arg(long)]
    yes: bool,
    /// Repeating a broadcast with the same key within an hour posts nothing new
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Show what would be sent
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    common: Common,
}

#[derive(Serialize)]
struct Outcomes<'a> {
    ok: bool,
    items: Vec<Outcome>,
    idempotency_key: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    dry_run: bool,
}

#[derive(Serialize)]
struct Outcome {
    ok: bool,
    /// As it was given.
    chat: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    chat_id: Option<ChatId>,
    /// Of a person, until the direct chat is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<MessageId>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    message_ids: Vec<MessageId>,
    /// What would be sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    messages: Vec<Rehearsed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Report>,
}

/// One chat with what it is to get. All are ready before the first is sent.
struct Errand {
    chat: String,
    target: Target,
    parts: Vec<Outgoing>,
    key: Key,
}

/// True if every chat got it.
pub async fn run(args: Args, global: &Global) -> Result<bool> {
    let context = Context::open(global, &args.common).await?;
    let key = match args.idempotency_key.as_deref() {
        Some(key) => context.key(Some(key))?,
        None => Key::short(),
    };
    let errands = errands(&context, &args, &key).await?;
    let limit = context.config.options.broadcast.confirm_over as usize;
    if errands.len() > limit && !args.yes && !args.dry_run {
        return Err(Error::new(Kind::Confirmation, format!("this goes to {} chats", errands.len()))
            .hint(format!("add --yes if that is meant; up to {limit} go without (broadcast.confirm_over)")));
    }
    let sent = stream::iter(errands).map(|errand| deliver(&context, errand, args.dry_run));
    let items: Vec<Outcome> = sent.buffered(AT_ONCE).collect().await;
    let ok = items.iter().all(|item| item.ok);
    let (idempotency_key, warnings) = (key.as_str(), args.words.quoted());
    context.output.emit_done(&Outcomes { ok, items, idempotency_key, warnings, dry_run: args.dry_run })?;
    Ok(ok)
}

async fn errands(context: &Context, args: &Args, key: &Key) -> Result<Vec<Errand>> {
    let text = args.words.read(context)?;
    let text = text.ok_or_else(|| Error::validation("there is nothing to say").hint("give --text"))?;
    let mut errands: Vec<Errand> = Vec::new();
    for chat in &args.chat {
        let (target, around) = context.recipient(Some(chat)).await?;
        if errands.iter().any(|errand| errand.target == target) {
            continue;
        }
        let what = args.words.addressed(context, text.clone(), &around).await?;
        let parts = context.account.split(&what)?;
        errands.push(Errand { chat: chat.clone(), parts, target, key: key.clone() });
    }
    Ok(errands)
}

async fn deliver(context: &Context, errand: Errand, dry_run: bool) -> Outcome {
    let Errand { chat, target, parts, key } = errand;
    let mut outcome = Outcome { chat, ..Outcome::of(&target) };
    let done = if dry_run {
        rehearsed(context, &parts).map(|messages| outcome.messages = messages)
    } else {
        say(context, &target, &parts, &key).await.map(|said| {
            outcome.chat_id = Some(said.chat_id);
            outcome.message_id = Some(said.message_id);
            outcome.message_ids = said.message_ids;
        })
    };
    if let Err(error) = done {
        outcome.ok = false;
        outcome.error = Some(error.report());
    }
    outcome
}

impl Outcome {
    /// Nothing bad has happened yet.
    fn of(target: &Target) -> Outcome {
        let (chat_id, user_id) = match target {
            Target::Chat(chat) => (Some(chat.clone()), None),
            Target::Person(person) => (None, Some(person.as_str().to_owned())),
            Target::Reply { .. } => (None, None),
        };
        Outcome {
            ok: true,
            chat: String::new(),
            chat_id,
            user_id,
            message_id: None,
            message_ids: Vec::new(),
            messages: Vec::new(),
            error: None,
        }
    }
}
