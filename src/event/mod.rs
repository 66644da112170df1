//! What a line may be: the events of every transport and of rooma itself, in our own vocabulary.
//!
//! Field order here is the order of keys in a line. Absent values are left out, never null.

mod brief;
mod facts;
pub mod ids;
mod message;
mod own;
mod platform;
mod reading;
mod render;
mod schema;
mod seen;
mod text;

pub use brief::{Handles, WIDTH, WIDTH_MIN, brief, quoted_name, units};
pub use facts::{Facts, Origin};
pub use message::{
    ChatType, FloorMark, Mention, MentionKind, MentionScope, Message, Resource, RoomMark, SenderType, Trust,
};
pub use own::{
    Catchup, CatchupCut, ChatChange, Conflict, Connected, Connecting, Crashed, Deaf, Disconnected, Dropped,
    FarewellSent, Gap, GreetingSent, JournalReset, JqFailed, NotSaid, Parked, Rearm, RoomPaused, RoomResumed,
    SessionArmed, SessionExpired, Started, Stopped, Storage, StorageState, SupervisorGone, Watching,
};
pub use platform::{
    CardAction, ChatDisbanded, ChatUpdated, Member, MemberChange, MenuClicked, MessageRead, MessageRecalled,
    Reaction, Unknown,
};
pub use reading::{Added, Earlier, Whole, taken_apart};
pub use render::{LINE_MAX, Line, Past, Rendered, SCHEMA_VERSION, head, one_line, stored, tail, with_fields};
pub use schema::{schema, type_names};
pub use text::{bounded, escaped, hidden, is_unsafe, neutralise};

use serde::Serialize;

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    Message(Box<Message>),
    MessageRecalled(MessageRecalled),
    MessageRead(MessageRead),
    ReactionAdded(Reaction),
    ReactionRemoved(Reaction),
    MemberJoined(MemberChange),
    MemberLeft(MemberChange),
    ChatUpdated(ChatUpdated),
    ChatDisbanded(ChatDisbanded),
    CardAction(Box<CardAction>),
    MenuClicked(MenuClicked),
    Unknown(Unknown),

    Started(Started),
    Connecting(Connecting),
    Connected(Connected),
    Disconnected(Disconnected),
    Parked(Parked),
    Crashed(Crashed),
    Conflict(Conflict),
    Deaf(Deaf),
    Catchup(Catchup),
    Gap(Gap),
    JournalReset(JournalReset),
    ChatJoined(ChatChange),
    ChatLeft(ChatChange),
    SessionArmed(SessionArmed),
    GreetingSent(GreetingSent),
    FarewellSent(FarewellSent),
    SessionExpired(SessionExpired),
    RoomPaused(RoomPaused),
    RoomResumed(RoomResumed),
    Dropped(Dropped),
    Watching(Watching),
    Rearm(Rearm),
    JqFailed(JqFailed),
    SupervisorGone(SupervisorGone),
    Storage(Storage),
    Stopped(Stopped),
}

impl Event {
    /// The line's `type`.
    pub fn type_name(&self) -> &'static str {
        self.parts().0
    }

    /// Is this message meant for the profile that received it?
    pub fn mentions_me(&self) -> bool {
        match self {
            Event::Message(message) => message.mentioned,
            _ => false,
        }
    }

    /// One table ties each variant to its wire name and its body.
    fn parts(&self) -> (&'static str, &dyn Body) {
        match self {
            Event::Message(body) => ("message", body.as_ref()),
            Event::MessageRecalled(body) => ("message.recalled", body),
            Event::MessageRead(body) => ("message.read", body),
            Event::ReactionAdded(body) => ("reaction.added", body),
            Event::ReactionRemoved(body) => ("reaction.removed", body),
            Event::MemberJoined(body) => ("member.joined", body),
            Event::MemberLeft(body) => ("member.left", body),
            Event::ChatUpdated(body) => ("chat.updated", body),
            Event::ChatDisbanded(body) => ("chat.disbanded", body),
            Event::CardAction(body) => ("card.action", body),
            Event::MenuClicked(body) => ("menu.clicked", body),
            Event::Unknown(body) => ("unknown", body),
            Event::Started(body) => ("rooma.started", body),
            Event::Connecting(body) => ("rooma.connecting", body),
            Event::Connected(body) => ("rooma.connected", body),
            Event::Disconnected(body) => ("rooma.disconnected", body),
            Event::Parked(body) => ("rooma.parked", body),
            Event::Crashed(body) => ("rooma.crashed", body),
            Event::Conflict(body) => ("rooma.conflict", body),
            Event::Deaf(body) => ("rooma.deaf", body),
            Event::Catchup(body) => ("rooma.catchup", body),
            Event::Gap(body) => ("rooma.gap", body),
            Event::JournalReset(body) => ("rooma.journal_reset", body),
            Event::ChatJoined(body) => ("rooma.chat_joined", body),
            Event::ChatLeft(body) => ("rooma.chat_left", body),
            Event::SessionArmed(body) => ("rooma.session_armed", body),
            Event::GreetingSent(body) => ("rooma.greeting_sent", body),
            Event::FarewellSent(body) => ("rooma.farewell_sent", body),
            Event::SessionExpired(body) => ("rooma.session_expired", body),
            Event::RoomPaused(body) => ("rooma.room_paused", body),
            Event::RoomResumed(body) => ("rooma.room_resumed", body),
            Event::Dropped(body) => ("rooma.dropped", body),
            Event::Watching(body) => ("rooma.watching", body),
            Event::Rearm(body) => ("rooma.rearm", body),
            Event::JqFailed(body) => ("rooma.jq_failed", body),
            Event::SupervisorGone(body) => ("rooma.supervisor_gone", body),
            Event::Storage(body) => ("rooma.storage", body),
            Event::Stopped(body) => ("rooma.stopped", body),
        }
    }
}

/// The fields of a line beyond the common ones.
trait Body {
    fn to_json(&self) -> String;
}

impl<T: Serialize> Body for T {
    fn to_json(&self) -> String {
        serde_json::to_string(self).expect("an event is plain strings, numbers and lists")
    }
}
