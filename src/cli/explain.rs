//! `rooma explain`: why a message did, or did not, reach an agent.

mod sources;

use serde::Serialize;

use super::Global;
use super::context::{Common, Context, MessageArg};
use super::cursor::cursor_name;
use crate::clock::rfc3339_ms;
use crate::config::{Config, Profile};
use crate::core::gate::Held;
use crate::core::reach::{Facts, LineFacts, Why, why};
use crate::error::{Error, Result};
use crate::event::ids::{ChatId, MessageId};
use crate::event::{SenderType, Trust};
use crate::journal::MessageLine;
use crate::supervisor::control::is_cursor_name;
use sources::Sources;

/// Explain why a message did, or did not, reach each profile's agent
///
/// `cursors` are all that may read the profile's lines, by name, and whether each has come past this one.
///
/// `why` is one of: read, waiting (the line is there, no reader has come to it); chat, person, bot (`allow` of the
/// profile or the room), mention (the room's `require_mention`); own, not_in_chat, not_kept (older than the journal),
/// offline, no_scope (the platform does not deliver such messages to this app), not_delivered, unknown. Of a message
/// without a line the reason is the likely one.
///
/// Risk: read
///
/// Examples:
///   rooma explain --message-id s412
///   rooma --profile bob explain --message-id s412
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(flatten)]
    message: MessageArg,
    #[command(flatten)]
    common: Common,
}

#[derive(Serialize)]
struct Explained {
    ok: bool,
    message_id: MessageId,
    #[serde(skip_serializing_if = "Option::is_none")]
    chat_id: Option<ChatId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sender_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sender_type: Option<SenderType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sender_profile: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    create_time: Option<String>,
    profiles: Vec<OfProfile>,
}

#[derive(Serialize)]
struct OfProfile {
    profile: String,
    reached: bool,
    why: Why,
    detail: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_chat: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<Line>,
    /// Of the readers of its lines the one that has come furthest; of its usual ones before others.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<Cursor>,
    /// Every cursor that may read its lines, by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cursors: Vec<Cursor>,
}

#[derive(Serialize)]
struct Line {
    seq: u64,
    time: String,
    mentioned: bool,
    trust: Trust,
    #[serde(skip_serializing_if = "Option::is_none")]
    held: Option<Held>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    relayed: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    replayed: bool,
}

#[derive(Clone, Serialize)]
struct Cursor {
    name: String,
    seq: u64,
    /// It has come past the line.
    #[serde(skip_serializing_if = "Option::is_none")]
    read: Option<bool>,
}

pub async fn run(args: Args, global: &Global) -> Result<()> {
    let here = std::env::current_dir()
        .map_err(|error| Error::storage(format!("the working directory is gone: {error}")))?;
    let config = Config::load(global.home.as_deref(), &here)?;
    let profiles = config.chosen(global.profile.as_slice())?;
    // Any of them knows what the id of a message looks like.
    let first =
        Global { profile: profiles.first().map(|profile| profile.name.to_string()), ..global.clone() };
    let context = Context::open(&first, &args.common).await?;
    let id = args.message.id(&context)?;
    let sources = Sources::find(config, &context, &profiles, &id).await?;
    let now = context.clock.wall_ms();
    // The same id may be another message elsewhere.
    let here = |profile: &&Profile| sources.realm.as_ref().is_none_or(|realm| profile.realm() == *realm);
    let of_profiles = profiles.iter().filter(here).map(|profile| sources.of_profile(&profile.name, now));
    let profiles = of_profiles.collect::<Result<Vec<_>>>()?;
    let about = sources.about;
    context.output.emit(&Explained {
        ok: true,
        message_id: id,
        chat_id: about.as_ref().map(|about| about.chat_id.clone()),
        sender_name: about.as_ref().and_then(|about| about.sender_name.clone()),
        sender_type: about.as_ref().map(|about| about.sender_type),
        sender_profile: about.as_ref().and_then(|about| about.sender_profile.clone()),
        create_time: about.map(|about| about.create_time),
        profiles,
    })
}

impl Sources {
    fn of_profile(&self, profile: &str, now: i64) -> Result<OfProfile> {
        let mut lines = self.told.iter().filter(|told| told.profile == profile);
        // Duplicates are folded for two days; of two lines that far apart the one that was not held back counts.
        let told = lines.clone().find(|told| told.held.is_none()).or_else(|| lines.next());
        let cursors = self.cursors_of(profile, told.map(|told| told.seq));
        let cursor = furthest(profile, &cursors);
        let facts = match told {
            Some(told) => {
                let held = told.held.as_deref().and_then(held);
                let read = cursors.iter().any(|cursor| cursor.read == Some(true));
                Facts { line: Some(LineFacts { held, read }), ..Facts::default() }
            }
            None => self.facts(profile, now)?,
        };
        let why = why(&facts);
        Ok(OfProfile {
            profile: profile.to_owned(),
            reached: why == Why::Read,
            why,
            detail: why.sentence(),
            in_chat: told.map_or(facts.in_chat, |_| Some(true)),
            line: told.map(Line::new),
            cursor,
            cursors,
        })
    }

    /// Whatever it is called, a cursor may read any line. One that is called as another profile reads that one's.
    fn cursors_of(&self, profile: &str, line: Option<u64>) -> Vec<Cursor> {
        let others = |name: &str| {
            name != profile && self.config.profiles.iter().any(|other| other.name.as_ref() == name)
        };
        let cursors = self.cursors.iter().filter(|(name, _)| !others(name) && is_cursor_name(name));
        let cursors = cursors.map(|(name, seq)| Cursor {
            name: name.clone(),
            seq: *seq,
            read: line.map(|line| *seq >= line),
        });
        cursors.collect()
    }
}

fn furthest(profile: &str, cursors: &[Cursor]) -> Option<Cursor> {
    let usual = [cursor_name(None, &[profile.to_owned()]), cursor_name(None, &[]), "stdout".to_owned()];
    let place = |cursor: &&Cursor| (cursor.read, usual.contains(&cursor.name), cursor.seq);
    cursors.iter().max_by_key(place).cloned()
}

/// The words in which the journal says why a line is held back.
fn held(word: &str) -> Option<Held> {
    [Held::Chat, Held::Person, Held::Bot, Held::Mention].into_iter().find(|held| held.name() == word)
}

impl Line {
    fn new(told: &MessageLine) -> Line {
        let message = &told.message;
        Line {
            seq: told.seq,
            time: rfc3339_ms(told.at),
            mentioned: message.mentioned,
            trust: message.trust,
            held: told.held.as_deref().and_then(held),
            relayed: message.relayed == Some(true),
            replayed: told.replayed,
        }
    }
}
