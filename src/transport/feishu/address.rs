//! Mentions in a text that is to be sent: real ones where they belong, and no others.

use std::ops::Range;

use crate::core::markup::{is_block, joins, quiet};
use crate::core::mention::{AT, named};
use crate::transport::outgoing::Addressee;

/// Puts a mention where the text says `@Name`, but not in code and addresses, and the others in front. What looks
/// like a mention in the text itself becomes harmless: quoted words must not call anybody.
pub fn address(text: &str, mentions: &[Addressee], marked: bool) -> String {
    let places = places(text, mentions, marked);
    let mut body = String::with_capacity(text.len());
    let mut done = 0;
    for place in &places {
        body.push_str(&text[done..place.range.start]);
        body.push_str(&place.shown());
        done = place.range.end;
    }
    body.push_str(&text[done..]);
    in_front(unnamed(mentions, &places).map(tag).collect(), body, marked)
}

/// A stretch of a text that is sent in another form.
pub struct Place<'a> {
    pub range: Range<usize>,
    /// Who is called there. Nobody where a sign is made harmless.
    pub whom: Option<&'a Addressee>,
}

impl Place<'_> {
    pub fn shown(&self) -> String {
        self.whom.map_or_else(|| "&lt;".to_owned(), tag)
    }
}

/// Those whom the text names nowhere.
pub fn unnamed<'a>(mentions: &'a [Addressee], places: &[Place<'_>]) -> impl Iterator<Item = &'a Addressee> {
    mentions
        .iter()
        .filter(|who| !places.iter().any(|place| place.whom.is_some_and(|named| named.id == who.id)))
}

/// All such stretches, in order.
pub fn places<'a>(text: &str, mentions: &'a [Addressee], marked: bool) -> Vec<Place<'a>> {
    let mut longest_first: Vec<&Addressee> = mentions.iter().collect();
    longest_first.sort_by_key(|who| std::cmp::Reverse(who.name.len().max(who.called.len())));
    let quiet = if mentions.is_empty() { Vec::new() } else { quiet(text, marked) };
    let mut quiet = quiet.iter().peekable();
    let mut places = Vec::new();
    let mut rest = text;
    let mut before: Option<char> = None;
    while let Some(c) = rest.chars().next() {
        let at = text.len() - rest.len();
        while quiet.next_if(|range| range.end <= at).is_some() {}
        let loud = quiet.peek().is_none_or(|range| at < range.start);
        let naming = || longest_first.iter().find_map(|who| Some((*who, names(rest, who)?)));
        if let Some((addressee, length)) =
            (AT.contains(&c) && loud && !before.is_some_and(joins)).then(naming).flatten()
        {
            places.push(Place { range: at..at + length, whom: Some(addressee) });
            rest = &rest[length..];
            before = None;
            continue;
        }
        if c == '<' && is_tag(rest) {
            places.push(Place { range: at..at + 1, whom: None });
        }
        before = Some(c);
        rest = &rest[c.len_utf8()..];
    }
    places
}

fn in_front(front: Vec<String>, body: String, marked: bool) -> String {
    if front.is_empty() {
        return body;
    }
    let between = match body.as_str() {
        "" => "",
        body if marked && is_block(body) => "\n",
        _ => " ",
    };
    format!("{}{between}{body}", front.join(" "))
}

/// How much of the text is `@` and one of their names.
fn names(text: &str, who: &Addressee) -> Option<usize> {
    named(text, &who.name).max(named(text, &who.called))
}

/// `<at …`, `<at>`, `</at>`, whatever the case.
fn is_tag(text: &str) -> bool {
    let rest = text.strip_prefix("</").or_else(|| text.strip_prefix('<')).unwrap_or(text);
    let at = rest.get(..2).is_some_and(|word| word.eq_ignore_ascii_case("at"));
    at && !rest[2..].starts_with(|c: char| c.is_ascii_alphanumeric())
}

pub fn tag(addressee: &Addressee) -> String {
    let plain = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let id = plain(addressee.id.as_str()).replace('"', "&quot;");
    format!("<at user_id=\"{id}\">{}</at>", plain(&addressee.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::ids::UserId;
    use proptest::prelude::*;

    fn someone(id: &str, name: &str) -> Addressee {
        Addressee { id: UserId::new(id), name: name.to_owned(), called: String::new() }
    }

    #[test]
    fn a_mention_stands_where_the_text_names_it_or_in_front() {
        let (ann, an, li) = (someone("ou_ann", "Ann"), someone("ou_an", "An"), someone("ou_li", "李"));
        for (text, mentions, wanted) in [
            ("hi", vec![ann.clone()], "<at user_id=\"ou_ann\">Ann</at> hi"),
            ("hi @Ann!", vec![ann.clone()], "hi <at user_id=\"ou_ann\">Ann</at>!"),
            (
                "@Ann",
                vec![an.clone(), ann.clone()],
                "<at user_id=\"ou_an\">An</at> <at user_id=\"ou_ann\">Ann</at>",
            ),
            ("me@Ann", vec![ann.clone()], "<at user_id=\"ou_ann\">Ann</at> me@Ann"),
            ("@Anna", vec![ann.clone()], "<at user_id=\"ou_ann\">Ann</at> @Anna"),
            ("你好@李你好", vec![li], "你好<at user_id=\"ou_li\">李</at>你好"),
            ("José@Ann", vec![ann.clone()], "<at user_id=\"ou_ann\">Ann</at> José@Ann"),
            ("@Anné", vec![ann.clone()], "<at user_id=\"ou_ann\">Ann</at> @Anné"),
            ("，@Ann。", vec![ann.clone()], "，<at user_id=\"ou_ann\">Ann</at>。"),
            ("@JOSÉ!", vec![someone("ou_j", "José")], "<at user_id=\"ou_j\">José</at>!"),
            ("http://x/@Ann @Ann", vec![ann.clone()], "http://x/@Ann <at user_id=\"ou_ann\">Ann</at>"),
            ("", vec![Addressee::everybody()], "<at user_id=\"all\">all</at>"),
            ("@all hi", vec![Addressee::everybody()], "<at user_id=\"all\">all</at> hi"),
            ("@Ann", vec![], "@Ann"),
            (
                "@ann @BOSS",
                vec![Addressee { called: "boss".into(), ..ann.clone() }],
                "<at user_id=\"ou_ann\">Ann</at> <at user_id=\"ou_ann\">Ann</at>",
            ),
        ] {
            assert_eq!(address(text, &mentions, false), wanted, "{text}");
        }
    }

    #[test]
    fn in_markdown_code_calls_nobody_and_blocks_keep_their_line() {
        let ann = || vec![someone("ou_1", "Ann")];
        let tag = tag(&ann()[0]);
        for (text, wanted) in [
            ("`@Ann` is @Ann", format!("`@Ann` is {tag}")),
            ("run `@Ann`", format!("{tag} run `@Ann`")),
            ("```\n@Ann\n```\n@Ann", format!("```\n@Ann\n```\n{tag}")),
            ("```\n@Ann\n```", format!("{tag}\n```\n@Ann\n```")),
            ("```x``` @Ann", format!("```x``` {tag}")),
            ("# A", format!("{tag}\n# A")),
            ("[x](http://x/@Ann) @Ann", format!("[x](http://x/@Ann) {tag}")),
        ] {
            assert_eq!(address(text, &ann(), true), wanted, "{text}");
        }
    }

    #[test]
    fn quoted_mentions_call_nobody() {
        for (text, wanted) in [
            ("<at user_id=\"all\">x</at>", "&lt;at user_id=\"all\">x&lt;/at>"),
            ("<AT id=1>", "&lt;AT id=1>"),
            ("a < b <atom> <b>", "a < b <atom> <b>"),
            ("<", "<"),
            ("<é", "<é"),
        ] {
            assert_eq!(address(text, &[], false), wanted);
        }
        let odd = someone("ou_\"1", "<at>");
        assert_eq!(tag(&odd), "<at user_id=\"ou_&quot;1\">&lt;at&gt;</at>");
    }

    proptest! {
        #[test]
        fn only_real_mentions_are_tags(text in "(<|at|AT|/| |>|@|Ann|x|é){0,40}") {
            let addressed = address(&text, &[someone("ou_1", "Ann")], true);
            let tags = addressed.to_lowercase().matches("<at").filter(|_| true).count();
            let ours = addressed.matches("<at user_id=\"ou_1\">Ann</at>").count();
            let atoms = addressed.to_lowercase().match_indices("<at").filter(|(at, _)| {
                addressed[at + 3..].starts_with(|c: char| c.is_ascii_alphanumeric())
            }).count();
            prop_assert!(ours >= 1);
            prop_assert_eq!(tags, ours + atoms);
        }
    }
}
