//! Words out of content that cannot be read as a whole: broken off, or nested deeper than anybody would.

/// Fields whose text people see.
const SHOWN: [&str; 6] = ["text", "content", "title", "user_name", "file_name", "href"];

/// Fields that name what can be downloaded, and what that is.
const KEYS: [(&str, &str); 4] =
    [("image_key", "image"), ("img_key", "image"), ("file_key", "file"), ("video_key", "video")];

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    Words(String),
    Key { kind: &'static str, key: String },
}

/// A character in two escapes, less its last byte.
const ESCAPE_MAX: usize = 11;

/// All text and all whole keys of such fields, in order.
pub fn salvage(json: &str) -> Vec<Found> {
    let mut found = Vec::new();
    let mut key: Option<String> = None;
    let mut at = 0;
    while let Some(start) = json[at..].find('"').map(|offset| at + offset) {
        let Some(end) = string_end(json, start) else {
            if key.is_some_and(|key| SHOWN.contains(&key.as_str())) {
                found.extend(unfinished(&json[start..]).and_then(words));
            }
            break;
        };
        let text: Option<String> = serde_json::from_str(&json[start..end]).ok();
        let value = key.take();
        at = end;
        if json[end..].trim_start().starts_with(':') {
            key = text;
            // Only a string that follows at once is the value of this key.
            let rest = json[end..].trim_start()[1..].trim_start();
            if !rest.starts_with('"') {
                key = None;
            }
        } else if let (Some(field), Some(text)) = (value, text) {
            found.extend(told(&field, text));
        }
    }
    found
}

fn told(field: &str, text: String) -> Option<Found> {
    if SHOWN.contains(&field) {
        return words(text);
    }
    let (_, kind) = KEYS.iter().find(|(key, _)| *key == field)?;
    (!text.trim().is_empty()).then_some(Found::Key { kind, key: text })
}

fn words(text: String) -> Option<Found> {
    (!text.trim().is_empty()).then_some(Found::Words(text))
}

/// Behind the closing quotation mark of the string that begins here.
fn string_end(json: &str, start: usize) -> Option<usize> {
    let mut escaped = false;
    for (offset, byte) in json.as_bytes()[start + 1..].iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(start + offset + 2),
            _ => {}
        }
    }
    None
}

/// What there is of a string that is broken off, without the escape it ends in.
fn unfinished(json: &str) -> Option<String> {
    let cuts = (0..=ESCAPE_MAX).filter_map(|cut| json.get(..json.len().checked_sub(cut)?));
    cuts.filter(|json| !json.is_empty()).find_map(|json| serde_json::from_str(&format!("{json}\"")).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn salvage(json: &str) -> Vec<String> {
        let shown = |found| match found {
            Found::Words(words) => words,
            Found::Key { kind, key } => format!("{kind} {key}"),
        };
        super::salvage(json).into_iter().map(shown).collect()
    }

    #[test]
    fn words_are_found_whatever_is_wrong_around_them() {
        let deep =
            format!("{}{{\"tag\":\"text\",\"text\":\"a \\\"b\\\"\"}}{}", "[".repeat(500), "]".repeat(500));
        assert_eq!(salvage(&deep), ["a \"b\""]);
        assert_eq!(salvage(r#"{"title":"T","content":[[{"text":"x"},{"text":"brok"#), ["T", "x", "brok"]);
        assert_eq!(salvage(r#"{"text":"a\ud83d\ude0"#), ["a"]);
        assert_eq!(salvage(r#"{"text":"a\"#), ["a"]);
        assert_eq!(salvage(r#"{"text":""#), [""; 0]);
        assert_eq!(salvage(r#"{"text"#), [""; 0]);
        assert_eq!(
            salvage(r#"{"image_key":"img_1","file_key":"f1","file_name":"a.t"#),
            ["image img_1", "file f1", "a.t"]
        );
        assert_eq!(salvage(r#"{"image_key":"img_"#), [""; 0], "half a key is none");
        assert_eq!(salvage(r#"{"tag":"text","value":{"k":"v"},"text":7,"a":"text"}"#), [""; 0]);
    }
}
