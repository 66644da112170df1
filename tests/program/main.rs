//! The built program as a user runs it, against a sandbox on 127.0.0.1.
#![cfg(feature = "sandbox")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod arguments;
mod crash;
mod explain;
mod figures;
mod missed;
mod presence;
mod profiles;
mod rooms;
mod secrets;
mod service;
mod stdout;
mod stream;
mod support;
mod trouble;
mod watch;
