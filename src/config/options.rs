//! `config/rooma.yaml`: every option has a default.

use std::time::Duration;

use serde::Deserialize;

use super::values::{Size, Span};
use crate::error::{Error, Result};
use crate::journal::Sync;

macro_rules! options {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $kind:ty = $default:expr),+ $(,)? })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name { $($(#[$field_doc])* pub $field: $kind),+ }

        impl Default for $name {
            fn default() -> $name {
                $name { $($field: $default),+ }
            }
        }
    )+};
}

options! {
    Options {
        journal: JournalOptions = JournalOptions::default(),
        connection: ConnectionOptions = ConnectionOptions::default(),
        deaf: DeafOptions = DeafOptions::default(),
        catchup: CatchupOptions = CatchupOptions::default(),
        presence: PresenceOptions = PresenceOptions::default(),
        broadcast: BroadcastOptions = BroadcastOptions::default(),
        http: HttpOptions = HttpOptions::default(),
    }
    JournalOptions {
        sync: SyncMode = SyncMode::Disk,
        keep: Span = Span(Duration::from_secs(7 * 24 * 3600)),
        max_size: Size = Size(512 * 1024 * 1024),
    }
    ConnectionOptions {
        backoff_min: Span = Span(Duration::from_secs(1)),
        backoff_max: Span = Span(Duration::from_secs(60)),
        stable_after: Span = Span(Duration::from_secs(60)),
        pong_timeout: Span = Span(Duration::from_secs(15)),
        handshake_timeout: Span = Span(Duration::from_secs(10)),
        conflict_check: Span = Span(Duration::from_secs(300)),
    }
    DeafOptions {
        quiet_after: Span = Span(Duration::from_secs(600)),
        chats: u32 = 3,
    }
    CatchupOptions {
        per_chat: u32 = 200,
        total: u32 = 2000,
        max_age: Span = Span(Duration::from_secs(24 * 3600)),
        after: Span = Span(Duration::from_secs(30)),
    }
    PresenceOptions {
        max_age: Span = Span(Duration::from_secs(3600)),
    }
    BroadcastOptions {
        confirm_over: u32 = 5,
    }
    HttpOptions {
        timeout: Span = Span(Duration::from_secs(30)),
        proxy: Option<String> = None,
        ca_file: Option<std::path::PathBuf> = None,
    }
}

/// Shorter waits would hammer a platform that is in trouble.
const BACKOFF_MIN: Duration = Duration::from_millis(100);

/// Shorter deadlines would end every connection.
const DEADLINE_MIN: Duration = Duration::from_millis(100);

impl Options {
    /// What no type can say: values that would harm.
    pub fn check(&self) -> Result<()> {
        let connection = &self.connection;
        let least = [
            ("connection.backoff_min", connection.backoff_min, BACKOFF_MIN),
            ("connection.backoff_max", connection.backoff_max, connection.backoff_min.0),
            ("connection.pong_timeout", connection.pong_timeout, DEADLINE_MIN),
            ("connection.handshake_timeout", connection.handshake_timeout, DEADLINE_MIN),
            ("connection.conflict_check", connection.conflict_check, Duration::from_secs(1)),
            ("http.timeout", self.http.timeout, DEADLINE_MIN),
            ("deaf.quiet_after", self.deaf.quiet_after, DEADLINE_MIN),
        ];
        match least.into_iter().find(|(_, value, least)| value.0 < *least) {
            None => Ok(()),
            Some((key, _, least)) => {
                Err(Error::config(format!("config/rooma.yaml: `{key}` must be at least {least:?}")))
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncMode {
    Disk,
    Process,
}

impl From<SyncMode> for Sync {
    fn from(mode: SyncMode) -> Sync {
        match mode {
            SyncMode::Disk => Sync::Disk,
            SyncMode::Process => Sync::Process,
        }
    }
}
