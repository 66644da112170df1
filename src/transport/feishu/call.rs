//! One call below `/open-apis`, before it is made.

use std::time::Duration;

use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::Value;

/// A transfer slower than this is given up.
const BYTES_PER_SECOND: usize = 32 * 1024;

/// One call below `/open-apis`.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    pub method: &'a Method,
    /// Segments; each is escaped.
    pub path: &'a [&'a str],
    pub query: &'a [(&'a str, &'a str)],
    pub payload: Payload<'a>,
    /// Repeating it does no harm: it only reads, or carries a key of its own.
    pub repeatable: bool,
    /// Bytes that go either way, beside a few KiB: they take their time.
    pub bytes: usize,
}

#[derive(Clone, Copy)]
pub enum Payload<'a> {
    None,
    Json(&'a Value),
    /// Built anew for each attempt.
    Form(&'a (dyn Fn() -> Form + Send + Sync)),
}

impl<'a> Call<'a> {
    pub fn get(path: &'a [&'a str], query: &'a [(&'a str, &'a str)]) -> Call<'a> {
        Call { method: &Method::GET, path, query, payload: Payload::None, repeatable: true, bytes: 0 }
    }

    /// A call that changes something.
    pub fn write(method: &'a Method, path: &'a [&'a str], payload: Payload<'a>) -> Call<'a> {
        Call { method, path, query: &[], payload, repeatable: false, bytes: 0 }
    }

    pub fn query(self, query: &'a [(&'a str, &'a str)]) -> Call<'a> {
        Call { query, ..self }
    }

    pub fn bytes(self, bytes: usize) -> Call<'a> {
        Call { bytes, ..self }
    }

    pub fn repeatable(self) -> Call<'a> {
        Call { repeatable: true, ..self }
    }

    /// What a transfer of this size may take beyond an ordinary call.
    pub fn transfer_time(&self) -> Duration {
        Duration::from_secs(u64::try_from(self.bytes / BYTES_PER_SECOND).unwrap_or(u64::MAX))
    }
}
