//! `card.action.trigger`: all that a person did in a card.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::loose::{self, List, Text};
use super::super::tidy;
use super::super::wire::{CardActed, OldCardActed};
use super::others::fields;
use super::{Delivered, Made, Pass, View, event_key, name_of, nameless, required, shape};
use crate::core::dedupe::DedupeKey;
use crate::event::ids::{ChatId, MessageId, OpenId};
use crate::event::{CardAction, Event, bounded};

/// What the fields of one action may take of a line. Quotes double what is JSON in text.
const ACTION_MAX: usize = 48 * 1024;

pub fn acted(event: Delivered<'_>, view: View<'_>) -> Result<Made, Pass> {
    let wire: CardActed<'_> = shape(event.event)?;
    let context = wire.context.unwrap_or_default();
    let acted = Acted {
        operator: wire.operator.open_id,
        chat: context.open_chat_id,
        message: context.open_message_id,
        action: wire.action,
        event_type: event.event_type,
    };
    told(acted, event_key(event.event_id), view)
}

/// What an older card reports, in a frame of its own.
pub fn acted_of_old(payload: &str, view: View<'_>) -> Result<Made, Pass> {
    let wire: OldCardActed<'_> = shape(payload)?;
    let acted = Acted {
        operator: wire.open_id,
        chat: wire.open_chat_id,
        message: wire.open_message_id,
        action: wire.action,
        event_type: "card.action.trigger_v1",
    };
    told(acted, event_key(wire.token.as_str()), view)
}

struct Acted<'a> {
    operator: Text<'a>,
    chat: Text<'a>,
    message: Text<'a>,
    action: Option<&'a RawValue>,
    event_type: &'a str,
}

fn told(acted: Acted<'_>, key: Option<DedupeKey>, view: View<'_>) -> Result<Made, Pass> {
    let operator_id = required(acted.operator.as_str())?;
    let wanted = nameless(view.known, &operator_id);
    let chat_id = tidy::some(acted.chat.as_str(), tidy::id);
    let message_id = tidy::some(acted.message.as_str(), tidy::id);
    let mut action = Action { fields: fields(acted.action), left: ACTION_MAX, cut: false };
    let (tag, name) = (action.word("tag"), action.word("name"));
    // What the person did comes before what the card's author attached.
    let form_value = action.json("form_value");
    let input_value = if tag == "input" { action.typed("input_value") } else { action.text("input_value") };
    let (options, option) = (action.texts("options"), action.text("option"));
    let checked = action.checked(&tag);
    let (timezone, value) = (action.text("timezone"), action.json("value"));
    let more = action.rest();
    let body = CardAction {
        chat_id: chat_id.map(ChatId::new),
        message_id: message_id.map(MessageId::new),
        operator_name: name_of(view.known, &operator_id),
        operator_id: OpenId::new(operator_id),
        tag,
        name: Some(name).filter(|name| !name.is_empty()),
        value,
        option,
        options,
        checked,
        input_value,
        form_value,
        timezone,
        more,
        truncated: action.cut.then_some(true),
        event_type: tidy::word(acted.event_type),
    };
    Ok(Made { wanted, ..Made::one(Event::CardAction(body), key) })
}

/// The fields of an action that are not told yet, and what is left of the line.
struct Action<'a> {
    fields: BTreeMap<Cow<'a, str>, &'a RawValue>,
    left: usize,
    cut: bool,
}

impl<'a> Action<'a> {
    fn take<T: Deserialize<'a>>(&mut self, key: &str) -> Option<T> {
        self.fields.remove(key).and_then(|raw| serde_json::from_str(raw.get()).ok())
    }

    fn word(&mut self, key: &str) -> String {
        self.take::<Text<'_>>(key).map(|text| tidy::name(text.as_str())).unwrap_or_default()
    }

    fn text(&mut self, key: &str) -> Option<String> {
        let text = self.take::<Text<'_>>(key)?;
        self.fitting(text.as_str())
    }

    /// What a person typed. An input that was emptied says so.
    fn typed(&mut self, key: &str) -> Option<String> {
        let text = self.take::<Text<'_>>(key)?;
        Some(self.fitting(text.as_str()).unwrap_or_default())
    }

    fn texts(&mut self, key: &str) -> Vec<String> {
        let texts = self.take::<List<Text<'_>>>(key).unwrap_or_default();
        texts.0.iter().filter_map(|text| self.fitting(text.as_str())).collect()
    }

    /// A control that is no box tells nothing by being unticked.
    fn checked(&mut self, tag: &str) -> Option<bool> {
        let raw = self.fields.remove("checked")?;
        let checked = loose::some_flag(raw).ok().flatten()?;
        (checked || tag.contains("check")).then_some(checked)
    }

    /// As JSON text. Nothing attached comes as null, `{}` or an empty string.
    fn json(&mut self, key: &str) -> Option<String> {
        let json = self.fields.remove(key)?.get();
        self.whole(json)
    }

    fn rest(&mut self) -> Option<String> {
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

#[cfg(test)]
mod tests {
    use super::super::tests::lines;
    use serde_json::{Value, json};

    fn told(action: Value) -> Value {
        let payload = json!({"schema": "2.0",
            "header": {"event_id": "ev1", "event_type": "card.action.trigger", "app_id": "cli_a0b1c2d3e4f50617"},
            "event": {"operator": {"open_id": "ou_u1"}, "action": action,
                "context": {"open_message_id": "om_1", "open_chat_id": "oc_1"}}});
        let lines = lines(payload.to_string().as_bytes());
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].0, "card.action");
        lines[0].1.clone()
    }

    #[test]
    fn everything_that_a_person_set_is_told() {
        for (action, wanted) in [
            (json!({"tag": "multi_select_static", "options": ["a", "b"]}), json!({"options": ["a", "b"]})),
            (json!({"tag": "select_person", "option": "ou_li"}), json!({"option": "ou_li"})),
            (json!({"tag": "checker", "checked": false}), json!({"checked": false})),
            (json!({"tag": "checker", "checked": "true"}), json!({"checked": true})),
            (json!({"tag": "input", "input_value": "two\nlines"}), json!({"input_value": "two\nlines"})),
            (json!({"tag": "input", "input_value": ""}), json!({"input_value": ""})),
            (
                json!({"tag": "picker_datetime", "option": "2026-01-01 10:00 +0800", "timezone": "Asia/Shanghai"}),
                json!({"option": "2026-01-01 10:00 +0800", "timezone": "Asia/Shanghai"}),
            ),
            (
                json!({"tag": "button", "name": "send", "form_value": {"why": "x", "who": ["ou_1"]}, "value": {"k": 1}}),
                json!({"name": "send", "form_value": "{\"who\":[\"ou_1\"],\"why\":\"x\"}", "value": "{\"k\":1}"}),
            ),
            (json!({"tag": "new", "rating": 4, "empty": ""}), json!({"more": "{\"rating\":4}"})),
            (
                json!({"tag": "button", "value": "go", "checked": false, "options": []}),
                json!({"value": "\"go\""}),
            ),
            (json!({"tag": "img_picker", "options": [1, null, "b"]}), json!({"options": ["1", "b"]})),
        ] {
            let line = told(action.clone());
            for (key, value) in wanted.as_object().unwrap() {
                assert_eq!(&line[key], value, "{action} {key}: {line}");
            }
            let known = ["chat_id", "message_id", "operator_id", "operator_name", "tag", "event_type"];
            let others = line.as_object().unwrap().keys().filter(|key| !known.contains(&key.as_str()));
            assert_eq!(others.count(), wanted.as_object().unwrap().len(), "{action}: {line}");
        }
    }

    #[test]
    fn an_older_card_tells_the_same() {
        let payload = json!({"open_id": "ou_u1", "user_id": "u", "open_message_id": "om_1", "open_chat_id": "oc_1",
            "tenant_key": "tk", "token": "c-1", "action": {"tag": "button", "value": {"k": 1}, "timezone": "UTC"}});
        let lines = lines(payload.to_string().as_bytes());
        let [("card.action", line)] = lines.as_slice() else { panic!("{lines:?}") };
        let wanted = json!({"chat_id": "oc_1", "message_id": "om_1", "operator_id": "ou_u1", "operator_name": "Ann",
            "tag": "button", "value": "{\"k\":1}", "timezone": "UTC", "event_type": "card.action.trigger_v1"});
        assert_eq!(*line, wanted);
    }

    #[test]
    fn what_is_too_long_for_a_line_is_said_to_be_missing() {
        let long = "x".repeat(60_000);
        let typed = told(json!({"tag": "input", "input_value": long, "value": {"k": 1}}));
        assert_eq!(
            (typed["input_value"].as_str().unwrap().len(), &typed["truncated"]),
            (48 * 1024, &json!(true))
        );
        let form = told(json!({"tag": "button", "form_value": {"a": long}, "value": {"k": 1}}));
        assert_eq!(
            (&form["form_value"], &form["truncated"], &form["value"]),
            (&Value::Null, &json!(true), &json!("{\"k\":1}"))
        );
        let quotes = told(json!({"tag": "button", "form_value": {"a": "\"".repeat(20_000)}}));
        assert!(quotes["truncated"].is_null());
    }

    #[test]
    fn an_action_of_any_shape_is_told() {
        for action in
            [Value::Null, json!([]), json!("x"), json!({"tag": {}, "options": {"a": 1}, "checked": []})]
        {
            assert_eq!(told(action)["operator_id"], "ou_u1");
        }
    }
}
