//! The payload of an acknowledgement.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

pub const OK: i64 = 200;
/// What an unreadable payload counts as.
const UNREADABLE: i64 = -1;

pub struct Ack {
    pub code: i64,
    pub data: Option<Value>,
    pub error: Option<String>,
}

/// What a card or menu got back from the app.
#[derive(Clone, Debug)]
pub struct CallbackAnswer {
    pub code: i64,
    pub data: Option<Value>,
}

#[derive(Deserialize)]
struct Payload {
    code: i64,
    data: Option<String>,
}

impl Ack {
    /// All spellings of the SDKs are accepted: nulls, missing keys, headers.
    pub fn parse(payload: Option<&Bytes>) -> Ack {
        let payload = payload.map(Bytes::as_ref).unwrap_or_default();
        match serde_json::from_slice::<Payload>(payload) {
            Err(error) => Ack {
                code: UNREADABLE,
                data: None,
                error: Some(format!("payload is not an answer: {error}")),
            },
            Ok(Payload { code, data: None }) => Ack { code, data: None, error: None },
            Ok(Payload { code, data: Some(data) }) => match decode(&data) {
                Some(value) => Ack { code, data: Some(value), error: None },
                None => Ack { code, data: None, error: Some("data is not base64 of JSON".to_owned()) },
            },
        }
    }
}

fn decode(data: &str) -> Option<Value> {
    if data.is_empty() {
        return Some(Value::Null);
    }
    serde_json::from_slice(&base64(data)?).ok()
}

/// Standard alphabet, padded or not.
fn base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut count) = (0u32, 0);
    for digit in text.trim_end_matches('=').bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xff) as u8);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(payload: &'static str) -> i64 {
        Ack::parse(Some(&Bytes::from_static(payload.as_bytes()))).code
    }

    #[test]
    fn every_spelling_of_success_in_production_is_accepted() {
        assert_eq!(code(r#"{"code": 200}"#), OK);
        assert_eq!(code(r#"{"code":200,"headers":null,"data":null}"#), OK);
        assert_eq!(code(r#"{"code":500}"#), 500);
        assert_eq!(code("{}"), UNREADABLE);
        assert_eq!(Ack::parse(None).code, UNREADABLE);
    }

    #[test]
    fn a_callback_result_is_base64_of_json() {
        let payload = Bytes::from_static(br#"{"code":200,"data":"eyJ0b2FzdCI6eyJ0eXBlIjoiaW5mbyJ9fQ=="}"#);
        let ack = Ack::parse(Some(&payload));
        assert_eq!(ack.data, Some(serde_json::json!({ "toast": { "type": "info" } })));
        assert_eq!(base64("aGk").as_deref(), Some(b"hi".as_slice()));
        assert_eq!(base64("a*"), None);
    }
}
