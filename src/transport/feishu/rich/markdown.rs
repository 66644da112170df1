//! Markdown inside posts and cards: the people it calls by tag, the pictures it shows by key.

use std::ops::Range;

use super::Reading;
use crate::core::markup::quiet;
use crate::event::bounded;
use crate::transport::feishu::tidy;

/// What a line of its own begins with.
const STARTS: [&str; 8] = ["#", ">", "|", "- ", "* ", "```", "~~~", "1. "];

/// The alternative text of a picture, and a tag with the name in it. Longer ones are words.
const ALT_MAX: usize = 1024;
const TAG_MAX: usize = 1024;

/// Does this text need lines of its own?
pub fn is_block(text: &str) -> bool {
    text.trim_end().contains('\n') || STARTS.iter().any(|start| text.trim_start().starts_with(start))
}

impl Reading<'_> {
    /// Puts names where keys and tags stand, and notes the pictures. Code stays as it is.
    pub fn markdown_text(&mut self, text: &str) -> String {
        let code = Quiet::of(text);
        let mut out = String::with_capacity(text.len());
        let mut done = 0;
        for key in pictures(text).filter(|key| !code.has(key.start)) {
            self.out.resource("image", &text[key], None);
        }
        for (at, _) in text.match_indices('<') {
            if at < done || code.has(at) {
                continue;
            }
            if let Some(tag) = Tag::parse(&text[at..]).filter(Tag::calls) {
                out.push_str(&self.prose(&text[done..at]));
                out.push_str(&self.called(&tag));
                done = at + tag.length;
            }
        }
        out.push_str(&self.prose(&text[done..]));
        out
    }

    fn prose(&mut self, text: &str) -> String {
        let (text, all) = self.around.mentions.replace(text);
        self.out.all |= all;
        text
    }

    fn called(&mut self, tag: &Tag<'_>) -> String {
        let names: Vec<String> = tag.ids().map(|id| self.call(id, tag.name)).collect();
        if names.is_empty() { format!("@{}", tidy::name(tag.name)) } else { names.join(" ") }
    }
}

/// Code and addresses, to be asked by position.
struct Quiet {
    /// Where each begins, and how far those up to there reach.
    ranges: Vec<(usize, usize)>,
}

impl Quiet {
    fn of(text: &str) -> Quiet {
        let mut reach = 0;
        let ranges = quiet(text, true).into_iter().map(|range| {
            reach = reach.max(range.end);
            (range.start, reach)
        });
        Quiet { ranges: ranges.collect() }
    }

    fn has(&self, at: usize) -> bool {
        let before = self.ranges.partition_point(|(start, _)| *start <= at);
        self.ranges[..before].last().is_some_and(|(_, reach)| at < *reach)
    }
}

/// The keys in `![alt](key)`. Addresses are none.
fn pictures(text: &str) -> impl Iterator<Item = Range<usize>> {
    text.match_indices("](").filter_map(|(at, _)| {
        let start = at + "](".len();
        let rest = bounded(&text[start..], tidy::ID_MAX);
        let key = &rest[..rest.find([')', ' ', '\n'])?];
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        let line = &text.as_bytes()[at.saturating_sub(ALT_MAX)..at];
        let line = line.rsplit(|byte| *byte == b'\n').next().unwrap_or(line);
        let shown = line.windows(2).any(|pair| pair == b"![");
        (shown && !key.is_empty() && key.chars().all(plain)).then_some(start..start + key.len())
    })
}

/// `<at id=ou_1>Name</at>`, `<at user_id="ou_1"></at>`, `<person id='ou_1'/>`.
struct Tag<'t> {
    attributes: &'t str,
    name: &'t str,
    length: usize,
}

impl<'t> Tag<'t> {
    fn parse(text: &'t str) -> Option<Tag<'t>> {
        let text = bounded(text, TAG_MAX);
        let word = ["<at ", "<person "].into_iter().find(|word| text.starts_with(word))?;
        let open = text.find('>').filter(|at| !text[..*at].contains('\n'))?;
        let attributes = text[word.len()..open].trim_end_matches('/');
        let alone = Tag { attributes, name: "", length: open + 1 };
        if text[..open].ends_with('/') {
            return Some(alone);
        }
        let closing = format!("</{}>", word[1..].trim_end());
        let close = text[open..].find(&closing).map(|at| open + at);
        // A name is short, and holds no other tag.
        let named = close.filter(|close| !text[open + 1..*close].contains(['<', '\n']));
        Some(named.map_or(alone, |close| Tag {
            attributes,
            name: &text[open + 1..close],
            length: close + closing.len(),
        }))
    }

    fn ids(&self) -> impl Iterator<Item = &'t str> {
        let keys = ["user_id", "open_id", "id", "ids", "email", "union_id"];
        // `id=ou_1 name="x"`, `id = 'ou_1'`: a key is the last word before a sign, a value the first behind it.
        let pairs = self.attributes.match_indices('=').map(|(at, _)| {
            let key = self.attributes[..at].split_ascii_whitespace().next_back().unwrap_or("");
            let value = self.attributes[at + 1..].trim_start();
            let value = match value.chars().next() {
                Some(quote @ ('"' | '\'')) => value[1..].split(quote).next(),
                _ => value.split_ascii_whitespace().next(),
            };
            (key, value.unwrap_or(""))
        });
        let value = pairs.into_iter().find(|(key, _)| keys.contains(key)).map_or("", |(_, value)| value);
        value.split(',').map(str::trim).filter(|id| !id.is_empty())
    }

    /// Without an id and a name it is only words.
    fn calls(&self) -> bool {
        self.ids().next().is_some() || !self.name.trim().is_empty()
    }
}
