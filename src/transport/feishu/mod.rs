//! Feishu and Lark.
//!
//! Pure, without runtime, network, files or clock: `frame`, `reassembly`, `session`, `endpoint`, `url`, `wire`,
//! `normalize`, `content`, `post`, `mention`, `known`, `codes`, `tidy`, `time`, `repair`. The rest acts:
//! `account` is what outlives connections, `connection` leads from discovery to an end, `serve` is the loop in
//! between, and `api` holds the platform's verbs.

mod account;
mod api;
mod codes;
mod conflict;
mod connection;
mod content;
mod delivery;
mod dial;
mod endpoint;
mod envelope;
mod frame;
mod known;
mod mention;
mod names;
mod normalize;
mod post;
mod reassembly;
mod repair;
mod rest;
mod serve;
mod session;
#[cfg(test)]
pub(crate) mod stage;
mod tidy;
mod time;
mod token;
mod url;
mod wire;

pub use account::Account;
