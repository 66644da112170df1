//! A text that is too long for one message, in pieces that are not.

use std::ops::Range;

/// A stretch of the text that is sent in another form, and what that costs. No cut goes through it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fixed {
    pub range: Range<usize>,
    pub cost: usize,
}

/// Cuts `text` into pieces that cost at most `budget` each, the first with `before` in front of it: between paragraphs
/// where possible, else between lines, sentences, words. Only white space is lost. `fixed` is in order.
pub fn split(text: &str, fixed: &[Fixed], before: usize, budget: usize) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    let (mut from, mut spent) = (0, before);
    while from < text.len() {
        let end = fitting(text, from, fixed, spent, budget);
        spent = 0;
        if end == text.len() {
            pieces.push(from..end);
            break;
        }
        let cut = cut(text, from, end, fixed);
        pieces.push(from..from + text[from..cut].trim_end().len());
        // Behind a line's end the next line keeps its indentation; behind a word there is one blank to lose.
        let (head, rest) = (&text[from..cut], &text[cut..]);
        let blank = if head.ends_with('\n') || rest.starts_with('\n') { '\n' } else { ' ' };
        from = text.len() - rest.trim_start_matches(blank).len();
    }
    pieces.retain(|piece| !text[piece.clone()].trim().is_empty());
    pieces
}

/// What a text takes in the request.
pub fn cost_of(text: &str) -> usize {
    text.chars().map(cost).sum()
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

/// Up to where the budget pays for the text; at least one character or stretch further.
fn fitting(text: &str, from: usize, fixed: &[Fixed], mut spent: usize, budget: usize) -> usize {
    let mut fixed = fixed[fixed.partition_point(|fixed| fixed.range.start < from)..].iter().peekable();
    let mut at = from;
    while let Some(c) = text[at..].chars().next() {
        let stretch = fixed.next_if(|fixed| fixed.range.start == at);
        spent += stretch.map_or_else(|| cost(c), |stretch| stretch.cost);
        if spent > budget && at > from {
            return at;
        }
        at = stretch.map_or(at + c.len_utf8(), |stretch| stretch.range.end);
    }
    at
}

/// The best place to cut behind `from`, at or before `end`.
fn cut(text: &str, from: usize, end: usize, fixed: &[Fixed]) -> usize {
    let head = &text[from..end];
    // A cut in the first half would make more pieces than need be.
    let late = |at: &usize| *at > head.len() / 2;
    let after = |mark: &str| head.rfind(mark).map(|at| at + mark.len()).filter(late);
    let sentence = [". ", "! ", "? ", "。", "！", "？"].into_iter().filter_map(after).max();
    let cut = after("\n\n").or_else(|| after("\n")).or(sentence).or_else(|| after(" ")).unwrap_or(head.len());
    whole(fixed, from, from + cut)
}

/// The start of the stretch that `cut` lies in, if there is something before it, else its end.
fn whole(fixed: &[Fixed], from: usize, cut: usize) -> usize {
    let before = fixed.partition_point(|fixed| fixed.range.start < cut);
    match fixed[..before].last().map(|stretch| &stretch.range).filter(|stretch| cut < stretch.end) {
        Some(stretch) if stretch.start > from => stretch.start,
        Some(stretch) => stretch.end,
        None => cut,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pieces(text: &str, fixed: &[Fixed], before: usize, budget: usize) -> Vec<String> {
        split(text, fixed, before, budget).into_iter().map(|piece| text[piece].to_owned()).collect()
    }

    #[test]
    fn a_line_keeps_its_indentation_across_a_cut() {
        let text = "if x:\n        first()\n        second()\n        third()";
        let pieces = pieces(text, &[], 0, 45);
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
            assert_eq!(pieces(text, &[], 0, 10), wanted, "{text}");
        }
    }

    #[test]
    fn a_stretch_stays_whole_and_costs_what_it_is_sent_as() {
        let text = "hello @A B there";
        let fixed = [Fixed { range: 6..10, cost: 29 }];
        assert_eq!(pieces(text, &fixed, 0, 38), ["hello @A B", "there"]);
        assert_eq!(pieces(text, &fixed, 0, 30), ["hello", "@A B", "there"]);
        // More than the budget, and still not torn apart.
        assert_eq!(pieces(text, &fixed, 0, 10), ["hello", "@A B", "there"]);
        assert_eq!(pieces("one two", &[], 7, 10), ["one", "two"], "what stands in front takes its part");
    }

    proptest! {
        #[test]
        fn nothing_but_white_space_is_lost_and_no_piece_is_too_long(
            text in "([a-z\u{4f60}\u{1f600}\"\\\\ .]|\n){0,400}", budget in 8usize..80,
        ) {
            let pieces = pieces(&text, &[], 0, budget);
            let words = |text: &str| text.split_whitespace().collect::<String>();
            prop_assert_eq!(words(&pieces.concat()), words(&text));
            for piece in pieces {
                prop_assert!(!piece.is_empty());
                prop_assert!(cost_of(&piece) <= budget, "{:?}", piece);
            }
        }

        #[test]
        fn no_cut_goes_through_a_stretch(text in "([a-z ]|@A B\\. C|\n){0,200}", cost in 1usize..60, budget in 60usize..90) {
            let found = text.match_indices("@A B. C").map(|(at, name)| at..at + name.len());
            let fixed: Vec<Fixed> = found.map(|range| Fixed { range, cost }).collect();
            let split = split(&text, &fixed, 0, budget);
            for stretch in &fixed {
                let holding = split.iter().filter(|piece| piece.start <= stretch.range.start && stretch.range.end <= piece.end);
                prop_assert_eq!(holding.count(), 1, "{:?} of {:?}", stretch, split);
            }
            for piece in split {
                let within = fixed.iter().filter(|fixed| piece.contains(&fixed.range.start));
                let (shown, sent) = within.fold((0, 0), |(shown, sent), fixed| (shown + fixed.range.len(), sent + fixed.cost));
                prop_assert!(cost_of(&text[piece.clone()]) - shown + sent <= budget);
            }
        }

        #[test]
        fn the_cost_is_what_the_request_holds(text in any::<String>()) {
            let inner = serde_json::to_string(&text).unwrap();
            let outer = serde_json::to_string(&inner).unwrap();
            // Two inner quotes of two bytes each, two outer ones.
            prop_assert_eq!(outer.len() - 6, cost_of(&text));
        }
    }
}
