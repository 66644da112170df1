//! A text that is too long for one message, in pieces that are not.

/// Cuts `text` into pieces that cost at most `budget` each: between paragraphs where possible, else between
/// lines, sentences, words. Only white space is lost, and a mention is never torn apart.
pub fn split(text: &str, budget: usize) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let fitting = fitting(rest, budget);
        if fitting == rest.len() {
            pieces.push(rest.to_owned());
            break;
        }
        let cut = cut(rest, fitting);
        pieces.push(rest[..cut].trim_end().to_owned());
        // Behind a line's end the next line keeps its indentation; behind a word there is one blank to lose.
        rest = if rest[..cut].ends_with('\n') || rest[cut..].starts_with('\n') {
            rest[cut..].trim_start_matches('\n')
        } else {
            rest[cut..].trim_start_matches(' ')
        };
    }
    pieces.retain(|piece| !piece.trim().is_empty());
    pieces
}

/// What a character takes in the request: JSON inside a string of JSON.
pub fn cost(c: char) -> usize {
    match c {
        '"' | '\\' => 4,
        '\n' | '\r' | '\t' | '\u{08}' | '\u{0C}' => 3,
        c if c.is_ascii_control() => 7,
        c => c.len_utf8(),
    }
}

/// How many bytes of the text the budget pays for; at least one character.
fn fitting(text: &str, budget: usize) -> usize {
    let mut spent = 0;
    for (at, c) in text.char_indices() {
        spent += cost(c);
        if spent > budget && at > 0 {
            return at;
        }
    }
    text.len()
}

/// The best place to cut at or before `end`.
fn cut(text: &str, end: usize) -> usize {
    let end = before_mention(text, end);
    let head = &text[..end];
    // A cut in the first half would make more pieces than need be.
    let late = |at: &usize| *at > end / 2;
    let after = |mark: &str| head.rfind(mark).map(|at| at + mark.len()).filter(late);
    let sentence = [". ", "! ", "? ", "。", "！", "？"].into_iter().filter_map(after).max();
    let cut = after("\n\n").or_else(|| after("\n")).or(sentence).or_else(|| after(" ")).unwrap_or(end);
    before_mention(text, cut)
}

/// The start of the mention that `end` lies in, if there is something before it.
fn before_mention(text: &str, end: usize) -> usize {
    match text[..end].rfind("<at ") {
        Some(start) if start > 0 && !text[start..end].contains("</at>") => start,
        _ => end,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_keeps_its_indentation_across_a_cut() {
        let text = "if x:\n        first()\n        second()\n        third()";
        let pieces = split(text, 45);
        assert!(pieces.len() > 1, "{pieces:?}");
        for piece in &pieces[1..] {
            assert!(piece.starts_with("        "), "{pieces:?}");
        }
    }

    #[test]
    fn a_cut_is_where_a_reader_pauses() {
        for (text, wanted) in [
            ("one two three", vec!["one two", "three"]),
            ("aaaaa\nbbbbbbbb", vec!["aaaaa", "bbbbbbbb"]),
            ("aaaaaa\n\nb c\nd e", vec!["aaaaaa", "b c\nd e"]),
            ("A bcd. Efg hij", vec!["A bcd.", "Efg hij"]),
            ("你好。你好", vec!["你好。", "你好"]),
            ("abcdefghijklm", vec!["abcdefghij", "klm"]),
            ("short", vec!["short"]),
            ("", vec![]),
        ] {
            assert_eq!(split(text, 10), wanted, "{text}");
        }
    }

    #[test]
    fn a_mention_stays_whole() {
        let text = "hello <at user_id=\"ou_1\">A B</at> there";
        let pieces = split(text, 38);
        assert_eq!(pieces, ["hello", "<at user_id=\"ou_1\">A B</at>", "there"]);
    }

    proptest! {
        #[test]
        fn nothing_but_white_space_is_lost_and_no_piece_is_too_long(
            text in "([a-z\u{4f60}\u{1f600}\"\\\\ .]|\n){0,400}", budget in 8usize..80,
        ) {
            let pieces = split(&text, budget);
            let words = |text: &str| text.split_whitespace().collect::<String>();
            prop_assert_eq!(words(&pieces.concat()), words(&text));
            for piece in pieces {
                prop_assert!(!piece.is_empty());
                prop_assert!(piece.chars().map(cost).sum::<usize>() <= budget, "{:?}", piece);
            }
        }

        #[test]
        fn the_cost_is_what_the_request_holds(text in any::<String>()) {
            let inner = serde_json::to_string(&text).unwrap();
            let outer = serde_json::to_string(&inner).unwrap();
            // Two inner quotes of two bytes each, two outer ones.
            prop_assert_eq!(outer.len() - 6, text.chars().map(cost).sum::<usize>());
        }
    }
}
