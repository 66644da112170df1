//! `rooma schema`: the JSON Schema of every line, generated from the types that make them.

use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::{
    Added, CardAction, Catchup, ChatChange, ChatDisbanded, ChatUpdated, Conflict, Connected, Connecting,
    Crashed, Deaf, Disconnected, Dropped, FarewellSent, Gap, GreetingSent, JournalReset, JqFailed,
    MemberChange, MenuClicked, Message, MessageRead, MessageRecalled, Parked, Reaction, Rearm, RoomPaused,
    RoomResumed, SCHEMA_VERSION, SessionArmed, SessionExpired, Started, Stopped, Storage, SupervisorGone,
    Unknown, Watching,
};

pub fn schema() -> Value {
    let mut generator = SchemaGenerator::default();
    let lines = vec![
        message(&mut generator),
        line::<MessageRecalled>(&mut generator, "message.recalled"),
        line::<MessageRead>(&mut generator, "message.read"),
        line::<Reaction>(&mut generator, "reaction.added"),
        line::<Reaction>(&mut generator, "reaction.removed"),
        line::<MemberChange>(&mut generator, "member.joined"),
        line::<MemberChange>(&mut generator, "member.left"),
        line::<ChatUpdated>(&mut generator, "chat.updated"),
        line::<ChatDisbanded>(&mut generator, "chat.disbanded"),
        line::<CardAction>(&mut generator, "card.action"),
        line::<MenuClicked>(&mut generator, "menu.clicked"),
        line::<Unknown>(&mut generator, "unknown"),
        line::<Started>(&mut generator, "rooma.started"),
        line::<Connecting>(&mut generator, "rooma.connecting"),
        line::<Connected>(&mut generator, "rooma.connected"),
        line::<Disconnected>(&mut generator, "rooma.disconnected"),
        line::<Parked>(&mut generator, "rooma.parked"),
        line::<Crashed>(&mut generator, "rooma.crashed"),
        line::<Conflict>(&mut generator, "rooma.conflict"),
        line::<Deaf>(&mut generator, "rooma.deaf"),
        line::<Catchup>(&mut generator, "rooma.catchup"),
        line::<Gap>(&mut generator, "rooma.gap"),
        line::<JournalReset>(&mut generator, "rooma.journal_reset"),
        line::<ChatChange>(&mut generator, "rooma.chat_joined"),
        line::<ChatChange>(&mut generator, "rooma.chat_left"),
        line::<SessionArmed>(&mut generator, "rooma.session_armed"),
        line::<GreetingSent>(&mut generator, "rooma.greeting_sent"),
        line::<FarewellSent>(&mut generator, "rooma.farewell_sent"),
        line::<SessionExpired>(&mut generator, "rooma.session_expired"),
        line::<RoomPaused>(&mut generator, "rooma.room_paused"),
        line::<RoomResumed>(&mut generator, "rooma.room_resumed"),
        line::<Dropped>(&mut generator, "rooma.dropped"),
        line::<Watching>(&mut generator, "rooma.watching"),
        line::<Rearm>(&mut generator, "rooma.rearm"),
        line::<JqFailed>(&mut generator, "rooma.jq_failed"),
        line::<SupervisorGone>(&mut generator, "rooma.supervisor_gone"),
        line::<Storage>(&mut generator, "rooma.storage"),
        line::<Stopped>(&mut generator, "rooma.stopped"),
    ];
    let definitions = generator.take_definitions(true);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A line of rooma",
        "description": "One JSON object per line of `rooma monitor`. Absent values are left out, never null.",
        "oneOf": lines,
        "$defs": definitions,
    })
}

/// A message, with what a reader's options add.
fn message(generator: &mut SchemaGenerator) -> Value {
    let mut message = line::<Message>(generator, "message");
    let added = Added::json_schema(generator).to_value();
    if let (Some(all), Some(more)) = (message["properties"].as_object_mut(), added["properties"].as_object())
    {
        all.extend(more.clone());
    }
    message
}

/// The schema of one line type: the common fields and those of its body.
fn line<T: JsonSchema>(generator: &mut SchemaGenerator, type_name: &str) -> Value {
    let body = T::json_schema(generator).to_value();
    let mut properties = common(type_name);
    let mut required: Vec<Value> = ["v", "seq", "type", "time"].map(Value::from).to_vec();
    if let Some(own) = body.get("properties").and_then(Value::as_object) {
        properties.extend(own.clone());
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

/// Every type a line can have.
pub fn type_names() -> Vec<String> {
    let schema = schema();
    let lines = schema["oneOf"].as_array().map(Vec::as_slice).unwrap_or_default();
    lines.iter().filter_map(|line| line["title"].as_str()).map(str::to_owned).collect()
}
