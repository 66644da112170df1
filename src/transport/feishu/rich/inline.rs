//! Words within a line.

use serde_json::Value;

use super::node::{self, Node};
use super::{Flow, Reading, markdown};
use crate::transport::feishu::{tidy, time};

/// Markers of a style, by its names in posts and in cards.
const STYLES: [(&[&str], &str, &str); 4] = [
    (&["bold"], "**", "**"),
    (&["italic"], "*", "*"),
    (&["lineThrough", "strikethrough", "strike"], "~~", "~~"),
    (&["underline"], "<u>", "</u>"),
];

const CODE: [&str; 3] = ["codeInline", "inlineCode", "code"];

impl Reading<'_> {
    pub fn text(&mut self, node: Node<'_>) {
        match node.get("text").or_else(|| node.get("content")) {
            Some(value @ (Value::String(_) | Value::Number(_))) => {
                let text = node::scalar(value);
                // The keys of mentions, where the platform left them in the text.
                let (text, _) = self.around.mentions.replace(&text);
                let text = if node.flag("un_escape") { unescape(&text) } else { text };
                self.page.inline(&styled(&text, node));
            }
            Some(value) => self.value(value),
            None => match node.blank(&["text", "content"]) {
                // White space between two words separates them.
                Some(blank) => self.page.inline(blank),
                None => self.children(node, Flow::Run),
            },
        }
    }

    pub fn markdown(&mut self, node: Node<'_>) {
        if !node.list("elements").is_empty() {
            return self.items(node.list("elements"), Flow::Run);
        }
        match node.get("content").or_else(|| node.get("text")) {
            Some(Value::String(text)) => {
                let text = if node.flag("un_escape") { unescape(text) } else { text.clone() };
                let text = self.markdown_text(&with_addresses(&text, node));
                if markdown::is_block(&text) {
                    self.page.block(&text)
                } else {
                    self.page.inline(&styled(&text, node))
                }
            }
            Some(value) => self.value(value),
            None => self.children(node, Flow::Run),
        }
    }

    pub fn link(&mut self, node: Node<'_>) {
        let text = self.label(node, &["text", "content", "title", "elements"]);
        let text = if node.flag("un_escape") { unescape(&text) } else { text };
        let shown = match (text.is_empty(), address(node)) {
            (_, None) => text,
            (true, Some(address)) => format!("<{address}>"),
            (false, Some(address)) => format!("[{text}]({address})"),
        };
        self.page.inline(&styled(&shown, node));
    }

    pub fn emoji(&mut self, node: Node<'_>) {
        let key = node.first(&["emoji_type", "key", "text", "content"]);
        if !key.is_empty() {
            self.page.inline(&format!(":{}:", tidy::word(&key)));
        }
    }

    pub fn code_span(&mut self, node: Node<'_>) {
        let text = self.label(node, &["content", "text"]);
        self.page.inline(&code(&text));
    }

    pub fn text_tag(&mut self, node: Node<'_>) {
        let text = self.label(node, &["text", "content"]);
        if text.is_empty() {
            return;
        }
        let shown =
            address(node).map_or_else(|| format!("[{text}]"), |address| format!("[{text}]({address})"));
        self.page.control(&shown);
    }

    pub fn local_datetime(&mut self, node: Node<'_>) {
        let shown = match time::millis(&node.first(&["milliseconds", "timestamp", "time"])) {
            Some(millis) => time::rfc3339(millis),
            None => self.label(node, &["fallback_text", "text", "content"]),
        };
        self.page.inline(&shown);
    }
}

/// Where a press or a click leads to.
pub fn address(node: Node<'_>) -> Option<String> {
    let keys =
        ["href", "url", "default_url", "pc_url", "multi_url", "link", "ios_url", "android_url", "card_link"];
    let direct = keys.iter().find_map(|key| node.get(key).and_then(addressed));
    let lists = ["behaviors", "actions"].into_iter().flat_map(|key| node.list(key));
    let direct = direct.or_else(|| lists.into_iter().find_map(opens));
    direct.map(|address| tidy::clean(&address).replace(['\n', '\t'], " "))
}

/// `{"type":"open_url","default_url":…}`, or with the address one level below.
fn opens(value: &Value) -> Option<String> {
    let behaviour = Node::of(value)?;
    let opens = behaviour.word("type") == "open_url";
    opens.then(|| address(behaviour).or_else(|| behaviour.get("action").and_then(addressed)))?
}

fn addressed(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Object(_) => address(Node::of(value)?),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    }
}

/// Addresses where variables for them stand: `[doc]($u)`, with `{"u":{"url":…}}` beside the text.
fn with_addresses(text: &str, node: Node<'_>) -> String {
    let Some(Value::Object(variables)) = node.get("href") else { return text.to_owned() };
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("]($").map(|at| at + "](".len()) {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let end = rest.find([')', '\n']).filter(|at| rest[*at..].starts_with(')'));
        let address = end.and_then(|end| variables.get(rest[1..end].trim())).and_then(addressed);
        if let Some((end, address)) = end.zip(address) {
            out.push_str(&tidy::clean(&address).replace(['\n', '\t'], " "));
            rest = &rest[end..];
        }
    }
    out + rest
}

/// Markers stand next to the words: with a space between they would be read as text.
pub fn styled(text: &str, node: Node<'_>) -> String {
    let words = text.trim();
    let styles = styles(node);
    if words.is_empty() || styles.is_empty() {
        return text.to_owned();
    }
    let has = |names: &[&str]| styles.iter().any(|style| names.contains(&style.as_str()));
    let mut shown = if has(&CODE) { code(words) } else { words.to_owned() };
    for (names, before, after) in STYLES {
        if has(names) {
            shown = format!("{before}{shown}{after}");
        }
    }
    let start = text.len() - text.trim_start().len();
    format!("{}{shown}{}", &text[..start], &text[start + words.len()..])
}

fn styles(node: Node<'_>) -> Vec<String> {
    let nested = node.get("text_style").and_then(Node::of).and_then(|style| style.get("attributes"));
    let words = |value: &Value| match value {
        Value::Array(items) => items.iter().map(|item| node::scalar(item).into_owned()).collect(),
        value => vec![node::scalar(value).into_owned()],
    };
    [node.get("style"), nested].into_iter().flatten().flat_map(words).collect()
}

/// Backticks around text that may hold some.
fn code(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let mark = "`".repeat(longest_run(text, '`') + 1);
    let gap = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{mark}{gap}{text}{gap}{mark}")
}

pub fn longest_run(text: &str, mark: char) -> usize {
    text.split(|c| c != mark).map(|run| run.chars().count()).max().unwrap_or(0)
}

/// What the platform escapes, once.
pub fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('&') {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        match entity(rest) {
            Some((c, length)) => {
                out.push(c);
                rest = &rest[length..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out + rest
}

/// No entity is longer.
const ENTITY_MAX: usize = 10;

fn entity(text: &str) -> Option<(char, usize)> {
    let end = text.bytes().take(ENTITY_MAX).position(|byte| byte == b';')?;
    let name = &text[1..end];
    let c = match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        _ => {
            let number = name.strip_prefix('#')?;
            let hexadecimal = number.strip_prefix(['x', 'X']).map(|digits| u32::from_str_radix(digits, 16));
            char::from_u32(hexadecimal.unwrap_or_else(|| number.parse()).ok()?)?
        }
    };
    Some((c, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_are_read_once() {
        assert_eq!(
            unescape("&lt;b&gt; &amp;lt; &quot;&#39;&#x4f60; &nope; & &#xffffffff;"),
            "<b> &lt; \"'你 &nope; & &#xffffffff;"
        );
        assert_eq!(unescape("héé & 你&lt"), "héé & 你&lt");
    }

    #[test]
    fn backticks_in_code_are_kept_in_it() {
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("`"), "`` ` ``");
    }
}
