//! Cards: as they are authored (1.0, 2.0), as `json_card`, rendered, or only named by an id or a template.

use std::borrow::Cow;

use serde_json::Value;

use super::node::{self, Node};
use super::{Flow, Reading, broken};
use crate::transport::feishu::content::{Around, Content, bracketed};
use crate::transport::feishu::tidy;

/// Wrappers in wrappers that are opened.
const WRAPPERS_MAX: usize = 5;

/// What old clients show in place of a newer card.
const PLACEHOLDERS: [&str; 3] =
    ["请升级至最新版本", "请升级到最新版本", "please upgrade to the latest version"];

/// A placeholder is one sentence, with a picture at most.
const PLACEHOLDER_MAX: usize = 120;

pub fn card(content: &str, around: Around<'_>) -> Content {
    let Ok(value) = serde_json::from_str::<Value>(content) else { return broken(content) };
    let mut reading = Reading::new(around, false);
    let opened = opened(value, &mut reading.attachment);
    reading.card(&opened);
    reading.finish()
}

/// The id of a card that is kept elsewhere.
fn bare_id<'v>(card: Node<'v>) -> Option<Cow<'v, str>> {
    let whole = ["header", "elements", "body", "title"].iter().any(|key| card.get(key).is_some());
    let data = card.get("data").and_then(Node::of).unwrap_or(card);
    Some(data.word("card_id")).filter(|id| !whole && !id.is_empty())
}

/// The sentence that says only that there is more to see, if that is all of this text.
pub fn placeholder(text: &str) -> Option<&str> {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with("[image"));
    let line = lines.next().filter(|line| line.len() <= PLACEHOLDER_MAX)?;
    let starts = PLACEHOLDERS.iter().any(|placeholder| line.to_lowercase().starts_with(placeholder));
    (starts && lines.next().is_none()).then_some(line)
}

/// The card inside its wrappers: `user_dsl`, `json_card`, `{"type":"raw","data":…}`.
fn opened(mut value: Value, attachment: &mut Value) -> Value {
    for _ in 0..WRAPPERS_MAX {
        if let Some(beside) = value.get("json_attachment").and_then(parsed) {
            *attachment = beside;
        }
        let inner = ["user_dsl", "json_card", "card", "card_json"]
            .iter()
            .find_map(|key| value.get(key).and_then(parsed));
        let raw = !matches!(value.get("type").and_then(Value::as_str), Some("template" | "card"));
        let inner = inner.or_else(|| value.get("data").filter(|_| raw).and_then(parsed));
        match inner {
            Some(inner) if node::says(&inner) => value = inner,
            _ => break,
        }
    }
    value
}

fn parsed(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) => serde_json::from_str(text).ok().filter(Value::is_object),
        Value::Object(_) => Some(value.clone()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    }
}

impl Reading<'_> {
    fn card(&mut self, value: &Value) {
        let Some(card) = Node::of(value) else { return self.value(value) };
        // The rendered form has rows, and whom it names the platform found.
        self.calls = card.list("elements").iter().any(Value::is_array);
        let data = card.get("data").and_then(Node::of).unwrap_or(card);
        if !data.word("template_id").is_empty() {
            return self.template(data);
        }
        if let Some(id) = bare_id(card) {
            let shown = bracketed("card", &[&id, "cannot be read: the message holds only its id"]);
            self.out.unread = true;
            return self.page.block(&shown);
        }
        if let Some(title) = card.get("title").filter(|_| card.get("header").is_none()) {
            let title = self.said(title);
            self.title(&title);
        }
        self.card_parts(card);
        if let Some(address) = super::inline::address(card) {
            self.page.line();
            self.page.inline(&format!("<{address}>"));
        }
        if self.page.len() == 0 {
            self.preview(card);
        }
    }

    fn card_parts(&mut self, card: Node<'_>) {
        if let Some(header) = card.get("header") {
            self.any_header(header);
        }
        for key in ["content", "text", "elements", "body", "actions", "footer"] {
            if let Some(value) = card.get(key) {
                self.page.line();
                match Node::of(value).filter(|_| key == "body") {
                    Some(body) => self.children(body, Flow::Lines),
                    None => self.value(value),
                }
                self.page.line();
            }
        }
    }

    /// What the list of chats shows of a card.
    fn preview(&mut self, card: Node<'_>) {
        let summary = card.get("config").and_then(Node::of).and_then(|config| config.get("summary"));
        if let Some(summary) = summary {
            self.value(summary);
        }
    }

    /// The words of a template are kept elsewhere; what was put into it is here.
    fn template(&mut self, data: Node<'_>) {
        let version = data.word("template_version_name");
        self.page.block(&bracketed("card template", &[&data.word("template_id"), &version]));
        for key in ["template_variable", "template_variables"] {
            for (name, value) in data.get(key).and_then(Value::as_object).into_iter().flatten() {
                let shown = match value {
                    Value::Array(_) | Value::Object(_) | Value::Bool(_) => value.to_string(),
                    value => node::scalar(value).into_owned(),
                };
                if !shown.trim().is_empty() {
                    self.page.block(&format!("{}: {shown}", tidy::word(name)));
                }
            }
        }
    }
}
