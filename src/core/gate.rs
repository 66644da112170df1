//! Which messages may wake an agent. What is held back stays in the journal, and is explained.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::ids::{ChatId, UserId};
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
    pub people: Option<Vec<UserId>>,
    pub bots: BotGate,
    pub rooms: BTreeMap<ChatId, RoomGate>,
    /// Of every room that is not among them.
    pub other_rooms: RoomGate,
}

/// What a room's policy asks for, and where it says nothing, what the profile does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoomGate {
    pub people: Option<Vec<UserId>>,
    pub bots: Option<BotGate>,
    /// Only a mention wakes.
    pub mention_required: bool,
}

/// A direct conversation is no room, whatever the rules for rooms are.
static DIRECT: RoomGate = RoomGate { people: None, bots: None, mention_required: false };

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
    pub fn judge(&self, message: &Message, owner: Option<&UserId>) -> Option<Held> {
        if !self.lets_chat(&message.chat_id) {
            return Some(Held::Chat);
        }
        let room = self.room(&message.chat_id, message.chat_type);
        match message.sender_type {
            SenderType::Bot => match room.bots.unwrap_or(self.bots) {
                BotGate::None => return Some(Held::Bot),
                BotGate::Mentions if !message.mentioned => return Some(Held::Bot),
                BotGate::Mentions | BotGate::All => {}
            },
            SenderType::User => {
                let allowed = |people: &Vec<UserId>| {
                    people.contains(&message.sender_id) || owner == Some(&message.sender_id)
                };
                if !room.people.as_ref().or(self.people.as_ref()).is_none_or(allowed) {
                    return Some(Held::Person);
                }
            }
        }
        (room.mention_required && !message.mentioned).then_some(Held::Mention)
    }

    /// The people that the profile names, and those that the policy of this room does.
    pub fn named(&self, chat: &ChatId, chat_type: ChatType) -> impl Iterator<Item = &UserId> {
        self.people.iter().chain(&self.room(chat, chat_type).people).flatten()
    }

    /// Does every bot's word wake here, also one that mentions nobody?
    pub fn lets_all_bots(&self, room: &ChatId) -> bool {
        let gate = self.room(room, ChatType::Group);
        self.lets_chat(room) && gate.bots.unwrap_or(self.bots) == BotGate::All && !gate.mention_required
    }

    fn lets_chat(&self, chat: &ChatId) -> bool {
        self.chats.as_ref().is_none_or(|chats| chats.contains(chat))
    }

    fn room(&self, chat: &ChatId, chat_type: ChatType) -> &RoomGate {
        match chat_type {
            ChatType::P2p => &DIRECT,
            ChatType::Group | ChatType::Topic => self.rooms.get(chat).unwrap_or(&self.other_rooms),
        }
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
            sender_id: UserId::new(sender),
            sender_name: None,
            sender_type,
            sender_profile: None,
            mentioned,
            mention: MentionScope::None,
            content: String::new(),
            truncated: None,
            hidden: None,
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
        let (owner, other) = (UserId::new("ou_o"), UserId::new("ou_x"));
        let gates = Gates { people: Some(vec![other]), ..Gates::default() };
        let of = |sender: &str| gates.judge(&message(sender, SenderType::User, true), Some(&owner));
        assert_eq!((of("ou_x"), of("ou_o"), of("ou_y")), (None, None, Some(Held::Person)));
        let gates = Gates { chats: Some(vec![ChatId::new("oc_2")]), ..Gates::default() };
        assert_eq!(gates.judge(&message("ou_o", SenderType::User, true), Some(&owner)), Some(Held::Chat));
    }

    fn rooms(gate: RoomGate) -> BTreeMap<ChatId, RoomGate> {
        [(ChatId::new("oc_1"), gate)].into()
    }

    #[test]
    fn a_room_may_ask_for_a_mention() {
        let asks = || RoomGate { mention_required: true, ..RoomGate::default() };
        let here = Gates { rooms: rooms(asks()), ..Gates::default() };
        let anywhere = Gates { other_rooms: asks(), ..Gates::default() };
        let elsewhere = Gates { rooms: rooms(RoomGate::default()), ..anywhere.clone() };
        let (quiet, called) =
            (message("ou_p", SenderType::User, false), message("ou_p", SenderType::User, true));
        for (gates, held) in
            [(here, Some(Held::Mention)), (anywhere.clone(), Some(Held::Mention)), (elsewhere, None)]
        {
            assert_eq!((gates.judge(&quiet, None), gates.judge(&called, None)), (held, None));
        }
        let direct = Message { chat_type: ChatType::P2p, ..quiet };
        assert_eq!(anywhere.judge(&direct, None), None);
    }

    #[test]
    fn what_a_room_says_of_people_and_bots_holds_there_and_nowhere_else() {
        let people = |names: &[&str]| Some(names.iter().map(|name| UserId::new(*name)).collect::<Vec<_>>());
        let here = |people, bots| RoomGate { people, bots, mention_required: false };
        let profile =
            |rooms| Gates { people: people(&["ou_li"]), bots: BotGate::Mentions, rooms, ..Gates::default() };
        let silent = profile(rooms(here(None, None)));
        let open = profile(rooms(here(people(&["ou_ann"]), Some(BotGate::All))));
        let closed = profile(rooms(here(people(&[]), Some(BotGate::None))));
        let by_default =
            Gates { other_rooms: here(people(&["ou_ann"]), Some(BotGate::All)), ..profile([].into()) };
        let but_here = Gates { rooms: rooms(here(None, None)), ..by_default.clone() };
        let (person, bot) = (Some(Held::Person), Some(Held::Bot));
        // Ann, Li and the owner, a bot, and a bot that mentions: in the room, and in a chat of two.
        let cases = [
            ("silent", &silent, [person, None, None, bot, None]),
            ("open", &open, [None, person, None, None, None]),
            ("closed", &closed, [person, person, None, bot, bot]),
            ("by default", &by_default, [None, person, None, None, None]),
            ("but here", &but_here, [person, None, None, bot, None]),
        ];
        let said = [
            message("ou_ann", SenderType::User, false),
            message("ou_li", SenderType::User, false),
            message("ou_o", SenderType::User, false),
            message("ou_b", SenderType::Bot, false),
            message("ou_b", SenderType::Bot, true),
        ];
        let owner = UserId::new("ou_o");
        for (name, gates, expected) in cases {
            let judged = said.each_ref().map(|message| gates.judge(message, Some(&owner)));
            assert_eq!(judged, expected, "{name}");
            let direct = said.clone().map(|message| Message { chat_type: ChatType::P2p, ..message });
            let judged = direct.map(|message| gates.judge(&message, Some(&owner)));
            assert_eq!(judged, [person, None, None, bot, None], "{name}, directly");
            assert_eq!(gates.lets_all_bots(&ChatId::new("oc_1")), expected[3].is_none(), "{name}");
        }
        let elsewhere = Message { chat_id: ChatId::new("oc_2"), ..said[0].clone() };
        assert_eq!(open.judge(&elsewhere, None), person);
    }

    #[test]
    fn not_every_bot_is_heard_where_a_mention_is_asked_for_or_the_chat_is_shut_out() {
        let all = Gates { bots: BotGate::All, ..Gates::default() };
        let asked = RoomGate { mention_required: true, ..RoomGate::default() };
        let asked = Gates { rooms: rooms(asked), ..all.clone() };
        let shut = Gates { chats: Some(vec![ChatId::new("oc_2")]), ..all.clone() };
        let heard = [all, asked, shut].map(|gates| gates.lets_all_bots(&ChatId::new("oc_1")));
        assert_eq!(heard, [true, false, false]);
    }
}
