//! The announcement of a group: `docx/v1/chats/:chat_id/announcement` tells the generation; the newer is read
//! as blocks, the older by `im/v1/chats/:chat_id/announcement`.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::call::Call;
use super::super::loose;
use super::super::rest::Rest;
use super::body::data;
use super::page::{self, Pages};
use crate::error::Result;

/// Blocks of one page, and pages: far more than anybody announces.
const BLOCKS: Pages = Pages { size: 500, max: 10, enough: 5000 };

/// How deep a legacy document is searched for its text.
const DEPTH_MAX: usize = 32;

#[derive(Debug)]
pub struct Announcement {
    pub kind: String,
    /// As the platform writes it, in seconds.
    pub update_time: String,
    pub text: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Info {
    #[serde(deserialize_with = "loose::text")]
    announcement_type: String,
    #[serde(deserialize_with = "loose::text")]
    update_time: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Legacy {
    #[serde(deserialize_with = "loose::text")]
    content: String,
}

pub async fn announcement(rest: &Arc<Rest>, chat_id: &str) -> Result<Announcement> {
    let path = ["docx", "v1", "chats", chat_id, "announcement"];
    let info: Info = data(rest, Call::get(&path, &[])).await?;
    let text = if info.announcement_type == "doc" {
        let path = ["im", "v1", "chats", chat_id, "announcement"];
        let legacy: Legacy = data(rest, Call::get(&path, &[])).await?;
        legacy_text(&legacy.content)
    } else {
        let path = ["docx", "v1", "chats", chat_id, "announcement", "blocks"];
        let listed = page::read::<Map<String, Value>>(rest, &path, &[("revision_id", "-1")], BLOCKS).await?;
        let mut text = blocks_text(&listed.items);
        if listed.odd > 0 {
            text.push_str(&format!("\n[{}]", page::unreadable(listed.odd, "block")));
        }
        text
    };
    Ok(Announcement { kind: info.announcement_type, update_time: info.update_time, text })
}

/// Each block's text stands under the name of its type, as `{"elements":[…]}`.
fn blocks_text(blocks: &[Map<String, Value>]) -> String {
    let lines = blocks.iter().filter_map(|block| {
        let (name, elements) =
            block.iter().find_map(|(name, body)| Some((name.as_str(), body.get("elements")?.as_array()?)))?;
        let text: String = elements.iter().map(element_text).collect();
        // The root block is the document's title, and mostly empty.
        (name != "page" || !text.is_empty()).then(|| format!("{}{text}", marker(name)))
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn marker(block: &str) -> &'static str {
    match block {
        "heading1" => "# ",
        "heading2" => "## ",
        "heading3" | "heading4" | "heading5" | "heading6" | "heading7" | "heading8" | "heading9" => "### ",
        "bullet" | "ordered" | "todo" => "- ",
        "quote" => "> ",
        _ => "",
    }
}

fn element_text(element: &Value) -> String {
    let text = |pointer: &str| element.pointer(pointer).and_then(Value::as_str);
    if let Some(content) = text("/text_run/content") {
        return content.to_owned();
    }
    match (text("/mention_user/user_id"), text("/mention_doc/title"), text("/mention_doc/url")) {
        (Some(user), _, _) => format!("@{user}"),
        (None, Some(title), Some(url)) => format!("[{title}]({url})"),
        (None, Some(title), None) => title.to_owned(),
        _ => String::new(),
    }
}

/// The older document is JSON in a string; each `textRun` holds words and each paragraph is a line.
fn legacy_text(content: &str) -> String {
    let document: Value = serde_json::from_str(content).unwrap_or_default();
    let mut text = String::new();
    collect(&document, &mut text, DEPTH_MAX);
    text.trim_end().to_owned()
}

fn collect(value: &Value, text: &mut String, depth: usize) {
    let Some(depth) = depth.checked_sub(1) else { return };
    match value {
        Value::Object(object) => {
            if let Some(run) = object.get("textRun").and_then(|run| run.get("text")).and_then(Value::as_str) {
                text.push_str(run);
                return;
            }
            object.values().for_each(|value| collect(value, text, depth));
            if object.contains_key("paragraph") {
                text.push('\n');
            }
        }
        Value::Array(items) => items.iter().for_each(|value| collect(value, text, depth)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn blocks_are_lines_with_their_marks() {
        let run = |text: &str| json!({"style": {}, "elements": [{"text_run": {"content": text}}]});
        let blocks = json!([
            {"block_id": "oc_1", "block_type": 1, "page": run("")},
            {"block_type": 3, "heading1": run("Rules")},
            {"block_type": 12, "bullet": {"elements": [
                {"text_run": {"content": "ask "}}, {"mention_user": {"user_id": "ou_1"}},
                {"mention_doc": {"title": "d", "url": "https://x"}}]}},
            {"block_type": 22, "divider": {}},
        ]);
        let blocks: Vec<Map<String, Value>> = serde_json::from_value(blocks).unwrap();
        assert_eq!(blocks_text(&blocks), "# Rules\n- ask @ou_1[d](https://x)");
    }

    #[test]
    fn an_older_document_is_its_words() {
        let document = json!({"title": {}, "body": {"blocks": [
            {"type": "paragraph", "paragraph": {"elements": [{"textRun": {"text": "a"}}, {"textRun": {"text": "b"}}]}},
            {"type": "paragraph", "paragraph": {"elements": [{"textRun": {"text": "c"}}]}},
        ]}});
        assert_eq!(legacy_text(&document.to_string()), "ab\nc");
        assert_eq!(legacy_text("no json"), "");
    }
}
