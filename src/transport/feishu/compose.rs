//! What is to be said, in the platform's form.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::address::address;
use super::content::{Around, render};
use super::known::Known;
use super::mention::Mentions;
use crate::core::markup::fences;
use crate::error::{Error, Result};
use crate::transport::outgoing::{Addressee, Body, Native, Outgoing, Rehearsed};
use crate::transport::verbs::{UploadKind, Uploaded};

/// One message in the platform's form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Composed {
    pub message_type: String,
    /// JSON.
    pub content: String,
}

/// As much of foreign content is looked at by those who compare words.
const WORDS_MAX: usize = 4096;

/// What a message can be sent as.
const TYPES: [&str; 11] = [
    "text",
    "post",
    "interactive",
    "image",
    "file",
    "audio",
    "media",
    "sticker",
    "share_chat",
    "share_user",
    "system",
];

/// The message that a part is.
pub fn compose(part: &Outgoing) -> Result<Composed> {
    match (&part.body, part.files.as_slice()) {
        (Body::Text(text), []) => Ok(composed("text", json!({"text": spoken(text, &part.mentions, false)?}))),
        (Body::Markdown(text), []) => {
            Ok(composed("post", post(&closed(spoken(text, &part.mentions, true)?))))
        }
        (Body::Native(Native { form, .. }), []) => serde_json::from_value(form.clone())
            .map_err(|error| Error::validation(format!("this is no content of the platform's own: {error}"))),
        (Body::Empty, [file]) => Ok(attachment(file)),
        _ => Err(Error::internal("what is to be said is not one message")),
    }
}

/// What would be posted.
pub fn rehearse(part: &Outgoing) -> Result<Rehearsed> {
    let Composed { message_type, content } = compose(part)?;
    Ok(Rehearsed { msg_type: message_type, content: serde_json::from_str(&content).unwrap_or_default() })
}

/// The text as it is sent, with those it calls.
pub fn spoken(text: &str, mentions: &[Addressee], marked: bool) -> Result<String> {
    let spoken =
        if marked { address(&headings(text), mentions, true) } else { address(text, mentions, false) };
    if spoken.trim().is_empty() {
        return Err(Error::validation("there is nothing to say: the text is empty"));
    }
    Ok(spoken)
}

fn composed(message_type: &str, content: Value) -> Composed {
    Composed { message_type: message_type.to_owned(), content: content.to_string() }
}

fn post(markdown: &str) -> Value {
    // A markdown node must stand alone in its paragraph.
    json!({"zh_cn": {"title": "", "content": [[{"tag": "md", "text": markdown}]]}})
}

/// The caller's own content, checked as far as it can be without the platform.
pub fn native(message_type: &str, content: &str) -> Result<Outgoing> {
    if !TYPES.contains(&message_type) {
        let given = crate::event::neutralise(message_type);
        return Err(Error::validation(format!("--msg-type: there is no type `{given}`"))
            .subtype("unknown_msg_type")
            .hint(format!("one of {}", TYPES.join(", "))));
    }
    let value: Value = serde_json::from_str(content).map_err(|error| {
        Error::validation(format!("--content is not JSON: {error}"))
            .hint("for plain words use --text; a text's content is {\"text\":\"…\"}")
    })?;
    if !value.is_object() {
        return Err(Error::validation("--content must be a JSON object"));
    }
    let composed = Composed { message_type: message_type.to_owned(), content: content.to_owned() };
    let form = serde_json::to_value(composed).map_err(|error| Error::internal(error.to_string()))?;
    Ok(Outgoing::native(form, read(message_type, content, &value)))
}

/// What its readers will read.
fn read(message_type: &str, content: &str, value: &Value) -> String {
    let (mentions, known) = (Mentions::default(), Known::default());
    let around = Around { mentions: &mentions, known: &known, message_id: None };
    let rendered = match value.get("text").and_then(Value::as_str) {
        // People are called by the same tags in both.
        Some(text) if message_type == "text" => render("post", &post(text).to_string(), around),
        _ => render(message_type, content, around),
    };
    crate::event::bounded(&rendered.text, WORDS_MAX).to_owned()
}

/// What stands in for an upload that was not made.
pub fn not_uploaded(kind: UploadKind) -> Uploaded {
    let key = match kind {
        UploadKind::Image => "img_…",
        UploadKind::File | UploadKind::Audio | UploadKind::Video => "file_…",
    };
    Uploaded { key: key.to_owned(), kind }
}

fn attachment(uploaded: &Uploaded) -> Composed {
    let key = &uploaded.key;
    match uploaded.kind {
        UploadKind::Image => composed("image", json!({"image_key": key})),
        UploadKind::File => composed("file", json!({"file_key": key})),
        UploadKind::Audio => composed("audio", json!({"file_key": key})),
        UploadKind::Video => composed("media", json!({"file_key": key})),
    }
}

/// Large headings are not shown; the platform's own tools send them smaller.
fn headings(text: &str) -> String {
    let lines = fences(text).map(|(line, _, code)| match smaller(line, code) {
        Some((level, marks)) => format!("{marks}{}", &line[level..]),
        None => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Code that was left open ends with the message.
pub fn closed(mut markdown: String) -> String {
    if let Some(fence) = fences(&markdown).last().and_then(|(_, fence, _)| fence) {
        markdown.push('\n');
        markdown.push_str(&fence.closing());
    }
    markdown
}

/// Of a heading: how many marks it has, and what is sent in their place.
pub fn smaller(line: &str, code: bool) -> Option<(usize, &'static str)> {
    let level = line.bytes().take_while(|byte| *byte == b'#').count();
    match (code, level) {
        _ if !line[level..].starts_with(' ') => None,
        (false, 1) => Some((level, "####")),
        (false, 2..=6) => Some((level, "#####")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_are_sent_smaller_and_code_is_not() {
        assert_eq!(
            headings("# A\n## B\n#C\n```\n# D\n```\n###### E"),
            "#### A\n##### B\n#C\n```\n# D\n```\n##### E"
        );
        assert_eq!(headings("```x``` y\n# A"), "```x``` y\n#### A");
    }

    #[test]
    fn content_of_the_callers_own_must_be_an_object() {
        for content in ["hello", "[]", "7"] {
            assert!(native("text", content).is_err(), "{content}");
        }
        let error = native("nonsense", "{}").unwrap_err();
        assert!(error.hint.unwrap().contains("interactive"));
        assert!(native("interactive", "{\"elements\":[]}").is_ok());
    }

    #[test]
    fn content_of_the_callers_own_is_sent_to_the_letter_and_has_the_words_its_readers_read() {
        let card = r#"{"config":{"wide":true},"header":{"title":{"tag":"plain_text","content":"Build"},"template":"blue"},
            "elements":[{"tag":"div","text":{"tag":"lark_md","content":"is **green**"}}]}"#;
        for (message_type, content, words) in [
            ("text", r#"{ "text":"hi <at user_id=\"ou_1\">Ann</at>", "n": 1.0 }"#, "hi @Ann"),
            (
                "post",
                r#"{"zh_cn":{"title":"T","content":[[{"tag":"text","text":"one two"}]]}}"#,
                "**T**\none two",
            ),
            ("interactive", card, "**Build**\nis **green**"),
            ("image", r#"{"image_key":"img_1"}"#, "[image img_1]"),
            ("sticker", r#"{"file_key":"s_1"}"#, "[sticker s_1]"),
            ("share_chat", r#"{"chat_id":"oc_1"}"#, "[chat oc_1]"),
        ] {
            let said = native(message_type, content).unwrap();
            let composed = Composed { message_type: message_type.to_owned(), content: content.to_owned() };
            assert_eq!(compose(&said).unwrap(), composed);
            assert_eq!(said.words(), words, "{content}");
        }
    }

    #[test]
    fn a_part_is_one_message_of_its_kind() {
        for (part, message_type, content) in [
            (Outgoing::text("a"), "text", json!({"text": "a"})),
            (
                Outgoing::markdown("# a").calling(vec![Addressee::everybody()]),
                "post",
                post("<at user_id=\"all\">all</at>\n#### a"),
            ),
            (Outgoing::markdown("~~~~rust\na"), "post", post("~~~~rust\na\n~~~~")),
            (Outgoing::file(not_uploaded(UploadKind::Image)), "image", json!({"image_key": "img_…"})),
            (Outgoing::file(not_uploaded(UploadKind::Video)), "media", json!({"file_key": "file_…"})),
        ] {
            let rehearsed = rehearse(&part).unwrap();
            assert_eq!((rehearsed.msg_type.as_str(), rehearsed.content), (message_type, content));
        }
        let file = || not_uploaded(UploadKind::File);
        for odd in [
            Outgoing::of(Body::Empty),
            Outgoing::text(" \n"),
            Outgoing { files: vec![file()], ..Outgoing::text("a") },
            Outgoing { files: vec![file(), file()], ..Outgoing::of(Body::Empty) },
            Outgoing::native(json!({"blocks": []}), "a"),
        ] {
            assert!(compose(&odd).is_err(), "{odd:?}");
        }
    }
}
