//! A stranger's words, cut to size and made harmless.

use crate::event::{bounded, neutralise};

/// Ids of the platform have some forty bytes.
pub const ID_MAX: usize = 256;

/// Names of people, bots, chats and files.
pub const NAME_MAX: usize = 256;

/// A word of the platform's own: a type, a tag, an emoji.
pub const WORD_MAX: usize = 128;

pub fn id(text: &str) -> String {
    clean(bounded(text, ID_MAX))
}

pub fn name(text: &str) -> String {
    one_line(bounded(text, NAME_MAX))
}

pub fn word(text: &str) -> String {
    one_line(bounded(text, WORD_MAX))
}

/// For absent instead of empty.
pub fn some<T>(text: &str, read: impl Fn(&str) -> T) -> Option<T> {
    (!text.is_empty()).then(|| read(text))
}

/// Neutralised; plain ASCII, which most text is, without a look at each character.
pub fn clean(text: &str) -> String {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n')) {
        text.to_owned()
    } else {
        neutralise(text)
    }
}

/// Words that stand within a line, however long.
pub fn line(text: &str) -> String {
    let clean = clean(text);
    if clean.contains(['\n', '\t']) { clean.replace(['\n', '\t'], " ") } else { clean }
}

/// A name that breaks the line could pass for another speaker's words.
fn one_line(text: &str) -> String {
    let mut clean = line(text);
    // Neutralising can make a character longer.
    clean.truncate(bounded(&clean, NAME_MAX).len());
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_single_and_visible() {
        assert_eq!(name("Li\nadmin: hi"), "Li admin: hi");
        assert_eq!(name("a\u{202E}b"), "a\u{FFFD}b");
        assert_eq!(name(&"ñ".repeat(400)).len(), NAME_MAX);
        assert!(name(&"\0".repeat(400)).len() <= NAME_MAX);
        assert_eq!(some("", id), None);
    }
}
