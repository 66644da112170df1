//! How anything here fails: a kind that decides the exit code, a sentence, and a hint when there is a
//! next step.

use serde::{Deserialize, Serialize};

/// What went wrong, seen from the caller. The kind decides the exit code and nothing else does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The platform said no: not found, rate limit, server error.
    Api,
    /// Bad arguments or a failed precondition.
    Validation,
    Authentication,
    Authorization,
    Config,
    Network,
    Internal,
    Storage,
    /// Loop guard, allow-list, a paused room.
    Policy,
    /// Another supervisor holds this app.
    Conflict,
    /// Needs `--yes`.
    Confirmation,
}

impl Kind {
    pub fn exit_code(self) -> u8 {
        match self {
            Kind::Api => 1,
            Kind::Validation => 2,
            Kind::Authentication | Kind::Authorization | Kind::Config => 3,
            Kind::Network => 4,
            Kind::Internal | Kind::Storage => 5,
            Kind::Policy => 6,
            Kind::Conflict => 7,
            Kind::Confirmation => 10,
        }
    }
}

/// The error every fallible public function of this crate returns.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    pub kind: Kind,
    pub subtype: Option<String>,
    /// The platform's own number.
    pub code: Option<i64>,
    pub message: String,
    pub hint: Option<String>,
    /// The platform's id of the failed request, for its support.
    pub log_id: Option<String>,
    pub retryable: bool,
    pub retry_after_ms: Option<u64>,
}

/// The subtype of an error of a platform that refuses the token it has just given.
pub const TOKEN_REFUSED: &str = "token_refused";

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub fn new(kind: Kind, message: impl Into<String>) -> Error {
        Error {
            kind,
            subtype: None,
            code: None,
            message: message.into(),
            hint: None,
            log_id: None,
            retryable: matches!(kind, Kind::Network),
            retry_after_ms: None,
        }
    }

    pub fn validation(message: impl Into<String>) -> Error {
        Error::new(Kind::Validation, message)
    }

    pub fn config(message: impl Into<String>) -> Error {
        Error::new(Kind::Config, message)
    }

    pub fn network(message: impl Into<String>) -> Error {
        Error::new(Kind::Network, message)
    }

    pub fn storage(message: impl Into<String>) -> Error {
        Error::new(Kind::Storage, message)
    }

    pub fn internal(message: impl Into<String>) -> Error {
        Error::new(Kind::Internal, message)
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Error {
        self.hint = Some(hint.into());
        self
    }

    pub fn subtype(mut self, subtype: impl Into<String>) -> Error {
        self.subtype = Some(subtype.into());
        self
    }

    pub fn code(mut self, code: i64) -> Error {
        self.code = Some(code);
        self
    }

    pub fn log_id(mut self, log_id: Option<String>) -> Error {
        self.log_id = log_id;
        self
    }

    pub fn retryable(mut self, retryable: bool) -> Error {
        self.retryable = retryable;
        self
    }

    pub fn retry_after_ms(mut self, millis: Option<u64>) -> Error {
        self.retry_after_ms = millis;
        self
    }

    /// Is it worth another try later, to whoever has minutes? A new token that is refused is not to be waited for, but
    /// what is owed in the background is not lost by it either.
    pub fn may_pass(&self) -> bool {
        self.retryable || self.subtype.as_deref() == Some(TOKEN_REFUSED)
    }

    /// What went wrong and what to do about it, in one sentence.
    pub fn sentence(&self) -> String {
        match &self.hint {
            Some(hint) => format!("{} ({hint})", self.message),
            None => self.message.clone(),
        }
    }

    /// The one JSON object a failed command leaves on stderr.
    pub fn to_json(&self) -> String {
        let whole = Failed { ok: false, error: self.report() };
        serde_json::to_string(&whole).expect("an error is plain strings and numbers")
    }

    /// An error that another process wrote with [`Error::to_json`].
    pub fn from_json(json: &[u8]) -> Option<Error> {
        let Failed { error, .. } = serde_json::from_slice(json).ok()?;
        Some(error.into())
    }

    /// What a caller may know of it.
    pub fn report(&self) -> Report {
        let Error { kind, subtype, code, message, hint, log_id, retryable, retry_after_ms } = self.clone();
        let (message, hint) = (seen(&message), hint.map(|hint| seen(&hint)));
        Report { r#type: kind, subtype, code, message, hint, log_id, retryable, retry_after_ms }
    }
}

impl From<Report> for Error {
    fn from(report: Report) -> Error {
        let Report { r#type: kind, subtype, code, message, hint, log_id, retryable, retry_after_ms } = report;
        Error { kind, subtype, code, message, hint, log_id, retryable, retry_after_ms }
    }
}

/// Errors repeat names of files, flags and variables, and these may hold what nobody sees. The lines of a long message
/// stay lines.
fn seen(text: &str) -> String {
    let shown = text
        .split('\n')
        .map(|line| line.split('\t').map(crate::event::escaped).collect::<Vec<_>>().join("\t"));
    shown.collect::<Vec<_>>().join("\n")
}

#[derive(Serialize, Deserialize)]
struct Failed {
    ok: bool,
    error: Report,
}

/// An error as JSON shows it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    r#type: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subtype: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<i64>,
    message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    log_id: Option<String>,
    retryable: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
}

/// The `subtype` of a file that a later program wrote.
pub const NEWER: &str = "newer_version";

pub const NEWER_HINT: &str = concat!(
    "this is rooma ",
    env!("CARGO_PKG_VERSION"),
    ": use the rooma that wrote it, or a later one; what this one would make of the file is lost to that one"
);

/// A stored file that this program does not understand, and must not touch.
pub fn newer_version(path: &std::path::Path, version: i64, by: Option<&str>, known: i64) -> Error {
    let by = by.map_or_else(
        || "a newer rooma".to_owned(),
        |by| format!("rooma {}", crate::event::neutralise(crate::event::bounded(by, 64))),
    );
    let message =
        format!("{} has version {version}, written by {by}; this one knows {known}", path.display());
    Error::storage(message).subtype(NEWER).hint(NEWER_HINT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_names_type_and_hint_and_leaves_out_what_is_unknown() {
        let error = Error::config("unknown key `appid`").hint("did you mean `app_id`?");
        assert_eq!(
            error.to_json(),
            r#"{"ok":false,"error":{"type":"config","message":"unknown key `appid`","hint":"did you mean `app_id`?","retryable":false}}"#
        );
    }

    #[test]
    fn a_name_in_an_error_shows_what_is_in_it() {
        let error = Error::config("profiles/\u{202e}x\u{1b}.yaml:\n\t报告").hint("rm \u{200b}a").to_json();
        let shown = serde_json::from_str::<serde_json::Value>(&error).unwrap();
        assert_eq!(shown["error"]["message"], "profiles/\\u202ex\\u001b.yaml:\n\t报告");
        assert_eq!(shown["error"]["hint"], "rm \\u200ba");
    }

    #[test]
    fn an_error_survives_the_way_through_another_process() {
        let error = Error::new(Kind::Api, "no").subtype("rate_limit").code(230_020).retryable(true);
        let error = error.hint("later").log_id(Some("log".to_owned())).retry_after_ms(Some(7));
        assert_eq!(Error::from_json(error.to_json().as_bytes()).unwrap().to_json(), error.to_json());
        assert!(Error::from_json(b"{\"ok\":true}").is_none());
    }

    #[test]
    fn exit_codes_are_those_of_the_contract() {
        let codes = [
            (Kind::Api, 1),
            (Kind::Validation, 2),
            (Kind::Authentication, 3),
            (Kind::Authorization, 3),
            (Kind::Config, 3),
            (Kind::Network, 4),
            (Kind::Internal, 5),
            (Kind::Storage, 5),
            (Kind::Policy, 6),
            (Kind::Conflict, 7),
            (Kind::Confirmation, 10),
        ];
        for (kind, code) in codes {
            assert_eq!(kind.exit_code(), code, "{kind:?}");
        }
    }
}
