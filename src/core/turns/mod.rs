//! Whose turn it is in a room: what its talk changes, and what its agents and the room itself are told of that.

pub mod floor;
pub mod guard;
mod look;
mod notices;
mod talk;
#[cfg(test)]
mod tests;

pub use look::{Do, Found, Line, look, reason};
pub use notices::Notices;
pub use talk::{Kept, Rules, Spoken};
