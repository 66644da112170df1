//! What `send`, `file`, `broadcast` and `help` share: from words to messages, and from messages to one answer.

use serde::Serialize;

use super::context::Context;
use super::interrupt::UnderWay;
use super::lint;
use super::mentions::Around;
use crate::error::{Error, Kind, Result};
use crate::event::ids::{ChatId, MessageId, ThreadId};
use crate::rooms::Turn;
use crate::transport::outgoing::{Outgoing, Rehearsed};
use crate::transport::verbs::{Posted, Target};

/// Words, and how they are to be shown.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Words {
    /// What to say; @FILE or - (stdin) for longer texts, @@ for a leading @
    #[arg(long, value_name = "TEXT")]
    pub text: Option<String>,
    /// Call this member: an alias, a name, a profile, an id, or all; may be repeated
    #[arg(long, value_name = "WHO")]
    pub mention: Vec<String>,
    /// Send a text also where it names a bot that would not hear it
    #[arg(long)]
    pub no_lint: bool,
    /// The text is markdown; it may also be given here
    #[arg(long, value_name = "TEXT", num_args = 0..=1)]
    pub markdown: Option<Option<String>>,
}

impl Words {
    /// What is to be said, if there are words at all.
    pub async fn said(&self, context: &Context, around: &Around) -> Result<Option<Outgoing>> {
        match self.read(context)? {
            Some(text) => self.addressed(context, text, around).await.map(Some),
            None => Ok(None),
        }
    }

    /// The text with the mentions of one place.
    pub async fn addressed(&self, context: &Context, text: String, around: &Around) -> Result<Outgoing> {
        let roster = context.roster(around);
        let mentions = roster.find(&self.mention).await?;
        if !self.no_lint {
            lint::check(context, &text, &mentions, &roster).await?;
        }
        let said = if self.markdown.is_some() { Outgoing::markdown(text) } else { Outgoing::text(text) };
        Ok(said.calling(mentions))
    }

    /// The text itself. A file or stdin is read here, and once.
    pub fn read(&self, context: &Context) -> Result<Option<String>> {
        let marked = self.markdown.as_ref();
        let (flag, text) = match (&self.text, marked.and_then(Option::as_ref)) {
            (Some(_), Some(_)) => {
                return Err(Error::validation("--text and --markdown both hold a text")
                    .hint("give the text once; --markdown alone says that --text is markdown"));
            }
            (Some(text), None) => ("--text", text),
            (None, Some(text)) => ("--markdown", text),
            (None, None) if marked.is_some() => return Err(Error::validation("--markdown has no text")),
            (None, None) => return Ok(None),
        };
        context.body(flag, text, &self.mention).map(Some)
    }

    /// Words that look like a mention and are none.
    pub async fn warnings(&self, context: &Context, what: &Outgoing, around: &Around) -> Vec<String> {
        let mut warnings = self.quoted();
        if let Some(text) = what.prose() {
            warnings.extend(lint::warnings(context, text, &what.mentions, around).await);
        }
        warnings
    }

    pub fn quoted(&self) -> Vec<String> {
        let quoted = self.text.iter().chain(self.markdown.iter().flatten()).any(|text| text.contains("<at "));
        let warning = "`<at …>` in the text is shown as it is and calls nobody; use --mention";
        quoted.then(|| warning.to_owned()).into_iter().collect()
    }
}

/// What became of a send.
#[derive(Debug, Serialize)]
pub struct Said {
    pub ok: bool,
    pub message_id: MessageId,
    pub chat_id: ChatId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread_id: Option<ThreadId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub create_time: Option<String>,
    /// All of them: a long text becomes several messages.
    pub message_ids: Vec<MessageId>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// A key that makes repeating a send harmless: the caller's, or one of our own.
#[derive(Clone, Debug)]
pub struct Key(String);

impl Context {
    /// The key of a send, as long as the platform's own may be.
    pub fn key(&self, given: Option<&str>) -> Result<Key> {
        Key::new(given, self.profile.transport.traits().same_send.key_max())
    }
}

impl Key {
    fn new(given: Option<&str>, chars_max: usize) -> Result<Key> {
        match given {
            None => Ok(Key(uuid::Uuid::new_v4().to_string())),
            Some(key) if (1..=chars_max).contains(&key.chars().count()) => Ok(Key(key.to_owned())),
            Some(_) => Err(Error::validation(format!("--idempotency-key takes 1 to {chars_max} characters"))),
        }
    }

    /// One of our own that leaves room for more.
    pub fn short() -> Key {
        let mut key = uuid::Uuid::new_v4().simple().to_string();
        key.truncate(24);
        Key(key)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// How a command that broke off is repeated.
    fn again(&self) -> String {
        format!("repeat with --idempotency-key {}: what was sent is not sent again", self.0)
    }

    /// The key of one of several messages to one target: one key for two chats must not share a message.
    fn piece(&self, target: &Target, index: usize) -> String {
        crate::journal::fingerprint_hex(&format!("{target:?}"), &format!("{}.{index}", self.0))
    }
}

/// Posts the parts one after the other, a message each.
pub async fn say(context: &Context, target: &Target, parts: &[Outgoing], key: &Key) -> Result<Said> {
    post(context, target, parts, key, true).await
}

/// The same, also where agents are to be silent: a call for help is no turn in a talk.
pub async fn say_anyway(context: &Context, target: &Target, parts: &[Outgoing], key: &Key) -> Result<Said> {
    post(context, target, parts, key, false).await
}

async fn post(
    context: &Context,
    target: &Target,
    parts: &[Outgoing],
    key: &Key,
    guarded: bool,
) -> Result<Said> {
    let _under_way = UnderWay::new(key.again());
    let mut posted: Vec<Posted> = Vec::with_capacity(parts.len());
    let mut turn = Taken { context, guarded, turn: None };
    for (index, part) in parts.iter().enumerate() {
        let last = index + 1 == parts.len();
        match turn.say(target, part, &key.piece(target, index), last).await {
            Ok(one) => posted.push(one),
            Err(error) => {
                if let Some(turn) = turn.turn.filter(|_| !posted.is_empty()) {
                    turn.broke_off();
                }
                return Err(incomplete(error, &posted, parts.len(), key));
            }
        }
    }
    let message_ids = posted.iter().map(|posted| posted.message_id.clone()).collect();
    let first = posted.into_iter().next().ok_or_else(|| Error::internal("nothing was said"))?;
    let Posted { message_id, chat_id, thread_id, create_time } = first;
    Ok(Said { ok: true, message_id, chat_id, thread_id, create_time, message_ids, warnings: Vec::new() })
}

/// The turn of a message: its first part takes it, the others go on with it.
struct Taken<'a> {
    context: &'a Context,
    guarded: bool,
    turn: Option<Turn<'a>>,
}

impl Taken<'_> {
    async fn say(&mut self, target: &Target, part: &Outgoing, key: &str, last: bool) -> Result<Posted> {
        match &self.turn {
            Some(turn) => turn.go_on(part, key)?,
            // Where no room is concerned there may be one by the next part.
            None if self.guarded => self.turn = self.context.in_rooms().turn(target, part, key).await?,
            None => {}
        }
        let sent = self.context.account.send(target, part, key).await;
        match (&sent, &self.turn) {
            (Ok(posted), Some(turn)) => turn.posted(key, posted, last),
            // What may have been posted stays counted: its repeat has the same key.
            (Err(error), Some(turn)) if error.kind != Kind::Network => turn.failed(key),
            (_, None) | (Err(_), Some(_)) => {}
        }
        sent
    }
}

/// Says what was sent before the failure, and how to go on without saying it twice.
fn incomplete(error: Error, posted: &[Posted], all: usize, key: &Key) -> Error {
    let again = key.again();
    let sent: Vec<&str> = posted.iter().map(|posted| posted.message_id.as_str()).collect();
    match (sent.as_slice(), error.kind) {
        // Nobody knows whether it arrived.
        ([], Kind::Network) => error.hint(again),
        ([], _) if error.retryable => {
            let hint = error.hint.as_ref().map_or_else(|| again.clone(), |hint| format!("{hint}; {again}"));
            error.hint(hint)
        }
        ([], _) => error,
        (sent, _) => Error {
            message: format!(
                "{} of {all} messages were sent ({}); then: {}",
                sent.len(),
                sent.join(", "),
                error.message
            ),
            ..error
        }
        .subtype("partly_sent")
        .hint(again),
    }
}

/// What would be sent.
#[derive(Debug, Serialize)]
pub struct Rehearsal {
    dry_run: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    chat_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_in_thread: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    messages: Vec<Rehearsed>,
    idempotency_key: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// The messages that the parts would be.
pub fn rehearsed(context: &Context, parts: &[Outgoing]) -> Result<Vec<Rehearsed>> {
    parts.iter().map(|part| context.account.rehearse(part)).collect()
}

pub fn rehearse(target: &Target, messages: Vec<Rehearsed>, key: &Key, warnings: Vec<String>) -> Rehearsal {
    let (mut chat_id, mut user_id, mut reply_to, mut reply_in_thread) = (None, None, None, None);
    match target {
        Target::Chat(chat) => chat_id = Some(chat.to_string()),
        Target::Person(person) => user_id = Some(person.as_str().to_owned()),
        Target::Reply { to, in_thread } => {
            (reply_to, reply_in_thread) = (Some(to.to_string()), Some(*in_thread))
        }
    }
    Rehearsal {
        dry_run: true,
        chat_id,
        user_id,
        reply_to,
        reply_in_thread,
        messages,
        idempotency_key: key.as_str().to_owned(),
        warnings,
    }
}
