//! `rooma schema`: the JSON Schema of every line, generated from the types that make them.

use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::added::Added;

/// The `v` of every line.
pub const SCHEMA_VERSION: u32 = 1;

/// The one line type to which options of a reader add.
const MESSAGE: &str = "message";

/// The whole schema, of these kinds of lines.
pub(super) fn document(lines: impl FnOnce(&mut SchemaGenerator) -> Vec<Value>) -> Value {
    let mut generator = SchemaGenerator::default();
    let lines = lines(&mut generator);
    let definitions = generator.take_definitions(true);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A line of rooma",
        "description": "One JSON object per line of `rooma monitor`. Absent values are left out, never null.",
        "oneOf": lines,
        "$defs": definitions,
    })
}

/// The schema of one line type: the common fields and those of its body.
pub(super) fn line<T: JsonSchema>(generator: &mut SchemaGenerator, type_name: &str) -> Value {
    let body = T::json_schema(generator).to_value();
    let mut properties = common(type_name);
    let mut required: Vec<Value> = ["v", "seq", "type", "time"].map(Value::from).to_vec();
    if let Some(own) = body.get("properties").and_then(Value::as_object) {
        properties.extend(own.clone());
    }
    if type_name == MESSAGE
        && let Some(more) =
            Added::json_schema(generator).to_value().get("properties").and_then(Value::as_object)
    {
        properties.extend(more.clone());
    }
    if let Some(own) = body.get("required").and_then(Value::as_array) {
        required.extend(own.iter().cloned());
    }
    json!({
        "title": type_name,
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn common(type_name: &str) -> Map<String, Value> {
    let fields = json!({
        "v": {"const": SCHEMA_VERSION},
        "seq": {"type": "integer", "minimum": 1, "description": "Position in the journal, without holes."},
        "profile": {"type": "string"},
        "transport": {"type": "string"},
        "type": {"const": type_name},
        "time": {"type": "string", "format": "date-time", "description": "When it was journalled."},
        "event_id": {"type": "string"},
        "replayed": {"const": true, "description": "This reader may have had it; or it was fetched from the history after an outage."},
        "late": {"const": true, "description": "Journalled before this reader started, and new to it."},
        "raw": {"description": "The platform's payload, with `--raw`."},
    });
    match fields {
        Value::Object(map) => map,
        _ => unreachable!("an object was written above"),
    }
}
