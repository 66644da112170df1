//! What people press, choose and fill in: captions, choices, addresses. A press is not ours to make.

use serde_json::Value;

use super::inline::address;
use super::node::{self, Node};
use super::{Flow, Reading};
use crate::transport::feishu::content::bracketed;
use crate::transport::feishu::tidy;

impl Reading<'_> {
    pub fn button(&mut self, node: Node<'_>) {
        let caption = self.label(node, &["text", "content", "title", "label"]);
        let disabled = if node.flag("disabled") { "(disabled)" } else { "" };
        let mut shown = bracketed("button", &[&caption, disabled]);
        if let Some(address) = address(node) {
            shown += &format!("({address})");
        }
        shown += &self.tips(node);
        self.page.control(&shown);
    }

    /// What people are asked or told when they press.
    fn tips(&mut self, node: Node<'_>) -> String {
        let mut tips = String::new();
        for key in ["confirm", "disabled_tips", "hover_tips"] {
            let asked = node.get(key).map(|value| self.said(value)).unwrap_or_default();
            if !asked.is_empty() {
                tips += &format!(" ({})", tidy::line(&asked));
            }
        }
        tips
    }

    /// `[select Where (staging / prod; chosen: prod)]`
    pub fn select(&mut self, node: Node<'_>, kind: &str) {
        let label = self.label(node, &["label", "placeholder", "text"]);
        let chosen = chosen(node);
        let (mut all, mut picked) = (Vec::new(), Vec::new());
        for option in node.list("options") {
            let (value, shown) = self.option(option);
            if !shown.is_empty() {
                if chosen.contains(&value) {
                    picked.push(shown.clone());
                }
                all.push(shown);
            }
        }
        // A person may be chosen who is not among the options.
        if all.is_empty() {
            picked.extend(chosen.iter().map(|id| self.person_name(id, "")));
        }
        let mut choices = all.join(" / ");
        if !picked.is_empty() {
            let before = if choices.is_empty() { "" } else { "; " };
            choices += &format!("{before}chosen: {}", picked.join(", "));
        }
        let choices = if choices.is_empty() { choices } else { format!("({choices})") };
        let shown = bracketed(kind, &[&label, &choices]) + &self.tips(node);
        self.page.control(&shown);
    }

    /// The value of an option, and what people see of it.
    fn option(&mut self, option: &Value) -> (String, String) {
        let Some(node) = Node::of(option) else {
            let text = node::scalar(option).into_owned();
            return (text.clone(), text);
        };
        let value = node.word("value").into_owned();
        let mut shown = self.label(node, &["text", "content", "label", "title"]);
        if !node.first(&["img_key", "image_key", "image_id"]).is_empty() {
            let image = self.aside(|reading| reading.image(node));
            shown = if shown.is_empty() { image } else { format!("{image} {shown}") };
        }
        if shown.is_empty() {
            shown = self.person_name(&value, "");
        }
        if let Some(address) = address(node) {
            shown = format!("[{shown}]({address})");
        }
        (value, tidy::line(&shown))
    }

    pub fn input(&mut self, node: Node<'_>) {
        let label = self.label(node, &["label"]);
        let label =
            if label.is_empty() { label } else { format!("{}:", label.trim_end_matches([':', '：'])) };
        // Nobody in the chat sees what stands in a field for a password.
        let hides = node.word("input_type") == "password";
        let held = if hides { String::new() } else { self.label(node, &["default_value", "value"]) };
        let hint = self.label(node, &["placeholder"]);
        let hint = if held.is_empty() || hint.is_empty() { hint } else { format!("({hint})") };
        let shown = bracketed("input", &[&label, &held, &hint]) + &self.tips(node);
        self.page.control(&shown);
    }

    pub fn picker(&mut self, node: Node<'_>) {
        let label = self.label(node, &["label", "placeholder", "text"]);
        let set = node.first(&["initial_date", "initial_time", "initial_datetime", "default_value", "value"]);
        let shown = bracketed(node.tag, &[&label, &set]) + &self.tips(node);
        self.page.control(&shown);
    }

    pub fn checker(&mut self, node: Node<'_>) {
        let mark = if node.flag("checked") { "[x]" } else { "[ ]" };
        let text = self.label(node, &["text", "content", "label"]);
        let tips = self.tips(node);
        self.page.line();
        self.page.inline(format!("{mark} {text}{tips}").trim_end());
        if let Some(address) = address(node) {
            self.page.control(&format!("<{address}>"));
        }
        let area = node.get("button_area").and_then(Node::of);
        self.items(area.map(|area| area.list("buttons")).unwrap_or_default(), Flow::Words);
        self.page.line();
    }
}

/// By value. A place in the list is left out: cards count from 0 and from 1.
fn chosen(node: Node<'_>) -> Vec<String> {
    let mut chosen: Vec<String> = Vec::new();
    for key in ["initial_option", "initial_options", "selected_values", "default_value"] {
        match node.get(key) {
            Some(Value::Array(values)) => {
                chosen.extend(values.iter().map(|value| node::scalar(value).into_owned()))
            }
            Some(value) => chosen.push(node::scalar(value).into_owned()),
            None => {}
        }
    }
    chosen
}
