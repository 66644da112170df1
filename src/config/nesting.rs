//! How deep a file may nest, looked at before a parser reads it that takes a long time for deep ones.
//!
//! What is asked for here has four levels, and the types refuse more. But the parser first looks at the whole file, and
//! for each bracket at all those that stand open: 100 kB of them take half a minute.

use crate::error::{Error, Result};

/// So many brackets cannot nest deeply enough to take long.
const FEW: usize = 1024;

/// Levels on one line.
const DEPTH_MAX: usize = 32;

/// A file with many brackets is read where each line closes what it opens, beyond doubt.
pub fn check(shown_path: &str, text: &str) -> Result<()> {
    if text.bytes().filter(|byte| matches!(byte, b'[' | b'{')).count() <= FEW {
        return Ok(());
    }
    match text.lines().position(|line| !is_flat(line)) {
        None => Ok(()),
        Some(at) => Err(Error::config(format!(
            "{shown_path}:{}: it has more than {FEW} brackets, and on this line they nest or are not closed for certain",
            at + 1
        ))
        .hint(format!("write lists and maps as indented lines, with at most {DEPTH_MAX} levels"))),
    }
}

/// No bracket stays open, and no quoted text goes on in the next line. Where a quote may mean something else than it
/// seems to, the answer is no.
fn is_flat(line: &str) -> bool {
    if line.trim_start().starts_with('#') {
        return true;
    }
    if line.contains('\\') || line.contains(" #") {
        return false;
    }
    let (mut open, mut quote) = (0usize, None);
    let mut rest = line.char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        match (quote, c) {
            (Some(mark), c) if c == mark => {
                quote = None;
                if rest.peek().is_some_and(|(_, next)| !matches!(next, ' ' | ',' | ':' | ']' | '}')) {
                    return false;
                }
            }
            // A bracket in a text counts as open: nothing closes it.
            (_, '[' | '{') => open += 1,
            (None, ']' | '}') => open = open.saturating_sub(1),
            (None, '"' | '\'') if begins_a_text(&line[..at]) => quote = Some(c),
            (None, '"' | '\'') => return false,
            _ => {}
        }
        if open > DEPTH_MAX {
            return false;
        }
    }
    open == 0 && quote.is_none()
}

/// In the middle of a plain text a quote is a letter like others.
fn begins_a_text(before: &str) -> bool {
    let is_first = before.trim_matches([' ', '-']).is_empty();
    is_first || before.ends_with(": ") || before.trim_end().ends_with([',', '[', '{'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_brackets_are_read_where_each_line_closes_its_own() {
        let people: String =
            (0..20_000).map(|n| format!("  p{n}: {{union_id: \"on_{n}\", x: ['a]', b]}}\n")).collect();
        check("x", &format!("users:\n# it's [ a \"comment\n{people}")).unwrap();
        assert!(check("x", &"[".repeat(FEW)).is_ok(), "few are no trouble");
        for line in [
            "[",
            "[ \"]\"",
            "[ '\", ]'",
            "a: it's [ ] , it's",
            "[ a', ' ] ', b' ]",
            "[ \"\\\" ] \\\"\" ]",
            "x: [ # ]",
            "x: \"and so on",
            "{a: [{b: 1}}",
            "[ x \" y, \" ] \" , z \" ",
            "[ x - \" y, \" ] \" , z \" ",
        ] {
            assert!(check("x", &format!("{}{line}\n", "a: []\n".repeat(FEW + 1))).is_err(), "{line}");
        }
    }

    /// The parser itself says what is open: whatever is let through has nothing of depth.
    #[test]
    fn nothing_deep_is_let_through() {
        let error = check("profiles/a.yaml", &"{a: ".repeat(25_000)).unwrap_err();
        assert!(error.message.starts_with("profiles/a.yaml:1: "), "{error}");
        assert!(check("x", &format!("a: {}", "[\n".repeat(50_000))).is_err());
        assert!(check("x", &"[\"]\"\n".repeat(50_000)).is_err());
    }
}
