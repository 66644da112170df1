//! Feishu as the sandbox plays it: its ids, calls, long connection, rules and events.

pub mod ack;
pub mod content;
pub mod control;
pub mod encode;
pub mod frame;
pub mod gate;
pub mod ids;
pub mod notices;
pub mod options;
mod profiles;
pub mod ready;
pub mod rest;
pub mod scopes;
pub mod socket;
pub mod tokens;
pub mod views;
