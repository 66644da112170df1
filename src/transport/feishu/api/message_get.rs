//! `GET im/v1/messages/:message_id`, asked in the form that names bots by their apps.

use std::sync::Arc;

use serde::Deserialize;

use super::super::call::Call;
use super::super::loose::{self, List, Rows};
use super::super::mention::is_app;
use super::super::rest::Rest;
use super::body::data;
use crate::error::Result;

/// Who is behind a message, as the history tells it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Reread {
    /// The app of a bot that wrote it.
    pub sender_app: Option<String>,
    pub sender_name: Option<String>,
    /// Key and app id of each bot mentioned.
    pub mentioned_apps: Vec<(String, String)>,
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
}

pub async fn message_get(rest: &Arc<Rest>, message_id: &str) -> Result<Reread> {
    let path = ["im", "v1", "messages", message_id];
    // With this parameter bots are named by app id, which can be compared; without it by open_id.
    let data: Data = data(rest, Call::get(&path, &[("user_id_type", "open_id")])).await?;
    Ok(data.items.items.into_iter().next().map(reread).unwrap_or_default())
}

fn reread(item: Item) -> Reread {
    let mentions = item.mentions.0.into_iter().filter(|mention| is_app(&mention.id));
    let mentioned_apps = mentions.map(|mention| (mention.key, mention.id)).collect();
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
            mentioned_apps: vec![("@_user_1".into(), "cli_a".into())],
        };
        assert_eq!(reread(item), wanted);
    }
}
