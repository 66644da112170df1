//! How a connection ended.

use std::time::Duration;

/// Every way a connection can end, as the redial policy needs to tell them apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The other side closed it.
    Closed { code: Option<u16>, reason: String },
    /// The network failed: dial, TLS, read, write, or a deadline of the handshake.
    Lost { reason: String },
    /// The socket is open and nothing comes: a missed pong, or no frame for too long.
    Silent { quiet_for: Duration },
    /// The platform said no, for now.
    Refused { code: Option<i64>, message: String, retry_after: Option<Duration> },
    /// The platform said no, and only a person can change that: credentials, app state, permission.
    Unauthorized { code: Option<i64>, message: String, hint: Option<String> },
    /// The app has as many connections as it may have.
    ConnectionLimit { message: String },
    /// Our own code failed.
    Crashed { message: String },
    /// We asked for it.
    Asked,
}

impl End {
    /// The `reason` of a line: a word that does not change, then what is known.
    pub fn reason(&self) -> String {
        match self {
            End::Closed { code: Some(code), reason } if !reason.is_empty() => {
                format!("closed: {code} {reason}")
            }
            End::Closed { code: Some(code), .. } => format!("closed: {code}"),
            End::Closed { code: None, .. } => "closed".to_owned(),
            End::Lost { reason } => format!("lost: {reason}"),
            End::Silent { quiet_for } => {
                format!("silent: nothing received for {:.1} s", quiet_for.as_secs_f64())
            }
            End::Refused { code: Some(code), message, .. } => format!("refused: {code} {message}"),
            End::Refused { code: None, message, .. } => format!("refused: {message}"),
            End::Unauthorized { code: Some(code), message, .. } => format!("unauthorized: {code} {message}"),
            End::Unauthorized { code: None, message, .. } => format!("unauthorized: {message}"),
            End::ConnectionLimit { message } => format!("connection_limit: {message}"),
            End::Crashed { message } => format!("crashed: {message}"),
            End::Asked => "asked".to_owned(),
        }
    }
}
