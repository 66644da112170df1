//! The table of golden contents: what each payload becomes, pushed, caught up with and read from the history alike.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use crate::event::{ChatType, LINE_MAX, Message, Rendered};
use crate::transport::feishu::known::Known;
use crate::transport::feishu::mention::{Doubt, Me};
use crate::transport::feishu::normalize::{Verdict, View, normalise};
use crate::transport::feishu::past::{self, Scene, Wire};
use crate::transport::{Identity, Siblings, Transport};

const ME: Me<'static> = Me { app_id: "cli_a0b1c2d3e4f50617", open_id: "ou_bot", name: "Helper" };

/// Files of the table, and the type of the messages in them where they do not say.
const FILES: [(&str, &str); 4] =
    [("posts", "post"), ("cards", "interactive"), ("system", "system"), ("others", "")];

fn identity() -> Identity {
    let siblings = Siblings::default();
    siblings.set([(ME.app_id.to_owned(), "alice".into())]);
    Identity {
        profile: "alice".into(),
        transport: Transport::Feishu,
        app_id: ME.app_id.into(),
        app_secret: "s".to_owned().into(),
        base_url: None,
        siblings,
        sights: Default::default(),
    }
}

fn known() -> Known {
    let mut known = Known::default();
    known.learn_name("ou_u1", "Ann");
    known
}

struct Row {
    name: String,
    message_type: String,
    content: String,
    mentions: Vec<Value>,
    becomes: Value,
}

fn table() -> Vec<Row> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/content");
    let mut table = Vec::new();
    for (file, message_type) in FILES {
        let text = std::fs::read_to_string(folder.join(format!("{file}.json"))).unwrap();
        let rows: Vec<Value> = serde_json::from_str(&text).unwrap();
        table.extend(rows.into_iter().map(|row| Row {
            name: format!("{file}/{}", row["name"].as_str().unwrap()),
            message_type: row["message_type"].as_str().unwrap_or(message_type).to_owned(),
            content: row["content"].as_str().map_or_else(|| row["content"].to_string(), str::to_owned),
            mentions: row["mentions"].as_array().cloned().unwrap_or_default(),
            becomes: row["becomes"].clone(),
        }));
    }
    table
}

/// What an agent acts on.
fn shown(line: &Value) -> Value {
    let content: Vec<&str> = line["content"].as_str().unwrap().split('\n').collect();
    let mut shown = json!({ "content": content });
    for key in ["resources", "mention", "mentions", "truncated"] {
        if !line[key].is_null() && line[key] != "none" {
            shown[key] = line[key].clone();
        }
    }
    shown
}

fn pushed(message_type: &str, content: &str, mentions: &[Value]) -> Value {
    let mentions: Vec<Value> = mentions
        .iter()
        .map(|mention| {
            json!({"key": mention["key"], "id": {"open_id": mention["id"]}, "name": mention["name"],
                "mentioned_type": mention["type"]})
        })
        .collect();
    let payload = json!({
        "schema": "2.0", "header": {"event_id": "ev1", "event_type": "im.message.receive_v1", "app_id": ME.app_id},
        "event": {
            "sender": {"sender_id": {"open_id": "ou_u1"}, "sender_type": "user"},
            "message": {"message_id": "om_1", "chat_id": "oc_1", "chat_type": "group", "message_type": message_type,
                "create_time": "1767225600000", "content": content, "mentions": mentions},
        },
    });
    let (identity, known) = (identity(), known());
    let view = View { identity: &identity, me: ME, known: &known, doubt: Doubt::Name, poison: None };
    let Verdict::Events(events) = normalise(payload.to_string().as_bytes(), view).verdict else {
        panic!("no line for {content}");
    };
    crate::event::stored(&Rendered::new(&events[0].event).body).unwrap()
}

fn listed(message_type: &str, content: &str, mentions: &[Value]) -> String {
    let mentions: Vec<Value> = mentions
        .iter()
        .map(|mention| json!({"key": mention["key"], "id": mention["id"], "id_type": "open_id", "name": mention["name"]}))
        .collect();
    json!({
        "message_id": "om_1", "chat_id": "oc_1", "msg_type": message_type, "create_time": "1767225600000",
        "sender": {"id": "ou_u1", "id_type": "open_id", "sender_type": "user"},
        "body": {"content": content}, "mentions": mentions,
    })
    .to_string()
}

fn caught_up(listed: &str) -> Message {
    let wire: Wire<'_> = serde_json::from_str(listed).unwrap();
    past::message(&wire, &identity(), ME, &known(), Scene { chat_type: ChatType::Group }).unwrap()
}

#[test]
fn every_payload_becomes_what_the_table_says() {
    let (mut wrong, mut names) = (Vec::new(), BTreeSet::new());
    for row in table() {
        assert!(names.insert(row.name.clone()), "{} is there twice", row.name);
        let line = shown(&pushed(&row.message_type, &row.content, &row.mentions));
        if line != row.becomes {
            wrong.push(format!("{}\t{line}", row.name));
        }
    }
    assert!(names.len() >= 100, "{}", names.len());
    assert!(wrong.is_empty(), "these become something else:\n{}", wrong.join("\n"));
}

#[test]
fn what_is_caught_up_with_or_read_is_what_was_pushed() {
    for row in table() {
        let listed = listed(&row.message_type, &row.content, &row.mentions);
        let line = serde_json::to_value(caught_up(&listed)).unwrap();
        let pushed = pushed(&row.message_type, &row.content, &row.mentions);
        for key in ["content", "resources", "mention", "truncated"] {
            assert_eq!(line[key], pushed[key], "{} caught up with", row.name);
        }
        let wire: Wire<'_> = serde_json::from_str(&listed).unwrap();
        let read = serde_json::to_value(past::render(&wire, &identity(), ME, &known())).unwrap();
        // Only a line has to say where more is to be read.
        if !row.name.ends_with("placeholder_of_old_clients") {
            for key in ["content", "resources", "truncated"] {
                assert_eq!(read[key], pushed[key], "{} read", row.name);
            }
        }
    }
}

/// A text that somebody sees, somewhere in a payload: no looks, no doings, no other languages.
#[test]
fn nothing_becomes_white_space_or_a_bare_type_where_it_held_words() {
    for row in table() {
        let content =
            pushed(&row.message_type, &row.content, &row.mentions)["content"].as_str().unwrap().to_owned();
        assert!(!content.trim().is_empty() || row.message_type == "text", "{} is blank", row.name);
        let bare = content == format!("[{}]", row.message_type);
        assert_eq!(
            bare,
            row.name.ends_with("nothing") || WORDLESS.contains(&row.name.as_str()),
            "{}: {content}",
            row.name
        );
    }
}

const WORDLESS: [&str; 4] =
    ["posts/nothing_but_white_space", "cards/empty", "others/text_blank", "others/unknown"];

#[test]
fn every_element_of_the_table_of_tags_has_a_payload() {
    let payloads: String =
        table().into_iter().map(|row| row.content).collect::<String>().replace(['\\', ' '], "");
    let missing: Vec<&str> = super::tags::TABLE
        .iter()
        .filter(|(tags, _)| !tags.iter().any(|tag| payloads.contains(&format!("\"tag\":\"{tag}\""))))
        .map(|(tags, _)| tags[0])
        .filter(|tag| !matches!(*tag, "" | "standard_icon" | "br" | "sticker"))
        .collect();
    assert_eq!(missing, [""; 0]);
}

#[test]
fn whatever_does_not_fit_is_said_to_be_left_out() {
    let rows = |count: usize, node: &dyn Fn(usize) -> Value| -> String {
        let rows: Vec<Value> = (0..count).map(|n| json!([node(n)])).collect();
        json!({"title": "", "content": rows}).to_string()
    };
    for (what, content) in [
        ("rows", rows(20_000, &|n| json!({"tag": "text", "text": format!("row number {n}")}))),
        ("pictures", rows(3_000, &|n| json!({"tag": "img", "image_key": format!("img_v3_{n:040}")}))),
        ("mentions", rows(3_000, &|n| json!({"tag": "at", "user_id": format!("ou_{n:032}")}))),
        ("one word", rows(1, &|_| json!({"tag": "text", "text": "x".repeat(200_000)}))),
        ("quotation marks", rows(1, &|_| json!({"tag": "text", "text": "\"".repeat(100_000)}))),
    ] {
        let line = pushed("post", &content, &[]);
        assert_eq!(line["truncated"], true, "{what}");
        assert!(line.to_string().len() < LINE_MAX, "{what}: {}", line.to_string().len());
        let listed = listed("post", &content, &[]);
        let message = caught_up(&listed);
        let cut_later = matches!(what, "quotation marks");
        assert!(message.truncated == Some(true) || cut_later, "{what} caught up with");
    }
    let table = json!({"schema": "2.0", "body": {"elements": [{"tag": "table",
        "columns": (0..3000).map(|n| json!({"name": format!("c{n}")})).collect::<Vec<_>>(),
        "rows": vec![json!({"c0": 1}); 20_000]}]}});
    assert_eq!(pushed("interactive", &table.to_string(), &[])["truncated"], true);
}

#[test]
fn ordinary_posts_are_whole_however_many_rows_they_have() {
    let rows: Vec<Value> = (0..3000).map(|n| json!([{"tag": "text", "text": format!("row {n}")}])).collect();
    let line = pushed("post", &json!({"title": "", "content": rows}).to_string(), &[]);
    assert!(line["truncated"].is_null());
    assert_eq!(line["content"].as_str().unwrap().lines().count(), 3000);
}

#[test]
fn what_is_nested_deeper_than_anybody_would_keeps_its_words() {
    let nested = |depth: usize| {
        let mut element = json!({"tag": "markdown", "content": "the bottom"});
        for _ in 0..depth {
            element = json!({"tag": "column_set", "columns": [{"tag": "column", "elements": [element]}]});
        }
        json!({"elements": [element]}).to_string()
    };
    let line = pushed("interactive", &nested(20), &[]);
    assert_eq!((&line["content"], line["truncated"].is_null()), (&json!("the bottom"), true));
    // Deeper than the JSON reader goes.
    let line = pushed("interactive", &nested(60), &[]);
    assert_eq!((&line["content"], &line["truncated"]), (&json!("the bottom"), &json!(true)));
    let line = pushed("post", r#"{"title":"T","content":[[{"tag":"text","text":"x"},{"tag":"te"#, &[]);
    assert_eq!((&line["content"], &line["truncated"]), (&json!("T\nx"), &json!(true)));
}

/// Strangers choose what is in here.
#[test]
fn contents_of_any_kind_are_read_in_time_and_say_something() {
    let corpus: Vec<Vec<u8>> = table().into_iter().map(|row| row.content.into_bytes()).collect();
    crate::fuzz::run("contents", &corpus, |bytes| {
        let content = String::from_utf8_lossy(bytes);
        for message_type in ["post", "interactive", "system", "text", "todo", "vote", "hologram"] {
            let line = pushed(message_type, &content, &[]);
            let text = line["content"].as_str().unwrap();
            assert!(!text.trim().is_empty() || message_type == "text", "{message_type}: {content}");
        }
    });
}

/// Keys are strangers' too: a chart names the fields of its own points.
#[test]
fn a_field_of_any_name_is_looked_for() {
    let value = json!({"": "nothing", "é": "accent", "i18nÉ": {"zh_cn": "z"}});
    let node = super::node::Node::of(&value).unwrap();
    for key in ["", "é", "你_好", "a_é"] {
        assert_eq!(node.get(key), value.get(key), "{key}");
    }
    // Spelt the other way these are the empty name, and another's.
    assert_eq!((node.get("__"), node.get("x_")), (value.get(""), None));
}
