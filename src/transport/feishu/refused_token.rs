//! A token that the platform does not take: one new one, and then the truth.

use std::time::Duration;

use serde_json::json;

use super::account::Account;
use super::canned::{Answers, Canned, TOKEN};
use super::codes::STALE_TOKEN;
use crate::error::{Kind, Result};
use crate::event::Resource;
use crate::event::ids::{ChatId, MessageId};
use crate::transport::verbs::{Acting, Composed, Target};

const CALLS: [(&str, u16); 4] = [
    ("POST /open-apis/im/v1/messages", 400),
    ("POST /open-apis/im/v1/messages/om_1/reply", 401),
    ("GET /open-apis/im/v1/chats", 400),
    ("GET /open-apis/im/v1/messages/om_1/resources/k", 400),
];

async fn call(account: &Account, path: &str) -> Result<()> {
    let text = Composed { message_type: "text".to_owned(), content: "{}".to_owned() };
    let (chat, om_1) = (ChatId::new("oc_1"), MessageId::new("om_1"));
    let resource = Resource { key: "k".to_owned(), r#type: "file".to_owned(), name: None };
    match path {
        "POST /open-apis/im/v1/messages" => account.send(&Target::Chat(chat), &text, "u").await.map(drop),
        "POST /open-apis/im/v1/messages/om_1/reply" => {
            account.send(&Target::Reply { to: om_1, in_thread: false }, &text, "u").await.map(drop)
        }
        "GET /open-apis/im/v1/chats" => account.chats(None).await.map(drop),
        _ => account.download(&om_1, &resource).await.map(drop),
    }
}

#[tokio::test]
async fn a_token_that_is_refused_again_is_not_waited_for() {
    let canned = Canned::start().await;
    let home = tempfile::tempdir().unwrap();
    for (path, status) in CALLS {
        for code in STALE_TOKEN {
            let refused = (status, json!({"code": code, "msg": "Invalid access token"}));
            canned.answer(&Answers::from([(path.to_owned(), refused)]));
            let token_file = home.path().join(format!("{code}{status}{}.json", path.len()));
            let acting = Acting { token_file, patience: Duration::from_secs(30) };
            let error = call(&canned.account().acting(acting), path).await.unwrap_err();
            assert_eq!((error.kind, error.code, error.retryable), (Kind::Authentication, Some(code), false));
            assert!(error.hint.unwrap().contains("app_id and app_secret"), "{path}");
            assert_eq!(
                canned.asked(),
                [TOKEN, path, TOKEN, path],
                "once more with a new one, and no further"
            );
        }
    }
}
