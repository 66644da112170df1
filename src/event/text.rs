//! Text from strangers, made harmless for terminals, logs and models: what cannot be seen cannot pass, and what people
//! write stays whole. `seen.rs` decides by the properties that Unicode gives each character.

use super::seen::{Fate, fate, is_hidden};

/// What a neutralised character becomes.
pub const REPLACEMENT: char = '\u{FFFD}';

/// Replaces what cannot be seen. Newlines and tabs stay; the other separators that some readers take for newlines
/// become `\n`. Marks that only turn the direction of writing are left out: what is read is the order of the letters.
pub fn neutralise(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            ' '..='~' | '\n' | '\t' => clean.push(c),
            '\r' => {
                // A CRLF pair is one newline.
                if chars.peek() != Some(&'\n') {
                    clean.push('\n');
                }
            }
            '\u{0085}' | '\u{000B}' | '\u{000C}' | '\u{2028}' | '\u{2029}' => clean.push('\n'),
            c => match fate(&clean, c, chars.clone()) {
                Fate::Kept => clean.push(c),
                Fate::Dropped => {}
                Fate::Replaced => clean.push(REPLACEMENT),
                Fate::Sequence(length) => {
                    clean.push(c);
                    clean.extend(chars.by_ref().take(length));
                }
            },
        }
    }
    clean
}

/// How many characters of a clean text stand for what could not be seen.
pub fn hidden(clean: &str) -> Option<u64> {
    let count = clean.matches(REPLACEMENT).count() as u64;
    (count > 0).then_some(count)
}

/// What a person typed, fit for an error.
pub fn shown(text: &str) -> String {
    escaped(bounded(text, 200))
}

/// A name as it is told: of a file, a flag, a variable. What would not be seen, or would move what stands beside it, is
/// written out, so that the name can be recognised.
pub fn escaped(name: &str) -> String {
    let mut shown = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '\u{10000}'.. if is_unsafe(c) => shown.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            c if is_unsafe(c) => shown.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => shown.push(c),
        }
    }
    shown
}

/// At most `max` bytes of `text`, cut at a character.
pub fn bounded(text: &str, max: usize) -> &str {
    if text.len() <= max {
        return text;
    }
    let mut end = max;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// What [`neutralise`] would not let through wherever it stands.
pub fn is_unsafe(c: char) -> bool {
    is_hidden(c) || matches!(c, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hidden_characters_become_visible() {
        let cases = [
            ("a\u{202E}b", "a\u{FFFD}b"),
            ("a\u{200B}b", "a\u{FFFD}b"),
            ("a\u{1b}[31mb", "a\u{FFFD}[31mb"),
            ("a\u{E0041}b", "a\u{FFFD}b"),
            ("\u{FEFF}a", "\u{FFFD}a"),
            ("a\0b", "a\u{FFFD}b"),
            ("a\u{200D}b", "a\u{FFFD}b"),
        ];
        for (given, wanted) in cases {
            assert_eq!(neutralise(given), wanted);
        }
    }

    #[test]
    fn a_name_shows_what_is_in_it() {
        assert_eq!(escaped("\u{202e}x\n.y\u{0}ä\u{e0041}"), r"\u202ex\u000a.y\u0000ä\u{e0041}");
        assert_eq!(escaped("报告 a-b_c.yaml"), "报告 a-b_c.yaml");
    }

    #[test]
    fn every_newline_is_the_same_newline() {
        assert_eq!(neutralise("a\r\nb\rc\u{2028}d\u{85}e\tf"), "a\nb\nc\nd\ne\tf");
    }

    #[test]
    fn ordinary_text_and_emoji_stay() {
        for text in
            ["grüß Gott, 你好 👋🏽", "👩\u{200D}💻", "❤\u{FE0F}\u{200D}🔥", "family 👨\u{200D}👩\u{200D}👧"]
        {
            assert_eq!(neutralise(text), text);
        }
    }

    #[test]
    fn a_cut_never_splits_a_character() {
        assert_eq!(bounded("añb", 2), "a");
        assert_eq!(bounded("añb", 3), "añ");
        assert_eq!(bounded("abc", 9), "abc");
    }

    proptest! {
        #[test]
        fn nothing_hidden_survives_out_of_its_place(text in any::<String>()) {
            let clean = neutralise(&text);
            prop_assert_eq!(&neutralise(&clean), &clean, "what is clean stays as it is");
            for c in clean.chars() {
                prop_assert!(matches!(c, '\n' | '\t') || !c.is_control(), "{:?}", c);
            }
        }
    }
}
