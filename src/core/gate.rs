//! Which messages may wake an agent. What is held back stays in the journal, and is explained.

use serde::{Deserialize, Serialize};

use crate::event::ids::{ChatId, OpenId};
use crate::event::{ChatType, Message, SenderType};

/// Which bots may wake an agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BotGate {
    None,
    #[default]
    Mentions,
    All,
}

/// What a profile lets through. Ids are those of its own app.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gates {
    /// Absent: every chat.
    pub chats: Option<Vec<ChatId>>,
    /// Absent: everybody. The owner is always heard.
    pub people: Option<Vec<OpenId>>,
    pub bots: BotGate,
    /// Rooms in which only a mention wakes, and the others where that is the rule.
    pub mention_required: Vec<ChatId>,
    pub mention_not_required: Vec<ChatId>,
    pub mention_required_by_default: bool,
}

/// Why a message does not reach an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Held {
    Chat,
    Person,
    Bot,
    Mention,
}

impl Held {
    pub fn name(self) -> &'static str {
        match self {
            Held::Chat => "chat",
            Held::Person => "person",
            Held::Bot => "bot",
            Held::Mention => "mention",
        }
    }
}

impl Gates {
    pub fn judge(&self, message: &Message, owner: Option<&OpenId>) -> Option<Held> {
        if self.chats.as_ref().is_some_and(|chats| !chats.contains(&message.chat_id)) {
            return Some(Held::Chat);
        }
        match message.sender_type {
            SenderType::Bot => match self.bots {
                BotGate::None => return Some(Held::Bot),
                BotGate::Mentions if !message.mentioned => return Some(Held::Bot),
                BotGate::Mentions | BotGate::All => {}
            },
            SenderType::User => {
                let allowed = |people: &Vec<OpenId>| {
                    people.contains(&message.sender_id) || owner == Some(&message.sender_id)
                };
                if !self.people.as_ref().is_none_or(allowed) {
                    return Some(Held::Person);
                }
            }
        }
        let needs_mention = self.needs_mention(&message.chat_id) && message.chat_type != ChatType::P2p;
        (needs_mention && !message.mentioned).then_some(Held::Mention)
    }

    fn needs_mention(&self, chat: &ChatId) -> bool {
        self.mention_required.contains(chat)
            || (self.mention_required_by_default && !self.mention_not_required.contains(chat))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{MentionScope, Trust};

    fn message(sender: &str, sender_type: SenderType, mentioned: bool) -> Message {
        Message {
            chat_id: ChatId::new("oc_1"),
            chat_name: None,
            chat_type: ChatType::Group,
            message_id: crate::event::ids::MessageId::new("om_1"),
            message_type: "text".to_owned(),
            sender_id: OpenId::new(sender),
            sender_name: None,
            sender_type,
            sender_profile: None,
            mentioned,
            mention: MentionScope::None,
            content: String::new(),
            truncated: None,
            mentions: Vec::new(),
            thread_id: None,
            root_id: None,
            reply_to: None,
            create_time: String::new(),
            resources: Vec::new(),
            relayed: None,
            room: None,
            floor: None,
            trust: Trust::Stranger,
            event_type: String::new(),
        }
    }

    #[test]
    fn bots_wake_by_mention_unless_said_otherwise_and_people_always() {
        let (quiet, called) =
            (message("ou_b", SenderType::Bot, false), message("ou_b", SenderType::Bot, true));
        let person = message("ou_p", SenderType::User, false);
        let gate = |bots| Gates { bots, ..Gates::default() };
        for (bots, of_quiet, of_called) in [
            (BotGate::None, Some(Held::Bot), Some(Held::Bot)),
            (BotGate::Mentions, Some(Held::Bot), None),
            (BotGate::All, None, None),
        ] {
            let gate = gate(bots);
            assert_eq!(
                (gate.judge(&quiet, None), gate.judge(&called, None)),
                (of_quiet, of_called),
                "{bots:?}"
            );
            assert_eq!(gate.judge(&person, None), None);
        }
    }

    #[test]
    fn lists_silence_all_others_but_never_the_owner() {
        let (owner, other) = (OpenId::new("ou_o"), OpenId::new("ou_x"));
        let gates = Gates { people: Some(vec![other]), ..Gates::default() };
        let of = |sender: &str| gates.judge(&message(sender, SenderType::User, true), Some(&owner));
        assert_eq!((of("ou_x"), of("ou_o"), of("ou_y")), (None, None, Some(Held::Person)));
        let gates = Gates { chats: Some(vec![ChatId::new("oc_2")]), ..Gates::default() };
        assert_eq!(gates.judge(&message("ou_o", SenderType::User, true), Some(&owner)), Some(Held::Chat));
    }

    #[test]
    fn a_room_may_ask_for_a_mention() {
        let here = Gates { mention_required: vec![ChatId::new("oc_1")], ..Gates::default() };
        let anywhere = Gates { mention_required_by_default: true, ..Gates::default() };
        let elsewhere = Gates { mention_not_required: vec![ChatId::new("oc_1")], ..anywhere.clone() };
        let (quiet, called) =
            (message("ou_p", SenderType::User, false), message("ou_p", SenderType::User, true));
        for (gates, held) in [(here, Some(Held::Mention)), (anywhere, Some(Held::Mention)), (elsewhere, None)]
        {
            assert_eq!((gates.judge(&quiet, None), gates.judge(&called, None)), (held, None));
        }
        let direct = Message { chat_type: ChatType::P2p, ..quiet };
        assert_eq!(
            Gates { mention_required_by_default: true, ..Gates::default() }.judge(&direct, None),
            None
        );
    }
}
