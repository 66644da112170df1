//! What a supervisor knows of rooms beside a message: shared by all accounts, kept by those who look after rooms.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use crate::core::turns::floor::order;
use crate::core::turns::guard::Why;
use crate::event::ids::{ChatId, Realm, RoomId};
use crate::event::{FloorMark, Message, RoomMark, SenderType};

/// The part of a room's policy that concerns what is received.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoomRule {
    /// How long a turn lasts where a message addresses several of ours. Absent: whose turn it is is no matter there.
    pub floor_ttl_ms: Option<i64>,
    /// How often its history is asked for what the platform does not deliver.
    pub poll: Option<Duration>,
    /// Names that stand for several profiles.
    pub roles: BTreeMap<String, Vec<String>>,
}

/// Cheap to clone; the clones share all of it.
#[derive(Clone, Debug, Default)]
pub struct Rooms {
    known: Arc<RwLock<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    /// Where the ids of each of ours mean something.
    realms: BTreeMap<String, Realm>,
    /// Why each room that is paused is.
    paused: BTreeMap<RoomId, Why>,
    /// Which of ours sit where.
    members: BTreeMap<RoomId, BTreeSet<String>>,
    /// Those of ours whose chats were listed: where else they sit, they came since.
    listed: BTreeSet<String>,
    rules: BTreeMap<String, RoomRule>,
    default_rule: RoomRule,
}

impl Known {
    /// Of somebody whom nobody knows any more: that of all, where there is one.
    fn realm(&self, profile: &str) -> Realm {
        let known = self.realms.get(profile).or_else(|| self.realms.values().next());
        known.cloned().unwrap_or_else(|| Realm::new(""))
    }
}

impl Rooms {
    pub fn set_rules(&self, rules: BTreeMap<String, RoomRule>, default_rule: RoomRule) {
        let mut known = self.write();
        (known.rules, known.default_rule) = (rules, default_rule);
    }

    /// Profiles come and go while a supervisor runs; of one that is gone it stays known where its ids meant something.
    pub fn set_realms(&self, realms: impl IntoIterator<Item = (String, Realm)>) {
        self.write().realms.extend(realms);
    }

    /// The room that a profile means by a chat.
    pub fn room(&self, profile: &str, chat: &ChatId) -> RoomId {
        RoomId { realm: self.read().realm(profile), chat: chat.clone() }
    }

    /// A room that an older version has kept, which did not say where: that of whoever sits there.
    pub fn room_of_old(&self, chat: &ChatId) -> RoomId {
        let known = self.read();
        let seated = known.members.keys().find(|room| room.chat == *chat);
        let realm = seated.map_or_else(|| known.realm(""), |room| room.realm.clone());
        RoomId { realm, chat: chat.clone() }
    }

    /// Do the ids of both mean the same?
    pub fn are_together(&self, one: &str, other: &str) -> bool {
        let known = self.read();
        known.realm(one) == known.realm(other)
    }

    pub fn set_paused(&self, room: &RoomId, why: Option<Why>) {
        let mut known = self.write();
        match why {
            Some(why) => known.paused.insert(room.clone(), why),
            None => known.paused.remove(room),
        };
    }

    /// A profile sits in a chat, or has left it.
    pub fn set_member(&self, chat: &ChatId, profile: &str, member: bool) {
        let room = self.room(profile, chat);
        let here = |known: &Known| known.members.get(&room).is_some_and(|members| members.contains(profile));
        if here(&self.read()) == member {
            return;
        }
        let mut known = self.write();
        let members = known.members.entry(room).or_default();
        if member {
            members.insert(profile.to_owned());
        } else {
            members.remove(profile);
        }
    }

    /// All the chats of a profile are known.
    pub fn set_listed(&self, profile: &str) {
        self.write().listed.insert(profile.to_owned());
    }

    pub fn is_listed(&self, profile: &str) -> bool {
        self.read().listed.contains(profile)
    }

    /// Which of ours sit in a room.
    pub fn members(&self, room: &RoomId) -> Vec<String> {
        self.read().members.get(room).into_iter().flatten().cloned().collect()
    }

    /// Is any room's history to be asked for?
    pub fn is_any_polled(&self) -> bool {
        let known = self.read();
        known.default_rule.poll.is_some() || known.rules.values().any(|rule| rule.poll.is_some())
    }

    /// The rooms of a profile whose history is to be asked for, and how often.
    pub fn polled_by(&self, profile: &str) -> Vec<(ChatId, Duration)> {
        let known = self.read();
        let here = known.members.iter().filter(|(_, members)| members.contains(profile));
        let polled = here.filter_map(|(room, _)| {
            let rule = known.rules.get(room.chat.as_str()).unwrap_or(&known.default_rule);
            Some((room.chat.clone(), rule.poll?))
        });
        polled.collect()
    }

    /// Marks a message with how its room is, and whose turn it is there.
    pub(super) fn mark(&self, profile: &str, message: &mut Message) {
        let room = self.room(profile, &message.chat_id);
        let known = self.read();
        // A person's word ends a pause of the guard's: whoever reads it may answer.
        let ends = |why: Why| message.sender_type == SenderType::User && why != Why::Manual;
        if known.paused.get(&room).is_some_and(|why| !ends(*why)) {
            message.room = Some(RoomMark { paused: true });
        }
        let rule = known.rules.get(message.chat_id.as_str()).unwrap_or(&known.default_rule);
        let Some(ttl_ms) = rule.floor_ttl_ms else { return };
        let nobody = BTreeSet::new();
        let members = known.members.get(&room).unwrap_or(&nobody);
        let mut order = order(message, members, &rule.roles);
        // One app may be called by a name that is ours elsewhere.
        order.retain(|profile| known.realm(profile) == room.realm);
        if let [holder, _, ..] = order.as_slice() {
            let expires = crate::clock::plus_ms(&message.create_time, ttl_ms);
            message.floor = Some(FloorMark { holder: holder.clone(), order, expires });
        }
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floor_is_for_those_of_one_realm() {
        let rooms = Rooms::default();
        rooms.set_realms(
            [("a", "r"), ("b", "r"), ("x", "s")].map(|(of, realm)| (of.to_owned(), Realm::new(realm))),
        );
        rooms.set_rules(BTreeMap::new(), RoomRule { floor_ttl_ms: Some(1000), ..RoomRule::default() });
        let mention = |profile: &str| serde_json::json!({"id": profile, "name": profile, "type": "bot", "profile": profile});
        let mut message: Message = serde_json::from_value(serde_json::json!({
            "chat_id": "C1", "chat_type": "group", "message_id": "1", "message_type": "text", "sender_id": "U",
            "sender_type": "user", "mentioned": true, "mention": "me", "content": "x", "trust": "stranger",
            "create_time": "2026-01-01T00:00:00.000Z", "event_type": "e", "mentions": [mention("x"), mention("a"), mention("b")]
        }))
        .unwrap();
        rooms.mark("a", &mut message);
        assert_eq!(message.floor.unwrap().order, ["a", "b"]);
    }
}
