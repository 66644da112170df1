//! `card.action.trigger`: all that a person did in a card.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::super::loose::Text;
use super::super::tidy;
use super::super::wire::{CardActed, OldCardActed};
use super::action::{Action, is_set_by};
use super::{Delivered, Made, Pass, View, event_key, name_of, nameless, shape, somebody};
use crate::core::dedupe::DedupeKey;
use crate::event::ids::{ChatId, MessageId, UserId};
use crate::event::{CardAction, Event};

pub fn acted(event: Delivered<'_>, view: View<'_>) -> Result<Made, Pass> {
    let wire: CardActed<'_> = shape(event.event)?;
    let context = wire.context.unwrap_or_default();
    let acted = Acted {
        operator: Text(Cow::Owned(wire.operator.any().to_owned())),
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
    let operator_id = somebody(acted.operator.as_str())?;
    let wanted = nameless(view.known, &operator_id);
    let chat_id = tidy::some(acted.chat.as_str(), tidy::id);
    let message_id = tidy::some(acted.message.as_str(), tidy::id);
    let mut action = Action::new(acted.action);
    let ((tag, reason), name) = (action.tag(acted.action), action.word("name"));
    // What the person did comes before what the card's author attached. The field that a control sets is told even where
    // it is empty now: that was done, too. Others come empty with every control.
    let sets = |field| is_set_by(&tag, field);
    let form_value = action.json("form_value", sets("form_value"));
    let input_value = action.text("input_value", sets("input_value"));
    let options = action.texts("options", sets("options"));
    let option = action.text("option", sets("option"));
    let checked = action.checked(sets("checked"));
    let (timezone, value) = (action.text("timezone", false), action.json("value", false));
    let more = action.rest(acted.action);
    let body = CardAction {
        chat_id: chat_id.map(ChatId::new),
        message_id: message_id.map(MessageId::new),
        operator_name: name_of(view.known, &operator_id),
        operator_id: UserId::new(operator_id),
        tag,
        reason,
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
    Ok(Made { wanted, ..Made::one(Event::CardAction(Box::new(body)), key) })
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
            // What was there before and was taken back.
            (json!({"tag": "multi_select_static", "options": [], "checked": false}), json!({"options": []})),
            (json!({"tag": "multi_select_person", "options": null, "option": ""}), json!({"options": []})),
            (json!({"tag": "select_img", "options": []}), json!({"options": []})),
            (json!({"tag": "select_static", "option": "", "options": []}), json!({"option": ""})),
            (json!({"tag": "picker_date", "option": null}), json!({"option": ""})),
            (json!({"tag": "date_picker", "option": "", "timezone": ""}), json!({"option": ""})),
            (
                json!({"tag": "picker_time", "option": "", "timezone": "UTC"}),
                json!({"option": "", "timezone": "UTC"}),
            ),
            (json!({"tag": "checkbox", "checked": false, "input_value": ""}), json!({"checked": false})),
            (json!({"tag": "input", "input_value": null}), json!({"input_value": ""})),
            (
                json!({"tag": "button", "name": "send", "form_value": {}}),
                json!({"name": "send", "form_value": "{}"}),
            ),
            (json!({"tag": "button", "form_value": null, "option": "", "input_value": ""}), json!({})),
            (
                json!({"tag": "button", "form_value": {"who": [], "on": ""}}),
                json!({"form_value": "{\"on\":\"\",\"who\":[]}"}),
            ),
            (
                json!({"tag": "new", "option": "", "options": [], "checked": false}),
                json!({"option": "", "options": [], "checked": false}),
            ),
            // Of another type than usual, and told all the same.
            (
                json!({"tag": "multi_select_static", "options": {"a": 1}, "option": ["b"], "checked": "maybe"}),
                json!({"more": "{\"checked\":\"maybe\",\"option\":[\"b\"],\"options\":{\"a\":1}}"}),
            ),
            (
                json!({"tag": "img_picker", "options": [{"k": 1}]}),
                json!({"more": "{\"options\":[{\"k\":1}]}"}),
            ),
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
        for (action, tag, reason, more) in [
            (Value::Null, "unknown", Some("the event has no action"), None),
            (json!([]), "unknown", Some("the action is no object"), None),
            (json!(["press"]), "unknown", Some("the action is no object"), Some("[\"press\"]")),
            (json!("x"), "unknown", Some("the action is no object"), Some("\"x\"")),
            (json!({}), "unknown", Some("the action names no control"), None),
            (json!({"tag": null, "k": 1}), "unknown", Some("the action names no control"), Some("{\"k\":1}")),
            (json!({"tag": {}, "k": 1}), "unknown", Some("the action names no control"), Some("{\"k\":1}")),
            (json!({"tag": {"t": "x"}}), "{\"t\":\"x\"}", Some("the control is not named by a word"), None),
            (json!({"tag": ["button"]}), "[\"button\"]", Some("the control is not named by a word"), None),
            (json!({"tag": 7}), "7", None, None),
        ] {
            let line = told(action.clone());
            assert_eq!(
                (line["operator_id"].as_str(), line["tag"].as_str()),
                (Some("ou_u1"), Some(tag)),
                "{action}"
            );
            assert_eq!((line["reason"].as_str(), line["more"].as_str()), (reason, more), "{action}");
        }
    }
}
