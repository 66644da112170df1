//! What readers of the journal ask of a line, known before it is rendered, so that nobody has to look into its text.

use super::ids::{ChatId, MessageId, ThreadId};
use super::message::{ChatType, SenderType};
use super::table::Event;

/// How an event came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The platform delivered it.
    Pushed,
    /// It was read in a chat's history.
    History,
    /// One of ours posted it, and it was read for another of ours.
    Relay,
}

impl Origin {
    pub fn name(self) -> &'static str {
        match self {
            Origin::Pushed => "pushed",
            Origin::History => "history",
            Origin::Relay => "relay",
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    pub chat_id: Option<ChatId>,
    pub chat_type: Option<ChatType>,
    /// The message that was said, or that something happened to.
    pub message_id: Option<MessageId>,
    pub thread_id: Option<ThreadId>,
    pub sender_type: Option<SenderType>,
    /// Several of ours are addressed: the floor opens.
    pub opens_floor: bool,
    /// A line of a kind that says all is well, and this one does not.
    pub is_trouble: bool,
}

impl Event {
    pub fn facts(&self) -> Facts {
        let about = |chat: Option<&ChatId>, message: Option<&MessageId>| Facts {
            chat_id: chat.cloned(),
            message_id: message.cloned(),
            ..Facts::default()
        };
        match self {
            Event::Message(message) => Facts {
                chat_id: Some(message.chat_id.clone()),
                chat_type: Some(message.chat_type),
                message_id: Some(message.message_id.clone()),
                thread_id: message.thread_id.clone(),
                sender_type: Some(message.sender_type),
                opens_floor: message.floor.is_some(),
                is_trouble: false,
            },
            Event::MessageRecalled(recalled) => about(Some(&recalled.chat_id), Some(&recalled.message_id)),
            Event::ReactionAdded(reaction) | Event::ReactionRemoved(reaction) => {
                about(None, Some(&reaction.message_id))
            }
            Event::MemberJoined(change) | Event::MemberLeft(change) => about(Some(&change.chat_id), None),
            Event::ChatUpdated(updated) => about(Some(&updated.chat_id), None),
            Event::ChatDisbanded(disbanded) => about(Some(&disbanded.chat_id), None),
            Event::CardAction(action) => about(action.chat_id.as_ref(), action.message_id.as_ref()),
            Event::ChatJoined(change) | Event::ChatLeft(change) => about(Some(&change.chat_id), None),
            Event::RoomPaused(paused) => about(Some(&paused.chat_id), None),
            Event::RoomResumed(resumed) => about(Some(&resumed.chat_id), None),
            Event::GreetingSent(sent) => Facts { is_trouble: !sent.failed.is_empty(), ..Facts::default() },
            Event::Catchup(catchup) => Facts {
                is_trouble: catchup.error.is_some() || catchup.cut.is_some(),
                ..about(catchup.chat_id.as_ref(), None)
            },
            _ => Facts::default(),
        }
    }
}
