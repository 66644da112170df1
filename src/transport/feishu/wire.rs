//! The platform's payloads as they come, read without copies and without trust: a field of the wrong type
//! reads as empty, so that one oddity does not cost the whole event.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::loose;
pub use super::loose::{List, Text};

/// A person or a bot: an object of ids, or one id as a string.
#[derive(Clone, Debug, Default)]
pub struct UserIds<'a> {
    pub open_id: Text<'a>,
    pub user_id: Text<'a>,
    /// The same for all apps of one developer.
    pub union_id: Text<'a>,
}

impl UserIds<'_> {
    /// The first there is: nobody's doing is lost for the kind of id it came with.
    pub fn any(&self) -> &str {
        let all = [&self.open_id, &self.union_id, &self.user_id];
        all.into_iter().find(|id| !id.is_empty()).map_or("", Text::as_str)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for UserIds<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<UserIds<'a>, D::Error> {
        deserializer.deserialize_any(UserIdsVisitor)
    }
}

struct UserIdsVisitor;

impl<'de> Visitor<'de> for UserIdsVisitor {
    type Value = UserIds<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<UserIds<'de>, A::Error> {
        let mut ids = UserIds::default();
        while let Some(key) = map.next_key::<Text<'de>>()? {
            match key.as_str() {
                "open_id" => ids.open_id = map.next_value()?,
                "user_id" => ids.user_id = map.next_value()?,
                "union_id" => ids.union_id = map.next_value()?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(ids)
    }

    fn visit_borrowed_str<E>(self, id: &'de str) -> Result<UserIds<'de>, E> {
        Ok(UserIds { open_id: Text(Cow::Borrowed(id)), ..UserIds::default() })
    }

    fn visit_str<E>(self, id: &str) -> Result<UserIds<'de>, E> {
        Ok(UserIds { open_id: Text(Cow::Owned(id.to_owned())), ..UserIds::default() })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<UserIds<'de>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(UserIds::default())
    }

    fn visit_unit<E>(self) -> Result<UserIds<'de>, E> {
        Ok(UserIds::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<UserIds<'de>, E> {
        Ok(UserIds::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<UserIds<'de>, E> {
        Ok(UserIds::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<UserIds<'de>, E> {
        Ok(UserIds::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<UserIds<'de>, E> {
        Ok(UserIds::default())
    }
}

/// What surrounds every event.
#[derive(Debug, Default, Deserialize)]
pub struct Envelope<'a> {
    #[serde(borrow, default)]
    pub schema: Text<'a>,
    /// Only in schema 1.0.
    #[serde(borrow, default)]
    pub uuid: Text<'a>,
    #[serde(borrow, default)]
    pub header: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub event: Option<&'a RawValue>,
    /// Stands alone, for whoever has the key.
    #[serde(borrow, default)]
    pub encrypt: Text<'a>,
    /// In what older cards report, which has neither header nor event.
    #[serde(borrow, default)]
    pub action: Option<&'a RawValue>,
}

/// What an older card reports, at the top level.
#[derive(Debug, Default, Deserialize)]
pub struct OldCardActed<'a> {
    #[serde(borrow, default)]
    pub open_id: Text<'a>,
    #[serde(borrow, default)]
    pub open_message_id: Text<'a>,
    #[serde(borrow, default)]
    pub open_chat_id: Text<'a>,
    /// Of this one press.
    #[serde(borrow, default)]
    pub token: Text<'a>,
    #[serde(borrow, default)]
    pub action: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
pub struct EventHeader<'a> {
    #[serde(borrow, default)]
    pub event_id: Text<'a>,
    #[serde(borrow, default)]
    pub event_type: Text<'a>,
    #[serde(borrow, default)]
    pub create_time: Text<'a>,
    #[serde(borrow, default)]
    pub app_id: Text<'a>,
}

/// The `type` of a schema 1.0 event.
#[derive(Debug, Default, Deserialize)]
pub struct OldEvent<'a> {
    #[serde(borrow, default)]
    pub r#type: Text<'a>,
}

#[derive(Debug, Deserialize)]
pub struct Receive<'a> {
    #[serde(borrow, default, deserialize_with = "loose::object")]
    pub sender: Sender<'a>,
    #[serde(borrow, default, deserialize_with = "loose::object")]
    pub message: ReceivedMessage<'a>,
}

#[derive(Debug, Default, Deserialize)]
pub struct Sender<'a> {
    #[serde(borrow, default)]
    pub sender_id: UserIds<'a>,
    #[serde(borrow, default)]
    pub sender_type: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
pub struct ReceivedMessage<'a> {
    #[serde(borrow, default)]
    pub message_id: Text<'a>,
    #[serde(borrow, default)]
    pub root_id: Text<'a>,
    #[serde(borrow, default)]
    pub parent_id: Text<'a>,
    #[serde(borrow, default)]
    pub thread_id: Text<'a>,
    #[serde(borrow, default)]
    pub create_time: Text<'a>,
    #[serde(borrow, default)]
    pub chat_id: Text<'a>,
    #[serde(borrow, default)]
    pub chat_type: Text<'a>,
    #[serde(borrow, default)]
    pub message_type: Text<'a>,
    #[serde(borrow, default, deserialize_with = "loose::content")]
    pub content: Text<'a>,
    #[serde(borrow, default)]
    pub mentions: List<WireMention<'a>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct WireMention<'a> {
    /// Stands in the text: `@_user_1`.
    #[serde(borrow, default)]
    pub key: Text<'a>,
    #[serde(borrow, default)]
    pub id: UserIds<'a>,
    #[serde(borrow, default)]
    pub mentioned_type: Text<'a>,
    #[serde(borrow, default)]
    pub name: Text<'a>,
    #[serde(borrow, default, deserialize_with = "loose::some_object")]
    pub bot_info: Option<BotInfo<'a>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct BotInfo<'a> {
    #[serde(borrow, default)]
    pub app_id: Text<'a>,
}

#[derive(Debug, Deserialize)]
pub struct Recalled<'a> {
    #[serde(borrow, default)]
    pub message_id: Text<'a>,
    #[serde(borrow, default)]
    pub chat_id: Text<'a>,
    #[serde(borrow, default)]
    pub recall_type: Text<'a>,
}

#[derive(Debug, Deserialize)]
pub struct Read<'a> {
    #[serde(borrow, default, deserialize_with = "loose::object")]
    pub reader: Reader<'a>,
    #[serde(borrow, default)]
    pub message_id_list: List<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
pub struct Reader<'a> {
    #[serde(borrow, default)]
    pub reader_id: UserIds<'a>,
}

#[derive(Debug, Deserialize)]
pub struct Reacted<'a> {
    #[serde(borrow, default)]
    pub message_id: Text<'a>,
    #[serde(borrow, default, deserialize_with = "reaction")]
    pub reaction_type: ReactionType<'a>,
    #[serde(borrow, default)]
    pub operator_type: Text<'a>,
    #[serde(borrow, default)]
    pub user_id: UserIds<'a>,
    #[serde(borrow, default)]
    pub app_id: Text<'a>,
}

/// An object with the emoji's name, or the name alone.
fn reaction<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<ReactionType<'a>, D::Error> {
    let text = loose::content(deserializer)?;
    if !text.as_str().trim_start().starts_with('{') {
        return Ok(ReactionType { emoji_type: text });
    }
    let emoji = serde_json::from_str::<ReactionType<'_>>(text.as_str()).unwrap_or_default().emoji_type;
    Ok(ReactionType { emoji_type: Text(Cow::Owned(emoji.0.into_owned())) })
}

#[derive(Debug, Default, Deserialize)]
pub struct ReactionType<'a> {
    #[serde(borrow, default)]
    pub emoji_type: Text<'a>,
}

/// The bot's own and other members' comings and goings, and the end of a chat.
#[derive(Debug, Deserialize)]
pub struct ChatEvent<'a> {
    #[serde(borrow, default)]
    pub chat_id: Text<'a>,
    #[serde(borrow, default)]
    pub operator_id: UserIds<'a>,
    #[serde(borrow, default)]
    pub name: Text<'a>,
    #[serde(borrow, default)]
    pub users: List<MemberUser<'a>>,
    #[serde(borrow, default)]
    pub after_change: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub moderator_list: Option<&'a RawValue>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct MemberUser<'a> {
    #[serde(borrow, default)]
    pub name: Text<'a>,
    #[serde(borrow, default)]
    pub user_id: UserIds<'a>,
}

#[derive(Debug, Deserialize)]
pub struct CardActed<'a> {
    #[serde(borrow, default)]
    pub operator: UserIds<'a>,
    /// Fields that depend on the control.
    #[serde(borrow, default)]
    pub action: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "loose::some_object")]
    pub context: Option<CardContext<'a>>,
}

#[derive(Debug, Default, Deserialize)]
pub struct CardContext<'a> {
    #[serde(borrow, default)]
    pub open_message_id: Text<'a>,
    #[serde(borrow, default)]
    pub open_chat_id: Text<'a>,
}

#[derive(Debug, Deserialize)]
pub struct Menu<'a> {
    #[serde(borrow, default, deserialize_with = "loose::object")]
    pub operator: MenuOperator<'a>,
    #[serde(borrow, default)]
    pub event_key: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
pub struct MenuOperator<'a> {
    #[serde(borrow, default)]
    pub operator_name: Text<'a>,
    #[serde(borrow, default)]
    pub operator_id: UserIds<'a>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_type_reads_as_empty_and_a_number_as_its_digits() {
        let header: EventHeader<'_> = serde_json::from_str(
            r#"{"event_id":7,"event_type":["x"],"create_time":1767225600123,"app_id":null,"more":{}}"#,
        )
        .unwrap();
        assert_eq!(header.event_id.as_str(), "7");
        assert!(header.event_type.is_empty() && header.app_id.is_empty());
        assert_eq!(header.create_time.as_str(), "1767225600123");
    }

    #[test]
    fn a_user_is_an_object_or_an_id() {
        for (given, wanted) in [
            (r#"{"open_id":"ou_1","user_id":null}"#, "ou_1"),
            ("\"ou_1\"", "ou_1"),
            ("{}", ""),
            ("null", ""),
            ("[]", ""),
            ("7", ""),
            ("[\"ou_1\"]", ""),
            ("true", ""),
        ] {
            let user: UserIds<'_> = serde_json::from_str(given).unwrap();
            assert_eq!(user.open_id.as_str(), wanted, "{given}");
        }
    }

    #[test]
    fn odd_elements_are_left_out() {
        let list: List<MemberUser<'_>> =
            serde_json::from_str(r#"[{"name":"Li"},7,null,{"name":1}]"#).unwrap();
        assert_eq!(list.0.len(), 2);
    }
}
