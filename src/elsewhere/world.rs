//! What is said elsewhere, and who hears it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::sync::mpsc::UnboundedSender;

use crate::clock::rfc3339_ms;
use crate::error::{Error, Kind, Result};
use crate::event::ids::MessageId;

/// What is said in one installation, by the address that profiles give.
static WORLDS: Mutex<BTreeMap<String, Arc<Mutex<World>>>> = Mutex::new(BTreeMap::new());

#[derive(Default)]
pub struct World {
    pub said: Vec<Said>,
    pub members: BTreeMap<String, BTreeSet<String>>,
    pub online: BTreeMap<String, UnboundedSender<Said>>,
}

#[derive(Clone, Debug)]
pub struct Said {
    pub id: String,
    pub chat: String,
    pub by: String,
    pub text: String,
    pub at: i64,
    key: String,
}

impl World {
    pub fn at(address: &str) -> Arc<Mutex<World>> {
        let mut worlds = WORLDS.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(worlds.entry(address.to_owned()).or_default())
    }

    /// Delivered once, to whoever listens: what people say to all, what bots say to nobody.
    pub fn say(&mut self, at: i64, chat: &str, by: &str, text: &str, key: &str) -> Said {
        if let Some(same) = self
            .said
            .iter()
            .find(|said| !key.is_empty() && (said.by.as_str(), said.key.as_str()) == (by, key))
        {
            return same.clone();
        }
        let id = format!("{chat}/{}\"", self.said.len());
        let said = Said { id, chat: chat.into(), by: by.into(), text: text.into(), at, key: key.into() };
        self.said.push(said.clone());
        let here = self.members.get(chat).into_iter().flatten().filter(|_| !by.starts_with("B:"));
        here.filter_map(|bot| self.online.get(bot)).for_each(|online| drop(online.send(said.clone())));
        said
    }

    /// As a line or a history has it, seen by the bot `me`.
    pub fn told<T: DeserializeOwned>(
        &self,
        said: &Said,
        me: &str,
        ours: impl Fn(&str) -> Option<String>,
    ) -> Result<T> {
        let bot = said.by.strip_prefix("B:");
        let named = |id: &str| said.text.contains(&format!("@{}", &id[2..]));
        let mention =
            |id: &String| json!({"id": id, "name": id[2..], "type": "bot", "profile": ours(&id[2..])});
        let told = json!({
            "message_id": said.id, "chat_id": said.chat, "chat_type": "group", "message_type": "note", "content": said.text,
            "sender_id": said.by, "sender_name": said.by[2..], "sender_type": if bot.is_some() { "bot" } else { "user" },
            "sender_profile": bot.and_then(&ours), "create_time": rfc3339_ms(said.at), "trust": "stranger",
            "mentioned": named(me), "mention": if named(me) { "me" } else { "none" }, "event_type": "note",
            "mentions": self.here(&said.chat).iter().filter(|id| named(id)).map(mention).collect::<Vec<_>>(),
            "sender": {"id": said.by, "id_type": "any", "sender_type": "any"},
        });
        serde_json::from_value(told).map_err(|error| Error::internal(error.to_string()))
    }

    pub fn found(&self, id: &MessageId) -> Result<Said> {
        let found = self.said.iter().find(|said| said.id == id.as_str()).cloned();
        found.ok_or_else(|| Error::new(Kind::Api, "there is no such message"))
    }

    pub fn here(&self, chat: &str) -> BTreeSet<String> {
        self.members.get(chat).cloned().unwrap_or_default()
    }

    pub fn chats_of(&self, bot: &str) -> Vec<String> {
        self.members.iter().filter(|(_, here)| here.contains(bot)).map(|(chat, _)| chat.clone()).collect()
    }

    pub fn in_chat(&self, chat: &str, since: i64) -> Vec<Said> {
        self.said.iter().filter(|said| said.chat == chat && said.at >= since).cloned().collect()
    }

    /// Whoever is connected as this bot is no more.
    pub fn cut(&mut self, bot: &str) {
        self.online.remove(bot);
    }
}
