//! What stands on lines of its own, and what holds other elements.

use serde_json::Value;

use super::inline::{address, longest_run};
use super::node::{self, Node};
use super::{Flow, Reading};
use crate::transport::feishu::content::bracketed;
use crate::transport::feishu::tidy;

/// Fields with more elements in them, in the order in which people read them.
const PARTS: [&str; 21] = [
    "header",
    "title",
    "subtitle",
    "text_tag_list",
    "text",
    "content",
    "label",
    "fields",
    "body",
    "elements",
    "columns",
    "contents",
    "children",
    "items",
    "persons",
    "actions",
    "options",
    "rows",
    "extra",
    "placeholder",
    "fallback",
];

impl Reading<'_> {
    /// The fence is longer than any inside.
    pub fn code_block(&mut self, node: Node<'_>) {
        let text = match node.get("text").or_else(|| node.get("content")) {
            Some(Value::String(text)) if node.flag("un_escape") => super::inline::unescape(text),
            Some(Value::String(text)) => text.clone(),
            _ => code_lines(node),
        };
        if text.is_empty() {
            return;
        }
        let fence = "`".repeat(longest_run(&text, '`').max(2) + 1);
        let newline = if text.ends_with('\n') { "" } else { "\n" };
        let language = tidy::word(&node.word("language")).to_lowercase();
        self.page.block(&format!("{fence}{language}\n{text}{newline}{fence}"));
    }

    pub fn heading(&mut self, node: Node<'_>) {
        let level = node.word("level").parse::<usize>().unwrap_or(1).clamp(1, 6);
        let text = self.label(node, &["content", "text", "elements"]);
        if !text.is_empty() {
            self.page.block(&format!("{} {text}", "#".repeat(level)));
        }
    }

    pub fn quote(&mut self, node: Node<'_>) {
        let text = self.aside(|reading| reading.parts(node, Flow::Run));
        let quoted: Vec<String> = text.lines().map(|line| format!("> {line}")).collect();
        self.page.block(&quoted.join("\n"));
    }

    /// Title, subtitle and tags of a card, or of a panel in one.
    pub fn header(&mut self, node: Node<'_>) {
        let title = self.label(node, &["title", "text", "content"]);
        self.title(&title);
        let more = [self.label(node, &["subtitle"]), self.aside(|reading| reading.header_tags(node))];
        for text in more.iter().filter(|text| !text.is_empty()) {
            self.page.line();
            self.page.inline(text);
        }
        self.page.line();
    }

    /// An object, an object for each language, or a title alone.
    pub fn any_header(&mut self, value: &Value) {
        match Node::of(Node::languages(value).unwrap_or(value)) {
            Some(header) => self.header(header),
            None => {
                let title = self.said(value);
                self.title(&title);
            }
        }
    }

    fn header_tags(&mut self, node: Node<'_>) {
        let tags = ["text_tag_list", "tags", "text_tags"].iter().find_map(|key| node.get(key));
        if let Some(Value::Array(tags)) = tags {
            self.items(tags, Flow::Words);
        }
    }

    pub fn title(&mut self, title: &str) {
        let title = title.split('\n').map(str::trim).collect::<Vec<_>>().join(" ");
        // A title in markdown is bold already.
        let marked = title.starts_with("**") && title.ends_with("**") && title.len() > 4;
        self.page.block(&if marked || title.trim().is_empty() {
            title
        } else {
            format!("**{}**", title.trim())
        });
    }

    /// Elements beside each other, such as buttons and the parts of a note.
    pub fn row_of(&mut self, node: Node<'_>) {
        self.page.line();
        self.parts(node, Flow::Words);
        self.page.line();
    }

    /// Elements below each other. Where a click on all of it leads to stands last.
    pub fn container(&mut self, node: Node<'_>) {
        let flow = match (node.tag, node.parts().count()) {
            ("", 0 | 1) => Flow::Run,
            ("", _) => Flow::Loose,
            _ => Flow::Lines,
        };
        self.parts(node, flow);
        if let Some(address) = address(node) {
            self.page.control(&format!("<{address}>"));
        }
    }

    pub fn children(&mut self, node: Node<'_>, flow: Flow) {
        self.parts(node, flow);
    }

    /// An object without a tag, such as a text or a field: its keys, its words, otherwise its name.
    pub fn untagged(&mut self, node: Node<'_>) {
        let before = self.page.len();
        self.keyed(node);
        self.container(node);
        if self.page.len() == before {
            let name = self.label(node, &["name", "user_name", "label"]);
            self.page.control(&name);
        }
    }

    /// An element of a tag that nobody told us of: its keys and words, in whatever field, and its name if it has none.
    pub fn unknown(&mut self, node: Node<'_>) {
        let before = self.page.len();
        self.keyed(node);
        self.container(node);
        if self.page.len() == before {
            let words: Vec<_> = node.texts().collect();
            self.page.control(&bracketed(node.tag, &words));
        }
    }

    /// What can be downloaded, whatever the element is called.
    fn keyed(&mut self, node: Node<'_>) {
        if !node.word("file_key").is_empty() {
            self.file(node);
        } else if !node.first(&["image_key", "img_key"]).is_empty() {
            self.image(node);
        }
    }

    fn parts(&mut self, node: Node<'_>, flow: Flow) {
        for (key, value) in node.parts() {
            self.part(key, value, flow);
        }
    }

    fn part(&mut self, key: &str, value: &Value, flow: Flow) {
        if flow == Flow::Lines {
            self.page.line();
        }
        match value {
            value if key == "header" => self.any_header(value),
            Value::Array(items) if key == "actions" || flow == Flow::Words => self.items(items, Flow::Words),
            Value::Array(items) => self.items(items, if flow == Flow::Run { Flow::Run } else { Flow::Lines }),
            value if matches!(flow, Flow::Words | Flow::Loose) => {
                let said = self.said(value);
                self.page.control(&said);
            }
            value => self.value(value),
        }
        if flow == Flow::Lines {
            self.page.line();
        }
    }
}

impl<'v> Node<'v> {
    /// The fields that hold more elements or words.
    fn parts(self) -> impl Iterator<Item = (&'v str, &'v Value)> {
        let known = PARTS.iter().filter_map(move |key| Some((*key, self.get(key)?)));
        let rest = self.rest().filter(|(key, value)| !is_part(key) && holds_words(value));
        known.chain(rest)
    }
}

/// `contents[].contents[].content`, as `json_card` has it.
fn code_lines(node: Node<'_>) -> String {
    let parts = |line: &Value| {
        let line = Node::of(line);
        let parts = line.map(|line| line.list("contents")).unwrap_or_default();
        parts.iter().filter_map(|part| part.get("content").and_then(Value::as_str)).collect::<String>()
    };
    node.list("contents").iter().map(parts).collect()
}

fn is_part(key: &str) -> bool {
    PARTS.contains(&key) || key == "textTagList"
}

/// Whether somewhere below stands what people read. Looks, doings and numbers are none.
fn holds_words(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(holds_words),
        Value::Object(map) => {
            let shown = ["content", "text", "title", "elements"]
                .iter()
                .any(|key| map.get(*key).is_some_and(node::says));
            shown || Node::of(value).is_some_and(|node| node.rest().any(|(_, value)| holds_words(value)))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}
