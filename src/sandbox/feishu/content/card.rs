//! What receivers get instead of a card: its title and the text of its elements.

use serde_json::{Map, Value, json};

use super::Refused;

/// Tables per card; one more is refused.
const TABLES_MAX: usize = 5;

pub fn simplified(object: &Map<String, Value>) -> Result<Value, Refused> {
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
    if elements.iter().filter(|element| element["tag"] == "table").count() > TABLES_MAX {
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
