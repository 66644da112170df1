//! What one of ours may do in a room, whichever client lets it: a verb, or a program that speaks for an agent.

mod speak;

pub use speak::{Speaking, Turn, wall_of};
