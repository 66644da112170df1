//! The control socket: how `status`, `down`, the verbs and the watchers reach a running supervisor.
//!
//! `protocol.rs` is what goes over it, `listen.rs` the socket, `serve.rs` one client from its request to its answer, and
//! `ops/` one file per operation. A client that follows is told about commits and leaves its cursor; it reads the lines
//! themselves from the journal, so a slow watcher costs the supervisor nothing.

pub mod client;
mod conversation;
mod listen;
mod ops;
mod places;
mod protocol;
mod serve;
mod tools;

#[cfg(test)]
pub(super) use conversation::next_request;
pub use listen::Listening;
pub use protocol::{
    Acked, Answered, ELSEWHERE, Errand, News, Op, ReloadedAll, Request, UNKNOWN, VERSION, WORKING_EVERY,
    is_cursor_name, path,
};
#[cfg(test)]
pub(super) use protocol::{checked, named};
pub use tools::Control;
