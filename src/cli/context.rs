//! What every verb needs: the profile it acts as, the account behind it, and where its value goes.

use std::sync::Arc;
use std::time::Duration;

use super::Global;
use super::handle;
use super::output::{Format, Output};
use crate::accounts::{Accounts, limits, token_file};
use crate::accounts::{Alone, Caller};
use crate::clock::Clock;
use crate::config::{Config, Profile, Span, default_chat};
use crate::core::gate::Gates;
use crate::core::target::{Choice, Found, choose, find};
use crate::error::{Error, Result};
use crate::event::ids::{ChatId, MessageId};
pub use crate::event::shown;
use crate::rooms::Speaking;
use crate::transport::verbs::{Acting, Chat, IdKind};

/// Names in one hint.
const NAMED_MAX: usize = 20;

/// A single call gets this long even where nothing is to be waited out.
const CALL_MIN: Duration = Duration::from_secs(1);

/// Heading of the options that all verbs share.
pub const HOW: &str = "Options of all verbs";

/// The options of every verb that talks to a platform.
#[derive(Clone, Debug, clap::Args)]
pub struct Common {
    /// How long rate limits and passing trouble are waited out
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = span, help_heading = HOW)]
    pub timeout: Duration,
    /// Print the value as JSON, each item of a list on a line, or a table for people
    #[arg(long, value_enum, default_value_t, hide_possible_values = true, value_name = "json|ndjson|table", help_heading = HOW)]
    pub format: Format,
    /// Print what this jq expression makes of the value
    #[arg(short = 'q', long, value_name = "EXPR", help_heading = HOW)]
    pub jq: Option<String>,
}

fn span(text: &str) -> Result<Duration, String> {
    text.parse::<Span>().map(|span| span.0)
}

/// The chat of a verb that needs one.
#[derive(Clone, Debug, clap::Args)]
pub struct ChatArg {
    /// Id, alias or name of the chat [default: the profile's, ROOMA_DEFAULT_CHAT, or the only one]
    #[arg(long, visible_alias = "chat-id", value_name = "CHAT")]
    pub chat: Option<String>,
}

/// The message of a verb that needs one.
#[derive(Clone, Debug, clap::Args)]
pub struct MessageArg {
    /// Id of the message, or the handle of its line, s412
    #[arg(long, value_name = "ID")]
    pub message_id: String,
}

impl MessageArg {
    pub fn id(&self, context: &Context) -> Result<MessageId> {
        message_id("--message-id", &self.message_id, context)
    }
}

/// An id of a message, checked as far as its look tells, or the handle of a line that told of it.
pub fn message_id(flag: &str, text: &str, context: &Context) -> Result<MessageId> {
    if let Some(seq) = handle::seq(text) {
        let told = handle::told(flag, &context.config.home, seq)?;
        context.refuse_stranger(flag, &told)?;
        return told.message(flag);
    }
    match context.account.id_kind(text) {
        Some(IdKind::Message) => Ok(MessageId::new(text)),
        _ => Err(Error::validation(format!("{flag} wants the id of a message, not `{}`", shown(text))).hint(
            format!(
                "ids of messages look like {}, handles of lines like s412; lines and `rooma pull` name them",
                context.account.example(IdKind::Message)
            ),
        )),
    }
}

pub struct Context {
    pub config: Config,
    pub profile: Profile,
    pub account: Caller,
    pub output: Output,
    pub clock: Clock,
    accounts: Accounts,
    patience: Duration,
    alone: Alone,
}

impl Context {
    /// Reads the configuration. Nothing is sent, and the secret is read once something is.
    pub async fn open(global: &Global, common: &Common) -> Result<Context> {
        Context::about(global, common, &[], false)
    }

    /// For a verb that only reads: where none is named, the profile is the one that was told of these messages.
    pub async fn reading(global: &Global, common: &Common, messages: &[Option<&str>]) -> Result<Context> {
        Context::about(global, common, messages, true)
    }

    /// For a verb that speaks: nobody is spoken for unasked, and the error names who was told of these messages.
    pub async fn speaking(global: &Global, common: &Common, messages: &[Option<&str>]) -> Result<Context> {
        Context::about(global, common, messages, false)
    }

    fn about(global: &Global, common: &Common, messages: &[Option<&str>], reads: bool) -> Result<Context> {
        let output = Output::new(common.format, common.jq.as_deref())?;
        let here = std::env::current_dir()
            .map_err(|error| Error::storage(format!("the working directory is gone: {error}")))?;
        let config = Config::load(global.home.as_deref(), &here)?;
        let profile = profile(&config, global.profile.as_deref(), messages, reads)?;
        let clock = Clock::system();
        let mut limits = limits(&config);
        limits.http = limits.http.min(common.timeout.max(CALL_MIN));
        let accounts = Accounts::new(&config, limits, clock.clone());
        let ours = config.profiles.iter().map(|profile| (profile.app_id.clone(), Arc::clone(&profile.name)));
        accounts.siblings.set(ours);
        let patience = common.timeout;
        let alone = Alone::default();
        let account = caller(&config, &accounts, &profile, patience, &alone);
        Ok(Context { config, profile, account, output, clock, accounts, patience, alone })
    }

    /// The ids of a line that was told on another platform mean nothing here.
    pub fn refuse_stranger(&self, flag: &str, told: &handle::Told) -> Result<()> {
        let named = |profile: &&Profile| told.profile.as_deref() == Some(profile.name.as_ref());
        match self.config.profiles.iter().find(named) {
            Some(whose) if whose.realm() != self.profile.realm() => {
                let (whose, mine) = (&whose.name, &self.profile.name);
                let told =
                    format!("{flag}: the line s{} is {whose}'s, and {mine} is on another platform", told.seq);
                Err(Error::validation(told)
                    .subtype("unknown_handle")
                    .hint(format!("act as the one who was told: --profile {whose}")))
            }
            _ => Ok(()),
        }
    }

    /// The other profiles of this home whose ids mean the same.
    pub fn others(&self) -> impl Iterator<Item = &Profile> {
        let realm = self.profile.realm();
        let others = self.config.profiles.iter().filter(|profile| profile.name != self.profile.name);
        others.filter(move |profile| profile.realm() == realm)
    }

    /// This profile, as it speaks in rooms.
    pub fn in_rooms(&self) -> Speaking<'_> {
        let Context { config, profile, clock, account: caller, .. } = self;
        Speaking { config, profile, clock, caller }
    }

    /// What may wake a profile's agent.
    pub fn gates(&self, profile: &Profile) -> Gates {
        self.accounts.gates(profile)
    }

    /// The caller of another profile of this home.
    pub fn other(&self, profile: &Profile) -> Caller {
        caller(&self.config, &self.accounts, profile, self.patience, &self.alone)
    }

    /// The chat that a flag names, or the one that goes without saying.
    pub async fn chat(&self, flag: Option<&str>) -> Result<ChatId> {
        let environment = default_chat(&self.config.environment);
        match choose(flag, self.profile.default_chat.as_deref(), environment) {
            Choice::Named { text, by } => self.named_chat(text, by).await,
            Choice::Only => self.only_chat().await,
        }
    }

    async fn named_chat(&self, text: &str, by: &str) -> Result<ChatId> {
        if let Some(alias) = self.config.contacts.chats.get(text) {
            let id = alias.id(&self.profile.name).ok_or_else(|| self.no_id(by, text))?;
            self.contact(text, id)?;
            return Ok(ChatId::new(id));
        }
        if self.config.contacts.users.contains_key(text) {
            return Err(self.no_chat(by, text));
        }
        match self.account.id_kind(text) {
            Some(IdKind::Chat) => return Ok(ChatId::new(text)),
            Some(IdKind::Person | IdKind::Union) => return Err(self.no_chat(by, text)),
            Some(IdKind::Message | IdKind::Thread) => {
                return Err(Error::validation(format!("{by}: `{}` is not the id of a chat", shown(text)))
                    .hint(format!(
                        "ids of chats look like {}; `rooma chats` lists them",
                        self.account.example(IdKind::Chat)
                    )));
            }
            None => {}
        }
        let chats = self.account.chats(None).await?.items;
        match find(text, chats.iter().map(|chat| chat.name.as_str())) {
            Found::One(index) => Ok(ChatId::new(&chats[index].chat_id)),
            Found::Several(indices) => {
                let same: Vec<Chat> = indices.into_iter().map(|index| chats[index].clone()).collect();
                Err(Error::validation(format!("{by}: {} chats are called `{}`", same.len(), shown(text)))
                    .subtype("ambiguous_chat")
                    .hint(format!("give the id of one: {}", listed(&same))))
            }
            Found::None => Err(Error::validation(format!("{by}: there is no chat `{}`", shown(text)))
                .subtype("unknown_chat")
                .hint(format!("the bot is in: {}{}", listed(&chats), self.aliases()))),
        }
    }

    fn no_id(&self, by: &str, alias: &str) -> Error {
        let told = format!("{by}: `{}` has no id for the profile {}", shown(alias), self.profile.name);
        let example = self.account.example(IdKind::Chat);
        let hint = format!("add it to config/contacts.yaml: {{{}: {example}}}", self.profile.name);
        Error::validation(told).subtype("unknown_chat").hint(hint)
    }

    /// What people wrote behind an alias is checked as what they write on a command line.
    pub fn contact(&self, alias: &str, id: &str) -> Result<()> {
        if self.profile.transport.is_id(id) {
            return Ok(());
        }
        let told =
            format!("config/contacts.yaml: `{}` stands for `{}`, which is no id", shown(alias), shown(id));
        Err(Error::validation(told).hint("ids hold letters, digits, _ and -"))
    }

    fn aliases(&self) -> String {
        let aliases: Vec<&str> =
            self.config.contacts.chats.keys().map(String::as_str).take(NAMED_MAX).collect();
        if aliases.is_empty() { String::new() } else { format!("; aliases: {}", aliases.join(", ")) }
    }

    async fn only_chat(&self) -> Result<ChatId> {
        let chats = self.account.chats(None).await?.items;
        match chats.as_slice() {
            [only] => Ok(ChatId::new(&only.chat_id)),
            [] => Err(Error::validation("the bot is in no chat")
                .subtype("no_chat")
                .hint("add it to a group first")),
            _ => Err(Error::validation(format!("which chat? the bot is in {}", chats.len()))
                .subtype("ambiguous_chat")
                .hint(format!("say --chat, or set default_chat in the profile: {}", listed(&chats)))),
        }
    }
}

/// `--profile`, `ROOMA_PROFILE`, or the only one. Never another than the one that was named.
fn profile(config: &Config, flag: Option<&str>, messages: &[Option<&str>], reads: bool) -> Result<Profile> {
    let named = flag.or_else(|| config.environment.get("ROOMA_PROFILE"));
    let names: Vec<String> = named.into_iter().map(str::to_owned).collect();
    let mut chosen = config.chosen(&names)?;
    if chosen.len() > 1 {
        let told = messages.iter().flatten().find_map(|text| told_to(config, text));
        if let Some((profile, _)) = told.as_ref().filter(|_| reads) {
            return Ok(profile.clone());
        }
        let names: Vec<&str> = chosen.iter().map(|profile| profile.name.as_ref()).take(NAMED_MAX).collect();
        let hint = match &told {
            Some((Profile { name, .. }, text)) => {
                format!("{text} was told to {name}: say --profile {name}, or another one's name")
            }
            None => format!("say --profile NAME or set ROOMA_PROFILE: {}", names.join(", ")),
        };
        return Err(Error::validation(format!("which profile? there are {}", chosen.len()))
            .subtype("ambiguous_profile")
            .hint(hint));
    }
    Ok(chosen.remove(0))
}

/// The profile that was told of a message, by the handle of its line or by its id, and what it was named by.
fn told_to(config: &Config, text: &str) -> Option<(Profile, String)> {
    let home = &config.home;
    let seq = match handle::seq(text) {
        Some(seq) => seq,
        None => handle::of_message(home, text, None).ok().flatten()?,
    };
    let name = handle::told("", home, seq).ok()?.profile?;
    let profile = config.profiles.iter().find(|profile| *profile.name == *name)?;
    Some((profile.clone(), shown(text)))
}

fn caller(
    config: &Config,
    accounts: &Accounts,
    profile: &Profile,
    patience: Duration,
    alone: &Alone,
) -> Caller {
    let acting = Acting { token_file: token_file(&config.home, profile), patience };
    Caller::new(profile.clone(), accounts.clone(), config.home.root().to_owned(), acting, alone.clone())
}

fn listed(chats: &[Chat]) -> String {
    let some = chats.iter().take(NAMED_MAX).map(|chat| format!("{} ({})", chat.name, chat.chat_id));
    let mut text = some.collect::<Vec<_>>().join(", ");
    if chats.len() > NAMED_MAX {
        text.push_str(&format!(" and {} more", chats.len() - NAMED_MAX));
    }
    text
}
