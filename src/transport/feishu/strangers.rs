//! Bots that a message mentions without saying whose they are: ours know each other by what each was given of it.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

use super::known::Known;
use super::mention::Me;
use super::normalize::Learnt;
use super::tidy;
use super::wire::WireMention;
use crate::core::joined::{Mark, Sight};
use crate::event::ids::MessageId;
use crate::transport::Identity;

/// Mentions of one message that are looked at.
pub const LOOKED_AT_MAX: usize = 32;

/// What is known of the bots that a message mentions.
#[derive(Debug, Default)]
pub struct Strangers {
    /// The others of ours told.
    pub learnt: Vec<Learnt>,
    /// Those whose app nobody has told.
    pub unknown: Vec<Called>,
    pub message_id: String,
}

/// A mention as this app was given it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Called {
    pub key: String,
    pub open_id: String,
    pub name: String,
    /// The message or a list says that it is a bot.
    pub bot: bool,
}

impl Called {
    pub fn of(mention: &WireMention<'_>, known: &Known) -> Called {
        let listed = known.person(mention.id.open_id.as_str()).is_some_and(|person| person.bot);
        Called {
            bot: listed || matches!(mention.mentioned_type.as_str(), "bot" | "app"),
            key: mention.key.as_str().to_owned(),
            open_id: tidy::id(mention.id.open_id.as_str()),
            name: tidy::name(mention.name.as_str()),
        }
    }
}

/// A message as this app was given it.
pub struct Given<'a> {
    pub message_id: &'a str,
    /// The text in which the keys of its mentions stand, as it came.
    pub content: &'a str,
    pub mentions: &'a [WireMention<'a>],
}

/// Looks at the mentions, and lets the others know which of them is this bot.
pub fn look(given: &Given<'_>, identity: &Identity, me: Me<'_>, known: &Known) -> Strangers {
    if given.mentions.is_empty() || !identity.siblings.is_company() {
        return Strangers::default();
    }
    let mentions: Vec<&WireMention<'_>> = given.mentions.iter().take(LOOKED_AT_MAX).collect();
    let own = mentions.iter().enumerate().filter(|(_, mention)| is_me(mention, me, known)).map(|(at, _)| at);
    let mine = Sight {
        app_id: me.app_id.into(),
        text: fingerprint(given.content),
        marks: mentions.iter().map(|mention| mark(mention)).collect(),
        own: own.collect(),
    };
    let message_id = tidy::id(given.message_id);
    let told = identity.sights.meet(&MessageId::new(message_id.as_str()), &mine);
    let (mut learnt, mut unknown) = (Vec::new(), Vec::new());
    for (at, mention) in mentions.iter().enumerate() {
        if mine.own.contains(&at) || !may_be_ours(mention, known) {
            continue;
        }
        let called = Called::of(mention, known);
        match told.iter().find(|(told, _)| *told == at) {
            Some((_, app_id)) => {
                learnt.push(Learnt::App { open_id: called.open_id, app_id: app_id.to_string() })
            }
            // What was asked for in vain is not waited for again.
            None if known.person(&called.open_id).is_some_and(|person| person.appless) => {}
            None => unknown.push(called),
        }
    }
    Strangers { learnt, unknown, message_id }
}

fn is_me(mention: &WireMention<'_>, me: Me<'_>, known: &Known) -> bool {
    let open_id = mention.id.open_id.as_str();
    let app_id = || {
        let told = mention.bot_info.as_ref().map_or("", |info| info.app_id.as_str());
        let known = known.person(open_id).and_then(|person| person.app_id.as_deref());
        if told.is_empty() { known.unwrap_or(open_id) } else { told }
    };
    !open_id.is_empty() && (open_id == me.open_id || app_id() == me.app_id)
}

/// A bot, or what nobody has called a person, of which neither this message nor an earlier one told the app.
fn may_be_ours(mention: &WireMention<'_>, known: &Known) -> bool {
    let open_id = mention.id.open_id.as_str();
    let told = mention.bot_info.as_ref().is_some_and(|info| !info.app_id.is_empty());
    let person = mention.mentioned_type.as_str() == "user";
    let known = known.person(open_id).is_some_and(|person| person.app_id.is_some());
    // Everybody has no id of their own.
    let somebody = open_id.starts_with("ou_");
    somebody && !told && !person && !known
}

fn mark(mention: &WireMention<'_>) -> Mark {
    Mark {
        key: tidy::id(mention.key.as_str()).into(),
        name: tidy::name(mention.name.as_str()).into(),
        union_id: tidy::id(mention.id.union_id.as_str()).into(),
    }
}

fn fingerprint(text: &str) -> u64 {
    let mut hasher = SipHasher13::new();
    hasher.write(text.as_bytes());
    hasher.finish()
}
