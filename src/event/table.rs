//! Every kind of line, once: its variant, the struct that is its body, and its `type`.

use schemars::SchemaGenerator;
use serde::Serialize;
use serde_json::Value;

use super::message::Message;
use super::own::{
    Catchup, ChatChange, Conflict, Connected, Connecting, Crashed, Deaf, Disconnected, Dropped, FarewellSent,
    Gap, GreetingSent, JournalReset, JqFailed, Parked, Rearm, RoomPaused, RoomResumed, SessionArmed,
    SessionExpired, Started, Stopped, Storage, SupervisorGone, Watching,
};
use super::platform::{
    CardAction, ChatDisbanded, ChatUpdated, MemberChange, MenuClicked, MessageRead, MessageRecalled,
    Reaction, Unknown,
};
use super::schema::{document, line};

macro_rules! lines {
    ($($variant:ident($body:ty) = $type_name:literal,)+) => {
        /// Something that happened.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Event {
            $($variant($body),)+
        }

        impl Event {
            /// The line's `type`, and its body.
            pub(super) fn parts(&self) -> (&'static str, &dyn Body) {
                match self {
                    $(Event::$variant(body) => ($type_name, body),)+
                }
            }
        }

        /// Every type a line can have, in the order of the schema.
        pub const TYPE_NAMES: &[&str] = &[$($type_name),+];

        fn schemas(generator: &mut SchemaGenerator) -> Vec<Value> {
            vec![$(line::<$body>(generator, $type_name)),+]
        }
    };
}

lines! {
    Message(Box<Message>) = "message",
    MessageRecalled(MessageRecalled) = "message.recalled",
    MessageRead(MessageRead) = "message.read",
    ReactionAdded(Reaction) = "reaction.added",
    ReactionRemoved(Reaction) = "reaction.removed",
    MemberJoined(MemberChange) = "member.joined",
    MemberLeft(MemberChange) = "member.left",
    ChatUpdated(ChatUpdated) = "chat.updated",
    ChatDisbanded(ChatDisbanded) = "chat.disbanded",
    CardAction(Box<CardAction>) = "card.action",
    MenuClicked(MenuClicked) = "menu.clicked",
    Unknown(Unknown) = "unknown",
    Started(Started) = "rooma.started",
    Connecting(Connecting) = "rooma.connecting",
    Connected(Connected) = "rooma.connected",
    Disconnected(Disconnected) = "rooma.disconnected",
    Parked(Parked) = "rooma.parked",
    Crashed(Crashed) = "rooma.crashed",
    Conflict(Conflict) = "rooma.conflict",
    Deaf(Deaf) = "rooma.deaf",
    Catchup(Catchup) = "rooma.catchup",
    Gap(Gap) = "rooma.gap",
    JournalReset(JournalReset) = "rooma.journal_reset",
    ChatJoined(ChatChange) = "rooma.chat_joined",
    ChatLeft(ChatChange) = "rooma.chat_left",
    SessionArmed(SessionArmed) = "rooma.session_armed",
    GreetingSent(GreetingSent) = "rooma.greeting_sent",
    FarewellSent(FarewellSent) = "rooma.farewell_sent",
    SessionExpired(SessionExpired) = "rooma.session_expired",
    RoomPaused(RoomPaused) = "rooma.room_paused",
    RoomResumed(RoomResumed) = "rooma.room_resumed",
    Dropped(Dropped) = "rooma.dropped",
    Watching(Watching) = "rooma.watching",
    Rearm(Rearm) = "rooma.rearm",
    JqFailed(JqFailed) = "rooma.jq_failed",
    SupervisorGone(SupervisorGone) = "rooma.supervisor_gone",
    Storage(Storage) = "rooma.storage",
    Stopped(Stopped) = "rooma.stopped",
}

/// The JSON Schema of every line.
pub fn schema() -> Value {
    document(schemas)
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
}

/// The fields of a line beyond the common ones.
pub(super) trait Body {
    fn to_json(&self) -> String;
}

impl<T: Serialize> Body for T {
    fn to_json(&self) -> String {
        serde_json::to_string(self).expect("an event is plain strings, numbers and lists")
    }
}
