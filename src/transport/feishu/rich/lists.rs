//! Lists, as markdown.

use serde_json::Value;

use super::node::Node;
use super::{Flow, Reading};

/// Deeper ones stand as deep as this.
const LEVEL_MAX: usize = 20;

impl Reading<'_> {
    pub fn list(&mut self, node: Node<'_>) {
        let items = ["items", "elements", "children", "content"].iter().find_map(|key| node.get(key));
        let Some(Value::Array(items)) = items else { return self.children(node, Flow::Lines) };
        let numbered = node.tag == "ol" || node.word("type") == "ol";
        for (index, item) in items.iter().enumerate() {
            self.item(item, numbered, index + 1);
        }
    }

    fn item(&mut self, item: &Value, numbered: bool, place: usize) {
        let node = Node::of(item);
        let word = |key: &str| node.map(|node| node.word(key)).unwrap_or_default();
        let level = word("level").parse::<usize>().unwrap_or(0).min(LEVEL_MAX);
        let numbered = numbered || word("type") == "ol";
        let order = word("order").parse::<f64>().map_or(place, |order| order as usize);
        let text = self.aside(|reading| match node {
            Some(node) => reading.children(node, Flow::Run),
            None => reading.value(item),
        });
        if text.is_empty() {
            return;
        }
        let mark = if numbered { format!("{order}.") } else { "-".to_owned() };
        let (indent, below) = ("  ".repeat(level), "  ".repeat(level + 1));
        let text = text.replace('\n', &format!("\n{below}"));
        self.page.block(&format!("{indent}{mark} {text}"));
    }
}
