//! Every answer of the platform with every value of it in another type: a verb takes what is said in another way as
//! the same, gives what it can of the rest, and says what is missing.

use std::collections::BTreeSet;
use std::pin::Pin;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::account::Account;
use super::canned::{Answers, Canned, TOKEN};
use crate::core::hearing::Hears;
use crate::error::Result;
use crate::event::ids::{ChatId, MessageId};
use crate::event::{ChatType, Rendered};
use crate::transport::Missing;
use crate::transport::outgoing::Outgoing;
use crate::transport::verbs::{HistoryQuery, PersonId, Place, Target, Upload};

type Verb = fn(Account) -> Pin<Box<dyn Future<Output = Result<Value>> + Send>>;

/// A verb, what the platform answers to it, and the values without which the answer is another.
struct Case {
    name: &'static str,
    verb: Verb,
    answers: Vec<(&'static str, Value)>,
    vital: &'static [&'static str],
}

macro_rules! verb {
    (|$account:ident| $body:expr) => {
        |$account: Account| Box::pin(async move { Ok(serde_json::to_value($body).unwrap()) })
    };
}

const CHAT: &str = "GET /open-apis/im/v1/chats/oc_1";
const MEMBERS: &str = "GET /open-apis/im/v1/chats/oc_1/members";
const BOTS: &str = "GET /open-apis/im/v1/chats/oc_1/members/bots";
const HISTORY: &str = "GET /open-apis/im/v1/messages";
const MESSAGE: &str = "GET /open-apis/im/v1/messages/om_1";
const ANNOUNCED: &str = "GET /open-apis/docx/v1/chats/oc_1/announcement";

fn ok(data: Value) -> Value {
    json!({"code": 0, "msg": "success", "data": data})
}

fn message(number: u32) -> Value {
    json!({
        "message_id": format!("om_{number}"), "root_id": "om_0", "parent_id": "om_0", "thread_id": "omt_1",
        "msg_type": "text", "create_time": (1_767_225_600_000_u64 + u64::from(number)).to_string(),
        "update_time": "1767225600999", "deleted": false, "updated": true, "chat_id": "oc_1",
        "sender": {"id": format!("ou_{number}"), "id_type": "open_id", "sender_type": "user", "sender_name": "Li"},
        "body": {"content": "{\"text\":\"@_user_1 hi\"}"},
        "mentions": [{"key": "@_user_1", "id": "ou_9", "id_type": "open_id", "name": "Ann"}],
        "upper_message_id": "",
    })
}

fn messages() -> Value {
    ok(json!({"has_more": true, "page_token": "p1", "items": [message(3), message(2), message(1)]}))
}

fn bot() -> (&'static str, Value) {
    let bot = json!({"activate_status": 2, "app_name": "Helper", "open_id": "ou_me"});
    ("GET /open-apis/bot/v3/info", json!({"code": 0, "msg": "ok", "bot": bot}))
}

fn token() -> (&'static str, Value) {
    (TOKEN, json!({"code": 0, "msg": "ok", "tenant_access_token": "t-1", "expire": 7200}))
}

fn query() -> HistoryQuery {
    let place = Place::Chat(ChatId::new("oc_1"));
    HistoryQuery { place, limit: 10, since: Some(1), until: None, before: None }
}

fn text() -> Outgoing {
    Outgoing::text("hi")
}

fn reading() -> Vec<Case> {
    let chat = |id: &str| {
        json!({"chat_id": id, "name": "Lobby", "description": "d", "chat_mode": "group",
        "chat_status": "normal", "owner_id": "ou_1", "external": false})
    };
    let person = |id: &str| json!({"member_id_type": "open_id", "member_id": id, "name": "Li"});
    let robot = |id: &str| json!({"bot_id": id, "bot_name": "Bob"});
    let block =
        |text: &str| json!({"block_type": 2, "text": {"elements": [{"text_run": {"content": text}}]}});
    let info = json!({"name": "Lobby", "description": "d", "chat_mode": "group", "chat_type": "private",
        "chat_status": "normal", "user_count": "2", "bot_count": "1", "owner_id": "ou_1", "external": true});
    vec![
        Case {
            name: "chats",
            verb: verb!(|account| account.chats(None).await?),
            answers: vec![
                (
                    "GET /open-apis/im/v1/chats",
                    ok(
                        json!({"items": [chat("oc_1"), chat("oc_2"), chat("oc_3")], "has_more": true, "page_token": "p"}),
                    ),
                ),
                token(),
            ],
            vital: &["/code", "/tenant_access_token"],
        },
        Case {
            name: "chat-info",
            verb: verb!(|account| account.chat_info(&ChatId::new("oc_1")).await?),
            answers: vec![
                (CHAT, ok(info.clone())),
                (
                    ANNOUNCED,
                    ok(json!({"revision_id": 3, "update_time": "1767225600", "announcement_type": "docx"})),
                ),
                (
                    "GET /open-apis/docx/v1/chats/oc_1/announcement/blocks",
                    ok(json!({"items": [block("one"), block("two")], "has_more": false})),
                ),
            ],
            vital: &["/code"],
        },
        Case {
            name: "chat-info of an older group",
            verb: verb!(|account| account.chat_info(&ChatId::new("oc_1")).await?),
            answers: vec![
                (CHAT, ok(info)),
                (ANNOUNCED, ok(json!({"update_time": "1767225600", "announcement_type": "doc"}))),
                (
                    "GET /open-apis/im/v1/chats/oc_1/announcement",
                    ok(
                        json!({"content": "{\"paragraph\":{\"textRun\":{\"text\":\"hi\"}}}", "revision": "1"}),
                    ),
                ),
            ],
            vital: &["/code"],
        },
        Case {
            name: "members",
            verb: verb!(|account| account.members(&ChatId::new("oc_1")).await?),
            answers: vec![
                (
                    MEMBERS,
                    ok(
                        json!({"items": [person("ou_1"), person("ou_2")], "page_token": "", "has_more": false, "member_total": 2}),
                    ),
                ),
                (BOTS, ok(json!({"items": [robot("ou_8"), robot("ou_9")]}))),
                bot(),
            ],
            vital: &["/code"],
        },
        Case {
            name: "pull",
            verb: verb!(|account| account.history(&query()).await?),
            answers: vec![(HISTORY, messages()), bot()],
            vital: &["/code", "/bot", "/bot/open_id"],
        },
        Case {
            name: "thread",
            verb: verb!(|account| account.thread(&MessageId::new("om_1"), 10).await?),
            answers: vec![(MESSAGE, ok(json!({"items": [message(1)]}))), (HISTORY, messages()), bot()],
            vital: &[
                "/code",
                "/bot",
                "/bot/open_id",
                "/data",
                "/data/items",
                "/data/items/0",
                "/data/items/0/thread_id",
            ],
        },
        Case {
            name: "what was missed",
            verb: verb!(|account| {
                let place = Place::Chat(ChatId::new("oc_1"));
                let hears = Hears { everybody: true, bots: true, every_bot: true };
                let (chat_type, since) = (ChatType::Group, 1);
                let missed = account
                    .missed(&Missing { place, chat_type, since, until: None, limit: 9, hears })
                    .await?;
                let lines: Vec<String> =
                    missed.messages.iter().map(|message| Rendered::new(&message.event).body).collect();
                json!({"lines": lines, "unread": missed.unread})
            }),
            answers: vec![(HISTORY, messages()), bot()],
            vital: &["/code", "/bot", "/bot/open_id"],
        },
        Case {
            name: "whoami",
            verb: verb!(|account| account.myself().await?),
            answers: vec![bot(), token()],
            vital: &["/code", "/bot", "/bot/open_id", "/tenant_access_token"],
        },
        Case {
            name: "person",
            verb: verb!(|account| account.person("on_1", Some(&ChatId::new("oc_1"))).await?),
            answers: vec![(
                "GET /open-apis/contact/v3/users/on_1",
                ok(json!({"user": {"open_id": "ou_1", "name": "Li"}})),
            )],
            vital: &["/code", "/data", "/data/user", "/data/user/open_id"],
        },
    ]
}

fn writing() -> Vec<Case> {
    let sent = || {
        ok(
            json!({"message_id": "om_7", "chat_id": "oc_1", "thread_id": "omt_1", "create_time": "1767225600123"}),
        )
    };
    let reaction = || {
        json!({"reaction_id": "r1", "operator": {"operator_id": "cli_a0b1c2d3e4f50617", "operator_type": "app"},
        "action_time": "1767225600123", "reaction_type": {"emoji_type": "OK"}})
    };
    vec![
        Case {
            name: "send",
            verb: verb!(|account| {
                let target = Target::Person(PersonId::Union("on_1".to_owned()));
                account.send(&target, &text(), "u").await?
            }),
            answers: vec![("POST /open-apis/im/v1/messages", sent())],
            vital: &["/code", "/data", "/data/message_id"],
        },
        Case {
            name: "reply",
            verb: verb!(|account| {
                let target = Target::Reply { to: MessageId::new("om_1"), in_thread: true };
                account.send(&target, &text(), "u").await?
            }),
            answers: vec![("POST /open-apis/im/v1/messages/om_1/reply", sent())],
            vital: &["/code", "/data", "/data/message_id"],
        },
        Case {
            name: "file",
            verb: verb!(|account| {
                let upload = Upload { name: "a.txt".to_owned(), bytes: "x".into() };
                account.upload(&upload).await?.key
            }),
            answers: vec![("POST /open-apis/im/v1/files", ok(json!({"file_key": "file_1"})))],
            vital: &["/code", "/data", "/data/file_key"],
        },
        Case {
            name: "image",
            verb: verb!(|account| {
                let upload = Upload { name: "a.png".to_owned(), bytes: "\u{89}PNG".into() };
                let image = Upload { bytes: b"\x89PNG".as_slice().into(), ..upload };
                account.upload(&image).await?.key
            }),
            answers: vec![("POST /open-apis/im/v1/images", ok(json!({"image_key": "img_1"})))],
            vital: &["/code", "/data", "/data/image_key"],
        },
        Case {
            name: "react",
            verb: verb!(|account| account.react(&MessageId::new("om_1"), "OK").await?),
            answers: vec![("POST /open-apis/im/v1/messages/om_1/reactions", ok(reaction()))],
            vital: &["/code"],
        },
        Case {
            name: "unreact",
            verb: verb!(|account| account.unreact(&MessageId::new("om_1"), "OK").await?),
            answers: vec![
                (
                    "GET /open-apis/im/v1/messages/om_1/reactions",
                    ok(json!({"items": [reaction()], "has_more": false, "page_token": ""})),
                ),
                ("DELETE /open-apis/im/v1/messages/om_1/reactions/r1", ok(json!({}))),
            ],
            vital: &[
                "/code",
                "/data",
                "/data/items",
                "/data/items/0",
                "/data/items/0/operator",
                "/data/items/0/operator/operator_id",
                "/data/items/0/reaction_id",
            ],
        },
        Case {
            name: "edit and recall",
            verb: verb!(|account| {
                let id = MessageId::new("om_1");
                account.edit(&id, &text()).await?;
                account.recall(&id).await?
            }),
            answers: vec![
                ("PUT /open-apis/im/v1/messages/om_1", ok(json!({"message_id": "om_1"}))),
                ("DELETE /open-apis/im/v1/messages/om_1", ok(json!({}))),
            ],
            vital: &["/code"],
        },
    ]
}

/// Where each value stands.
pub fn pointers(value: &Value, at: String, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            object.iter().for_each(|(key, value)| pointers(value, format!("{at}/{key}"), found))
        }
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(index, value)| pointers(value, format!("{at}/{index}"), found))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    if !at.is_empty() {
        found.push(at);
    }
}

/// The same said in another type.
pub fn reworded(value: &Value) -> Option<Value> {
    match value {
        Value::Bool(_) | Value::Number(_) => Some(Value::String(value.to_string())),
        Value::String(text) => text.parse::<u64>().ok().map(Value::from),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Something else altogether; the last one stands for "not there at all".
pub fn spoilt() -> [Option<Value>; 7] {
    [
        Some(Value::Null),
        Some(json!(7)),
        Some(json!("x")),
        Some(json!(true)),
        Some(json!([])),
        Some(json!({})),
        None,
    ]
}

pub fn put(answer: &mut Value, pointer: &str, value: Option<Value>) {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let Some(parent) = answer.pointer_mut(parent) else { return };
    match (parent, value) {
        (Value::Object(object), Some(value)) => drop(object.insert(key.to_owned(), value)),
        (Value::Object(object), None) => drop(object.remove(key)),
        (Value::Array(list), value) => {
            if let Some(element) = key.parse::<usize>().ok().and_then(|at| list.get_mut(at)) {
                *element = value.unwrap_or(Value::Null);
            }
        }
        (_, _) => {}
    }
}

fn answers(case: &Case) -> Answers {
    case.answers.iter().map(|(path, answer)| ((*path).to_owned(), (200, answer.clone()))).collect()
}

/// The ids in a value that tell its items apart.
fn ids(value: &Value) -> BTreeSet<String> {
    let text = value.to_string();
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let id = |word: &&str| ["om_", "oc_", "ou_"].iter().any(|start| word.starts_with(start));
    words.filter(id).map(str::to_owned).collect()
}

async fn run(canned: &Canned, case: &Case, answers: &Answers) -> Result<Value> {
    canned.answer(answers);
    (case.verb)(canned.account()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_in_another_type_is_the_same() {
    let (canned, mut tried) = (Canned::start().await, 0);
    for case in reading().into_iter().chain(writing()) {
        let whole = run(&canned, &case, &answers(&case)).await.unwrap();
        for (path, answer) in &case.answers {
            let mut found = Vec::new();
            pointers(answer, String::new(), &mut found);
            for pointer in found {
                let Some(other) = reworded(answer.pointer(&pointer).unwrap()) else { continue };
                let mut changed = answers(&case);
                put(&mut changed.get_mut(*path).unwrap().1, &pointer, Some(other.clone()));
                let told = run(&canned, &case, &changed).await;
                assert_eq!(
                    told.as_ref().ok(),
                    Some(&whole),
                    "{}: {path} {pointer} as {other}: {told:?}",
                    case.name
                );
                tried += 1;
            }
        }
    }
    assert!(tried > 90, "{tried}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_makes_no_sense_costs_nothing_but_itself() {
    let (canned, mut tried) = (Canned::start().await, 0);
    for case in reading().into_iter().chain(writing()) {
        let whole = run(&canned, &case, &answers(&case)).await.unwrap();
        for (path, answer) in &case.answers {
            let mut found = Vec::new();
            pointers(answer, String::new(), &mut found);
            for pointer in found {
                for other in spoilt() {
                    let mut changed = answers(&case);
                    put(&mut changed.get_mut(*path).unwrap().1, &pointer, other.clone());
                    let told = run(&canned, &case, &changed).await;
                    tried += 1;
                    let context = format!("{}: {path} {pointer} as {other:?}: {told:?}", case.name);
                    let vital = case.vital.contains(&pointer.as_str());
                    let told = match told {
                        Ok(told) if !vital => told,
                        // One of several calls: the others still count.
                        Ok(_) | Err(_) if vital => continue,
                        Ok(_) | Err(_) => panic!("{context}"),
                    };
                    let lost: BTreeSet<String> = ids(&whole).difference(&ids(&told)).cloned().collect();
                    let spoilt = ids(answer.pointer(&pointer).unwrap());
                    let elsewhere = lost.iter().find(|id| !spoilt.contains(*id));
                    // An item without its own id is one that cannot be read.
                    let item = pointer.split('/').take(4).collect::<Vec<_>>().join("/");
                    let own = answer.pointer(&item).map(ids).unwrap_or_default();
                    assert!(elsewhere.is_none_or(|id| own.contains(id)), "{context}");
                    let dropped = pointer.starts_with("/data/items/") && pointer == item && !lost.is_empty();
                    let said = ["could not be read", "\"unknown\""]
                        .iter()
                        .any(|word| told.to_string().contains(word));
                    assert!(!dropped || said, "{context}");
                }
            }
        }
    }
    assert!(tried > 1500, "{tried}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    /// Several at once: nothing panics, and nothing takes long.
    #[test]
    fn many_odd_values_at_once_end_in_an_answer_or_an_error(
        picks in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..12),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let canned = Canned::start().await;
            for case in reading().into_iter().chain(writing()) {
                let mut changed = answers(&case);
                for (place, kind) in &picks {
                    let (path, answer) = &case.answers[place.index(case.answers.len())];
                    let mut found = Vec::new();
                    pointers(answer, String::new(), &mut found);
                    let pointer = &found[place.index(found.len())];
                    let other = spoilt()[kind.index(7)].clone();
                    put(&mut changed.get_mut(*path).unwrap().1, pointer, other);
                }
                let end = tokio::time::timeout(std::time::Duration::from_secs(20), run(&canned, &case, &changed));
                assert!(end.await.is_ok(), "{}", case.name);
            }
        });
    }
}
