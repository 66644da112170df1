//! People and bots in posts and cards: called, or only named.

use serde_json::Value;

use super::Reading;
use super::node::{self, Node};
use crate::transport::feishu::tidy;

const IDS: [&str; 6] = ["user_id", "open_id", "id", "union_id", "email", "key"];
const NAMES: [&str; 4] = ["user_name", "name", "text", "content"];

impl Reading<'_> {
    pub fn at(&mut self, node: Node<'_>) {
        let given = self.label(node, &NAMES);
        let several = ["ids", "user_ids"].iter().find_map(|key| node.get(key));
        let ids = several.map(ids).unwrap_or_else(|| vec![node.first(&IDS).into_owned()]);
        let called: Vec<String> = ids.iter().map(|id| self.call(id, &given)).collect();
        self.page.inline(&called.join(" "));
    }

    pub fn at_all(&mut self) {
        let called = self.call("all", "");
        self.page.inline(&called);
    }

    /// `@Name` for an id or for the key of a mention. A name that the message gives is second best.
    pub fn call(&mut self, id: &str, given: &str) -> String {
        let beside = self.beside("at_users", id);
        let key = beside.and_then(Node::of).map(|user| user.word("mention_key").into_owned());
        let id = key.filter(|key| !key.is_empty()).unwrap_or_else(|| id.to_owned());
        if let Some(name) = self.around.mentions.label(&id) {
            self.out.all |= self.calls && name == "all" && matches!(id.as_str(), "all" | "@_all");
            return format!("@{name}");
        }
        let named = self.name(&id).or_else(|| self.named_beside("at_users", &id));
        let name = named.or_else(|| tidy::some(given.trim(), tidy::name));
        let name = name.unwrap_or_else(|| tidy::id(id.trim_start_matches('@')));
        if self.calls {
            self.out.call(&id, &name, self.around);
        }
        format!("@{name}")
    }

    pub fn person(&mut self, node: Node<'_>) {
        let given = self.label(node, &["name", "user_name", "notation"]);
        let id = node.first(&IDS);
        let shown = self.person_name(&id, &given);
        self.page.control(&shown);
    }

    pub fn person_list(&mut self, node: Node<'_>) {
        let listed = ["persons", "ids", "user_ids", "elements"].iter().find_map(|key| node.get(key));
        let names = listed.map(|value| self.people(value)).unwrap_or_default();
        self.page.control(&names);
    }

    /// The names behind one id or several, in any shape.
    pub fn people(&mut self, value: &Value) -> String {
        match value {
            Value::Array(items) => {
                let names: Vec<String> = items.iter().map(|item| self.people(item)).collect();
                names.into_iter().filter(|name| !name.is_empty()).collect::<Vec<_>>().join(", ")
            }
            Value::Object(_) => {
                let Some(node) = Node::of(value) else { return String::new() };
                let given = self.label(node, &NAMES);
                self.person_name(&node.first(&IDS), &given)
            }
            value => self.person_name(&node::scalar(value), ""),
        }
    }

    pub fn person_name(&mut self, id: &str, given: &str) -> String {
        let label = self.around.mentions.label(id).map(str::to_owned);
        let named = label.or_else(|| self.name(id));
        let named =
            named.or_else(|| ["persons", "option_users"].iter().find_map(|kind| self.named_beside(kind, id)));
        named.or_else(|| tidy::some(given.trim(), tidy::name)).unwrap_or_else(|| tidy::id(id))
    }

    fn name(&self, id: &str) -> Option<String> {
        self.around.mentions.own_name(id).or_else(|| {
            let person = self.around.known.person(id)?;
            person.name.as_deref().map(tidy::name)
        })
    }

    pub fn beside(&self, kind: &str, id: &str) -> Option<&Value> {
        self.attachment.get(kind)?.get(id)
    }

    fn named_beside(&self, kind: &str, id: &str) -> Option<String> {
        let user = Node::of(self.beside(kind, id)?)?;
        tidy::some(&user.first(&["content", "name", "user_name"]), tidy::name)
    }
}

/// A list, or ids between commas.
fn ids(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().map(|item| node::scalar(item).into_owned()).collect(),
        value => node::scalar(value).split(',').map(|id| id.trim().to_owned()).collect(),
    }
}
