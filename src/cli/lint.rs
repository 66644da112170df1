//! Words that look as if they reached a bot and do not: `@name` without a mention is only text to it.

use super::context::{Context, shown};
use super::mentions::{Around, Roster};
use crate::config::Profile;
use crate::core::markup::{joins, quiet};
use crate::core::mention::{AT, named};
use crate::error::{Error, Kind, Result};
use crate::event::ids::ChatId;
use crate::supervisor::Status;
use crate::supervisor::control::client::Client;
use crate::supervisor::control::{Op, Request};
use crate::transport::outgoing::Addressee;
use crate::transport::verbs::{Items, Member, MemberType};

/// Places of one text that are looked at.
const PLACES_MAX: usize = 64;

/// Words that only acknowledge. To a bot they are a reason to answer, and nothing else.
const ACKNOWLEDGEMENTS: &[&str] = &[
    "ok",
    "okay",
    "k",
    "thanks",
    "thank you",
    "thx",
    "ty",
    "got it",
    "noted",
    "great",
    "cool",
    "sure",
    "yes",
    "will do",
    "done",
    "received",
    "understood",
    "roger",
    "+1",
    "收到",
    "好的",
    "好",
    "谢谢",
    "多谢",
    "明白",
    "了解",
    "知道了",
    "辛苦了",
    "嗯",
    "行",
];

/// A name that a text may hold behind an `@`.
#[derive(Debug)]
struct Known {
    name: String,
    /// Whom to call, so that a bot hears it. Absent: it does so anyway, or is a person.
    deaf: Option<String>,
    /// A bot of which nothing says whose it is.
    unmet: bool,
}

/// Another profile of this home, by the names that are written down.
struct Ours {
    profile: String,
    bot: Option<String>,
    deaf: Option<String>,
}

/// Refuses a text that names a bot which would not hear it.
pub async fn check(context: &Context, text: &str, mentions: &[Addressee], roster: &Roster<'_>) -> Result<()> {
    let places = places(text);
    if places.is_empty() || mentions.iter().any(Addressee::is_everybody) {
        return Ok(());
    }
    let ours = ours(context, roster).await;
    // Who cannot be listed is not linted.
    let mut known = known(mentions, &ours, roster.members().await.ok().flatten());
    if places.iter().any(|at| meant(&text[*at..], &known).is_some_and(|bot| bot.unmet)) {
        // It may be one of ours, by the name that people see.
        known = self::known(mentions, &ours, roster.marked().await);
    }
    let deaf = places.into_iter().find_map(|place| {
        let known = meant(&text[place..], &known)?;
        Some(unheard(&known.name, known.deaf.as_deref()?))
    });
    deaf.map_or(Ok(()), Err)
}

/// Every name that is known here: who is called, ours, and who else is in the chat. Of two alike the first counts.
fn known(mentions: &[Addressee], ours: &[Ours], members: Option<&Items<Member>>) -> Vec<Known> {
    let known = |name: &str, deaf: Option<String>| Known { name: name.to_owned(), deaf, unmet: false };
    let called = mentions.iter().flat_map(|who| [&who.name, &who.called]).map(|name| known(name, None));
    let written = ours.iter().flat_map(|ours| {
        let names = std::iter::once(&ours.profile).chain(&ours.bot);
        names.map(|name| known(name, ours.deaf.clone()))
    });
    let here = members.into_iter().flat_map(|members| &members.items).map(|member| {
        let profile = member.profile.as_ref();
        let unmet = member.member_type == MemberType::Bot && profile.is_none();
        let ours = ours.iter().find(|ours| Some(&ours.profile) == profile);
        let deaf = if unmet { Some(member.name.clone()) } else { ours.and_then(|ours| ours.deaf.clone()) };
        Known { unmet, ..known(&member.name, deaf) }
    });
    called.chain(written).chain(here).collect()
}

async fn ours(context: &Context, roster: &Roster<'_>) -> Vec<Ours> {
    // In a chat that cannot be looked up, as in a direct conversation, nobody is taken to hear all.
    let chat = roster.chat().await.ok().flatten();
    let mut ours = Vec::new();
    for profile in context.others() {
        let name = profile.name.to_string();
        let deaf = (!hears_all(context, profile, chat).await).then(|| name.clone());
        ours.push(Ours { profile: name, bot: profile.bot.clone(), deaf });
    }
    ours
}

/// One of ours hears everything by the relay of a running supervisor, where every bot's words may wake its agent.
async fn hears_all(context: &Context, profile: &Profile, chat: Option<&ChatId>) -> bool {
    if !chat.is_some_and(|chat| context.gates(profile).lets_all_bots(chat)) {
        return false;
    }
    let asked = Client::ask_home::<Status>(context.config.home.root(), &Request::new(Op::Status)).await;
    asked.ok().flatten().is_some()
}

fn unheard(name: &str, who: &str) -> Error {
    let (name, who) = (shown(name), shown(who));
    Error::new(
        Kind::Policy,
        format!("the text names @{name} without calling it, and that bot would not hear it"),
    )
    .subtype("mention_lint")
    .hint(format!("add --mention {who}, leave out the @, or send it all the same with --no-lint"))
}

/// A message that only acknowledges and calls a bot for it.
pub async fn warnings(context: &Context, text: &str, mentions: &[Addressee], around: &Around) -> Vec<String> {
    if mentions.is_empty() || !only_acknowledges(text, mentions) {
        return Vec::new();
    }
    let ours =
        |who: &Addressee| context.config.profiles.iter().any(|profile| profile.name.as_ref() == who.called);
    let mut bot = mentions.iter().find(|who| ours(who));
    if bot.is_none()
        && let Ok(Some(members)) = context.roster(around).members().await
    {
        bot = mentions.iter().find(|who| {
            members
                .items
                .iter()
                .any(|member| member.member_id == who.id && member.member_type == MemberType::Bot)
        });
    }
    let warn = |bot: &Addressee| {
        format!(
            "this only acknowledges and calls the bot {}: bots that thank each other never end",
            shown(&bot.name)
        )
    };
    bot.map(warn).into_iter().collect()
}

fn only_acknowledges(text: &str, mentions: &[Addressee]) -> bool {
    let mut rest = text.to_lowercase().replace(AT, "@");
    for who in mentions {
        for name in [&who.name, &who.called] {
            rest = rest.replace(&format!("@{}", name.to_lowercase()), " ");
        }
    }
    let plain = |c: char| !c.is_alphanumeric() && c != '+';
    ACKNOWLEDGEMENTS.contains(&rest.trim_matches(plain))
}

/// Where an `@` may begin a name: not within a word, as in an address, and not in code.
fn places(text: &str) -> Vec<usize> {
    let quiet = quiet(text, true);
    let begins = |at: &usize| {
        let inside = text[..*at].chars().next_back().is_some_and(|c| joins(c) || c == '/');
        !inside && !quiet.iter().any(|range| range.contains(at))
    };
    text.match_indices(AT).map(|(at, _)| at).filter(begins).take(PLACES_MAX).collect()
}

/// Whose name stands at the beginning of this text: the longest.
fn meant<'a>(text: &str, known: &'a [Known]) -> Option<&'a Known> {
    let found = known.iter().filter_map(|known| Some((named(text, &known.name)?, known)));
    found.reduce(|longest, next| if next.0 > longest.0 { next } else { longest }).map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::ids::UserId;

    fn who(name: &str) -> Addressee {
        Addressee { id: UserId::new("ou_1"), name: name.to_owned(), called: name.to_owned() }
    }

    fn hears(name: &str) -> Known {
        Known { name: name.to_owned(), deaf: None, unmet: false }
    }

    #[test]
    fn a_bot_is_named_as_people_write_it() {
        let deaf = |name: &str| Known { deaf: Some(name.to_owned()), ..hears(name) };
        let bots = ["bob", "b1", "b10", "Code", "Code Reviewer", "小助手", "Li"].map(deaf);
        let known: Vec<Known> = ["b1", "Li Wei"].map(hears).into_iter().chain(bots).collect();
        let named = |text: &str| -> Vec<String> {
            let meant = places(text).into_iter().filter_map(|place| meant(&text[place..], &known));
            meant.filter_map(|known| known.deaf.clone()).collect()
        };
        let cases: &[(&str, &[&str])] = &[
            ("@bob, can you? cc @BOB.", &["bob", "bob"]),
            ("@Code Reviewer please look", &["Code Reviewer"]),
            ("@code reviewers please look", &["Code"]),
            ("@小助手看一下", &["小助手"]),
            ("请@小助手看一下，**@小助手**", &["小助手", "小助手"]),
            ("@bob看一下, 请@bob", &["bob", "bob"]),
            ("(@bob) [@bob] @@bob", &["bob", "bob", "bob"]),
            // Who is called hides nobody whose name begins alike, and a longer name is somebody else's.
            ("hey @b1, please talk to @b10", &["b10"]),
            ("@Li Wei, ask @Li", &["Li"]),
            ("@bobby @bob2 @bob_2 @bob-two @bobé", &[]),
            // Neither addresses nor code name anybody.
            ("mail ann@bob, 1@bob or é@bob.com, see https://x/@bob and x.com/@bob", &[]),
            ("`@bob` and `x @bob y`\n```\n@bob\n```", &[]),
            ("@ @@ @nobody", &[]),
            // Input methods for Chinese and Japanese write the wide sign.
            ("请＠bob看一下，＠小助手 and \u{FE6B}bob", &["bob", "小助手", "bob"]),
        ];
        for (text, wanted) in cases {
            assert_eq!(named(text), *wanted, "{text}");
        }
    }

    #[test]
    fn an_acknowledgement_is_nothing_but_one() {
        for text in ["@bob ok", "OK @bob!", "thanks, @bob", "@bob 收到", "@bob 好的。", "👍 got it @bob"]
        {
            assert!(only_acknowledges(text, &[who("bob")]), "{text}");
        }
        for text in ["@bob ok, and the tests?", "@bob", "no thanks to you @bob", "@bob done: 212 green"] {
            assert!(!only_acknowledges(text, &[who("bob")]), "{text}");
        }
    }
}
