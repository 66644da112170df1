//! The action of a card's event, read field by field without trust.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::super::loose::{self, Text};
use super::super::tidy;
use super::others::fields;
use crate::event::bounded;

/// Stands for a control that is not named.
const UNNAMED: &str = "unknown";

/// What the fields of one action may take of a line. Quotes double what is JSON in text.
const ACTION_MAX: usize = 48 * 1024;

/// The fields of an action that are not told yet, and what is left of the line.
pub struct Action<'a> {
    fields: BTreeMap<Cow<'a, str>, &'a RawValue>,
    left: usize,
    /// Something did not fit.
    pub cut: bool,
}

/// Whether this control sets this field. One that nobody told us of may set any.
pub fn is_set_by(tag: &str, field: &str) -> bool {
    match tag {
        "button" | "form" => field == "form_value",
        "input" => field == "input_value",
        "overflow" => field == "option",
        "interactive_container" => false,
        _ if tag.contains("check") => field == "checked",
        _ if tag.contains("multi") => field == "options",
        "img_picker" | "select_img" => matches!(field, "option" | "options"),
        _ if tag.contains("select") || tag.contains("picker") => field == "option",
        _ => true,
    }
}

impl<'a> Action<'a> {
    pub fn new(action: Option<&'a RawValue>) -> Action<'a> {
        Action { fields: fields(action), left: ACTION_MAX, cut: false }
    }

    /// What is of another type than usual stays for [`Action::rest`].
    fn take<T>(&mut self, key: &str, read: impl FnOnce(&'a RawValue) -> Option<T>) -> Option<T> {
        let value = read(self.fields.get(key)?)?;
        self.fields.remove(key);
        Some(value)
    }

    pub fn word(&mut self, key: &str) -> String {
        self.take(key, scalar).map(|text| tidy::name(text.as_str())).unwrap_or_default()
    }

    /// The control, and what is odd about how it is named.
    pub fn tag(&mut self, action: Option<&RawValue>) -> (String, Option<String>) {
        let sent = self.fields.get("tag").map(|tag| tag.get());
        let tag = self.word("tag");
        let reason = match (action, sent) {
            _ if !tag.is_empty() => return (tag, None),
            (None, _) => "the event has no action",
            (Some(action), _) if !action.get().starts_with('{') => "the action is no object",
            (Some(_), Some(sent)) if !is_empty(sent) => {
                self.fields.remove("tag");
                return (tidy::name(sent), Some("the control is not named by a word".to_owned()));
            }
            (Some(_), _) => "the action names no control",
        };
        (UNNAMED.to_owned(), Some(reason.to_owned()))
    }

    /// With `even_empty`, text that was deleted is told as such.
    pub fn text(&mut self, key: &str, even_empty: bool) -> Option<String> {
        let text = self.take(key, scalar)?;
        self.fitting(text.as_str()).or_else(|| even_empty.then(String::new))
    }

    pub fn texts(&mut self, key: &str, even_empty: bool) -> Option<Vec<String>> {
        let texts = self.take(key, scalars)?;
        let texts: Vec<String> = texts.iter().filter_map(|text| self.fitting(text.as_str())).collect();
        (even_empty || !texts.is_empty()).then_some(texts)
    }

    /// A control that is no box tells nothing by being unticked.
    pub fn checked(&mut self, even_empty: bool) -> Option<bool> {
        let checked = self.take("checked", |raw| loose::some_flag(raw).ok().flatten())?;
        (checked || even_empty).then_some(checked)
    }

    /// As JSON text. Nothing attached comes as null, `{}` or an empty string.
    pub fn json(&mut self, key: &str, even_empty: bool) -> Option<String> {
        let json = self.fields.remove(key)?.get();
        let emptied = even_empty && is_empty(json) && json != "null";
        if emptied { Some("{}".to_owned()) } else { self.whole(json) }
    }

    /// Everything else; an action of another shape as a whole.
    pub fn rest(&mut self, action: Option<&RawValue>) -> Option<String> {
        if let Some(odd) = action.filter(|action| !action.get().starts_with('{')) {
            return self.whole(odd.get());
        }
        let rest: BTreeMap<_, _> =
            std::mem::take(&mut self.fields).into_iter().filter(|(_, raw)| !is_empty(raw.get())).collect();
        let json = serde_json::to_string(&rest).ok()?;
        self.whole(&json)
    }

    fn fitting(&mut self, text: &str) -> Option<String> {
        let some = bounded(text, self.left);
        self.cut |= some.len() < text.len();
        self.left -= some.len();
        tidy::some(some, tidy::clean)
    }

    /// A part of JSON is none.
    fn whole(&mut self, json: &str) -> Option<String> {
        if is_empty(json) {
            return None;
        }
        if json.len() > self.left {
            self.cut = true;
            return None;
        }
        self.left -= json.len();
        Some(tidy::clean(json))
    }
}

fn is_empty(json: &str) -> bool {
    matches!(json, "null" | "{}" | "[]" | "\"\"")
}

/// Text, a number or null; none for what has an inside.
fn scalar(raw: &RawValue) -> Option<Text<'_>> {
    let odd = raw.get().starts_with(['{', '[']);
    if odd { None } else { serde_json::from_str(raw.get()).ok() }
}

fn scalars(raw: &RawValue) -> Option<Vec<Text<'_>>> {
    let list: Option<Vec<&RawValue>> = serde_json::from_str(raw.get()).ok()?;
    list.unwrap_or_default().into_iter().map(scalar).collect()
}
