//! One element of a post or a card, read without trust: fields may be missing, of another type, in the other
//! spelling (`img_key`, `imgKey`), inside `property`, or there in several languages only.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// Preferred among several languages of one text, first to last.
const LOCALES: [&str; 3] = ["zh_cn", "en_us", "ja_jp"];

/// What an element says about its looks and doings. Nobody sees the words in there.
const SILENT: [&str; 22] = [
    "tag",
    "style",
    "text_style",
    "textStyle",
    "language",
    "un_escape",
    "value",
    "behaviors",
    "config",
    "icon",
    "ud_icon",
    "standard_icon",
    "template",
    "schema",
    "element_id",
    "color",
    "type",
    "margin",
    "padding",
    "width",
    "id",
    "property_schema",
];

#[derive(Clone, Copy, Debug)]
pub struct Node<'v> {
    pub tag: &'v str,
    outer: &'v Map<String, Value>,
    inner: &'v Map<String, Value>,
}

impl<'v> Node<'v> {
    pub fn of(value: &'v Value) -> Option<Node<'v>> {
        let outer = value.as_object()?;
        let inner = outer.get("property").and_then(Value::as_object).unwrap_or(outer);
        let tag = outer.get("tag").or_else(|| inner.get("tag")).and_then(Value::as_str).unwrap_or("");
        Some(Node { tag, outer, inner })
    }

    /// The field, if it says something: in this spelling, the other, or the first language that does.
    pub fn get(&self, key: &str) -> Option<&'v Value> {
        let camel = camel(key);
        let several = [format!("i18n_{key}"), format!("i18n{}", capitalised(&camel))];
        let plain = [key, camel.as_str()];
        let found = |map: &'v Map<String, Value>| {
            let one = plain.iter().find_map(|key| map.get(*key).filter(|value| says(value)));
            let text = matches!(key, "content" | "text").then(|| map.get("i18n")).flatten();
            let languages = || several.iter().find_map(|key| map.get(key)).or(text);
            one.or_else(|| languages().and_then(saying))
        };
        found(self.inner).or_else(|| found(self.outer))
    }

    /// White space alone, as it is.
    pub fn blank(&self, keys: &[&str]) -> Option<&'v str> {
        let texts = keys.iter().filter_map(|key| self.inner.get(*key).and_then(Value::as_str));
        texts.into_iter().find(|text| !text.is_empty() && text.trim().is_empty())
    }

    /// A key, an id, an address: text or a number, otherwise empty.
    pub fn word(&self, key: &str) -> Cow<'v, str> {
        self.get(key).map(scalar).unwrap_or_default()
    }

    /// The first of several names of one thing.
    pub fn first(&self, keys: &[&str]) -> Cow<'v, str> {
        keys.iter().map(|key| self.word(key)).find(|word| !word.is_empty()).unwrap_or_default()
    }

    pub fn list(&self, key: &str) -> &'v [Value] {
        self.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    pub fn flag(&self, key: &str) -> bool {
        let value = self.inner.get(key).or_else(|| self.outer.get(key));
        value.is_some_and(|value| *value == Value::Bool(true) || value.as_str() == Some("true"))
    }

    /// Fields of any name that may hold more elements.
    pub fn rest(self) -> impl Iterator<Item = (&'v str, &'v Value)> {
        let nested = |(key, value): (&'v String, &'v Value)| {
            let holds = value.is_object() || value.is_array();
            let shown = !is_silent(key) && key != "property" && !key.starts_with("i18n");
            (holds && shown).then_some((key.as_str(), value))
        };
        self.inner.iter().filter_map(nested)
    }

    /// Texts in fields of any name.
    pub fn texts(self) -> impl Iterator<Item = &'v str> {
        let shown = |(key, value): (&'v String, &'v Value)| {
            let silent = is_silent(key) || key.ends_with("_id") || key == "name";
            value.as_str().filter(|text| !silent && !text.trim().is_empty())
        };
        self.inner.iter().filter_map(shown)
    }

    /// The texts of an object whose keys are languages and nothing else.
    pub fn languages(value: &'v Value) -> Option<&'v Value> {
        let map = value.as_object()?;
        let all = !map.is_empty() && map.keys().all(|key| is_locale(key));
        if all { saying(value) } else { None }
    }
}

/// `zh_cn`, `en-US`.
pub fn is_locale(key: &str) -> bool {
    let letters = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphabetic());
    key.split_once(['_', '-']).is_some_and(|(one, two)| {
        one.len() == 2 && (2..=4).contains(&two.len()) && letters(one) && letters(two)
    })
}

/// The languages of a text in the order of preference.
pub fn languages(map: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    let preferred = LOCALES.iter().filter_map(|locale| map.get(*locale));
    preferred.chain(map.iter().filter(|(key, _)| !LOCALES.contains(&key.as_str())).map(|(_, value)| value))
}

/// The first language that says something.
fn saying(value: &Value) -> Option<&Value> {
    languages(value.as_object()?).find(|value| says(value))
}

/// Whether there is anything to see: a word, a number, a key.
pub fn says(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.trim().is_empty(),
        Value::Number(_) => true,
        Value::Array(items) => items.iter().any(says),
        Value::Object(map) => map.iter().any(|(key, value)| !is_looks(key) && says(value)),
        Value::Null | Value::Bool(_) => false,
    }
}

/// An id or a value counts here: it may be all that an element has.
fn is_looks(key: &str) -> bool {
    matches!(key, "tag" | "style" | "text_style" | "textStyle" | "language" | "un_escape")
}

fn is_silent(key: &str) -> bool {
    SILENT.contains(&key)
}

pub fn scalar(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        Value::Number(number) => Cow::Owned(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => Cow::Borrowed(""),
    }
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// `img_key` → `imgKey`, and `user_id` → `userID` as the platform spells it.
fn camel(key: &str) -> String {
    let mut out = String::with_capacity(key.len());
    for (index, part) in key.split('_').enumerate() {
        match (index, part) {
            (0, part) => out.push_str(part),
            (_, "id") => out.push_str("ID"),
            (_, part) => {
                let mut letters = part.chars();
                out.extend(letters.next().map(|first| first.to_ascii_uppercase()));
                out.push_str(letters.as_str());
            }
        }
    }
    out
}
