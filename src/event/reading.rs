//! What a reader's own options add to a message: it stands behind the message's fields, and in no journal.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::added::Added;
use super::message::Message;
use super::render::{
    HEAD_MAX, LINE_MAX, Line, Past, head, inside_braces, shortened_message, tail, with_fields,
};
use super::text::bounded;

/// Of an earlier message, what is told: enough to know what it is about.
const EARLIER_TEXT_MAX: usize = 4 * 1024;

/// What the messages before may take of a line.
const CONTEXT_MAX: usize = LINE_MAX / 2;

/// Beside a thousand names of profiles the text of the message must have room.
const PROFILES_MAX: usize = 500;

/// A line of a message as it stands in the journal.
#[derive(Debug, Deserialize)]
pub struct Whole<'a> {
    pub seq: u64,
    pub profile: String,
    pub transport: Option<String>,
    r#type: String,
    /// When it was journalled.
    pub time: String,
    event_id: Option<String>,
    #[serde(default)]
    pub replayed: bool,
    #[serde(default)]
    late: bool,
    #[serde(borrow)]
    raw: Option<&'a RawValue>,
}

/// A message's line in its parts. None for lines of another kind.
pub fn taken_apart(line: &[u8]) -> Option<(Whole<'_>, Message)> {
    let whole: Whole<'_> = serde_json::from_slice(line).ok()?;
    if whole.r#type != "message" {
        return None;
    }
    Some((whole, serde_json::from_slice(line).ok()?))
}

impl Whole<'_> {
    /// Appends the line with what is added to it; within the bound of all lines.
    pub fn write_with(&self, message: &Message, added: &Added, out: &mut Vec<u8>) {
        let added = inside_braces(serde_json::to_string(&added.bounded()).expect("plain strings and lists"));
        let body = shortened_message(message, LINE_MAX - HEAD_MAX - added.len() - 1);
        let body = with_fields(body, &tail(self.transport.as_deref(), self.event_id.as_deref()));
        let body = with_fields(body, &added);
        let head = head(Some(&self.profile), "message", &self.time);
        let past = match (self.replayed, self.late) {
            (true, _) => Past::Replayed,
            (false, true) => Past::Late,
            (false, false) => Past::New,
        };
        let raw = self.raw.map(RawValue::get);
        Line { seq: self.seq, head: &head, body: &body, past, raw }.write(out);
    }
}

impl Added {
    fn bounded(&self) -> Added {
        let mut added = self.clone();
        for profiles in [&mut added.profiles, &mut added.mentioned_profiles].into_iter().flatten() {
            profiles.truncate(PROFILES_MAX);
        }
        if let Some(context) = &mut added.context {
            for earlier in context.iter_mut() {
                earlier.content = bounded(&earlier.content, EARLIER_TEXT_MAX).to_owned();
            }
            // The oldest goes first.
            while !context.is_empty()
                && serde_json::to_string(context).expect("plain strings").len() > CONTEXT_MAX
            {
                context.remove(0);
            }
        }
        added
    }
}

#[cfg(test)]
mod tests {
    use super::super::added::Earlier;
    use super::super::ids::{MessageId, UserId};
    use super::super::message::SenderType;
    use super::*;
    use crate::event::{Event, Rendered};

    fn line(content: &str, raw: Option<&str>) -> Vec<u8> {
        let message: Message = serde_json::from_value(serde_json::json!({
            "chat_id": "oc_1", "chat_type": "group", "message_id": "om_1", "message_type": "text",
            "sender_id": "ou_1", "sender_type": "user", "mentioned": false, "mention": "none",
            "content": content, "create_time": "2026-01-01T00:00:00.000Z", "trust": "stranger",
            "event_type": "im.message.receive_v1"
        }))
        .unwrap();
        let rendered = Rendered::new(&Event::Message(Box::new(message)));
        let head = head(Some("alice"), rendered.type_name, "t");
        let body = with_fields(rendered.body, &tail(Some("feishu"), Some("e1")));
        let mut out = Vec::new();
        Line { seq: 7, head: &head, body: &body, past: Past::Late, raw }.write(&mut out);
        out
    }

    fn earlier(content: &str) -> Earlier {
        Earlier {
            message_id: MessageId::new("om_0"),
            sender_id: UserId::new("ou_1"),
            sender_name: None,
            sender_type: SenderType::User,
            create_time: "t".to_owned(),
            content: content.to_owned(),
        }
    }

    #[test]
    fn a_line_to_which_nothing_is_added_stays_as_it_is() {
        let before = line("hi \u{1F44B} \"x\"\n", Some("{\"a\":[1,\"b c\"]}"));
        let (whole, message) = taken_apart(&before).unwrap();
        let mut out = Vec::new();
        whole.write_with(&message, &Added::default(), &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), String::from_utf8(before).unwrap());
        assert!(taken_apart(b"{\"v\":1,\"seq\":1,\"type\":\"rooma.stopped\",\"time\":\"t\"}\n").is_none());
    }

    #[test]
    fn what_is_added_comes_behind_the_message_in_a_fixed_order() {
        let before = line("hi", Some("{}"));
        let (whole, message) = taken_apart(&before).unwrap();
        let added = Added {
            profiles: Some(vec!["alice".into(), "bob".into()]),
            mentioned_profiles: Some(vec![]),
            coalesced_late: Some(true),
            context: Some(vec![earlier("x")]),
        };
        let mut out = Vec::new();
        whole.write_with(&message, &added, &mut out);
        let out = String::from_utf8(out).unwrap();
        assert!(
            out.ends_with(
                "\"transport\":\"feishu\",\"event_id\":\"e1\",\"profiles\":[\"alice\",\"bob\"],\
                 \"mentioned_profiles\":[],\"coalesced_late\":true,\"context\":[{\"message_id\":\"om_0\",\
                 \"sender_id\":\"ou_1\",\"sender_type\":\"user\",\"create_time\":\"t\",\"content\":\"x\"}],\"raw\":{}}\n"
            ),
            "{out}"
        );
    }

    #[test]
    fn a_line_stays_within_its_bound_whatever_is_added() {
        let before = line(&"\u{1}x".repeat(LINE_MAX), None);
        let (whole, message) = taken_apart(&before).unwrap();
        let long = earlier(&"\u{1}".repeat(LINE_MAX));
        let names: Vec<String> = (0..2000).map(|number| format!("profile-{number:040}")).collect();
        let added = Added {
            profiles: Some(names.clone()),
            mentioned_profiles: Some(names),
            coalesced_late: None,
            context: Some(vec![long; 50]),
        };
        let mut out = Vec::new();
        whole.write_with(&message, &added, &mut out);
        assert!(out.len() <= LINE_MAX, "{}", out.len());
        let parsed: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(parsed["truncated"], true);
        assert!(!parsed["context"].as_array().unwrap().is_empty());
    }
}
