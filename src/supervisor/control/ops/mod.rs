//! The operations of the control socket, one file each. `errand.rs` is what both kinds of errands have in common.

pub mod ack;
pub mod call;
pub mod chats;
pub mod cursor;
mod errand;
pub mod follow;
pub mod hold;
pub mod reload;
pub mod room;
pub mod session;
pub mod status;
pub mod stop;
