//! Answers in other types than the platform's own page describes, as it sends them at times.

use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::Response;
use serde_json::{Number, Value};

use crate::sandbox::faults::Fault;

/// No answer of the sandbox in JSON is larger.
const BODY_MAX: usize = 16 * 1024 * 1024;

/// Numbers and flags as words, words that are numbers as such, nothing for empty lists. With `missing`, lists have
/// entries that are none.
pub async fn loosened(response: Response, fault: &Fault) -> Response {
    let json = response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    let file = response.headers().contains_key("content-disposition");
    if !json || file {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let bytes = to_bytes(body, BODY_MAX).await.unwrap_or_default();
    let Ok(mut value) = serde_json::from_slice::<Value>(&bytes) else {
        return Response::from_parts(parts, Body::from(bytes));
    };
    loosen(&mut value, fault.missing);
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(value.to_string()))
}

fn loosen(value: &mut Value, missing: bool) {
    match value {
        Value::Bool(_) | Value::Number(_) => *value = Value::String(value.to_string()),
        Value::String(text) => {
            if let Some(number) = text.parse::<u64>().ok().filter(|number| number.to_string() == *text) {
                *value = Value::Number(Number::from(number));
            }
        }
        Value::Array(list) if list.is_empty() => *value = Value::Null,
        Value::Array(list) => list.iter_mut().for_each(|element| loosen(element, missing)),
        Value::Object(object) => {
            object.values_mut().for_each(|value| loosen(value, missing));
            if let Some(Value::Array(items)) = object.get_mut("items").filter(|_| missing) {
                items.insert(0, Value::Null);
                items.push(Value::String("no entry".to_owned()));
            }
        }
        Value::Null => {}
    }
}
