//! What a line may be: the events of every transport and of rooma itself, in our own vocabulary.
//!
//! Field order here is the order of keys in a line. Absent values are left out, never null.

mod added;
mod brief;
mod facts;
pub mod ids;
mod message;
mod own;
mod platform;
mod reading;
mod realm;
mod render;
mod schema;
mod seen;
mod table;
mod text;

pub use added::{Added, Earlier};
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
pub use reading::{Whole, taken_apart};
pub use render::{LINE_MAX, Line, Past, Rendered, head, one_line, stored, tail, with_fields};
pub use schema::SCHEMA_VERSION;
pub use table::{Event, TYPE_NAMES, schema};
pub use text::{bounded, escaped, hidden, is_unsafe, neutralise, shown};
