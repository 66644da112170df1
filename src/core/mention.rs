//! Whom a message addresses, seen from one bot, and whom a text names.

use super::markup::joins;
use crate::event::MentionScope;

/// What was found in a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Addressed {
    /// Written by a person in a direct conversation with this bot.
    pub directly: bool,
    pub me: bool,
    pub all: bool,
    pub others: bool,
}

/// `mentioned` is true exactly where the scope is `me`: a word to everybody is not a word to this bot.
pub fn scope(addressed: Addressed) -> (bool, MentionScope) {
    match addressed {
        Addressed { directly: true, .. } | Addressed { me: true, .. } => (true, MentionScope::Me),
        Addressed { all: true, .. } => (false, MentionScope::All),
        Addressed { others: true, .. } => (false, MentionScope::Others),
        _ => (false, MentionScope::None),
    }
}

/// What people write for `@`: input methods for Chinese and Japanese give the wide one.
pub const AT: [char; 3] = ['@', '\u{FF20}', '\u{FE6B}'];

/// How much of the text is `@` and this name, as a whole word and whatever the case.
pub fn named(text: &str, name: &str) -> Option<usize> {
    let word = |c: char| joins(c) || c == '_' || c == '-';
    let (whole, text) = (text, text.strip_prefix(AT)?);
    let length = begun(text, name).filter(|length| *length > 0)?;
    (!(name.ends_with(word) && text[length..].starts_with(word))).then_some(whole.len() - text.len() + length)
}

/// Does the text say `@` and this name anywhere, as a word of its own?
pub fn names_somewhere(text: &str, name: &str) -> bool {
    text.match_indices(AT).any(|(at, _)| {
        !text[..at].chars().next_back().is_some_and(joins) && named(&text[at..], name).is_some()
    })
}

/// How much of the text is the name, whatever the case of either.
fn begun(text: &str, name: &str) -> Option<usize> {
    let mut rest = text.chars();
    for wanted in name.chars() {
        let c = rest.next()?;
        if c != wanted && !c.to_lowercase().eq(wanted.to_lowercase()) {
            return None;
        }
    }
    Some(text.len() - rest.as_str().len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_address_counts() {
        let none = Addressed::default();
        assert_eq!(scope(none), (false, MentionScope::None));
        assert_eq!(scope(Addressed { others: true, ..none }), (false, MentionScope::Others));
        assert_eq!(scope(Addressed { others: true, all: true, ..none }), (false, MentionScope::All));
        assert_eq!(scope(Addressed { all: true, me: true, ..none }), (true, MentionScope::Me));
        assert_eq!(scope(Addressed { directly: true, all: true, ..none }), (true, MentionScope::Me));
    }
}
