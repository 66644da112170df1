//! The verbs of the built program, each against a sandbox on 127.0.0.1.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod aliases;
mod broadcast;
mod contents;
mod escalation;
mod files;
mod history;
mod hostile_ids;
mod loose;
mod output;
mod proxy;
mod reading;
mod recorder;
mod seed;
mod sending;
mod supervised;
#[path = "../program/support.rs"]
#[allow(dead_code, reason = "shared with the tests of the program as a whole")]
mod support;
mod token;
mod trouble;
mod tunnel;
mod verb;
