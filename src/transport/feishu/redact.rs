//! What the platform says goes into lines and logs. Our own secrets do not, should it repeat them, nor what looks like
//! somebody's.

use std::borrow::Cow;

use secrecy::{ExposeSecret, SecretString};

use super::lookalike::{self, HIDDEN};
use crate::core::end::End;
use crate::error::Error;

/// Shorter values would hide ordinary words.
const SECRET_MIN: usize = 6;

/// Our own secrets as far as they may be repeated.
#[derive(Clone, Debug, Default)]
pub struct Secrets(Vec<SecretString>);

impl Secrets {
    pub fn new(secrets: impl IntoIterator<Item = SecretString>) -> Secrets {
        let long = |secret: &SecretString| secret.expose_secret().len() >= SECRET_MIN;
        Secrets(secrets.into_iter().filter(long).collect())
    }

    pub fn and(mut self, more: Secrets) -> Secrets {
        self.0.extend(more.0);
        self
    }

    pub fn hide(&self, text: String) -> String {
        let text = self.0.iter().fold(text, |text, secret| {
            if text.contains(secret.expose_secret()) {
                text.replace(secret.expose_secret(), HIDDEN)
            } else {
                text
            }
        });
        match lookalike::cut(&text) {
            Cow::Borrowed(_) => text,
            Cow::Owned(cut) => cut,
        }
    }

    pub fn hide_in_error(&self, error: Error) -> Error {
        Error { message: self.hide(error.message), hint: error.hint.map(|hint| self.hide(hint)), ..error }
    }

    pub fn hide_in_end(&self, end: End) -> End {
        match end {
            End::Closed { code, reason } => End::Closed { code, reason: self.hide(reason) },
            End::Lost { reason } => End::Lost { reason: self.hide(reason) },
            End::Refused { code, message, retry_after } => {
                End::Refused { code, message: self.hide(message), retry_after }
            }
            End::Unauthorized { code, message, hint } => End::Unauthorized {
                code,
                message: self.hide(message),
                hint: hint.map(|hint| self.hide(hint)),
            },
            End::ConnectionLimit { message } => End::ConnectionLimit { message: self.hide(message) },
            End::Crashed { message } => End::Crashed { message: self.hide(message) },
            End::Silent { .. } | End::Asked => end,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_is_repeated_is_hidden_and_short_values_hide_nothing() {
        let secrets = Secrets::new(["t-g104abc", "1"].map(|secret| SecretString::from(secret.to_owned())));
        let end = End::Closed { code: Some(1001), reason: "token t-g104abc is 1 of many".into() };
        let wanted = End::Closed { code: Some(1001), reason: "token *** is 1 of many".into() };
        assert_eq!(secrets.hide_in_end(end), wanted);
        let error = secrets.hide_in_error(Error::config("t-g104abc").hint("not t-g104abc"));
        assert_eq!((error.message.as_str(), error.hint.as_deref()), ("***", Some("not ***")));
    }
}
