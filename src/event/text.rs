//! Text from strangers, made harmless for terminals, logs and models: what cannot be seen cannot pass.

/// What a neutralised character becomes.
const REPLACEMENT: char = '\u{FFFD}';

/// Replaces control, bidi and zero-width characters. Newlines and tabs stay; the other separators that some
/// readers take for newlines become `\n`. The joiner inside an emoji stays, since the emoji breaks without it.
pub fn neutralise(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut before = None;
    while let Some(c) = chars.next() {
        match c {
            '\n' | '\t' => clean.push(c),
            '\r' => {
                // A CRLF pair is one newline.
                if chars.peek() != Some(&'\n') {
                    clean.push('\n');
                }
            }
            '\u{0085}' | '\u{000B}' | '\u{000C}' | '\u{2028}' | '\u{2029}' => clean.push('\n'),
            '\u{200D}' if before.is_some_and(is_emoji) && chars.peek().copied().is_some_and(is_emoji) => {
                clean.push(c);
            }
            c if is_hidden(c) => clean.push(REPLACEMENT),
            c => clean.push(c),
        }
        before = Some(c);
    }
    clean
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

/// What [`neutralise`] would not let through as it is.
pub fn is_unsafe(c: char) -> bool {
    is_hidden(c) || matches!(c, '\u{2028}' | '\u{2029}')
}

fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00AD}'                     // soft hyphen
            | '\u{034F}'                   // grapheme joiner
            | '\u{061C}'                   // Arabic letter mark
            | '\u{115F}' | '\u{1160}' | '\u{3164}' | '\u{FFA0}' // Hangul fillers
            | '\u{17B4}' | '\u{17B5}'
            | '\u{180B}'..='\u{180F}'      // Mongolian selectors
            | '\u{200B}'..='\u{200F}'      // zero width, directional marks
            | '\u{202A}'..='\u{202E}'      // bidi embeddings and overrides
            | '\u{2060}'..='\u{206F}'      // word joiner, isolates, invisible operators
            | '\u{FEFF}'                   // byte order mark
            | '\u{FFF9}'..='\u{FFFB}'      // interlinear annotation
            | '\u{1BCA0}'..='\u{1BCA3}'
            | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0000}'..='\u{E0FFF}'    // tags and selectors: text that only a model reads
        )
}

fn is_emoji(c: char) -> bool {
    matches!(c, '\u{1F000}'..='\u{1FAFF}' | '\u{2190}'..='\u{2BFF}' | '\u{FE0F}')
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
        fn nothing_hidden_survives(text in any::<String>()) {
            for c in neutralise(&text).chars() {
                let kept = matches!(c, '\n' | '\t' | '\u{200D}');
                prop_assert!(kept || !is_hidden(c), "{:?}", c);
            }
        }
    }
}
