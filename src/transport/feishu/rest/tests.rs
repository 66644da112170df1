//! Calls on their way: with a token that is not taken, and to addresses that are none.

use std::time::Duration;

use serde_json::json;

use super::super::account::Account;
use super::super::canned::{Answers, Canned, TOKEN};
use super::super::codes::STALE_TOKEN;
use crate::error::{Kind, Result};
use crate::event::Resource;
use crate::event::ids::{ChatId, MessageId};
use crate::transport::outgoing::Outgoing;
use crate::transport::verbs::{Acting, Target};

const CALLS: [(&str, u16); 4] = [
    ("POST /open-apis/im/v1/messages", 400),
    ("POST /open-apis/im/v1/messages/om_1/reply", 401),
    ("GET /open-apis/im/v1/chats", 400),
    ("GET /open-apis/im/v1/messages/om_1/resources/k", 400),
];

async fn call(account: &Account, path: &str) -> Result<()> {
    let text = Outgoing::text("hi");
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

/// Keys come from what strangers wrote; however one got here, it does not get into an address.
#[tokio::test]
async fn what_leads_elsewhere_is_asked_of_nobody() {
    let canned = Canned::start().await;
    const BOT: &str = "GET /open-apis/bot/v3/info";
    let bot = json!({"code": 0, "bot": {"app_name": "Helper", "open_id": "ou_me"}});
    canned.answer(&Answers::from([(BOT.to_owned(), (200, bot))]));
    let account = canned.account();
    for odd in ["", "..", "oc_/../../bot/v3/info", "oc_x?a=b", "oc_%2e%2e", "oc_\n", "a/../../../bot"] {
        let (chat, message) = (ChatId::new(odd), MessageId::new(odd));
        let key = Resource { key: odd.to_owned(), r#type: "file".to_owned(), name: None };
        let errors = [
            account.chat_info(&chat).await.unwrap_err(),
            account.message(&message).await.unwrap_err(),
            account.recall(&message).await.unwrap_err(),
            account.download(&MessageId::new("om_1"), &key).await.map(drop).unwrap_err(),
        ];
        assert!(errors.iter().all(|error| error.kind == Kind::Validation && !error.retryable), "{errors:?}");
    }
    let asked = canned.asked();
    let expected = [TOKEN, BOT];
    assert!(asked.iter().all(|path| expected.contains(&path.as_str())), "{asked:?}");
}
