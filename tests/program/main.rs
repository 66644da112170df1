//! The built program as a user runs it, against a sandbox on 127.0.0.1.

mod arguments;
mod crash;
mod secrets;
mod stdout;
mod stream;
mod support;
mod trouble;
