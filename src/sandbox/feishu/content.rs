//! From what a sender writes to what receivers get: mention tags become keys, a post loses its locale
//! wrapper, a card is simplified.

use serde_json::{Map, Value, json};

use crate::sandbox::world::message::{Mention, Mentioned};

/// Request limits of the platform.
const TEXT_BYTES_MAX: usize = 150 * 1024;
const RICH_BYTES_MAX: usize = 30 * 1024;
/// Tables per card; one more is refused.
const CARD_TABLES_MAX: usize = 5;

#[derive(Clone, Debug, Default)]
pub struct Rendered {
    pub content: String,
    pub card: Option<String>,
    pub mentions: Vec<Mention>,
    pub resources: Vec<String>,
}

/// Why content is refused; each has its own code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// 230001
    Invalid(String),
    /// 230025
    TooLong,
    /// 230099
    BadCard(String),
}

/// Finds who an at-tag means. `all` is handled here.
pub type Resolve<'a> = dyn Fn(&str) -> Option<Found> + 'a;

pub struct Found {
    pub who: Mentioned,
    pub name: String,
}

pub fn render(msg_type: &str, content: &str, resolve: &Resolve<'_>) -> Result<Rendered, Refused> {
    let limit = if matches!(msg_type, "post" | "interactive") { RICH_BYTES_MAX } else { TEXT_BYTES_MAX };
    if content.len() > limit {
        return Err(Refused::TooLong);
    }
    let Ok(Value::Object(object)) = serde_json::from_str(content) else {
        return Err(invalid("content is not a string in json format"));
    };
    let mut writer = Writer { mentions: Vec::new(), resources: Vec::new(), resolve };
    let mut card = None;
    let rendered = match msg_type {
        "text" => writer.text_message(&object)?,
        "post" => writer.post(&object)?,
        "interactive" => {
            card = Some(content.to_owned());
            simplified_card(&object)?
        }
        "image" => writer.keyed(&object, &["image_key"])?,
        "file" | "audio" | "sticker" => writer.keyed(&object, &["file_key"])?,
        "media" => writer.keyed(&object, &["file_key", "image_key"])?,
        "share_chat" => required(&object, "chat_id")?,
        "share_user" => required(&object, "user_id")?,
        "system" => Value::Object(object),
        other => return Err(invalid(&format!("msg_type {other} is not supported"))),
    };
    Ok(Rendered {
        content: rendered.to_string(),
        card,
        mentions: writer.mentions,
        resources: writer.resources,
    })
}

fn invalid(message: &str) -> Refused {
    Refused::Invalid(message.to_owned())
}

fn required(object: &Map<String, Value>, key: &str) -> Result<Value, Refused> {
    match object.get(key).and_then(Value::as_str) {
        Some(value) if !value.is_empty() => Ok(Value::Object(object.clone())),
        _ => Err(invalid(&format!("{key} is required"))),
    }
}

struct Writer<'a> {
    mentions: Vec<Mention>,
    resources: Vec<String>,
    resolve: &'a Resolve<'a>,
}

impl Writer<'_> {
    fn text_message(&mut self, object: &Map<String, Value>) -> Result<Value, Refused> {
        match object.get("text").and_then(Value::as_str) {
            Some(text) if !text.is_empty() => Ok(json!({ "text": self.text(text) })),
            _ => Err(invalid("text is empty")),
        }
    }

    /// Replaces `<at user_id="…">Name</at>`; whom nobody knows stays as plain text.
    fn text(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find("<at ") {
            out.push_str(&rest[..start]);
            let Some(tag) = AtTag::parse(&rest[start..]) else {
                out.push_str("<at ");
                rest = &rest[start + 4..];
                continue;
            };
            out.push_str(&self.mention(&tag.id).unwrap_or_else(|| format!("@{}", tag.name)));
            rest = &rest[start + tag.length..];
        }
        out.push_str(rest);
        out
    }

    /// The key under which this person or bot is mentioned; one key per actor and message.
    fn mention(&mut self, id: &str) -> Option<String> {
        if id == "all" {
            return Some("@_all".to_owned());
        }
        let who = (self.resolve)(id)?.who;
        if let Some(known) = self.mentions.iter().find(|mention| mention.who == who) {
            return Some(known.key.clone());
        }
        let key = format!("@_user_{}", self.mentions.len() + 1);
        self.mentions.push(Mention { key: key.clone(), who });
        Some(key)
    }

    fn keyed(&mut self, object: &Map<String, Value>, keys: &[&str]) -> Result<Value, Refused> {
        required(object, keys[0])?;
        let found = keys.iter().filter_map(|key| object.get(*key).and_then(Value::as_str));
        self.resources.extend(found.map(str::to_owned));
        Ok(Value::Object(object.clone()))
    }

    /// Takes the first locale that is there, Chinese first as the platform does.
    fn post(&mut self, object: &Map<String, Value>) -> Result<Value, Refused> {
        let locale = object.get("zh_cn").or_else(|| object.values().find(|value| value.is_object()));
        let Some(body) = locale.and_then(Value::as_object) else {
            return Err(invalid("post content needs a locale such as zh_cn"));
        };
        let Some(paragraphs) = body.get("content").and_then(Value::as_array) else {
            return Err(invalid("post content has no paragraphs"));
        };
        let mut rendered = Vec::with_capacity(paragraphs.len());
        for paragraph in paragraphs {
            let Some(nodes) = paragraph.as_array() else {
                return Err(invalid("a paragraph of a post is a list of nodes"));
            };
            if nodes.len() > 1 && nodes.iter().any(|node| node["tag"] == "md") {
                return Err(invalid("an md node must be alone in its paragraph"));
            }
            let nodes: Result<Vec<Value>, Refused> = nodes.iter().map(|node| self.node(node)).collect();
            rendered.push(Value::Array(nodes?));
        }
        let title = body.get("title").and_then(Value::as_str).unwrap_or("");
        Ok(json!({ "title": title, "content": rendered }))
    }

    fn node(&mut self, node: &Value) -> Result<Value, Refused> {
        let text = |key: &str| node[key].as_str().unwrap_or("").to_owned();
        match node["tag"].as_str() {
            Some("at") => {
                let id = text("user_id");
                let name = (self.resolve)(&id).map_or_else(|| text("user_name"), |found| found.name);
                Ok(match self.mention(&id) {
                    Some(key) => {
                        if id == "all" && !self.mentions.iter().any(|mention| mention.key == key) {
                            self.mentions.push(Mention { key: key.clone(), who: Mentioned::Everyone });
                        }
                        json!({ "tag": "at", "user_id": key, "user_name": name, "style": [] })
                    }
                    None => json!({ "tag": "text", "text": format!("@{name}"), "style": [] }),
                })
            }
            Some("md") => Ok(json!({ "tag": "text", "text": self.text(&text("text")), "style": [] })),
            Some("text") => Ok(with_style(node)),
            Some("a") if is_link(&text("href")) => Ok(with_style(node)),
            Some("a") => Err(invalid("href is not a valid link")),
            Some("img" | "media") => {
                let keys = ["image_key", "file_key"].iter().filter_map(|key| node[*key].as_str());
                self.resources.extend(keys.map(str::to_owned));
                Ok(node.clone())
            }
            Some("emotion" | "hr" | "code_block") => Ok(node.clone()),
            Some(other) => Err(invalid(&format!("unknown tag {other} in a post"))),
            None => Err(invalid("a node of a post needs a tag")),
        }
    }
}

fn is_link(href: &str) -> bool {
    ["http://", "https://", "mailto:", "lark://"].iter().any(|scheme| href.starts_with(scheme))
}

fn with_style(node: &Value) -> Value {
    let mut node = node.clone();
    if let Some(object) = node.as_object_mut() {
        object.entry("style").or_insert_with(|| json!([]));
    }
    node
}

struct AtTag {
    id: String,
    name: String,
    length: usize,
}

impl AtTag {
    /// Only `user_id` counts: the card form `<at id=…>` renders as text in a text message.
    fn parse(text: &str) -> Option<AtTag> {
        let open_end = text.find('>')?;
        let attribute = text[..open_end].split_once("user_id=")?.1;
        let id = attribute.trim_matches(['"', '\'', ' ', '/']).to_owned();
        let close = text[open_end..].find("</at>")? + open_end;
        Some(AtTag { id, name: text[open_end + 1..close].to_owned(), length: close + "</at>".len() })
    }
}

/// What receivers get instead of the card: its title and the text of its elements.
fn simplified_card(object: &Map<String, Value>) -> Result<Value, Refused> {
    let kind = object.get("type").and_then(Value::as_str);
    if matches!(kind, Some("template" | "card")) && object.get("data").is_some_and(Value::is_object) {
        return Ok(json!({ "title": "", "elements": [[{ "tag": "text", "text": "card" }]] }));
    }
    let version_two = object.get("schema").and_then(Value::as_str) == Some("2.0");
    let body = if version_two {
        object.get("body").and_then(|body| body.get("elements"))
    } else {
        object.get("elements")
    };
    let Some(elements) = body.and_then(Value::as_array) else {
        return Err(Refused::BadCard("ErrCode: 200621; ErrMsg: parse card json err".to_owned()));
    };
    if elements.iter().filter(|element| element["tag"] == "table").count() > CARD_TABLES_MAX {
        return Err(Refused::BadCard("ErrCode: 11310; ErrMsg: card table number over limit".to_owned()));
    }
    let title = object.get("header").map_or("", |header| header["title"]["content"].as_str().unwrap_or(""));
    let lines: Vec<Value> = elements.iter().map(simplified_element).collect();
    Ok(json!({ "title": title, "elements": lines }))
}

fn simplified_element(element: &Value) -> Value {
    let text = element["content"].as_str().or_else(|| element["text"]["content"].as_str()).unwrap_or("");
    let tag = if element["tag"] == "button" { "button" } else { "text" };
    json!([{ "tag": tag, "text": text }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::world::actor::Actor;

    fn resolve(id: &str) -> Option<Found> {
        let who = Mentioned::One(Actor::Bot(id.strip_prefix("ou_")?.parse().ok()?));
        Some(Found { who, name: format!("bot {id}") })
    }

    #[test]
    fn at_tags_become_keys_and_unknown_ones_plain_text() {
        let text = r#"{"text":"<at user_id=\"ou_1\">A</at> <at user_id=\"ou_2\">B</at> <at user_id=\"ou_1\"></at> <at user_id=\"x\">C</at> <at id=ou_1></at> <at user_id=\"all\">all</at>"}"#;
        let rendered = render("text", text, &resolve).expect("valid text");
        assert_eq!(rendered.content, r#"{"text":"@_user_1 @_user_2 @_user_1 @C <at id=ou_1></at> @_all"}"#);
        assert_eq!(rendered.mentions.len(), 2);
    }

    #[test]
    fn a_post_loses_its_locale_and_its_markdown() {
        let post = r#"{"zh_cn":{"title":"T","content":[[{"tag":"at","user_id":"ou_1"}],[{"tag":"md","text":"hi"}]]}}"#;
        let rendered = render("post", post, &resolve).expect("valid post");
        let value: Value = serde_json::from_str(&rendered.content).expect("json");
        assert_eq!(value["content"][0][0]["user_id"], "@_user_1");
        assert_eq!(value["content"][1][0]["tag"], "text");
        assert!(matches!(render("post", r#"{"title":"T"}"#, &resolve), Err(Refused::Invalid(_))));
    }

    #[test]
    fn limits_and_shapes_are_refused_as_the_platform_does() {
        assert!(matches!(render("text", "hello", &resolve), Err(Refused::Invalid(_))));
        assert!(matches!(render("text", r#"{"text":""}"#, &resolve), Err(Refused::Invalid(_))));
        let long = json!({ "text": "x".repeat(TEXT_BYTES_MAX) }).to_string();
        assert_eq!(render("text", &long, &resolve).err(), Some(Refused::TooLong));
        assert!(matches!(render("interactive", "{}", &resolve), Err(Refused::BadCard(_))));
    }
}
