//! Half characters: some clients cut an emoji in two, and JSON readers refuse the lone half.

use std::borrow::Cow;

/// Replaces lone surrogate escapes (`\ud83d` without its partner) by the replacement character, also inside
/// JSON text that is itself inside a JSON string (`\\ud83d`). All else stays byte for byte.
pub fn surrogates(text: Cow<'_, str>) -> Cow<'_, str> {
    // The escape of a surrogate is rare enough to look for it first.
    if !text.contains("\\ud") && !text.contains("\\uD") {
        return text;
    }
    let mut repaired = String::with_capacity(text.len());
    let mut rest = text.as_ref();
    while let Some(start) = rest.find("\\u") {
        repaired.push_str(&rest[..start]);
        rest = &rest[start..];
        let (kept, length) = match (unit(rest), unit_after(rest)) {
            (Some(0xD800..=0xDBFF), (Some(0xDC00..=0xDFFF), both)) => (true, both),
            (Some(0xD800..=0xDFFF), _) => (false, 6),
            _ => (true, 2),
        };
        repaired.push_str(if kept { &rest[..length] } else { "\\ufffd" });
        rest = &rest[length..];
    }
    repaired.push_str(rest);
    if repaired == text { text } else { Cow::Owned(repaired) }
}

/// The code unit of an escape that stands at the beginning.
fn unit(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u32::from_str_radix(digits, 16).ok()
}

/// The code unit that follows the first, behind as many backslashes, and where it ends.
fn unit_after(text: &str) -> (Option<u32>, usize) {
    let Some(rest) = text.get(6..) else { return (None, 6) };
    let escape = rest.trim_start_matches('\\');
    let backslashes = rest.len() - escape.len();
    if backslashes == 0 {
        return (None, 6);
    }
    let end = 6 + backslashes + 5;
    (unit(&rest[backslashes - 1..]), end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn repaired(text: &str) -> String {
        surrogates(Cow::Borrowed(text)).into_owned()
    }

    #[test]
    fn only_lone_halves_are_replaced() {
        for (given, wanted) in [
            (r#""a\ud83d b""#, r#""a\ufffd b""#),
            (r#""\ude00""#, r#""\ufffd""#),
            (r#""\ud83d\ude00""#, r#""\ud83d\ude00""#),
            (r#""\ud83d\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
            (r#""{\"t\":\"\\ud83d\\ude00\"}""#, r#""{\"t\":\"\\ud83d\\ude00\"}""#),
            (r#""{\"t\":\"\\ud83d\"}""#, r#""{\"t\":\"\\ufffd\"}""#),
            (r#""\u00e9 \ud83"#, r#""\u00e9 \ud83"#),
            ("plain", "plain"),
        ] {
            assert_eq!(repaired(given), wanted);
        }
    }

    proptest! {
        #[test]
        fn any_text_survives(text in "(\\\\|u|d8|3d|de|00|[a-z\"é]){0,40}") {
            repaired(&text);
        }
    }
}
