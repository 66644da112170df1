//! System messages: a sentence with places for names.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::content::Content;
use super::tidy;
use crate::event::bounded;

/// Templates are a sentence; names repeated in a longer one are not worth more.
const TEXT_MAX: usize = 64 * 1024;

/// `{"template":"{from_user} invited {to_chatters}","from_user":["A"],"divider_text":{"text":"…"}}`
pub fn render(content: &str) -> Content {
    let value: Value = serde_json::from_str(content).unwrap_or_default();
    let Some(fields) = value.as_object() else { return Content::default() };
    let template = fields.get("template").map(words).unwrap_or_default();
    let (mut text, used) = filled(&template, fields);
    if !used.contains(&"divider_text") {
        let divider = place(fields, "divider_text").map(words).unwrap_or_default();
        let gap = if text.trim().is_empty() || divider.is_empty() { "" } else { "\n" };
        text = format!("{text}{gap}{divider}");
    }
    if text.trim().is_empty() {
        text = listed(fields);
    }
    let shown = bounded(&text, TEXT_MAX);
    let truncated = shown.len() < text.len();
    Content::of(shown.trim(), truncated)
}

/// One pass: what somebody chose as a name is text, whatever it looks like. Says which places it had.
fn filled<'t>(template: &'t str, fields: &Map<String, Value>) -> (String, Vec<&'t str>) {
    let (mut text, mut used, mut rest) = (String::new(), Vec::new(), template);
    while let Some(start) = rest.find('{').filter(|_| text.len() <= TEXT_MAX) {
        text.push_str(&rest[..start]);
        rest = &rest[start..];
        // A longer name is none.
        let near = bounded(rest, tidy::WORD_MAX);
        let end = near.find(['}', ' ', '\n']).filter(|end| near[*end..].starts_with('}'));
        let name = end.map(|end| &rest[1..end]);
        match name.and_then(|name| Some((name, place(fields, name)?))) {
            Some((name, value)) => {
                text.push_str(&tidy::line(&words(value)));
                used.push(name);
                rest = &rest[name.len() + 2..];
            }
            None => {
                text.push('{');
                rest = &rest[1..];
            }
        }
    }
    text.push_str(rest);
    (text, used)
}

/// Without a sentence, the names alone.
fn listed(fields: &Map<String, Value>) -> String {
    let named = fields.iter().filter(|(key, _)| !matches!(key.as_str(), "template" | "type"));
    let named = named.map(|(key, value)| (tidy::word(key), tidy::line(&words(value))));
    let lines: Vec<String> = named
        .filter(|(_, words)| !words.trim().is_empty())
        .map(|(key, words)| format!("{key}: {words}"))
        .collect();
    lines.join("\n")
}

fn place<'v>(fields: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    let params = || fields.get("params")?.as_object()?.get(name);
    fields.get(name).filter(|_| name != "template").or_else(params)
}

/// A name, several, or an object that holds one.
fn words(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        Value::Number(number) => Cow::Owned(number.to_string()),
        Value::Array(items) => {
            let names: Vec<Cow<'_, str>> = items.iter().map(words).filter(|name| !name.is_empty()).collect();
            Cow::Owned(names.join(", "))
        }
        Value::Object(map) => {
            let keys = ["text", "name", "user_name", "content", "i18n_text", "zh_cn", "en_us"];
            let said = keys.iter().filter_map(|key| map.get(*key)).map(words).find(|text| !text.is_empty());
            said.or_else(|| map.values().map(words).find(|text| !text.is_empty())).unwrap_or_default()
        }
        Value::Null | Value::Bool(_) => Cow::Borrowed(""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_put_in_once_and_never_expanded() {
        for (content, wanted) in [
            (r#"{"template":"{a} and {a} met {b}","a":["{b}"],"b":"{a}"}"#, "{b} and {b} met {a}"),
            (r#"{"template":"{a}, {none}","a":[]}"#, ", {none}"),
            (r#"{"template":"{n} of {who}","n":3,"who":[{"name":"Ann"},{"text":"Li"}]}"#, "3 of Ann, Li"),
            (r#"{"template":"{divider_text}","divider_text":{"text":"New"}}"#, "New"),
            (r#"{"template":"","divider_text":{"text":"New session"}}"#, "New session"),
            (r#"{"template":"Hi","divider_text":{"text":"New"}}"#, "Hi\nNew"),
            (r#"{"type":"divider","params":{"divider_text":{"i18n_text":{"zh_cn":"新会话"}}}}"#, "新会话"),
            (r#"{"template":"a { b {c","c":"x"}"#, "a { b {c"),
            (r#"{"template":"{template}","template2":"x"}"#, "{template}"),
            (r#"{"template":"{a}","a":"two\nlines"}"#, "two lines"),
        ] {
            assert_eq!(render(content).text, wanted, "{content}");
        }
    }

    #[test]
    fn a_long_one_is_cut_and_says_so() {
        let name = "x".repeat(1000);
        let content = serde_json::json!({"template": "{a}".repeat(1000), "a": name}).to_string();
        let read = render(&content);
        assert!(read.truncated && read.text.len() <= TEXT_MAX);
    }
}
