//! The content of a message, as text an agent reads.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::mention::Mentions;
use super::post;
use super::tidy;
use super::wire::{List, Text};
use crate::event::Resource;

/// Downloadable things that a line names.
pub const RESOURCES_MAX: usize = 200;

/// Options of a vote and people in a system message that a line names.
const ITEMS_MAX: usize = 50;

#[derive(Debug, Default)]
pub struct Content {
    pub text: String,
    pub resources: Vec<Resource>,
    /// Everybody is addressed.
    pub all: bool,
}

impl Content {
    pub fn resource(&mut self, kind: &str, key: &str, name: Option<String>) {
        if !key.is_empty() && self.resources.len() < RESOURCES_MAX {
            self.resources.push(Resource { key: tidy::id(key), r#type: kind.to_owned(), name });
        }
    }
}

/// All fields that any message type has; each type uses a few.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Fields<'a> {
    #[serde(borrow)]
    text: Text<'a>,
    #[serde(borrow)]
    image_key: Text<'a>,
    #[serde(borrow)]
    file_key: Text<'a>,
    #[serde(borrow)]
    file_name: Text<'a>,
    #[serde(borrow)]
    duration: Text<'a>,
    #[serde(borrow)]
    chat_id: Text<'a>,
    #[serde(borrow)]
    user_id: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    longitude: Text<'a>,
    #[serde(borrow)]
    latitude: Text<'a>,
    /// A plain text in calendars, a post in todos.
    #[serde(borrow)]
    summary: Option<&'a RawValue>,
    #[serde(borrow)]
    topic: Text<'a>,
    #[serde(borrow)]
    options: List<Text<'a>>,
    #[serde(borrow)]
    start_time: Text<'a>,
    #[serde(borrow)]
    end_time: Text<'a>,
    #[serde(borrow)]
    due_time: Text<'a>,
}

/// Renders any content of any type. What cannot be read becomes `[type]`.
pub fn render(message_type: &str, content: &str, mentions: &Mentions) -> Content {
    match message_type {
        "post" | "interactive" => return post::render(message_type, content, mentions),
        "system" => return system(content),
        _ => {}
    }
    let Ok(fields) = serde_json::from_str::<Fields<'_>>(content) else {
        return unreadable(message_type, content);
    };
    let mut rendered = Content::default();
    let text = match message_type {
        "text" => {
            let (text, all) = mentions.replace(fields.text.as_str());
            rendered.all = all;
            rendered.text = tidy::clean(&text);
            return rendered;
        }
        "image" => {
            rendered.resource("image", fields.image_key.as_str(), None);
            bracketed("image", &[&fields.image_key])
        }
        "file" | "folder" => file(&mut rendered, message_type, &fields),
        "audio" => {
            rendered.resource("audio", fields.file_key.as_str(), None);
            bracketed("audio", &[&seconds(&fields.duration), &fields.file_key])
        }
        "media" => {
            rendered.resource(
                "video",
                fields.file_key.as_str(),
                tidy::some(fields.file_name.as_str(), tidy::name),
            );
            bracketed("video", &[&fields.file_name, &seconds(&fields.duration), &fields.file_key])
        }
        "sticker" => {
            rendered.resource("sticker", fields.file_key.as_str(), None);
            bracketed("sticker", &[&fields.file_key])
        }
        "share_chat" => bracketed("chat", &[&fields.chat_id]),
        "share_user" => bracketed("user", &[&fields.user_id]),
        "location" => bracketed("location", &[&fields.name, &fields.latitude, &fields.longitude]),
        "share_calendar_event" | "calendar" | "general_calendar" => {
            let times = [time(&fields.start_time), time(&fields.end_time)];
            bracketed("calendar", &[&summary(fields.summary, mentions), &times[0], &times[1]])
        }
        "video_chat" => bracketed("video_chat", &[&fields.topic, &time(&fields.start_time)]),
        "todo" => bracketed("todo", &[&summary(fields.summary, mentions), &time(&fields.due_time)]),
        "vote" => vote(&fields),
        "hongbao" => bracketed("hongbao", &[&fields.text]),
        // `merge_forward` names no children here; `rooma message` reads them.
        _ => bracketed(message_type, &[]),
    };
    rendered.text = text;
    rendered
}

/// Content of a message that was recalled meanwhile is empty; anything else is kept visible by its type.
fn unreadable(message_type: &str, content: &str) -> Content {
    let text = match message_type {
        "text" if content.trim().is_empty() => String::new(),
        _ => bracketed(message_type, &[]),
    };
    Content { text, ..Content::default() }
}

fn file(rendered: &mut Content, message_type: &str, fields: &Fields<'_>) -> String {
    // A folder cannot be downloaded.
    if message_type == "file" {
        rendered.resource(
            "file",
            fields.file_key.as_str(),
            tidy::some(fields.file_name.as_str(), tidy::name),
        );
    }
    let name = if fields.file_name.is_empty() { &fields.file_key } else { &fields.file_name };
    bracketed(message_type, &[name])
}

fn vote(fields: &Fields<'_>) -> String {
    let options: Vec<_> =
        fields.options.0.iter().take(ITEMS_MAX).map(|option| tidy::name(option.as_str())).collect();
    let options = Text(Cow::Owned(if options.is_empty() {
        String::new()
    } else {
        format!("({})", options.join(" / "))
    }));
    let topic = tidy::name(fields.topic.as_str());
    let parts: Vec<_> =
        ["vote", &topic, options.as_str()].into_iter().filter(|part| !part.is_empty()).collect();
    format!("[{}]", parts.join(" "))
}

/// A summary is text, or rich text; either way one short line.
fn summary(raw: Option<&RawValue>, mentions: &Mentions) -> Text<'static> {
    let Some(raw) = raw.map(RawValue::get) else { return Text::default() };
    let text = if raw.starts_with('{') {
        post::render("post", raw, mentions).text
    } else {
        serde_json::from_str::<Text<'_>>(raw).unwrap_or_default().as_str().to_owned()
    };
    Text(Cow::Owned(text))
}

/// `{"template":"{from_user} invited {to_chatters}","from_user":["A"],…}`
fn system(content: &str) -> Content {
    let fields: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_str(content).unwrap_or_default();
    let read = |key: &str| fields.get(key).map(|raw| raw.get());
    let template =
        read("template").and_then(|raw| serde_json::from_str::<Text<'_>>(raw).ok()).unwrap_or_default();
    let mut text = template.as_str().to_owned();
    for (key, raw) in fields.iter().take(ITEMS_MAX) {
        let names: List<Text<'_>> = serde_json::from_str(raw.get()).unwrap_or_default();
        let names: Vec<_> = names.0.iter().take(ITEMS_MAX).map(|name| tidy::name(name.as_str())).collect();
        // A key too long to stand in a template is none.
        if key.len() <= tidy::WORD_MAX && text.len() < MAX_TEMPLATE {
            text = text.replacen(&format!("{{{key}}}"), &names.join(", "), 1);
        }
    }
    let text = if text.is_empty() { bracketed("system", &[]) } else { tidy::clean(&text) };
    Content { text, ..Content::default() }
}

/// Templates are a sentence; longer text is not filled in.
const MAX_TEMPLATE: usize = 16 * 1024;

/// `[what part part]`, without the empty parts, each part one bounded line.
pub fn bracketed(what: &str, parts: &[&Text<'_>]) -> String {
    let mut text = format!("[{}", tidy::word(what));
    for part in parts.iter().filter(|part| !part.is_empty()) {
        text.push(' ');
        text.push_str(&tidy::name(part.as_str()));
    }
    text.push(']');
    text
}

/// Milliseconds as the platform writes them, as `2.5 s`.
fn seconds(millis: &Text<'_>) -> Text<'static> {
    let seconds =
        millis.as_str().parse::<u32>().ok().map(|millis| format!("{:.1} s", f64::from(millis) / 1000.0));
    Text(Cow::Owned(seconds.unwrap_or_default()))
}

fn time(millis: &Text<'_>) -> Text<'static> {
    Text(Cow::Owned(super::time::millis(millis.as_str()).map(super::time::rfc3339).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(message_type: &str, content: &str) -> String {
        render(message_type, content, &Mentions::default()).text
    }

    #[test]
    fn every_type_has_its_text() {
        for (message_type, content, wanted) in [
            ("text", r#"{"text":"hi\nthere"}"#, "hi\nthere"),
            ("image", r#"{"image_key":"img_v3_1"}"#, "[image img_v3_1]"),
            ("file", r#"{"file_key":"file_1","file_name":"a.pdf"}"#, "[file a.pdf]"),
            ("file", r#"{"file_key":"file_1"}"#, "[file file_1]"),
            ("folder", r#"{"file_key":"file_1","file_name":"dir"}"#, "[folder dir]"),
            ("audio", r#"{"file_key":"file_1","duration":2500}"#, "[audio 2.5 s file_1]"),
            (
                "media",
                r#"{"file_key":"file_1","file_name":"v.mp4","duration":"2000"}"#,
                "[video v.mp4 2.0 s file_1]",
            ),
            ("sticker", r#"{"file_key":"file_1"}"#, "[sticker file_1]"),
            ("share_chat", r#"{"chat_id":"oc_1"}"#, "[chat oc_1]"),
            ("share_user", r#"{"user_id":"ou_1"}"#, "[user ou_1]"),
            ("merge_forward", r#"{"content":"Merged and Forwarded Message"}"#, "[merge_forward]"),
            ("location", r#"{"name":"Office","longitude":"1.5","latitude":"2"}"#, "[location Office 2 1.5]"),
            ("hongbao", r#"{"text":"luck"}"#, "[hongbao luck]"),
            (
                "video_chat",
                r#"{"topic":"Sync","start_time":"1767225600000"}"#,
                "[video_chat Sync 2026-01-01T00:00:00.000Z]",
            ),
            (
                "calendar",
                r#"{"summary":"Plan","start_time":"1767225600000"}"#,
                "[calendar Plan 2026-01-01T00:00:00.000Z]",
            ),
            (
                "todo",
                r#"{"task_id":"t","summary":{"title":"","content":[[{"tag":"text","text":"do it"}]]}}"#,
                "[todo do it]",
            ),
            ("vote", r#"{"topic":"Lunch","options":["a","b"]}"#, "[vote Lunch (a / b)]"),
            (
                "system",
                r#"{"template":"{from_user} invited {to_chatters}","from_user":["A"],"to_chatters":["B","C"]}"#,
                "A invited B, C",
            ),
            ("hologram", r#"{"x":1}"#, "[hologram]"),
        ] {
            assert_eq!(shown(message_type, content), wanted);
        }
    }

    #[test]
    fn content_that_cannot_be_read_shows_its_type() {
        for content in ["", "{}", "[]", "null", "no json", "{\"text\":"] {
            assert!(matches!(shown("text", content).as_str(), "" | "[text]"), "{content}");
            assert_eq!(shown("image", content), "[image]", "{content}");
            assert_eq!(shown("system", content), "[system]", "{content}");
        }
    }

    #[test]
    fn what_can_be_downloaded_is_named_and_a_folder_cannot() {
        let resources = |kind, content| render(kind, content, &Mentions::default()).resources;
        let video = resources("media", r#"{"file_key":"file_1","image_key":"img_1","file_name":"v.mp4"}"#);
        assert_eq!(
            video,
            [Resource { key: "file_1".into(), r#type: "video".into(), name: Some("v.mp4".into()) }]
        );
        assert_eq!(resources("image", r#"{"image_key":"img_1"}"#)[0].r#type, "image");
        assert!(resources("folder", r#"{"file_key":"file_1"}"#).is_empty());
        assert!(resources("file", "{}").is_empty());
    }

    #[test]
    fn hidden_characters_do_not_pass() {
        assert_eq!(shown("text", "{\"text\":\"a\u{202E}b\"}"), "a\u{FFFD}b");
        assert_eq!(shown("file", "{\"file_name\":\"a\\nb\u{200B}\"}"), "[file a b\u{FFFD}]");
        assert_eq!(shown("ho\u{202E}lo", "{}"), "[ho\u{FFFD}lo]");
    }
}
