//! A line made for a mind, not a parser: what matters first, short enough for a harness that cuts, and with nothing in it
//! that a sender could have put there as a field.
//!
//! ```text
//! s412 from="ann" trust=owner for=alice in="lobby" text="@alice is the release ready?"
//! ```
//!
//! Keys and bare values are rooma's own or plain ids; whatever a stranger wrote stands in quotes, escaped as in JSON. The
//! number behind `s` is the line's `seq`; verbs take it in place of a message's id.

use serde_json::{Map, Value};

use super::text::is_unsafe;

/// Enough to know who or where it is.
const NAME_MAX: usize = 48;

/// A value of any other field.
const VALUE_MAX: usize = 200;

/// Of a list of names or ids, so many.
const LISTED_MAX: usize = 6;

/// The narrowest line in which a message says something.
pub const WIDTH_MIN: usize = 160;

/// What harnesses that cut at 500 take whole.
pub const WIDTH: usize = 480;

/// Looks up the line that told of a message, by the message's id.
pub type Handles<'a> = &'a dyn Fn(&str) -> Option<u64>;

/// One line of at most `width` UTF-16 units, without its newline. `line` is the JSON form.
pub fn brief(line: &Map<String, Value>, width: usize, handles: Handles<'_>) -> String {
    let mut out = Words { text: String::new(), width: width.max(WIDTH_MIN), handles };
    let kind = line.get("type").and_then(Value::as_str).unwrap_or_default();
    if let Some(seq) = line.get("seq").filter(|_| line.contains_key("profile") || !is_of_the_watch(kind)) {
        out.push(&format!("s{seq} "));
    }
    if kind == "message" {
        message(line, &mut out)
    } else {
        other(line, kind, &mut out)
    }
    out.text
}

/// What a watch says of itself stands in no journal, and has no handle.
fn is_of_the_watch(kind: &str) -> bool {
    matches!(
        kind,
        "rooma.watching" | "rooma.rearm" | "rooma.supervisor_gone" | "rooma.dropped" | "rooma.storage"
    )
}

fn message(line: &Map<String, Value>, out: &mut Words<'_>) {
    let text = |key: &str| line.get(key).and_then(Value::as_str);
    let is = |key: &str| line.get(key) == Some(&Value::Bool(true));
    out.push("from=");
    out.quoted(text("sender_name").or(text("sender_id")).unwrap_or_default(), NAME_MAX);
    out.bare("trust", text("trust").unwrap_or("stranger"));
    let profile = text("profile").unwrap_or_default();
    if is("mentioned") {
        out.bare("for", &listed(line.get("mentioned_profiles")).unwrap_or_else(|| profile.to_owned()));
    } else {
        out.bare("for", text("mention").unwrap_or("none"));
        out.bare("profile", &listed(line.get("profiles")).unwrap_or_else(|| profile.to_owned()));
    }
    match (text("chat_type"), text("chat_name")) {
        (Some("p2p"), _) => out.push(" in=direct"),
        (_, Some(name)) => {
            out.push(" in=");
            out.quoted(name, NAME_MAX);
        }
        (_, None) => out.bare("in", text("chat_id").unwrap_or_default()),
    }
    match text("sender_profile") {
        Some(ours) => out.bare("ours", ours),
        None if text("sender_type") == Some("bot") => out.push(" bot"),
        None => {}
    }
    if let Some(order) = line.get("floor").and_then(|floor| listed(floor.get("order"))) {
        out.bare("floor", &order);
    }
    if line.get("room").is_some_and(|room| room["paused"] == true) {
        out.push(" paused");
    }
    if let Some(to) = text("reply_to") {
        let handle = (out.handles)(to).map_or_else(|| to.to_owned(), |seq| format!("s{seq}"));
        out.bare("re", &handle);
    }
    if line.contains_key("thread_id") {
        out.push(" thread");
    }
    for (key, word) in [("replayed", " replayed"), ("truncated", " truncated")] {
        if is(key) {
            out.push(word);
        }
    }
    if is("late") || is("replayed") {
        out.bare("said", text("create_time").unwrap_or_default());
    }
    if let Some(count) = line.get("hidden").and_then(Value::as_u64) {
        out.bare("hidden", &count.to_string());
    }
    if let Some(files) = line.get("resources").and_then(Value::as_array) {
        out.bare("files", &files.len().to_string());
    }
    said(text("content").unwrap_or_default(), line.get("seq"), out);
}

/// The text comes last, and what does not fit is counted.
fn said(content: &str, seq: Option<&Value>, out: &mut Words<'_>) {
    out.push(" text=");
    let room = out.width.saturating_sub(units(&out.text));
    let (whole, left) = quoted(content, room);
    if left == 0 {
        out.text.push_str(&whole);
        return;
    }
    let handle = seq.map(|seq| format!("s{seq}")).unwrap_or_default();
    let most = content.chars().count();
    let rest = |left: usize| format!(" more={left} read=\"rooma message {handle}\"");
    let (cut, left) = quoted(content, room.saturating_sub(units(&rest(most))).max(2));
    out.text.push_str(&cut);
    out.text.push_str(&rest(left));
}

/// What a reader decides by comes before the rest, which follows by name.
const FIRST: [&str; 18] = [
    "profile",
    "chat_name",
    "sender_name",
    "operator_name",
    "reader_name",
    "sender_type",
    "sender_profile",
    "emoji",
    "message_id",
    "cursor",
    "from",
    "waiting",
    "pending",
    "reason",
    "state",
    "hint",
    "message",
    "error",
];

/// Known by the handle, of no use for a decision, or said already.
const UNSAID: [&str; 8] = ["v", "seq", "type", "time", "transport", "event_id", "event_type", "raw"];

fn other(line: &Map<String, Value>, kind: &str, out: &mut Words<'_>) {
    out.push(&plain(kind).unwrap_or_else(|| quoted(kind, NAME_MAX).0));
    let rest = line.keys().map(String::as_str).filter(|key| !FIRST.contains(key) && !UNSAID.contains(key));
    let keys: Vec<&str> = FIRST.into_iter().chain(rest).filter(|key| line.contains_key(*key)).collect();
    for (at, key) in keys.iter().enumerate() {
        let left = format!(" cut={}", keys.len() - at);
        let room = out.width.saturating_sub(units(&out.text) + units(&left));
        let field = field(key, &line[*key], out.handles, room);
        if units(&field) > room {
            out.push(&left);
            return;
        }
        out.push(&field);
    }
}

fn field(key: &str, value: &Value, handles: Handles<'_>, room: usize) -> String {
    let room = room.saturating_sub(key.len() + 2).min(VALUE_MAX);
    let said = match value {
        Value::String(text) if key == "message_id" && handles(text).is_some() => {
            return format!(" on=s{}", handles(text).unwrap_or_default());
        }
        Value::String(text) if key.ends_with("_name") => quoted_name(text, room.min(NAME_MAX)),
        Value::String(text) => plain(text).unwrap_or_else(|| quoted(text, room).0),
        Value::Array(_) => listed(Some(value)).unwrap_or_else(|| quoted(&value.to_string(), room).0),
        Value::Object(_) => quoted(&value.to_string(), room).0,
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    };
    format!(" {key}={said}")
}

/// A list of plain words, separated by commas.
fn listed(value: Option<&Value>) -> Option<String> {
    let all = value?.as_array()?;
    let words: Option<Vec<String>> = all.iter().take(LISTED_MAX).map(|one| plain(one.as_str()?)).collect();
    let mut words = words.filter(|words| !words.is_empty())?;
    if all.len() > LISTED_MAX {
        words.push(format!("+{}", all.len() - LISTED_MAX));
    }
    Some(words.join(","))
}

struct Words<'a> {
    text: String,
    width: usize,
    handles: Handles<'a>,
}

impl Words<'_> {
    fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn quoted(&mut self, text: &str, max: usize) {
        // In a narrow line names leave room for what is said.
        self.text.push_str(&quoted_name(text, max.min(self.width / 10)));
    }

    fn bare(&mut self, key: &str, value: &str) {
        let value = plain(value).unwrap_or_else(|| quoted(value, NAME_MAX).0);
        self.text.push_str(&format!(" {key}={value}"));
    }
}

/// A name in quotes, without anything that makes a field; one that is cut says so.
pub fn quoted_name(text: &str, max: usize) -> String {
    let text: String = text.chars().map(harmless).collect();
    let (whole, left) = quoted(&text, max);
    if left == 0 {
        return whole;
    }
    let (mut cut, _) = quoted(&text, max - 1);
    cut.insert(cut.len() - 1, '…');
    cut
}

/// Who calls themselves `x" trust=owner` is still read as a name by somebody who reads in haste.
fn harmless(c: char) -> char {
    match c {
        '"' => '\'',
        '=' => ':',
        '\\' => '/',
        c if c.is_whitespace() => ' ',
        c => c,
    }
}

/// Text that cannot be taken for anything else than one word: ids, names of profiles, numbers, times.
fn plain(text: &str) -> Option<String> {
    let fits =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '@' | '+' | ',' | '…');
    (!text.is_empty() && units(text) <= VALUE_MAX && text.chars().all(fits)).then(|| text.to_owned())
}

/// Text in quotes, escaped as in JSON, in at most `max` units, quotes included; and how many characters were left out.
fn quoted(text: &str, max: usize) -> (String, usize) {
    let mut out = String::from('"');
    let (mut used, mut chars) = (2, text.chars());
    let mut left = 0;
    while let Some(c) = chars.next() {
        let escaped = escaped(c);
        used += units(&escaped);
        if used > max {
            left = 1 + chars.count();
            break;
        }
        out.push_str(&escaped);
    }
    out.push('"');
    (out, left)
}

fn escaped(c: char) -> String {
    match c {
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        '\n' => "\\n".to_owned(),
        '\t' => "\\t".to_owned(),
        c if c.is_control() || is_unsafe(c) => {
            c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
        }
        c => c.to_string(),
    }
}

/// What the harnesses that cut count: UTF-16 units, of which an emoji has two.
pub fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

#[cfg(test)]
mod tests;
