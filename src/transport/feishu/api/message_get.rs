//! `GET im/v1/messages/:message_id`, asked in the form that names bots by their apps.

use std::sync::Arc;

use serde::Deserialize;

use super::super::call::Call;
use super::super::loose::{self, List, Rows};
use super::super::mention::is_app;
use super::super::rest::Rest;
use super::super::tidy;
use super::body::data;
use crate::error::Result;

/// Who is behind a message, as the history tells it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Reread {
    /// The app of a bot that wrote it.
    pub sender_app: Option<String>,
    pub sender_name: Option<String>,
    /// Each bot mentioned.
    pub mentioned_apps: Vec<MentionedApp>,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct MentionedApp {
    pub key: String,
    pub app_id: String,
    pub name: String,
}

impl Reread {
    /// The app behind a mention. Keys may be counted otherwise than in a delivery: where the name stands at another
    /// one, it decides. Where it stands nowhere, as people may see names in several languages, the key does.
    pub fn app_of(&self, key: &str, name: &str) -> Option<&str> {
        let apps = &self.mentioned_apps;
        let by_key = apps.iter().find(|app| app.key == key);
        let mut named = apps.iter().filter(|app| !name.is_empty() && app.name == name);
        let found = match (by_key, named.next(), named.next()) {
            (Some(app), _, _) if app.name == name => Some(app),
            (_, Some(app), None) => Some(app),
            (_, Some(_), Some(_)) => None,
            (app, None, _) => app,
        };
        found.map(|app| app.app_id.as_str())
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Data {
    items: Rows<Item>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Item {
    #[serde(deserialize_with = "loose::some_object")]
    sender: Option<Sender>,
    mentions: List<Mention>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Sender {
    #[serde(deserialize_with = "loose::text")]
    id: String,
    #[serde(deserialize_with = "loose::text")]
    id_type: String,
    #[serde(deserialize_with = "loose::some_text")]
    sender_name: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Mention {
    #[serde(deserialize_with = "loose::text")]
    key: String,
    #[serde(deserialize_with = "loose::text")]
    id: String,
    #[serde(deserialize_with = "loose::some_text")]
    name: Option<String>,
}

pub async fn message_get(rest: &Arc<Rest>, message_id: &str) -> Result<Reread> {
    let path = ["im", "v1", "messages", message_id];
    // With this parameter bots are named by app id, which can be compared; without it by open_id.
    let data: Data = data(rest, Call::get(&path, &[("user_id_type", "open_id")])).await?;
    Ok(data.items.items.into_iter().next().map(reread).unwrap_or_default())
}

fn reread(item: Item) -> Reread {
    let mentions = item.mentions.0.into_iter().filter(|mention| is_app(&mention.id));
    let mentioned_apps = mentions
        .map(|mention| MentionedApp {
            key: mention.key,
            app_id: mention.id,
            name: tidy::name(mention.name.as_deref().unwrap_or_default()),
        })
        .collect();
    let Some(sender) = item.sender else { return Reread { mentioned_apps, ..Reread::default() } };
    let by_app = sender.id_type == "app_id" || is_app(&sender.id);
    Reread { sender_app: by_app.then_some(sender.id), sender_name: sender.sender_name, mentioned_apps }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apps_are_told_from_people() {
        let item: Item = serde_json::from_str(
            r#"{"message_id":"om_1","sender":{"id":"cli_b","id_type":"app_id","sender_type":"app"},
                "mentions":[{"key":"@_user_1","id":"cli_a","name":"A"},{"key":"@_user_2","id":"ou_li"}]}"#,
        )
        .unwrap();
        let wanted = Reread {
            sender_app: Some("cli_b".into()),
            sender_name: None,
            mentioned_apps: vec![MentionedApp {
                key: "@_user_1".into(),
                app_id: "cli_a".into(),
                name: "A".into(),
            }],
        };
        assert_eq!(reread(item), wanted);
    }

    #[test]
    fn a_mention_that_was_counted_otherwise_is_found_by_its_name() {
        let app = |key: &str, app_id: &str, name: &str| MentionedApp {
            key: key.into(),
            app_id: app_id.into(),
            name: name.into(),
        };
        let apps = vec![app("1", "cli_a", "Alpha"), app("2", "cli_b", "Bravo"), app("3", "cli_c", "Bravo")];
        let reread = Reread { mentioned_apps: apps, ..Reread::default() };
        let cases = [
            ("1", "Alpha", Some("cli_a")),
            ("1", "", Some("cli_a")),
            ("2", "Alpha", Some("cli_a")),
            ("3", "Bravo", Some("cli_c")),
            ("1", "Bravo", None),
            ("1", "Echo", Some("cli_a")),
            ("4", "", None),
        ];
        for (key, name, wanted) in cases {
            assert_eq!(reread.app_of(key, name), wanted, "{key} {name}");
        }
    }
}
