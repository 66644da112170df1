//! Every line rooma can write is one that `rooma schema` describes.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::path::Path;

use rooma::event::ids::{ChatId, UserId};
use rooma::event::{self, Event, Line, Rendered};
use serde_json::{Value, json};

fn validator() -> jsonschema::Validator {
    jsonschema::validator_for(&event::schema()).unwrap()
}

fn line(type_name: &str, body: &str, raw: Option<&str>) -> Value {
    let head = event::head(Some("alice"), type_name, "2026-01-01T00:00:00.000Z");
    let body = event::with_fields(body.to_owned(), &event::tail(Some("feishu"), Some("e1")));
    let mut bytes = Vec::new();
    Line { seq: 1, head: &head, body: &body, past: event::Past::Replayed, raw }.write(&mut bytes);
    serde_json::from_slice(&bytes).unwrap()
}

/// Agents and their tools hold lines against it: what it says changes knowingly, or not at all.
#[test]
fn the_schema_says_what_it_said() {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/schema.json");
    let kept: Value = serde_json::from_str(&std::fs::read_to_string(kept).unwrap()).unwrap();
    let now = event::schema();
    let lines = |schema: &Value| -> Vec<Value> { schema["oneOf"].as_array().unwrap().clone() };
    for (kept, now) in lines(&kept).iter().zip(lines(&now)) {
        assert_eq!(*kept, now, "if that is meant: rooma schema > tests/fixtures/schema.json");
    }
    assert_eq!(kept, now, "if that is meant: rooma schema > tests/fixtures/schema.json");
    let titles: Vec<String> =
        lines(&now).iter().map(|line| line["title"].as_str().unwrap().to_owned()).collect();
    assert_eq!(titles, event::TYPE_NAMES);
}

#[test]
fn every_golden_line_fits() {
    let schema = validator();
    let mut checked = 0;
    for file in
        std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/feishu")).unwrap()
    {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "lines") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        for pair in lines.chunks(2).filter(|pair| pair.len() == 2) {
            let type_name = pair[0].split(' ').next().unwrap();
            let body = pair[1].strip_prefix('{').unwrap().strip_suffix('}').unwrap();
            let line = line(type_name, body, Some("{\"any\":1}"));
            assert!(schema.is_valid(&line), "{}: {line}", path.display());
            checked += 1;
        }
    }
    assert!(checked >= 50, "only {checked} golden lines were found");
}

#[test]
fn every_line_of_rooma_s_own_fits() {
    let schema = validator();
    let chat_id = ChatId::new("oc_1");
    let change = event::ChatChange {
        chat_id: chat_id.clone(),
        chat_name: Some("Ops".into()),
        reason: "added".into(),
        operator_id: Some(UserId::new("ou_1")),
    };
    let own = [
        Event::Started(event::Started { version: "0.1.0".into(), profiles: vec!["alice".into()], pid: 1 }),
        Event::Connecting(event::Connecting { attempt: 1 }),
        Event::Connected(event::Connected { bot_name: "Bot".into(), bot_open_id: UserId::new("ou_b") }),
        Event::Disconnected(event::Disconnected { reason: "lost".into(), retry_in_ms: 1, attempt: 1 }),
        Event::Parked(event::Parked { reason: "x".into(), hint: None, retry_in_ms: 1 }),
        Event::Crashed(event::Crashed {
            part: Some("rooms".into()),
            part_of: Some("a".into()),
            reason: "x".into(),
            retry_in_ms: 1,
            crashes: 1,
        }),
        Event::Conflict(event::Conflict { online: 2, ours: 1 }),
        Event::Deaf(event::Deaf { chat_id: chat_id.clone(), quiet_ms: 1 }),
        Event::Catchup(event::Catchup {
            chat_id: Some(chat_id),
            count: 1,
            since: "2026-01-01T00:00:00.000Z".into(),
            cut: Some(event::CatchupCut::PerChat),
            error: None,
        }),
        Event::Gap(event::Gap { from_seq: 1, to_seq: 2, count: 2 }),
        Event::JournalReset(event::JournalReset { reason: "x".into(), kept_as: None }),
        Event::ChatJoined(change.clone()),
        Event::ChatLeft(change),
        Event::SessionArmed(event::SessionArmed {
            session: "s1".into(),
            chats: vec![ChatId::new("oc_1")],
            owner_pid: Some(7),
            owner_name: Some("agent".into()),
            expires: Some("2026-01-01T00:00:00.000Z".into()),
        }),
        Event::GreetingSent(event::GreetingSent {
            session: "s1".into(),
            chats: vec![ChatId::new("oc_1")],
            failed: vec![],
        }),
        Event::FarewellSent(event::FarewellSent {
            session: "s1".into(),
            reason: "owner_gone".into(),
            chats: vec![],
            failed: vec![event::NotSaid { chat_id: ChatId::new("oc_1"), error: "no".into() }],
        }),
        Event::SessionExpired(event::SessionExpired {
            session: "s1".into(),
            chats: vec![ChatId::new("oc_1")],
            seen: "2026-01-01T00:00:00.000Z".into(),
        }),
        Event::RoomPaused(event::RoomPaused {
            chat_id: ChatId::new("oc_1"),
            reason: "turns".into(),
            turns: 10,
            until: Some("2026-01-01T00:00:00.000Z".into()),
        }),
        Event::RoomResumed(event::RoomResumed { chat_id: ChatId::new("oc_1") }),
        Event::Dropped(event::Dropped { reason: "x".into(), count: 1 }),
        Event::Stopped(event::Stopped { reason: "x".into() }),
    ];
    for event in own {
        let rendered = Rendered::new(&event);
        let line = line(rendered.type_name, &rendered.body, None);
        assert!(schema.is_valid(&line), "{line}");
    }
}

#[test]
fn what_a_watch_adds_to_a_message_fits() {
    let schema = validator();
    let body = "\"chat_id\":\"oc_1\",\"chat_type\":\"group\",\"message_id\":\"om_1\",\"message_type\":\"text\",\
                \"sender_id\":\"ou_1\",\"sender_type\":\"user\",\"mentioned\":true,\"mention\":\"me\",\"content\":\"x\",\
                \"create_time\":\"2026-01-01T00:00:00.000Z\",\"trust\":\"stranger\",\"event_type\":\"e\"";
    let plain = line("message", body, None);
    let bytes = serde_json::to_vec(&plain).unwrap();
    let (whole, message) = event::taken_apart(&bytes).unwrap();
    let earlier = json!({"message_id": "om_0", "sender_id": "ou_2", "sender_name": "Li", "sender_type": "bot",
        "create_time": "2026-01-01T00:00:00.000Z", "content": "before"});
    let added = json!({"profiles": ["alice"], "mentioned_profiles": [], "coalesced_late": true,
        "context": [earlier]});
    let mut out = Vec::new();
    whole.write_with(&message, &serde_json::from_value(added).unwrap(), &mut out);
    let line: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(line["context"][0]["content"], "before");
    assert!(schema.is_valid(&line), "{line}");
}

#[test]
fn a_line_with_a_key_too_many_or_too_few_does_not_fit() {
    let schema = validator();
    let good = line("rooma.connecting", "\"attempt\":1", None);
    assert!(schema.is_valid(&good));
    let mut more = good.clone();
    more["surprise"] = json!(1);
    assert!(!schema.is_valid(&more));
    let mut less = good;
    less.as_object_mut().unwrap().remove("attempt");
    assert!(!schema.is_valid(&less));
}
