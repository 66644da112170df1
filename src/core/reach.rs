//! Why a message reached an agent, or did not.

use serde::Serialize;

use super::gate::Held;

/// The words of `rooma explain`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// It has a line, and a reader has come past it.
    Read,
    /// It has a line, and no reader has come so far.
    Waiting,
    /// Held back by `allow.chats` of the profile.
    Chat,
    /// Held back by `allow.people` of the room, or where that gives none, of the profile.
    Person,
    /// Held back by `allow.bots`, likewise.
    Bot,
    /// Held back by the room's `require_mention`.
    Mention,
    /// The profile's own words are never told to it.
    Own,
    NotInChat,
    /// Older than the journal's oldest line.
    NotKept,
    /// Written while the profile was not connected.
    Offline,
    /// The platform delivers such messages only to apps that have a scope for them.
    NoScope,
    /// It should have come, and did not.
    NotDelivered,
    /// Nobody knows this message.
    Unknown,
}

/// What is known of a message and one profile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    pub line: Option<LineFacts>,
    /// Somebody knows who wrote it, where and when.
    pub known: bool,
    pub own: bool,
    /// Absent where that cannot be told.
    pub in_chat: Option<bool>,
    /// The journal has lines from before it.
    pub kept: Option<bool>,
    pub listened: Option<bool>,
    /// The platform has delivered such messages to this profile before.
    pub hears: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineFacts {
    pub held: Option<Held>,
    /// A reader has come past it.
    pub read: bool,
}

/// What is certain comes before what is likely.
pub fn why(facts: &Facts) -> Why {
    match facts.line {
        Some(LineFacts { held: Some(held), .. }) => return held_back(held),
        Some(LineFacts { held: None, read: true }) => return Why::Read,
        Some(LineFacts { held: None, read: false }) => return Why::Waiting,
        None => {}
    }
    if !facts.known {
        Why::Unknown
    } else if facts.own {
        Why::Own
    } else if facts.in_chat == Some(false) {
        Why::NotInChat
    } else if facts.kept == Some(false) {
        Why::NotKept
    } else if facts.listened == Some(false) {
        Why::Offline
    } else if !facts.hears {
        Why::NoScope
    } else {
        Why::NotDelivered
    }
}

fn held_back(held: Held) -> Why {
    match held {
        Held::Chat => Why::Chat,
        Held::Person => Why::Person,
        Held::Bot => Why::Bot,
        Held::Mention => Why::Mention,
    }
}

impl Why {
    /// The same as a sentence, with the next step where there is one.
    pub fn sentence(self) -> &'static str {
        match self {
            Why::Read => {
                "it has a line, and a reader has come past it; that reader's own filter may have held it back"
            }
            Why::Waiting => "it has a line that no reader has come to yet",
            Why::Chat => "allow.chats of the profile does not name this chat",
            Why::Person => {
                "allow.people does not name the sender: the room's in config/rooms.yaml, or where it gives none, the \
                 profile's"
            }
            Why::Bot => {
                "allow.bots lets bots through only where they mention it, or not at all: the room's in \
                 config/rooms.yaml, or where it gives none, the profile's"
            }
            Why::Mention => "require_mention in config/rooms.yaml asks for a mention",
            Why::Own => "the profile wrote it itself",
            Why::NotInChat => "the bot is not in this chat",
            Why::NotKept => "it is older than the oldest line of the journal",
            Why::Offline => "it was written while the profile was not connected",
            Why::NoScope => {
                "the platform has not delivered such messages to this app: bots' messages, and people's that do not \
                 mention it, need a scope each"
            }
            Why::NotDelivered => "it should have come; rooma status shows how the connection is",
            Why::Unknown => "neither the journal nor the platform knows it",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_certain_reason_counts() {
        let line = |held, read| Some(LineFacts { held, read });
        let there = Facts {
            known: true,
            in_chat: Some(true),
            kept: Some(true),
            listened: Some(true),
            hears: true,
            ..Facts::default()
        };
        let cases = [
            (Facts::default(), Why::Unknown),
            (Facts { line: line(None, true), ..Facts::default() }, Why::Read),
            (Facts { line: line(None, false), ..there }, Why::Waiting),
            (Facts { line: line(Some(Held::Chat), true), ..there }, Why::Chat),
            (Facts { line: line(Some(Held::Person), true), ..there }, Why::Person),
            (Facts { line: line(Some(Held::Bot), true), ..there }, Why::Bot),
            (Facts { line: line(Some(Held::Mention), false), ..there }, Why::Mention),
            (Facts { own: true, in_chat: Some(false), ..there }, Why::Own),
            (Facts { in_chat: Some(false), listened: Some(false), ..there }, Why::NotInChat),
            (Facts { kept: Some(false), listened: Some(false), ..there }, Why::NotKept),
            (Facts { listened: Some(false), hears: false, ..there }, Why::Offline),
            (Facts { hears: false, ..there }, Why::NoScope),
            (Facts { hears: false, in_chat: None, kept: None, listened: None, ..there }, Why::NoScope),
            (there, Why::NotDelivered),
        ];
        for (facts, expected) in cases {
            assert_eq!(why(&facts), expected, "{facts:?}");
        }
    }
}
