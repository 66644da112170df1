//! Feishu and Lark.
//!
//! Pure, without runtime, network, files or clock: `frame`, `reassembly`, `session`, `endpoint`, `url`, `loose`, `wire`,
//! `normalize`, `content`, `rich`, `system`, `mention`, `known`, `codes`, `tidy`, `time`, `repair`, `compose`, `parts`,
//! `split`, `past`, `files`, `emoji`, `ids`. The rest acts: `account` is what outlives connections, `connection` leads from
//! discovery to an end, `serve` is the loop in between, `verbs` and `past_verbs` are what the command line asks,
//! `readable` is how messages are read, and `api` holds the platform's calls.

mod account;
mod adapter;
mod address;
mod api;
mod call;
#[cfg(test)]
mod canned;
mod codes;
mod compose;
mod conflict;
mod connection;
mod content;
mod delivery;
mod dial;
mod emoji;
mod endpoint;
mod envelope;
mod files;
mod frame;
#[cfg(test)]
mod fuzz;
mod ids;
mod known;
mod lookalike;
mod loose;
#[cfg(test)]
mod loose_answers;
mod mention;
mod missed;
mod names;
mod normalize;
mod parts;
mod past;
mod past_people;
mod past_verbs;
mod people;
mod readable;
mod reassembly;
mod redact;
mod repair;
mod rest;
mod rich;
mod serve;
mod session;
mod split;
#[cfg(test)]
pub(crate) mod stage;
mod strangers;
mod system;
mod tidy;
mod time;
mod token;
mod token_file;
mod traits;
mod url;
mod verbs;
mod waiting;
mod wire;

pub use account::Account;
