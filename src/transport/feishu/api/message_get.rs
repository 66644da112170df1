//! `GET im/v1/messages/:message_id`, asked in the form that names bots by their apps.

use std::sync::Arc;

use serde::Deserialize;

use super::super::call::Call;
use super::super::mention::is_app;
use super::super::rest::Rest;
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

#[derive(Deserialize)]
struct Body {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    #[serde(default)]
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(default)]
    sender: Option<Sender>,
    #[serde(default)]
    mentions: Vec<Mention>,
}

#[derive(Deserialize)]
struct Sender {
    #[serde(default)]
    id: String,
    #[serde(default)]
    id_type: String,
    #[serde(default)]
    sender_name: Option<String>,
}

#[derive(Deserialize)]
struct Mention {
    #[serde(default)]
    key: String,
    #[serde(default)]
    id: String,
}

pub async fn message_get(rest: &Arc<Rest>, message_id: &str) -> Result<Reread> {
    let path = ["im", "v1", "messages", message_id];
    // With this parameter bots are named by app id, which can be compared; without it by open_id.
    let body: Body = rest.call(Call::get(&path, &[("user_id_type", "open_id")])).await?;
    Ok(body.data.items.into_iter().next().map(reread).unwrap_or_default())
}

fn reread(item: Item) -> Reread {
    let mentions = item.mentions.into_iter().filter(|mention| is_app(&mention.id));
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
