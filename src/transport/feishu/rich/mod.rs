//! Posts and cards as text: one reading for all of them, whether they were pushed, listed, quoted or forwarded.
//!
//! `tags` is the table of what each element becomes. An element it does not name still gives away every text and
//! key in it, and one that has neither is named by its tag.

mod blocks;
mod cards;
mod controls;
mod inline;
mod lists;
mod markdown;
mod media;
mod node;
mod page;
mod people;
mod posts;
mod salvage;
mod table;
mod tags;

use serde_json::Value;

pub use cards::{card, placeholder};
pub use posts::{files, post};

use super::content::{Around, Content, bracketed};
use node::Node;
use page::Page;
use salvage::Found;

/// What is being read, and what has come of it so far.
pub struct Reading<'a> {
    around: Around<'a>,
    /// Names and keys that stand beside a card: `json_attachment`.
    attachment: Value,
    /// Mentions in a card call nobody.
    calls: bool,
    page: Page,
    out: Content,
}

/// How the parts of an element stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Each on a line of its own.
    Lines,
    /// One after the other.
    Run,
    /// One after the other, apart.
    Words,
    /// Texts apart, lists on lines of their own: an object of a shape that nobody told us of.
    Loose,
}

/// All text in an element of any shape, for types nobody knows.
pub fn any(value: &Value, around: Around<'_>) -> Content {
    let mut reading = Reading::new(around, true);
    reading.value(value);
    reading.finish()
}

/// What is left of content that is no JSON, broken off, or too deep to be read.
pub fn broken(json: &str) -> Content {
    let (mut page, mut keys) = (Page::default(), Content::default());
    for found in salvage::salvage(json) {
        page.line();
        match found {
            Found::Words(words) => page.inline(&words),
            Found::Key { kind, key } => {
                page.inline(&bracketed(kind, &[&key]));
                keys.resource(kind, &key, None);
            }
        }
    }
    let mut content = Content::of(&page.finish(), !json.trim().is_empty());
    content.resources = keys.resources;
    content.unread = true;
    content
}

impl<'a> Reading<'a> {
    fn new(around: Around<'a>, calls: bool) -> Reading<'a> {
        Reading { around, attachment: Value::Null, calls, page: Page::default(), out: Content::default() }
    }

    fn finish(self) -> Content {
        let mut content = self.out;
        content.truncated |= self.page.cut;
        content.text = super::tidy::clean(&self.page.finish());
        content
    }

    /// Anything in place of an element: text, a row, an element, a text in several languages.
    fn value(&mut self, value: &Value) {
        if self.page.is_full() {
            self.page.cut |= node::says(value);
            return;
        }
        match value {
            Value::String(_) | Value::Number(_) => self.page.inline(&node::scalar(value)),
            Value::Array(items) => self.items(items, Flow::Lines),
            Value::Object(_) => match Node::languages(value) {
                Some(text) => self.value(text),
                None => Node::of(value).into_iter().for_each(|node| self.node(node)),
            },
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn items(&mut self, items: &[Value], flow: Flow) {
        for (index, item) in items.iter().enumerate() {
            match (item, flow) {
                (Value::Array(row), Flow::Lines) => {
                    if index > 0 {
                        self.page.row();
                    }
                    self.items(row, Flow::Run);
                }
                (Value::Array(row), _) => self.items(row, flow),
                (_, Flow::Lines) => {
                    self.page.line();
                    self.value(item);
                    self.page.line();
                }
                (_, Flow::Run) => self.value(item),
                (_, Flow::Words | Flow::Loose) => {
                    let said = self.said(item);
                    self.page.control(&said);
                }
            }
        }
    }

    fn node(&mut self, node: Node<'_>) {
        match tags::of(node.tag) {
            Some(read) => read(self, node),
            None => self.unknown(node),
        }
    }

    /// The text of an element by itself.
    fn said(&mut self, value: &Value) -> String {
        self.aside(|reading| reading.value(value))
    }

    /// The text of the first of these fields that says something, on one line.
    fn label(&mut self, node: Node<'_>, keys: &[&str]) -> String {
        let text =
            keys.iter().find_map(|key| node.get(key)).map(|value| self.said(value)).unwrap_or_default();
        if text.contains('\n') { text.split('\n').map(str::trim).collect::<Vec<_>>().join(" ") } else { text }
    }

    /// Runs `read` on an empty page, and gives back what it wrote.
    fn aside(&mut self, read: impl FnOnce(&mut Self)) -> String {
        let page = std::mem::take(&mut self.page);
        read(self);
        let aside = std::mem::replace(&mut self.page, page);
        self.page.cut |= aside.cut;
        aside.finish()
    }
}

#[cfg(test)]
mod tests;
