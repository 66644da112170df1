//! What in a text is not prose: code and addresses, in which nobody is called, and the fences around code.

use std::ops::Range;

/// A longer row of marks is a line across the page, not a fence.
const MARKS_MAX: usize = 40;

/// A line that opens code, as it is to be repeated where the code is cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    mark: char,
    length: usize,
    /// The opening line; of a long one the language is what counts.
    pub opening: String,
}

impl Fence {
    pub fn opened_by(line: &str) -> Option<Fence> {
        let line = line.trim_start();
        let mark = line.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
        let length = line.chars().take_while(|c| *c == mark).count();
        // ```code``` on one line is code within a line.
        let whole = mark == '`' && line[length..].contains('`');
        ((3..=MARKS_MAX).contains(&length) && !whole).then(|| Fence {
            mark,
            length,
            opening: line.chars().take(MARKS_MAX).collect(),
        })
    }

    pub fn is_closed_by(&self, line: &str) -> bool {
        let line = line.trim();
        line.chars().count() >= self.length && line.chars().all(|c| c == self.mark)
    }

    pub fn closing(&self) -> String {
        std::iter::repeat_n(self.mark, self.length).collect()
    }
}

/// Each line with the fence that is open behind it.
pub fn fences(text: &str) -> impl Iterator<Item = (&str, Option<Fence>, bool)> {
    let mut open: Option<Fence> = None;
    text.split('\n').map(move |line| {
        let inside = open.is_some();
        open = match open.take() {
            Some(fence) if fence.is_closed_by(line) => None,
            Some(fence) => Some(fence),
            None => Fence::opened_by(line),
        };
        (line, open.clone(), inside || open.is_some())
    })
}

/// Where no mention is to be put, in order: addresses, and in markdown code.
pub fn quiet(text: &str, marked: bool) -> Vec<Range<usize>> {
    let mut quiet = addresses(text);
    if marked {
        quiet.extend(code(text));
        quiet.sort_by_key(|range| range.start);
    }
    quiet
}

fn code(text: &str) -> Vec<Range<usize>> {
    let (mut found, mut at, mut prose) = (Vec::new(), 0, 0..0);
    for (line, _, fenced) in fences(text) {
        let end = (at + line.len() + 1).min(text.len());
        if fenced || line.trim().is_empty() {
            // Code within lines ends with its paragraph at the latest.
            inline(text, prose, &mut found);
            prose = end..end;
        } else {
            prose.end = end;
        }
        if fenced {
            found.push(at..end);
        }
        at = end;
    }
    inline(text, prose, &mut found);
    found
}

/// Code is what stands between two equally long rows of backticks.
fn inline(text: &str, prose: Range<usize>, found: &mut Vec<Range<usize>>) {
    let row = |from: usize| text[from..prose.end].bytes().take_while(|byte| *byte == b'`').count();
    let next = |from: usize| text[from..prose.end].find('`').map(|at| from + at);
    let mut from = prose.start;
    while let Some(start) = next(from) {
        let length = row(start);
        let mut search = start + length;
        from = search;
        while let Some(end) = next(search) {
            search = end + row(end);
            if search - end == length {
                found.push(start..search);
                from = search;
                break;
            }
        }
    }
}

/// `scheme://` and what follows without a blank. People write addresses in ASCII, whatever stands around them.
fn addresses(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for (at, _) in text.match_indices("://") {
        if found.last().is_some_and(|last| at < last.end) {
            continue;
        }
        let scheme = text[..at].bytes().rev().take_while(u8::is_ascii_alphabetic).count();
        if scheme > 0 && found.last().is_none_or(|last| last.end <= at - scheme) {
            let ends = |c: char| !c.is_ascii_graphic() || matches!(c, '<' | '>' | '"' | ')' | '`' | '|');
            let end = text[at..].find(ends).map_or(text.len(), |length| at + length);
            found.push(at - scheme..end);
        }
    }
    found
}

/// Does this character belong to the word beside it? Scripts without blanks between words have no such border.
pub fn joins(c: char) -> bool {
    const SPACELESS: [Range<u32>; 8] = [
        0x0E00..0x0F00,
        0x1000..0x10A0,
        0x1780..0x1800,
        0x2E80..0xA000,
        0xA960..0xA980,
        0xAC00..0xD800,
        0xF900..0xFB00,
        0xFF00..0xFFF0,
    ];
    let code = u32::from(c);
    c.is_alphanumeric() && code < 0x20000 && !SPACELESS.iter().any(|range| range.contains(&code))
}

/// Does the text need a line of its own, so that nothing may be put before it?
pub fn is_block(text: &str) -> bool {
    let line = text.split('\n').next().unwrap_or("");
    let first = line.trim_start();
    let digits = first.bytes().take_while(u8::is_ascii_digit).count();
    let after = |mark: &str| first.strip_prefix(mark).is_some_and(|rest| rest.starts_with(' '));
    Fence::opened_by(line).is_some()
        || line.starts_with("    ")
        || first.starts_with(['#', '>', '|'])
        || ["-", "*", "+"].into_iter().any(after)
        || digits > 0 && (first[digits..].starts_with(". ") || first[digits..].starts_with(") "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parts(text: &str) -> Vec<&str> {
        quiet(text, true).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn code_and_addresses_are_quiet() {
        for (text, wanted) in [
            ("a `b` c", vec!["`b`"]),
            ("a ``b`c`` d", vec!["``b`c``"]),
            ("a ` b", vec![]),
            ("a `b\nc` d", vec!["`b\nc`"]),
            ("a `b\n\nc` d", vec![]),
            ("```x```\na", vec!["```x```"]),
            ("```rs\na\n```\nb", vec!["```rs\n", "a\n", "```\n"]),
            ("````\n```\n````\nb", vec!["````\n", "```\n", "````\n"]),
            ("~~~\na", vec!["~~~\n", "a"]),
            ("见https://x.cn/@a，b", vec!["https://x.cn/@a"]),
            ("[t](http://a/b) c", vec!["http://a/b"]),
            ("://a", vec![]),
        ] {
            assert_eq!(parts(text), wanted, "{text}");
        }
        assert!(quiet("`a`", false).is_empty());
    }

    #[test]
    fn a_fence_is_closed_by_its_own_kind() {
        let fence = Fence::opened_by("  ````rust").unwrap();
        assert!(fence.is_closed_by("````") && fence.is_closed_by(" ````` "));
        assert!(!fence.is_closed_by("```") && !fence.is_closed_by("~~~~") && !fence.is_closed_by("```` x"));
        assert_eq!((fence.opening.as_str(), fence.closing().as_str()), ("````rust", "````"));
        for line in ["``", "```a```", "text", "", &"`".repeat(200)] {
            assert_eq!(Fence::opened_by(line), None, "{line}");
        }
    }

    #[test]
    fn blocks_keep_their_line() {
        for text in ["# a", "```\na", "> a", "- a", "1. a", "|a|", "    a"] {
            assert!(is_block(text), "{text}");
        }
        for text in ["a", "**a**", "-a", "1.5", "", "`a`"] {
            assert!(!is_block(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn ranges_are_in_order_and_within_the_text(text in "(`|~|\n| |a|://|é|李|>){0,60}") {
            for range in quiet(&text, true) {
                prop_assert!(range.start <= range.end && text.get(range).is_some());
            }
        }
    }
}
