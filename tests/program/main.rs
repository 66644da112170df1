//! The built program as a user runs it, against a sandbox on 127.0.0.1.
#![cfg(feature = "sandbox")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod arguments;
mod crash;
mod disk;
mod explain;
mod figures;
mod floors;
mod ground;
mod hooks;
mod missed;
mod odd_pushes;
mod old_home;
mod parts;
mod parts_between;
mod presence;
mod profiles;
#[allow(clippy::print_stdout, dead_code, reason = "shared with the fault suite; seeds are for people")]
mod random;
mod rooms;
mod rooms_in_trouble;
mod secrets;
mod service;
mod stdout;
mod stream;
mod support;
mod trouble;
mod watch;
