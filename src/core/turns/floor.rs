//! Who of several that are addressed together speaks first.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::core::mention::AT;
use crate::event::{MentionKind, MentionScope, Message};

/// A message that addresses several of ours, and whose turn it is to answer. Times are steady.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Floor {
    pub message_id: String,
    /// Profiles, in the order in which they are asked.
    pub order: Vec<String>,
    /// Whose turn it is; beyond the last, the floor is open to all.
    pub turn: usize,
    /// When the turn goes on by itself.
    pub expires: i64,
    /// Those who do not hear the message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    left: Vec<String>,
}

/// Which of ours a message addresses, in the order in which they are asked: as they are mentioned, then those of the
/// roles it names who sit here, then everybody here where it is for all. Each profile's line says the same.
pub fn order(
    message: &Message,
    members: &BTreeSet<String>,
    roles: &BTreeMap<String, Vec<String>>,
) -> Vec<String> {
    let mut order: Vec<String> = Vec::new();
    let mentioned = message.mentions.iter().filter_map(|mention| mention.profile.clone());
    let named = roles.iter().filter(|(role, _)| names(&message.content, role));
    // Nobody waits for one of a role who sits elsewhere, or whom no file describes.
    let of_roles =
        named.flat_map(|(_, profiles)| profiles).filter(|profile| members.contains(*profile)).cloned();
    let all = message.mention == MentionScope::All
        || message.mentions.iter().any(|mention| mention.r#type == MentionKind::All);
    let everybody = all.then_some(members).into_iter().flatten().cloned();
    for profile in mentioned.chain(of_roles).chain(everybody) {
        let sender = message.sender_profile.as_ref() == Some(&profile);
        if !sender && !order.contains(&profile) {
            order.push(profile);
        }
    }
    order
}

/// Does the text say `@role`, as a word of its own?
fn names(text: &str, role: &str) -> bool {
    text.match_indices(AT).any(|(at, sign)| {
        let rest = text[at + sign.len()..].strip_prefix(role);
        rest.is_some_and(|rest| rest.chars().next().is_none_or(|c| !c.is_alphanumeric()))
    })
}

impl Floor {
    /// Nothing where fewer than two are addressed.
    pub fn open(message_id: &str, order: Vec<String>, now: i64, ttl_ms: i64) -> Option<Floor> {
        (order.len() >= 2).then(|| Floor {
            message_id: message_id.to_owned(),
            order,
            turn: 0,
            expires: now.saturating_add(ttl_ms),
            left: Vec::new(),
        })
    }

    /// Another delivery of the message names more of ours: they answer behind those who were told already.
    pub fn widen(&mut self, order: &[String]) {
        for profile in order {
            if self.order.len() > self.turn && !self.order.contains(profile) && !self.left.contains(profile) {
                self.order.push(profile.clone());
            }
        }
    }

    /// Hands the floor on as often as time says.
    pub fn advance(&mut self, now: i64, ttl_ms: i64) {
        while now >= self.expires && self.turn < self.order.len() {
            self.turn += 1;
            self.expires = self.expires.saturating_add(ttl_ms.max(1));
        }
    }

    /// Whose turn it is.
    pub fn holder(&self) -> Option<&str> {
        self.order.get(self.turn).map(String::as_str)
    }

    /// The holder lets the next one speak. False for anybody else.
    pub fn pass(&mut self, profile: &str, now: i64, ttl_ms: i64) -> bool {
        let holds = self.holder() == Some(profile);
        if holds {
            self.turn += 1;
            self.expires = now.saturating_add(ttl_ms);
        }
        holds
    }

    /// One that was addressed speaks now, whoever's turn it is. False for those who were not.
    pub fn take(&mut self, profile: &str, now: i64, ttl_ms: i64) -> bool {
        let Some(index) = self.order.iter().position(|name| name == profile) else { return false };
        let taker = self.order.remove(index);
        let turn = self.turn.min(self.order.len());
        let turn = if index < turn { turn - 1 } else { turn };
        self.order.insert(turn, taker);
        self.turn = turn;
        self.expires = now.saturating_add(ttl_ms);
        true
    }

    /// One that does not hear the message is not waited for.
    pub fn leave(&mut self, profile: &str) {
        if !self.left.iter().any(|left| left == profile) {
            self.left.push(profile.to_owned());
        }
        if let Some(index) = self.order.iter().position(|name| name == profile) {
            self.order.remove(index);
            self.turn -= usize::from(index < self.turn);
        }
    }

    /// May this profile speak? Once the holder has, all may.
    pub fn lets(&self, profile: &str) -> bool {
        self.holder().is_none_or(|holder| holder == profile) || !self.order.iter().any(|name| name == profile)
    }

    /// The holder has spoken: the floor is open.
    pub fn spoken(&mut self, profile: &str) {
        if self.holder() == Some(profile) {
            self.turn = self.order.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floor() -> Floor {
        Floor::open("om_1", vec!["a".into(), "b".into(), "c".into()], 0, 100).unwrap()
    }

    #[test]
    fn a_delivery_that_names_more_lets_them_answer_behind_the_others() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<String>>();
        let mut floor = floor();
        floor.leave("c");
        floor.widen(&names(&["d", "a", "c", "b"]));
        assert_eq!((floor.holder(), floor.order.as_slice()), (Some("a"), &names(&["a", "b", "d"])[..]));
        floor.spoken("a");
        floor.widen(&names(&["e"]));
        assert_eq!(floor.holder(), None, "an open floor stays open");
    }

    #[test]
    fn a_role_asks_those_of_it_who_sit_here() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<String>>();
        let message: Message = serde_json::from_value(serde_json::json!({
            "chat_id": "oc_1", "chat_type": "group", "message_id": "om_1", "message_type": "text",
            "sender_id": "ou_1", "sender_type": "user", "mentioned": false, "mention": "none",
            "content": "@reviewers please", "create_time": "t", "trust": "stranger", "event_type": "e"
        }))
        .unwrap();
        let roles = BTreeMap::from([("reviewers".to_owned(), names(&["nobody", "c", "a", "elsewhere"]))]);
        let here = BTreeSet::from_iter(names(&["a", "b", "c"]));
        assert_eq!(order(&message, &here, &roles), ["c", "a"]);
        assert!(order(&message, &BTreeSet::new(), &roles).is_empty());
    }

    #[test]
    fn a_role_is_a_word_of_its_own() {
        assert!(names("hello @reviewers, please", "reviewers") && names("@reviewers", "reviewers"));
        assert!(!names("hello reviewers", "reviewers") && !names("@reviewers2", "reviewers"));
    }

    #[test]
    fn one_speaks_first_and_then_all_may() {
        let mut floor = floor();
        assert!(floor.lets("a") && !floor.lets("b") && !floor.lets("c"));
        assert!(floor.lets("d"), "who was not addressed is not waited for, and waits for nobody");
        floor.spoken("b");
        assert!(!floor.lets("b"));
        floor.spoken("a");
        assert!(floor.lets("b") && floor.lets("c"));
        assert!(Floor::open("om_1", vec!["a".into()], 0, 100).is_none());
    }

    #[test]
    fn who_stays_silent_loses_the_turn_and_whoever_wants_it_takes_it() {
        let mut floor = floor();
        floor.advance(99, 100);
        assert_eq!(floor.holder(), Some("a"));
        floor.advance(100, 100);
        assert_eq!(floor.holder(), Some("b"));
        assert!(!floor.pass("a", 150, 100) && floor.pass("b", 150, 100));
        assert_eq!((floor.holder(), floor.expires), (Some("c"), 250));
        assert!(floor.take("a", 160, 100) && !floor.take("x", 160, 100));
        assert_eq!((floor.holder(), floor.expires), (Some("a"), 260));
        floor.advance(260, 100);
        assert_eq!(floor.holder(), Some("c"));
        floor.advance(i64::MAX - 1, 100);
        assert_eq!(floor.holder(), None);
        assert!(floor.lets("a") && floor.lets("b"));
    }
}
