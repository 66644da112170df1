//! The process that lives: connections under supervision, the journal, stdout. The only place that names
//! ractor.
//!
//! `run.rs` composes the parts; `plan.rs` is what it is told, `seat.rs` what it knows of each profile.

mod change;
mod chat_registry;
mod connection;
pub mod control;
pub mod descriptors;
mod file_id;
mod footing;
#[cfg(test)]
mod fuzz;
mod given;
mod given_mark;
mod holder;
mod known_chats;
mod lock;
mod notify;
#[cfg(test)]
mod older;
pub mod outbox;
mod outlet;
pub mod owner;
mod part;
mod plan;
mod readers;
pub mod relay;
pub mod reload;
pub mod room;
pub mod room_heard;
pub mod rooms;
mod root;
mod run;
mod seat;
pub mod shift;
mod signals;
mod since;
mod status;
pub mod stored;
mod task;
#[cfg(test)]
mod tree;
mod upkeep;

pub use change::{Change, Outcome, Reloaded};
pub use file_id::FileId;
pub use footing::Footing;
pub use given::{Begins, Given, Patience};
pub use holder::Holder;
pub use known_chats::{ChatState, KnownChat, KnownChats, Synced};
pub use lock::{HOME_HELD, Lock};
pub use plan::Plan;
pub use run::{Supervisor, run};
pub use seat::{Dial, Fetch, Later, Perform, Relay, Seat};
pub use signals::{Ask, Trigger};
pub use since::Since;
pub use status::{
    CursorStatus, JournalStatus, LineStatus, ProfileState, ProfileStatus, ReaderStatus, Status,
};
pub use upkeep::{CatchUpRules, DeafRules};

#[cfg(test)]
mod tests;
