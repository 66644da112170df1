//! The content of a message, as text an agent reads.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::known::Known;
use super::mention::Mentions;
use super::wire::Text;
use super::{rich, system, tidy};
use crate::event::ids::UserId;
use crate::event::{Mention, MentionKind, Resource};

/// What the resources may take of a line. The text needs the rest.
const RESOURCE_BYTES_MAX: usize = 32 * 1024;

/// What a resource takes of a line beside its key and its name, of which each byte may be escaped.
const RESOURCE_BYTES: usize = 48;

#[derive(Debug, Default)]
pub struct Content {
    pub text: String,
    pub resources: Vec<Resource>,
    /// Everybody is addressed.
    pub all: bool,
    /// This bot is addressed by its id, without a mention that came with the message.
    pub me: bool,
    /// Somebody else is.
    pub others: bool,
    /// Those who are addressed in this way.
    pub mentions: Vec<Mention>,
    /// Something was left out.
    pub truncated: bool,
    /// This form does not tell what was said; another may.
    pub unread: bool,
    resource_bytes: usize,
}

/// What surrounds a content, and what is known beside it.
#[derive(Clone, Copy, Debug)]
pub struct Around<'a> {
    pub mentions: &'a Mentions,
    pub known: &'a Known,
    /// Where the message can be read again, if that would tell more.
    pub message_id: Option<&'a str>,
}

impl Content {
    /// Words alone.
    pub fn of(text: &str, truncated: bool) -> Content {
        Content { text: tidy::clean(text), truncated, ..Content::default() }
    }

    pub fn resource(&mut self, kind: &str, key: &str, name: Option<String>) {
        if key.is_empty() || self.resources.iter().any(|known| known.key == key) {
            return;
        }
        self.resource_bytes += RESOURCE_BYTES + 2 * (key.len() + name.as_deref().map_or(0, str::len));
        if self.resource_bytes <= RESOURCE_BYTES_MAX {
            self.resources.push(Resource { key: tidy::id(key), r#type: kind.to_owned(), name });
        } else {
            self.truncated = true;
        }
    }

    /// Somebody is addressed by an id.
    pub fn call(&mut self, id: &str, name: &str, around: Around<'_>) {
        let own = around.mentions.is_own(id);
        // Only these prefixes are safe to test; other ids may be anything.
        if !own && !id.starts_with("ou_") && !id.starts_with("cli_") {
            return;
        }
        self.me |= own;
        self.others |= !own;
        let listed = |mention: &Mention| {
            mention.id.as_str() == id || own && around.mentions.is_own(mention.id.as_str())
        };
        if around.mentions.list.iter().chain(&self.mentions).any(listed) {
            return;
        }
        let person = around.known.person(id);
        let bot = own
            || id.starts_with("cli_")
            || person.is_some_and(|person| person.bot || person.app_id.is_some());
        self.mentions.push(Mention {
            id: UserId::new(if own { around.mentions.own_id() } else { tidy::id(id) }),
            name: name.to_owned(),
            r#type: if bot { MentionKind::Bot } else { MentionKind::User },
            profile: if own { around.mentions.own_profile() } else { None },
        });
    }

    /// Adds what stands beside it in the same message.
    fn join(&mut self, other: Content) {
        if !other.text.is_empty() {
            let gap = if self.text.is_empty() { "" } else { "\n" };
            self.text = format!("{}{gap}{}", self.text, other.text);
        }
        other.resources.into_iter().for_each(|found| self.resource(&found.r#type, &found.key, found.name));
        self.truncated |= other.truncated;
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
    user_name: Text<'a>,
    #[serde(borrow)]
    chat_name: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    address: Text<'a>,
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
    options: Option<&'a RawValue>,
    /// How many chose each.
    #[serde(borrow)]
    counts: Option<&'a RawValue>,
    #[serde(borrow)]
    total_count: Text<'a>,
    #[serde(borrow)]
    vote_id: Text<'a>,
    #[serde(borrow)]
    status: Text<'a>,
    #[serde(borrow)]
    start_time: Text<'a>,
    #[serde(borrow)]
    end_time: Text<'a>,
    #[serde(borrow)]
    due_time: Text<'a>,
    #[serde(borrow)]
    open_calendar_id: Text<'a>,
    #[serde(borrow)]
    open_event_id: Text<'a>,
    #[serde(borrow)]
    task_id: Text<'a>,
    /// Beside the words of a message.
    #[serde(borrow)]
    files: Option<&'a RawValue>,
}

/// Renders any content of any type. What cannot be read becomes `[type]`.
pub fn render(message_type: &str, content: &str, around: Around<'_>) -> Content {
    let rendered = match message_type {
        "post" => rich::post(content, around),
        "interactive" | "card" => card(content, around),
        "system" => system::render(content),
        _ => plain(message_type, content, around),
    };
    if rendered.text.trim().is_empty() {
        return wordless(message_type, content, rendered, around);
    }
    rendered
}

/// Content of a message that was recalled meanwhile is empty; anything else is kept visible by its type.
fn wordless(message_type: &str, content: &str, rendered: Content, around: Around<'_>) -> Content {
    let value: Value = serde_json::from_str(content).unwrap_or_default();
    let empty = content.trim().is_empty() || value.get("text").is_some_and(|text| text == "");
    if message_type == "text" && empty {
        return Content { text: String::new(), unread: true, ..rendered };
    }
    // Words in a place that nobody told us of are still words.
    let words = rich::any(&value, around).text;
    let kind = bracketed(message_type, &[]);
    // What nobody knows may have no words at all.
    let unread = match message_type {
        "interactive" | "card" => true,
        "text" | "post" => words.is_empty(),
        _ => value.is_null(),
    };
    let text = match message_type {
        _ if words.is_empty() => kind,
        "text" => words,
        _ => format!("{kind} {words}"),
    };
    Content { text, unread: unread || rendered.unread, ..rendered }
}

/// Whether this form tells what was said.
pub fn reads(message_type: &str, content: &str) -> bool {
    let (mentions, known) = (Mentions::default(), Known::default());
    !render(message_type, content, Around { mentions: &mentions, known: &known, message_id: None }).unread
}

fn card(content: &str, around: Around<'_>) -> Content {
    let rendered = rich::card(content, around);
    let Some(said) = rich::placeholder(&rendered.text) else { return rendered };
    let where_else = match around.message_id {
        Some(id) => format!("; `rooma message --message-id {}` may read it", tidy::id(id)),
        None => String::new(),
    };
    let text = format!("[card that is not shown here: {said}{where_else}]");
    Content { unread: true, ..Content::of(&text, false) }
}

fn plain(message_type: &str, content: &str, around: Around<'_>) -> Content {
    let Ok(fields) = serde_json::from_str::<Fields<'_>>(content) else {
        if message_type == "merge_forward" {
            return Content::of(&forward(around.message_id), false);
        }
        let words = rich::broken(content);
        if message_type == "text" {
            let bare = words.text.is_empty() && is_bare(content);
            let (text, all) = around.mentions.replace(if bare { content } else { &words.text });
            let resources = words.resources;
            return Content { all, unread: !bare, resources, ..Content::of(&text, words.truncated) };
        }
        let named = words.text.is_empty() || !words.resources.is_empty();
        let kind = if named { String::new() } else { bracketed(message_type, &[]) + " " };
        return Content { text: kind + &words.text, ..words };
    };
    let mut rendered = Content::default();
    rendered.text = match message_type {
        "text" => {
            let (text, all) = around.mentions.replace(fields.text.as_str());
            rendered.all = all;
            tidy::clean(&text)
        }
        "image" => {
            rendered.resource("image", fields.image_key.as_str(), None);
            bracketed("image", &[fields.image_key.as_str()])
        }
        "file" | "folder" => file(&mut rendered, message_type, &fields),
        "audio" => {
            rendered.resource("audio", fields.file_key.as_str(), None);
            bracketed("audio", &[&seconds(&fields.duration), fields.file_key.as_str()])
        }
        "media" | "video" => {
            let name = tidy::some(fields.file_name.as_str(), tidy::name);
            rendered.resource("video", fields.file_key.as_str(), name);
            rendered.resource("image", fields.image_key.as_str(), None);
            bracketed(
                "video",
                &[fields.file_name.as_str(), &seconds(&fields.duration), fields.file_key.as_str()],
            )
        }
        "sticker" => {
            rendered.resource("sticker", fields.file_key.as_str(), None);
            bracketed("sticker", &[fields.file_key.as_str()])
        }
        "share_chat" => {
            let name = [&fields.chat_name, &fields.name].map(Text::as_str);
            bracketed("chat", &[first(name), fields.chat_id.as_str()])
        }
        "share_user" => {
            let name = [&fields.user_name, &fields.name].map(Text::as_str);
            bracketed("user", &[first(name), fields.user_id.as_str()])
        }
        "location" => {
            let place = [&fields.name, &fields.address, &fields.latitude, &fields.longitude];
            bracketed("location", &place.map(Text::as_str))
        }
        "share_calendar_event" | "calendar" | "general_calendar" => calendar(&fields, around),
        "video_chat" => bracketed("video_chat", &[fields.topic.as_str(), &time(&fields.start_time)]),
        "todo" => {
            let task = named("task_id", fields.task_id.as_str());
            bracketed("todo", &[&summary(fields.summary, around), &time(&fields.due_time), &task])
        }
        "vote" => vote(&fields, around),
        "hongbao" => bracketed("hongbao", &[fields.text.as_str()]),
        "merge_forward" => forward(around.message_id),
        _ => return rendered,
    };
    if !rendered.text.is_empty() {
        rendered.unread = is_keyless(message_type, &rendered);
        rendered.join(beside(message_type, content, around));
    }
    if let Some(files) = fields.files {
        let value: Value = serde_json::from_str(files.get()).unwrap_or_default();
        rendered.join(rich::files(&serde_json::json!({ "files": value }), around));
    }
    rendered
}

/// A file without its key says only that there was one.
fn is_keyless(message_type: &str, rendered: &Content) -> bool {
    let keyed = matches!(message_type, "image" | "file" | "folder" | "audio" | "media" | "video" | "sticker");
    keyed && rendered.resources.is_empty() && !rendered.text.contains(' ')
}

/// What each type has read of its content. The rest is read as an element that nobody told us of.
fn read_fields(message_type: &str) -> Option<&'static [&'static str]> {
    Some(match message_type {
        "image" => &["image_key"],
        "file" | "folder" | "audio" | "media" | "video" | "sticker" => {
            &["file_key", "file_name", "image_key", "duration"]
        }
        "share_chat" => &["chat_id", "chat_name", "name"],
        "share_user" => &["user_id", "user_name", "name"],
        "location" => &["name", "address"],
        "share_calendar_event" | "calendar" | "general_calendar" => &["summary"],
        "video_chat" => &["topic"],
        "todo" => &["summary", "task_id"],
        "vote" => &["topic", "options", "counts"],
        "hongbao" => &["text"],
        _ => return None,
    })
}

/// Words beside those that every message of this type has.
fn beside(message_type: &str, content: &str, around: Around<'_>) -> Content {
    let Some(read) = read_fields(message_type) else { return Content::default() };
    let Ok(Value::Object(mut fields)) = serde_json::from_str(content) else { return Content::default() };
    fields.retain(|field, _| field != "files" && !read.contains(&field.as_str()));
    rich::any(&Value::Object(fields), around)
}

fn first<const N: usize>(texts: [&str; N]) -> &str {
    texts.into_iter().find(|text| !text.trim().is_empty()).unwrap_or_default()
}

/// Words that nobody wrapped: no JSON, and none that is broken off.
fn is_bare(content: &str) -> bool {
    let inner = content.trim_start().trim_start_matches(['{', '[']).trim_start();
    !inner.is_empty() && !inner.starts_with('"') && serde_json::from_str::<Value>(content).is_err()
}

/// A forward says nothing of what it holds. Who can, reads it.
pub fn forward(message_id: Option<&str>) -> String {
    match message_id {
        Some(id) => format!("[merge_forward; `rooma message --message-id {}` reads it]", tidy::id(id)),
        None => bracketed("merge_forward", &[]),
    }
}

fn file(rendered: &mut Content, message_type: &str, fields: &Fields<'_>) -> String {
    let (key, name) = (fields.file_key.as_str(), fields.file_name.as_str());
    // A folder cannot be downloaded; its key is what a call would need.
    if message_type == "folder" {
        return bracketed("folder", &[name, &named("key", key)]);
    }
    rendered.resource("file", key, tidy::some(name, tidy::name));
    bracketed("file", &[if name.is_empty() { key } else { name }])
}

fn calendar(fields: &Fields<'_>, around: Around<'_>) -> String {
    let (start, end) = (time(&fields.start_time), time(&fields.end_time));
    let calendar = named("open_calendar_id", fields.open_calendar_id.as_str());
    let event = named("open_event_id", fields.open_event_id.as_str());
    bracketed("calendar", &[&summary(fields.summary, around), &start, &end, &calendar, &event])
}

fn vote(fields: &Fields<'_>, around: Around<'_>) -> String {
    let options: Vec<Value> =
        fields.options.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
    let counts: Vec<Value> =
        fields.counts.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
    let options: Vec<String> = options
        .iter()
        .enumerate()
        .map(|(place, option)| {
            let words = tidy::line(&rich::any(option, around).text);
            let count = ["count", "vote_count", "votes"].iter().find_map(|key| option.get(*key));
            match count.or_else(|| counts.get(place)).filter(|count| count.is_number()) {
                Some(count) => format!("{words}: {count}"),
                None => words,
            }
        })
        .collect();
    let options = if options.is_empty() { String::new() } else { format!("({})", options.join(" / ")) };
    // 0 is open.
    let closed = if matches!(fields.status.as_str(), "" | "0") { "" } else { "closed" };
    let (total, id) =
        (named("total", fields.total_count.as_str()), named("vote_id", fields.vote_id.as_str()));
    bracketed("vote", &[fields.topic.as_str(), &options, closed, &total, &id])
}

/// A summary is text, or rich text; either way one line.
fn summary(raw: Option<&RawValue>, around: Around<'_>) -> String {
    let text = raw.map(|raw| rich::post(raw.get(), around).text).unwrap_or_default();
    text.split('\n').map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

/// `[what part part]`, without the empty parts, all on one line.
pub fn bracketed(what: &str, parts: &[&str]) -> String {
    let mut text = format!("[{}", tidy::word(what));
    for part in parts.iter().filter(|part| !part.trim().is_empty()) {
        text.push(' ');
        text.push_str(&tidy::line(part));
    }
    text.push(']');
    text
}

/// `name=id`, where there is one.
pub fn named(name: &str, id: &str) -> String {
    if id.is_empty() { String::new() } else { format!("{name}={}", tidy::id(id)) }
}

/// Milliseconds as the platform writes them, as `2.5 s`.
fn seconds(millis: &Text<'_>) -> String {
    let seconds =
        millis.as_str().parse::<u32>().ok().map(|millis| format!("{:.1} s", f64::from(millis) / 1000.0));
    seconds.unwrap_or_default()
}

fn time(millis: &Text<'_>) -> String {
    super::time::millis(millis.as_str()).map(super::time::rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(message_type: &str, content: &str) -> Content {
        let (mentions, known) = (Mentions::default(), Known::default());
        render(message_type, content, Around { mentions: &mentions, known: &known, message_id: None })
    }

    fn shown(message_type: &str, content: &str) -> String {
        read(message_type, content).text
    }

    #[test]
    fn every_type_has_its_text() {
        for (message_type, content, wanted) in [
            ("text", r#"{"text":"hi\nthere"}"#, "hi\nthere"),
            ("image", r#"{"image_key":"img_v3_1"}"#, "[image img_v3_1]"),
            ("file", r#"{"file_key":"file_1","file_name":"a.pdf"}"#, "[file a.pdf]"),
            ("file", r#"{"file_key":"file_1"}"#, "[file file_1]"),
            ("folder", r#"{"file_key":"file_1","file_name":"dir"}"#, "[folder dir key=file_1]"),
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
            ("merge_forward", "Merged and Forwarded Message", "[merge_forward]"),
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
                "[todo do it task_id=t]",
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
        for content in ["", "{}", "[]", "null", "{", "{\"text\":"] {
            assert!(matches!(shown("text", content).as_str(), "" | "[text]"), "{content}");
            assert_eq!(shown("image", content), "[image]", "{content}");
            assert_eq!(shown("system", content), "[system]", "{content}");
        }
    }

    #[test]
    fn what_can_be_downloaded_is_named_and_a_folder_cannot() {
        let resources = |kind, content| read(kind, content).resources;
        let video = resources("media", r#"{"file_key":"file_1","image_key":"img_1","file_name":"v.mp4"}"#);
        assert_eq!(
            video,
            [
                Resource { key: "file_1".into(), r#type: "video".into(), name: Some("v.mp4".into()) },
                Resource { key: "img_1".into(), r#type: "image".into(), name: None },
            ]
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
