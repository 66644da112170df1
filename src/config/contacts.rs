//! `config/contacts.yaml`: short names of chats and people.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Contacts {
    pub chats: BTreeMap<String, ChatAlias>,
    pub users: BTreeMap<String, UserAlias>,
    /// Whom `rooma help` calls.
    pub escalation: Vec<String>,
}

/// A chat that has one name wherever agents of several platforms sit has several ids.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "expected the id of a chat, or {PROFILE: ID}")]
pub enum ChatAlias {
    Same(String),
    PerProfile(BTreeMap<String, String>),
}

impl ChatAlias {
    /// The id that a profile knows it by.
    pub fn id(&self, profile: &str) -> Option<&str> {
        match self {
            ChatAlias::Same(id) => Some(id),
            ChatAlias::PerProfile(ids) => ids.get(profile).map(String::as_str),
        }
    }
}

/// A person has one id per app, so an alias may hold several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserAlias {
    Same(String),
    PerProfile(BTreeMap<String, String>),
    Union(String),
}

impl Contacts {
    /// The id of a chat as `profile` knows it: of an alias, or the id itself. Absent where the alias has none for it.
    pub fn chat_id<'a>(&'a self, alias: &'a str, profile: &str) -> Option<&'a str> {
        self.chats.get(alias).map_or(Some(alias), |chat| chat.id(profile))
    }

    /// All ids of a chat: of an alias, or the id itself.
    pub fn chat_ids<'a>(&'a self, alias: &'a str) -> Vec<&'a str> {
        match self.chats.get(alias) {
            None => vec![alias],
            Some(ChatAlias::Same(id)) => vec![id],
            Some(ChatAlias::PerProfile(ids)) => ids.values().map(String::as_str).collect(),
        }
    }

    /// The id of a person as `profile`'s app knows it: of an alias, or the id itself, which `is_id` tells. Absent where only
    /// a union id is known, which no event of this app can be compared with.
    pub fn user_id(&self, alias: &str, profile: &str, is_id: impl Fn(&str) -> bool) -> Option<String> {
        match self.users.get(alias) {
            Some(UserAlias::Same(id)) => Some(id.clone()),
            Some(UserAlias::PerProfile(ids)) => ids.get(profile).cloned(),
            Some(UserAlias::Union(_)) => None,
            None => is_id(alias).then(|| alias.to_owned()),
        }
    }
}

impl<'de> Deserialize<'de> for UserAlias {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<UserAlias, D::Error> {
        struct Aliases;
        impl<'de> Visitor<'de> for Aliases {
            type Value = UserAlias;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an id, {PROFILE: ID} or {union_id: ID}")
            }
            fn visit_str<E: serde::de::Error>(self, id: &str) -> Result<UserAlias, E> {
                Ok(UserAlias::Same(id.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<UserAlias, A::Error> {
                let mut ids = BTreeMap::<String, String>::new();
                while let Some((profile, id)) = map.next_entry()? {
                    ids.insert(profile, id);
                }
                match ids.remove("union_id") {
                    Some(id) if ids.is_empty() => Ok(UserAlias::Union(id)),
                    Some(_) => Err(serde::de::Error::custom("union_id stands alone")),
                    None => Ok(UserAlias::PerProfile(ids)),
                }
            }
        }
        deserializer.deserialize_any(Aliases)
    }
}
