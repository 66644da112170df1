//! Posts: in one language or several, old content or new, with files in the same bubble.

use serde_json::{Map, Value};

use super::node::{self, Node};
use super::{Reading, broken};
use crate::transport::feishu::content::{Around, Content};

pub fn post(content: &str, around: Around<'_>) -> Content {
    match serde_json::from_str(content) {
        Ok(value) => of(&value, around),
        Err(_) => broken(content),
    }
}

pub fn of(value: &Value, around: Around<'_>) -> Content {
    let mut reading = Reading::new(around, true);
    let Some(post) = value.as_object() else {
        reading.value(value);
        return reading.finish();
    };
    let levels = levels(post);
    let body = body(&levels);
    if let Some(title) = title(&levels, body.map(|(level, _)| level)) {
        let title = reading.said(title);
        reading.title(&title);
    }
    if let Some((_, content)) = body {
        reading.value(content);
    }
    for level in levels {
        reading.files(level);
    }
    reading.finish()
}

/// The files that stand beside the words of any message.
pub fn files(value: &Value, around: Around<'_>) -> Content {
    let mut reading = Reading::new(around, true);
    if let Some(map) = value.as_object() {
        reading.files(map);
    }
    reading.finish()
}

/// The post itself and the same in each language, by preference.
fn levels(post: &Map<String, Value>) -> Vec<&Map<String, Value>> {
    let post = post.get("post").and_then(Value::as_object).unwrap_or(post);
    let languages = node::languages(post).filter_map(Value::as_object);
    let said = languages.filter(|level| {
        ["title", "content", "content_v2", "elements"].iter().any(|key| level.contains_key(*key))
    });
    std::iter::once(post).chain(said).collect()
}

/// The first content that says something; the new one before the old one, wherever it stands.
fn body<'v>(levels: &[&'v Map<String, Value>]) -> Option<(&'v Map<String, Value>, &'v Value)> {
    let of = |key: &str| {
        let said = |level: &&'v Map<String, Value>| {
            let value = level.get(key)?;
            let value = Node::languages(value).unwrap_or(value);
            node::says(value).then_some((*level, value))
        };
        levels.iter().find_map(said)
    };
    ["content_v2", "content", "elements", "text"].into_iter().find_map(of)
}

/// That of the same language, otherwise any.
fn title<'v>(levels: &[&'v Map<String, Value>], chosen: Option<&'v Map<String, Value>>) -> Option<&'v Value> {
    let titles = chosen.iter().chain(levels).filter_map(|level| level.get("title"));
    titles.into_iter().find(|title| node::says(title))
}

impl Reading<'_> {
    fn files(&mut self, level: &Map<String, Value>) {
        for file in level.get("files").and_then(Value::as_array).into_iter().flatten() {
            if let Some(file) = Node::of(file) {
                self.page.line();
                self.file(file);
            }
        }
    }
}
