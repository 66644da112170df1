//! From an event to the bytes of its line.
//!
//! A line is put together from three texts: the position (`v`, `seq`), the head (who, what, when) and the
//! body (the event's own fields). Only the journal knows the position, and only a reader knows whether the
//! line is `replayed`, so each adds its part without parsing what the others wrote.

use super::message::Message;
use super::platform::Unknown;
use super::schema::SCHEMA_VERSION;
use super::table::Event;
use super::text::{bounded, is_unsafe};

/// The longest line: what harnesses that read a line at a time still take whole.
pub const LINE_MAX: usize = 128 * 1024;

/// What the common fields of a line may take of [`LINE_MAX`].
pub(super) const HEAD_MAX: usize = 2 * 1024;

/// An event ready for the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    pub type_name: &'static str,
    pub mentioned: bool,
    /// The event's own fields as JSON, without the braces around them; may be empty.
    pub body: String,
}

impl Rendered {
    pub fn new(event: &Event) -> Rendered {
        let body = inside_braces(event.parts().1.to_json());
        let body = if body.len() + HEAD_MAX > LINE_MAX { shortened(event) } else { body };
        Rendered { type_name: event.type_name(), mentioned: event.mentions_me(), body }
    }
}

/// A line's parts, as the journal keeps them.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    pub seq: u64,
    /// `"type":…,"profile":…,"time":…` without braces.
    pub head: &'a str,
    pub body: &'a str,
    pub past: Past,
    /// The platform's payload, when the reader asked for it.
    pub raw: Option<&'a str>,
}

impl Line<'_> {
    /// Appends the line and its newline. `raw` is left out where the line would grow too long.
    pub fn write(&self, out: &mut Vec<u8>) {
        use std::io::Write;
        let start = out.len();
        write!(out, "{{\"v\":{SCHEMA_VERSION},\"seq\":{},", self.seq).expect("writing to memory");
        out.extend_from_slice(self.head.as_bytes());
        out.extend_from_slice(match self.past {
            Past::New => b"",
            Past::Late => b",\"late\":true",
            Past::Replayed => b",\"replayed\":true",
        });
        if !self.body.is_empty() {
            out.push(b',');
            out.extend_from_slice(self.body.as_bytes());
        }
        if let Some(raw) = self.raw {
            let before_raw = out.len();
            out.extend_from_slice(RAW_KEY.as_bytes());
            write_raw(raw, out);
            if out.len() - start + 2 > LINE_MAX {
                out.truncate(before_raw);
            }
        }
        out.extend_from_slice(b"}\n");
    }
}

/// What a line is to its reader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Past {
    #[default]
    New,
    /// It came before this reader started, which has not had it.
    Late,
    /// The reader may have had it.
    Replayed,
}

/// JSON on one line, in which nothing hides.
pub fn one_line(json: &str) -> String {
    let mut out = Vec::with_capacity(json.len());
    write_raw(json, &mut out);
    String::from_utf8(out).expect("characters and escapes are UTF-8")
}

/// A stranger's JSON on one line: no white space between its parts, and escapes in place of what cannot be seen.
fn write_raw(raw: &str, out: &mut Vec<u8>) {
    let (mut inside, mut escaped) = (false, false);
    for c in raw.chars() {
        if inside && is_unsafe(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
            }
        } else if inside || !c.is_ascii_whitespace() {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
        match c {
            '"' if !escaped => inside = !inside,
            _ => {}
        }
        escaped = inside && c == '\\' && !escaped;
    }
}

const RAW_KEY: &str = ",\"raw\":";

/// The common fields that follow the position. `time` is RFC 3339.
pub fn head(profile: Option<&str>, type_name: &str, time: &str) -> String {
    fields(&[("type", Some(type_name)), ("profile", profile), ("time", Some(time))])
}

/// The common fields that nobody decides by; they stand behind the event's own.
pub fn tail(transport: Option<&str>, event_id: Option<&str>) -> String {
    fields(&[("transport", transport), ("event_id", event_id)])
}

/// Fields as JSON without braces; absent ones are left out.
fn fields(all: &[(&str, Option<&str>)]) -> String {
    let given = all.iter().filter_map(|(key, value)| Some((key, (*value)?)));
    let text = |value: &str| serde_json::to_string(value).expect("a string is JSON");
    given.map(|(key, value)| format!("\"{key}\":{}", text(value))).collect::<Vec<_>>().join(",")
}

/// Two lists of fields as one.
pub fn with_fields(mut body: String, more: &str) -> String {
    if !body.is_empty() && !more.is_empty() {
        body.push(',');
    }
    body.push_str(more);
    body
}

/// An event's own fields again, from the body that was rendered of them; any part of them that the caller asks for. This is
/// the only way back from a line to what it tells.
pub fn stored<T: serde::de::DeserializeOwned>(body: &str) -> Option<T> {
    serde_json::from_str(&format!("{{{body}}}")).ok()
}

pub(super) fn inside_braces(object: String) -> String {
    let inner = object.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    inner.expect("an event's body is an object").to_owned()
}

/// The body cut to size. Only a message's text has no smaller bound of its own.
fn shortened(event: &Event) -> String {
    match event {
        Event::Message(message) => shortened_message(message, LINE_MAX - HEAD_MAX),
        other => {
            let unknown = Unknown {
                reason: "too_long".to_owned(),
                event_type: Some(other.type_name().to_owned()),
                hint: None,
            };
            inside_braces(serde_json::to_string(&unknown).expect("two strings"))
        }
    }
}

/// A message's body in at most `max` bytes: its text is cut where it must be.
pub(super) fn shortened_message(message: &Message, max: usize) -> String {
    let whole = inside_braces(serde_json::to_string(message).expect("an event is plain data"));
    if whole.len() <= max {
        return whole;
    }
    let mut short = message.clone();
    short.truncated = Some(true);
    // Escaping can make a character six bytes long, so the room is found by trying.
    let mut room = max;
    loop {
        short.content = bounded(&message.content, room).to_owned();
        let body = inside_braces(serde_json::to_string(&short).expect("an event is plain data"));
        if body.len() <= max || room == 0 {
            return body;
        }
        let excess = body.len() - max;
        room = short.content.len().saturating_sub(excess.max(short.content.len() / 8 + 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Disconnected, Stopped};
    use proptest::prelude::*;

    fn message(content: &str) -> Message {
        serde_json::from_value(serde_json::json!({
            "chat_id": "oc_1", "chat_type": "group", "message_id": "om_1", "message_type": "text",
            "sender_id": "ou_1", "sender_type": "user", "mentioned": true, "mention": "me",
            "content": content, "create_time": "2026-01-01T00:00:00.000Z", "trust": "stranger",
            "event_type": "im.message.receive_v1"
        }))
        .unwrap()
    }

    fn line(event: &Event, raw: Option<&str>) -> String {
        let rendered = Rendered::new(event);
        let head = head(Some("alice"), rendered.type_name, "2026-01-01T00:00:00.000Z");
        let body = with_fields(rendered.body, &tail(Some("feishu"), Some("e1")));
        let mut out = Vec::new();
        Line { seq: 7, head: &head, body: &body, past: Past::New, raw }.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn keys_come_in_the_contract_s_order() {
        let event =
            Event::Disconnected(Disconnected { reason: "silent".into(), retry_in_ms: 1000, attempt: 1 });
        assert_eq!(
            line(&event, None),
            "{\"v\":1,\"seq\":7,\"type\":\"rooma.disconnected\",\"profile\":\"alice\",\"time\":\"2026-01-01T00:00:00.000Z\",\
             \"reason\":\"silent\",\"retry_in_ms\":1000,\"attempt\":1,\"transport\":\"feishu\",\"event_id\":\"e1\"}\n"
        );
    }

    #[test]
    fn what_a_line_is_to_its_reader_stands_between_head_and_body() {
        let rendered = Rendered::new(&Event::Stopped(Stopped { reason: "asked".into() }));
        let head = head(None, rendered.type_name, "t");
        for (past, word) in [(Past::Replayed, "replayed"), (Past::Late, "late")] {
            let mut out = Vec::new();
            Line { seq: 1, head: &head, body: &rendered.body, past, raw: None }.write(&mut out);
            assert_eq!(
                String::from_utf8(out).unwrap(),
                format!(
                    "{{\"v\":1,\"seq\":1,\"type\":\"rooma.stopped\",\"time\":\"t\",\"{word}\":true,\"reason\":\"asked\"}}\n"
                )
            );
        }
    }

    #[test]
    fn raw_is_added_only_where_the_line_stays_within_its_bound() {
        let event = Event::Message(Box::new(message("hi")));
        assert!(line(&event, Some("{\"a\":1}")).ends_with(",\"raw\":{\"a\":1}}\n"));
        let huge = format!("\"{}\"", "x".repeat(LINE_MAX));
        assert!(!line(&event, Some(&huge)).contains("\"raw\""));
    }

    #[test]
    fn a_payload_of_many_lines_becomes_one_and_shows_what_it_hides() {
        let event = Event::Message(Box::new(message("hi")));
        let raw = "{\n \"a\" : \"x \\\" y\u{202E}\u{2028}\u{E0041}\",\r\n\t\"b\": [1, 2]\n}";
        let line = line(&event, Some(raw));
        assert!(
            line.ends_with(",\"raw\":{\"a\":\"x \\\" y\\u202e\\u2028\\udb40\\udc41\",\"b\":[1,2]}}\n"),
            "{line}"
        );
        let parsed: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(parsed["raw"], serde_json::from_str::<serde_json::Value>(raw).unwrap());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn a_long_message_is_cut_to_one_valid_line(
            unit in "[a-z\\x00\"\\\\ñ你👋]{1,8}", times in 1usize..60_000
        ) {
            let event = Event::Message(Box::new(message(&unit.repeat(times))));
            let line = line(&event, None);
            prop_assert!(line.len() <= LINE_MAX, "{}", line.len());
            prop_assert_eq!(line.matches('\n').count(), 1);
            let parsed: serde_json::Value = serde_json::from_str(&line).unwrap();
            let content = parsed["content"].as_str().unwrap();
            prop_assert_eq!(parsed["truncated"].is_null(), content.len() == unit.len() * times);
        }
    }
}
