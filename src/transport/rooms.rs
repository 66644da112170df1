//! What a supervisor knows of rooms beside a message: shared by all accounts, kept by those who look after rooms.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use crate::core::turns::floor::order;
use crate::core::turns::guard::Why;
use crate::event::ids::ChatId;
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
    /// Why each room that is paused is.
    paused: BTreeMap<String, Why>,
    /// Which of ours sit where.
    members: BTreeMap<String, BTreeSet<String>>,
    /// Those of ours whose chats were listed: where else they sit, they came since.
    listed: BTreeSet<String>,
    rules: BTreeMap<String, RoomRule>,
    default_rule: RoomRule,
}

impl Rooms {
    pub fn set_rules(&self, rules: BTreeMap<String, RoomRule>, default_rule: RoomRule) {
        let mut known = self.write();
        (known.rules, known.default_rule) = (rules, default_rule);
    }

    pub fn set_paused(&self, chat: &ChatId, why: Option<Why>) {
        let mut known = self.write();
        match why {
            Some(why) => known.paused.insert(chat.as_str().to_owned(), why),
            None => known.paused.remove(chat.as_str()),
        };
    }

    /// A profile sits in a chat, or has left it.
    pub fn set_member(&self, chat: &ChatId, profile: &str, member: bool) {
        let here =
            |known: &Known| known.members.get(chat.as_str()).is_some_and(|members| members.contains(profile));
        if here(&self.read()) == member {
            return;
        }
        let mut known = self.write();
        let members = known.members.entry(chat.as_str().to_owned()).or_default();
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

    /// Which of ours sit in a chat.
    pub fn members(&self, chat: &ChatId) -> Vec<String> {
        let known = self.read();
        known.members.get(chat.as_str()).into_iter().flatten().cloned().collect()
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
        let polled = here.filter_map(|(chat, _)| {
            let rule = known.rules.get(chat).unwrap_or(&known.default_rule);
            Some((ChatId::new(chat.as_str()), rule.poll?))
        });
        polled.collect()
    }

    /// Marks a message with how its room is, and whose turn it is there.
    pub(super) fn mark(&self, message: &mut Message) {
        let known = self.read();
        // A person's word ends a pause of the guard's: whoever reads it may answer.
        let ends = |why: Why| message.sender_type == SenderType::User && why != Why::Manual;
        if known.paused.get(message.chat_id.as_str()).is_some_and(|why| !ends(*why)) {
            message.room = Some(RoomMark { paused: true });
        }
        let rule = known.rules.get(message.chat_id.as_str()).unwrap_or(&known.default_rule);
        let Some(ttl_ms) = rule.floor_ttl_ms else { return };
        let nobody = BTreeSet::new();
        let members = known.members.get(message.chat_id.as_str()).unwrap_or(&nobody);
        let order = order(message, members, &rule.roles);
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
