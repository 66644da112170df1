//! What strangers, and agents they have confused, may hand to the built program: expressions, files, names, texts.
//! Each class is a table that counts what was tried and what went wrong.
#![cfg(feature = "sandbox")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod configuration;
mod expressions;
mod files;
#[path = "../program/support.rs"]
#[allow(dead_code, reason = "shared with the tests of the program as a whole")]
mod support;
mod table;
mod texts;
