//! Words that look as if they reached a bot and do not: `@name` without a mention is only text to it.

use super::context::{Context, shown};
use super::control::Client;
use super::mentions::{Around, Roster};
use crate::config::Profile;
use crate::error::{Error, Kind, Result};
use crate::event::ids::ChatId;
use crate::supervisor::Status;
use crate::supervisor::control::{Op, Request};
use crate::transport::verbs::{Addressee, MemberType};

/// Names that are looked for in one text.
const NAMED_MAX: usize = 16;

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

/// Refuses a text that names a bot which would not hear it.
pub async fn check(context: &Context, text: &str, mentions: &[Addressee], around: &Around) -> Result<()> {
    let called = |name: &str| {
        mentions.iter().any(|who| who.name == name || who.called == name || name.starts_with(&who.called))
    };
    let mut named: Vec<&str> = named(text).into_iter().filter(|name| !called(name)).collect();
    if named.is_empty() || mentions.iter().any(|who| who.id.as_str() == "all") {
        return Ok(());
    }
    let roster = context.roster(around);
    // In a chat that cannot be looked up, as in a direct conversation, nobody is taken to hear all.
    let chat = roster.chat().await.ok().flatten();
    let mut bots: Vec<(String, String)> = Vec::new();
    for profile in context.config.profiles.iter().filter(|profile| profile.name != context.profile.name) {
        if hears_all(context, profile, chat).await {
            named.retain(|named| !same(named, &profile.name));
            continue;
        }
        bots.push((profile.name.to_string(), profile.name.to_string()));
        bots.extend(profile.bot.iter().map(|bot| (bot.clone(), profile.name.to_string())));
    }
    let ours = bots.iter().find(|(name, _)| named.iter().any(|named| same(named, name)));
    if let Some((name, profile)) = ours {
        return Err(unheard(name, profile));
    }
    match foreign(&roster, &named).await {
        Some(name) => Err(unheard(&name, &name)),
        None => Ok(()),
    }
}

/// A bot of the chat that is none of ours. Who cannot be listed is not linted.
async fn foreign(roster: &Roster<'_>, named: &[&str]) -> Option<String> {
    let members = roster.members().await.ok()??;
    let bots = members.items.iter().filter(|member| member.member_type == MemberType::Bot);
    let mut others = bots.filter(|member| member.profile.is_none());
    others.find(|bot| named.iter().any(|named| same(named, &bot.name))).map(|bot| bot.name.clone())
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
    let mut rest = text.to_lowercase();
    for who in mentions {
        for name in [&who.name, &who.called] {
            rest = rest.replace(&format!("@{}", name.to_lowercase()), " ");
        }
    }
    let plain = |c: char| !c.is_alphanumeric() && c != '+';
    ACKNOWLEDGEMENTS.contains(&rest.trim_matches(plain))
}

/// What follows an `@` that stands at the beginning of a word, up to where a name may end.
fn named(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices('@') {
        let inside = text[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '/');
        let name = text[at + 1..]
            .split(|c: char| c.is_whitespace() || ",;:!?()<>\"'，。；：！？".contains(c))
            .next();
        if let Some(name) = name.filter(|name| !inside && !name.is_empty())
            && found.len() < NAMED_MAX
        {
            found.push(name.trim_end_matches('.'));
        }
    }
    found
}

fn same(named: &str, name: &str) -> bool {
    named.to_lowercase() == name.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::ids::OpenId;

    fn who(name: &str) -> Addressee {
        Addressee { id: OpenId::new("ou_1"), name: name.to_owned(), called: name.to_owned() }
    }

    #[test]
    fn names_are_found_where_a_word_begins() {
        assert_eq!(named("@bob, can you? cc @carol."), ["bob", "carol"]);
        assert_eq!(named("mail bob@example.com or https://x/@y"), Vec::<&str>::new());
        assert_eq!(named("问一下@小助手"), Vec::<&str>::new());
        assert_eq!(named("问一下 @小助手，谢谢"), ["小助手"]);
        assert_eq!(named("@ @@"), ["@"]);
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
