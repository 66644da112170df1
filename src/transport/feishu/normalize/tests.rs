//! Golden fixtures, and what must hold for any input.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::core::gate::Gates;
use crate::event::Rendered;
use crate::journal::Entry;
use crate::transport::{Intake, Siblings, Transport};

fn identity() -> Identity {
    let siblings = Siblings::default();
    let ours = [("cli_a0b1c2d3e4f50617", "alice"), ("cli_b0b1c2d3e4f50617", "bob")];
    siblings.set(ours.map(|(app_id, profile)| (app_id.to_owned(), profile.into())));
    Identity {
        profile: "alice".into(),
        transport: Transport::Feishu,
        app_id: "cli_a0b1c2d3e4f50617".into(),
        app_secret: "s".to_owned().into(),
        base_url: None,
        siblings,
        sights: Default::default(),
    }
}

/// As they go into the journal.
fn entries(events: Vec<Inbound>) -> Vec<Entry> {
    let intake = Intake {
        profile: "alice".into(),
        transport: "feishu",
        owner: Some(UserId::new("ou_owner")),
        gates: Arc::new(Gates { people: Some(vec![UserId::new("ou_li")]), ..Gates::default() }),
        rooms: Default::default(),
    };
    events.into_iter().map(|event| intake.entry(event)).collect()
}

fn known() -> Known {
    let mut known = Known::default();
    known.learn_name("ou_u1", "Ann");
    known.learn_name("ou_bob", "Bob");
    known.learn_app("ou_bob", "cli_b0b1c2d3e4f50617");
    known.learn_chat("oc_c1", "Ops");
    known
}

fn with<T>(known: &Known, doubt: Doubt, poison: Option<&str>, run: impl FnOnce(View<'_>) -> T) -> T {
    let identity = identity();
    let me = Me { app_id: "cli_a0b1c2d3e4f50617", open_id: "ou_bot", name: "Helper" };
    run(View { identity: &identity, me, known, doubt, poison })
}

fn normalised(payload: &[u8], doubt: Doubt) -> Normalised {
    with(&known(), doubt, None, |view| normalise(payload, view))
}

/// What a fixture is held against: type, key and body of each entry.
fn shown(payload: &[u8]) -> String {
    shown_as(payload, Doubt::Report)
}

fn shown_as(payload: &[u8], doubt: Doubt) -> String {
    let mut text = String::new();
    match normalised(payload, doubt).verdict {
        Verdict::Own => text.push_str("own\n"),
        // Where the history tells no more, this is the line.
        Verdict::Empty { .. } => return shown_as(payload, Doubt::Name),
        Verdict::Doubtful { message_id, mentions } => {
            let keys: Vec<_> = mentions.iter().map(|called| (&called.key, &called.open_id)).collect();
            text.push_str(&format!("doubtful {message_id} {keys:?}\n"));
        }
        Verdict::Events(events) => {
            for entry in entries(events) {
                let key = entry.key.as_ref().map_or("-", DedupeKey::as_str);
                let event_id = entry.event_id.as_deref().unwrap_or("-");
                let Rendered { type_name, body, .. } = entry.rendered;
                text.push_str(&format!("{type_name} key={key} event_id={event_id}\n{{{body}}}\n"));
            }
        }
    }
    text
}

/// The type and the fields of each line that a payload becomes.
pub fn lines(payload: &[u8]) -> Vec<(&'static str, Value)> {
    let Verdict::Events(events) = normalised(payload, Doubt::Name).verdict else { return Vec::new() };
    let line = |entry: Entry| {
        let fields = format!("{{{}}}", entry.rendered.body);
        (entry.rendered.type_name, serde_json::from_str(&fields).unwrap())
    };
    entries(events).into_iter().map(line).collect()
}

fn folder() -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/feishu")).to_owned()
}

fn fixtures() -> BTreeMap<String, Vec<u8>> {
    let files = std::fs::read_dir(folder()).unwrap().map(|file| file.unwrap().path());
    let inputs = files.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    let named = |path: PathBuf| {
        (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read(&path).unwrap())
    };
    inputs.map(named).collect()
}

#[test]
fn every_fixture_becomes_its_golden_lines() {
    let mut wrong = Vec::new();
    for (name, payload) in fixtures() {
        let golden = std::fs::read_to_string(folder().join(format!("{name}.lines"))).unwrap_or_default();
        let shown = shown(&payload);
        if golden != shown {
            wrong.push(format!("{name}.lines should be:\n{shown}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn golden_lines_follow_the_schema() {
    let schema = jsonschema::validator_for(&crate::event::schema()).unwrap();
    for (name, payload) in fixtures() {
        let Verdict::Events(events) = normalised(&payload, Doubt::Name).verdict else { continue };
        for entry in entries(events) {
            let mut line: Value = serde_json::from_str(&format!("{{{}}}", entry.rendered.body)).unwrap();
            line["v"] = json!(1);
            line["seq"] = json!(1);
            line["type"] = json!(entry.rendered.type_name);
            line["time"] = json!("2026-01-01T00:00:00.000Z");
            assert!(schema.is_valid(&line), "{name}: {line}");
        }
    }
}

#[test]
fn a_doubt_is_settled_by_name_or_by_what_was_learnt() {
    let payload = &fixtures()["text_doubtful"];
    let mentioned =
        |known: &Known, doubt| match with(known, doubt, None, |view| normalise(payload, view)).verdict {
            Verdict::Events(events) => events[0].event.mentions_me(),
            other => panic!("{other:?}"),
        };
    assert!(mentioned(&known(), Doubt::Name));
    let mut learnt = known();
    learnt.learn_app("ou_foreign", "cli_a0b1c2d3e4f50617");
    assert!(mentioned(&learnt, Doubt::Report));
    learnt.learn_app("ou_foreign", "cli_ffffffffffffffff");
    assert!(!mentioned(&learnt, Doubt::Name));
}

#[test]
fn what_a_line_lacks_is_asked_for_and_what_it_tells_is_learnt() {
    let fixtures = fixtures();
    let told = |name: &str| normalised(&fixtures[name], Doubt::Report);
    assert_eq!(
        told("text_plain").wanted,
        [Wanted::Person { open_id: "ou_owner".into(), chat_id: Some("oc_c1".into()) }]
    );
    let bot = told("text_from_foreign_bot").wanted;
    assert!(matches!(&bot[..], [Wanted::Bot { open_id, .. }] if open_id == "ou_robot"), "{bot:?}");
    assert_eq!(told("text_in_topic_group").wanted, [Wanted::Chat { chat_id: "oc_topic".into() }]);
    assert!(told("text_p2p").wanted.is_empty());
    let chat = Learnt::Chat { chat_id: "oc_2".into(), name: "War room".into() };
    assert_eq!(told("bot_added").learnt, std::slice::from_ref(&chat));
    let person = Learnt::Name { open_id: "ou_li".into(), name: "Li".into() };
    assert_eq!(told("member_added").learnt, [person, chat]);
    let app = Learnt::App { open_id: "ou_foreign".into(), app_id: "cli_a0b1c2d3e4f50617".into() };
    assert!(told("text_by_app_id").learnt.contains(&app));
}

#[test]
fn bytes_that_are_no_text_are_kept_readable() {
    let (known, payload) = (known(), b"{\"a\":\"\xff\"".as_slice());
    let normalised = with(&known, Doubt::Report, None, |view| normalise(payload, view));
    let Verdict::Events(events) = normalised.verdict else { panic!() };
    let entries = entries(events);
    let raw: String = serde_json::from_str(entries[0].raw.as_deref().unwrap()).unwrap();
    assert_eq!(raw, "{\"a\":\"\u{FFFD}\"");
}

#[test]
fn half_an_emoji_does_not_cost_the_message() {
    let text = String::from_utf8(fixtures()["text_plain"].clone()).unwrap().replace("line 1", "\\\\ud83d!");
    assert!(text.contains("ud83d"));
    assert!(shown(text.as_bytes()).contains("\u{FFFD}!"), "{}", shown(text.as_bytes()));
}

#[test]
#[should_panic(expected = "poisoned")]
fn a_marker_makes_it_panic() {
    with(&known(), Doubt::Report, Some("line 1"), |view| normalise(&fixtures()["text_plain"], view));
}

/// Any JSON, deep and wide enough to be odd.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z@_0-9\\PC]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map("[a-z_]{1,10}", inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// The value at one of the places in a JSON document, found by walking `steps`.
fn place<'a>(mut value: &'a mut Value, steps: &[usize]) -> &'a mut Value {
    for step in steps {
        let width = match &*value {
            Value::Object(map) => map.len(),
            Value::Array(list) => list.len(),
            _ => 0,
        };
        if width == 0 {
            break;
        }
        value = match value {
            Value::Object(map) => map.values_mut().nth(step % width).unwrap(),
            Value::Array(list) => &mut list[step % width],
            leaf => leaf,
        };
    }
    value
}

fn check(payload: &[u8]) -> Result<(), TestCaseError> {
    for doubt in [Doubt::Report, Doubt::Name] {
        match normalised(payload, doubt).verdict {
            Verdict::Own => {}
            Verdict::Doubtful { .. } | Verdict::Empty { .. } => prop_assert_eq!(doubt, Doubt::Report),
            Verdict::Events(events) => {
                prop_assert!(!events.is_empty());
                for entry in entries(events) {
                    prop_assert!(is_json(entry.raw.as_deref().unwrap()));
                    let body = format!("{{{}}}", entry.rendered.body);
                    prop_assert!(serde_json::from_str::<Value>(&body).is_ok());
                }
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes_are_taken(payload in proptest::collection::vec(any::<u8>(), 0..200)) {
        check(&payload)?;
    }

    #[test]
    fn any_json_is_taken(value in any_json()) {
        check(value.to_string().as_bytes())?;
    }

    #[test]
    fn a_fixture_with_anything_in_any_place_is_taken(
        which in any::<prop::sample::Index>(),
        steps in proptest::collection::vec(any::<usize>(), 1..8),
        value in any_json(),
        inside_content in any::<bool>(),
    ) {
        let fixtures = fixtures();
        let payload = fixtures.values().nth(which.index(fixtures.len())).unwrap();
        let mut event: Value = serde_json::from_slice(payload).unwrap_or_default();
        let content = event.pointer("/event/message/content").and_then(Value::as_str).map(str::to_owned);
        match content.filter(|_| inside_content) {
            Some(content) => {
                let mut content: Value = serde_json::from_str(&content).unwrap_or_default();
                *place(&mut content, &steps) = value;
                event["event"]["message"]["content"] = json!(content.to_string());
            }
            None => *place(&mut event, &steps) = value,
        }
        check(event.to_string().as_bytes())?;
    }

    #[test]
    fn a_fixture_cut_off_or_nested_deep_is_taken(
        which in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), depth in 1usize..2000
    ) {
        let fixtures = fixtures();
        let payload = fixtures.values().nth(which.index(fixtures.len())).unwrap();
        let cut = at.index(payload.len());
        check(&payload[..cut])?;
        let deep = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let mut nested = payload[..cut].to_vec();
        nested.extend_from_slice(deep.as_bytes());
        nested.extend_from_slice(&payload[cut..]);
        check(&nested)?;
    }
}

/// Nothing panics, and the same bytes are the same events: that is what folds a redelivery.
#[test]
fn fixtures_with_anything_changed_are_taken_twice_alike() {
    crate::fuzz::run("events", &crate::transport::feishu::fuzz::payloads(), |payload| {
        check(payload).unwrap();
        assert_eq!(shown(payload), shown(payload));
    });
}

/// Each value of each fixture in another type: the same said otherwise makes the same lines, and one that makes no
/// sense costs a message nothing but itself.
#[test]
fn an_odd_value_never_costs_an_event() {
    use super::super::loose_answers::{pointers, put, reworded, spoilt};
    const VITAL: [&str; 4] =
        ["/event", "/event/message", "/event/message/message_id", "/event/message/chat_id"];
    let (mut same, mut odd) = (0, 0);
    for (name, payload) in fixtures() {
        let Ok(whole) = serde_json::from_slice::<Value>(&payload) else { continue };
        let golden = shown(&payload);
        let mut found = Vec::new();
        pointers(&whole, String::new(), &mut found);
        for pointer in found {
            let of = |other: Option<Value>| {
                let mut changed = whole.clone();
                put(&mut changed, &pointer, other);
                changed.to_string()
            };
            if let Some(other) = reworded(whole.pointer(&pointer).unwrap()) {
                let bool = whole.pointer(&pointer).is_some_and(Value::is_boolean);
                // A card's author may well mean a number by a number.
                let theirs = ["/event/action/value", "/event/action/form_value"]
                    .iter()
                    .any(|at| pointer.starts_with(at));
                if !bool && !theirs && !pointer.contains("after_change") {
                    assert_eq!(shown(of(Some(other)).as_bytes()), golden, "{name} {pointer}");
                    same += 1;
                }
            }
            for other in spoilt() {
                let told = shown(of(other.clone()).as_bytes());
                assert!(!told.is_empty(), "{name} {pointer} {other:?}");
                let message = golden.starts_with("message ") && pointer.starts_with("/event");
                if message && !VITAL.contains(&pointer.as_str()) {
                    let told = told.starts_with("message ") || told.starts_with("doubtful ");
                    assert!(told, "{name} {pointer} {other:?}");
                }
                odd += 1;
            }
        }
    }
    assert!(same > 100 && odd > 5000, "{same} {odd}");
}

/// Only what says nothing that can be read is looked up in the history.
#[test]
fn a_message_without_words_is_told_apart() {
    let whole: Value = serde_json::from_slice(&fixtures()["text_plain"]).unwrap();
    let upgrade = json!({"title": "", "elements": [[{"tag": "img", "image_key": "img_1"}],
        [{"tag": "text", "text": "请升级至最新版本客户端，以查看内容"}]]});
    for (message_type, content, empty) in [
        ("text", json!(""), true),
        ("text", Value::Null, true),
        ("text", json!(" {} "), true),
        ("text", json!({}), true),
        ("text", json!("{\"text\":\"\"}"), true),
        ("text", json!("{\"text\": \" \"}"), true),
        ("text", json!("{\"text\":\"breaks o"), true),
        ("text", json!("{\"text\":\"0\"}"), false),
        ("text", json!("no json"), false),
        ("text", json!("{\"image_key\":\"img_1\"}"), false),
        ("text", json!("{\"words\":\"elsewhere\"}"), true),
        ("post", json!("{\"title\":\"\",\"content\":[]}"), true),
        ("post", json!("{\"title\":\"\",\"content\":[[]]}"), true),
        (
            "post",
            json!("{\"zh_cn\":{\"title\":\"\",\"content\":[[{\"tag\":\"text\",\"text\":\" \"}]]}}"),
            true,
        ),
        ("post", json!("{\"title\":\"T\",\"content\":[[{\"tag\""), true),
        ("post", json!("{\"title\":\"T\",\"content\":[]}"), false),
        ("interactive", json!(upgrade.to_string()), true),
        ("interactive", json!("{\"text\":\"Please upgrade to the latest version of the app\"}"), true),
        ("interactive", json!("{\"type\":\"card\",\"data\":{\"card_id\":\"7355\"}}"), true),
        ("interactive", json!("{\"title\":\"\",\"elements\":[[]]}"), true),
        ("interactive", json!("{\"title\":\"T\",\"elements\":[[{\"tag\""), true),
        ("interactive", json!("{\"title\":\"T\"}"), false),
        ("interactive", json!("{\"elements\":[[{\"tag\":\"button\",\"text\":\"Ack\"}]]}"), false),
        ("image", json!("{\"image_key\":\"\"}"), true),
        ("file", json!("{\"x\":1}"), true),
        ("file", json!("{\"file_name\":\"a.txt\"}"), false),
        ("image", json!("{\"image_key\":\"img_1\"}"), false),
        ("hologram", json!("{\"x\":1}"), false),
        ("merge_forward", json!("Merged and Forwarded Message"), false),
    ] {
        let mut payload = whole.clone();
        payload["event"]["message"]["content"] = content.clone();
        payload["event"]["message"]["message_type"] = json!(message_type);
        let verdict = normalised(payload.to_string().as_bytes(), Doubt::Report).verdict;
        assert_eq!(matches!(verdict, Verdict::Empty { .. }), empty, "{message_type} {content}");
    }
}

/// A person by another kind of id, or by none, has done what they did all the same.
#[test]
fn what_somebody_without_the_usual_id_did_is_told() {
    let event = |event_type: &str, event: Value| {
        json!({"schema": "2.0", "header": {"event_id": "ev1", "event_type": event_type}, "event": event})
            .to_string()
    };
    for (ids, known) in [
        (json!({"union_id": "on_9"}), "on_9"),
        (json!({"user_id": "e33"}), "e33"),
        (json!({"open_id": "", "union_id": "on_9"}), "on_9"),
        (json!({}), ""),
        (Value::Null, ""),
    ] {
        let card = json!({"operator": ids, "action": {"tag": "button", "value": {"k": 1}}});
        let menu = json!({"operator": {"operator_id": ids}, "event_key": "start"});
        let reaction =
            json!({"message_id": "om_1", "reaction_type": "OK", "operator_type": "user", "user_id": ids});
        let [card, menu, reaction] = [
            ("card.action.trigger", card),
            ("application.bot.menu_v6", menu),
            ("im.message.reaction.created_v1", reaction),
        ]
        .map(|(event_type, body)| lines(event(event_type, body).as_bytes()).remove(0));
        assert_eq!(
            (card.0, &card.1["operator_id"], &card.1["tag"]),
            ("card.action", &json!(known), &json!("button"))
        );
        assert_eq!(
            (menu.0, &menu.1["operator_id"], &menu.1["key"]),
            ("menu.clicked", &json!(known), &json!("start"))
        );
        let told = (&reaction.1["sender_id"], &reaction.1["emoji"]);
        assert_eq!((reaction.0, told), ("reaction.added", (&json!(known), &json!("OK"))));
    }
}

#[test]
fn a_content_that_is_json_and_no_text_of_it_is_read_as_well() {
    let message = |message_type: &str, content: Value| {
        let message = json!({"message_id": "om_1", "chat_id": "oc_1", "chat_type": "group", "message_type": message_type,
            "create_time": "1767225600000", "content": content});
        let sender = json!({"sender_id": {"open_id": "ou_u1"}, "sender_type": "user"});
        let header = json!({"event_id": "ev1", "event_type": "im.message.receive_v1"});
        let payload =
            json!({"schema": "2.0", "header": header, "event": {"sender": sender, "message": message}});
        lines(payload.to_string().as_bytes()).remove(0).1["content"].clone()
    };
    let text = json!({"text": "hello \"you\""});
    let post = json!({"title": "T", "content": [[{"tag": "text", "text": "words"}]]});
    for (kind, content) in [("text", text), ("post", post)] {
        let usual = message(kind, content.to_string().into());
        assert!(!usual.as_str().unwrap().is_empty());
        assert_eq!(message(kind, content), usual);
    }
}
