//! The envelope of every REST answer, and a failed one as an error.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::loose::{self, List, Text};
use super::{codes, rest::Answer, tidy};
use crate::core::end::End;
use crate::core::retry::{Brought, Worth, worth};
use crate::error::{Error, Kind, Result, TOKEN_REFUSED};
use crate::event::bounded;

/// Of what the platform says, what goes into an error.
const MESSAGE_MAX: usize = 500;

/// Missing scopes or wrong fields that a hint names.
const NAMED_MAX: usize = 8;

/// The subtype of every error that says "later".
pub const RATE_LIMIT: &str = "rate_limit";

/// The platform's word for a card that it does not take; its message names the reason.
const REFUSED_CARD: i64 = 230_099;

/// The platform's word for "you lack a scope".
const MISSING_SCOPE: i64 = 99_991_672;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Envelope<'a> {
    #[serde(deserialize_with = "loose::number")]
    code: Option<i64>,
    #[serde(borrow)]
    msg: Text<'a>,
    #[serde(borrow, deserialize_with = "loose::some_object")]
    error: Option<Detail<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Detail<'a> {
    #[serde(borrow)]
    log_id: Text<'a>,
    #[serde(borrow)]
    permission_violations: List<Violation<'a>>,
    #[serde(borrow)]
    field_violations: List<Violation<'a>>,
    #[serde(borrow)]
    helps: List<Help<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Help<'a> {
    #[serde(borrow)]
    url: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Violation<'a> {
    #[serde(borrow)]
    subject: Text<'a>,
    #[serde(borrow)]
    field: Text<'a>,
    #[serde(borrow)]
    description: Text<'a>,
}

/// Is this the answer to a token that is no longer taken?
pub fn wants_token(body: &[u8]) -> bool {
    let brought = envelope(body).code.and_then(codes::brought);
    brought.is_some_and(|brought| worth(brought) == Worth::NewToken)
}

/// The body of an answer that succeeded, or its failure.
pub fn read<T: DeserializeOwned>(answer: &Answer) -> Result<T> {
    let envelope = envelope(&answer.body);
    if !(200..300).contains(&answer.status) || envelope.code.is_none_or(|code| code != 0) {
        return Err(failure(answer, &envelope));
    }
    serde_json::from_slice(&answer.body).map_err(|error| {
        Error::new(Kind::Api, format!("the platform's answer has an unexpected shape: {error}"))
            .log_id(answer.log_id.clone())
    })
}

/// The failure that an answer without the wanted bytes is.
pub fn refusal(answer: &Answer) -> Error {
    failure(answer, &envelope(&answer.body))
}

fn envelope(body: &[u8]) -> Envelope<'_> {
    std::str::from_utf8(body).ok().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

fn failure(answer: &Answer, envelope: &Envelope<'_>) -> Error {
    let code = envelope.code.filter(|code| *code != 0);
    let meaning = code.and_then(codes::meaning);
    let kind = meaning.map_or_else(|| kind_of_status(answer.status), |meaning| meaning.kind);
    let brought = match code.and_then(codes::brought) {
        // A gateway says so whatever stands in the body.
        _ if answer.status == 429 => Brought::Limit,
        Some(known) => known,
        None => Brought::Status(answer.status),
    };
    let worth = worth(brought);
    let detail = envelope.error.as_ref();
    let log_id = detail.and_then(|detail| tidy::some(detail.log_id.as_str(), tidy::id));
    let mut error = Error::new(kind, message(answer, envelope))
        .log_id(answer.log_id.clone().or(log_id))
        .retryable(matches!(worth, Worth::Waiting | Worth::WaitingIfHarmless))
        .retry_after_ms(answer.retry_after.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)));
    error.code = code;
    match worth {
        Worth::Waiting => error = error.subtype(RATE_LIMIT),
        Worth::NewToken => error = error.subtype(TOKEN_REFUSED),
        Worth::WaitingIfHarmless | Worth::Nothing => {}
    }
    let refused_card =
        (code == Some(REFUSED_CARD)).then(|| codes::card_hint(envelope.msg.as_str())).flatten();
    let no_code = || if envelope.code.is_none() { codes::status_hint(answer.status) } else { None };
    let known = refused_card.or_else(|| meaning.and_then(|meaning| meaning.hint)).or_else(no_code);
    error.hint = hint(code, detail).or_else(|| known.map(str::to_owned));
    error
}

fn kind_of_status(status: u16) -> Kind {
    match status {
        401 => Kind::Authentication,
        403 => Kind::Authorization,
        _ => Kind::Api,
    }
}

fn message(answer: &Answer, envelope: &Envelope<'_>) -> String {
    let said = tidy::clean(bounded(envelope.msg.as_str(), MESSAGE_MAX));
    match (said.is_empty(), envelope.code) {
        (false, _) => said,
        (true, Some(code)) => format!("the platform answered with code {code}"),
        // A platform that answers says so in JSON with a code.
        (true, None) if (200..300).contains(&answer.status) => {
            format!("the answer, HTTP {}, is none of the platform's", answer.status)
        }
        (true, None) => format!("the platform answered with HTTP {}", answer.status),
    }
}

/// The scopes or fields that the platform itself names.
fn hint(code: Option<i64>, detail: Option<&Detail<'_>>) -> Option<String> {
    let detail = detail?;
    let scopes: Vec<_> = detail
        .permission_violations
        .0
        .iter()
        .take(NAMED_MAX)
        .map(|v| tidy::word(v.subject.as_str()))
        .collect();
    if code == Some(MISSING_SCOPE) && !scopes.is_empty() {
        let scopes = scopes.join(", ");
        let place = console_link(detail).unwrap_or_else(|| "the developer console".to_owned());
        return Some(format!("grant one of these scopes at {place} and publish a version: {scopes}"));
    }
    let fields = detail.field_violations.0.iter().take(NAMED_MAX);
    let fields: Vec<_> = fields
        .map(|v| format!("{} ({})", tidy::word(v.field.as_str()), tidy::name(v.description.as_str())))
        .collect();
    (!fields.is_empty()).then(|| format!("these fields were refused: {}", fields.join(", ")))
}

/// Where the platform itself says the scope is to be had.
fn console_link(detail: &Detail<'_>) -> Option<String> {
    let url = tidy::name(detail.helps.0.first()?.url.as_str());
    url.starts_with("https://").then_some(url)
}

/// A failed call on the way to a connection, as the end of that connection.
pub fn end_of(error: &Error) -> End {
    let message = error.message.clone();
    match error.kind {
        Kind::Network => End::Lost { reason: message },
        Kind::Authentication | Kind::Authorization | Kind::Config if !error.may_pass() => {
            End::Unauthorized { code: error.code, message, hint: error.hint.clone() }
        }
        _ => {
            let retry_after = error.retry_after_ms.map(Duration::from_millis);
            End::Refused { code: error.code, message, retry_after }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn answer(status: u16, body: &str) -> Answer {
        let body = Bytes::copy_from_slice(body.as_bytes());
        Answer { status, log_id: Some("L1".into()), retry_after: Some(Duration::from_secs(3)), body }
    }

    fn failed(status: u16, body: &str) -> Error {
        read::<serde_json::Value>(&answer(status, body)).unwrap_err()
    }

    #[test]
    fn a_body_is_read_when_status_and_code_agree() {
        assert!(read::<serde_json::Value>(&answer(200, "{\"code\":0,\"data\":{}}")).is_ok());
        assert!(read::<serde_json::Value>(&answer(200, "{\"data\":{}}")).is_err());
        assert!(read::<serde_json::Value>(&answer(200, "{\"code\":\"0\",\"data\":{}}")).is_ok());
        assert!(wants_token(b"{\"code\":99991663}"));
        assert!(wants_token(b"{\"code\":\"99991663\",\"msg\":7,\"error\":\"x\"}"));
        assert!(!wants_token(b"{\"code\":99991672}"));
    }

    /// The classes of the reference, whatever the status.
    #[test]
    fn only_passing_trouble_and_limits_are_worth_a_wait() {
        const LIMITS: [i64; 10] =
            [99_991_400, 230_020, 11_232, 11_233, 232_019, 230_047, 230_048, 1_000_004, 1_000_005, 190_005];
        const TROUBLE: [i64; 17] = [
            500, 1500, 1663, 5000, 10_013, 18_121, 40_003, 230_049, 231_015, 232_096, 234_019, 1_771_001,
            1_771_002, 1_771_003, 1_771_004, 1_771_005, 18_121,
        ];
        for code in codes::all() {
            for status in [200, 400, 401, 403, 404, 500, 503] {
                let error = failed(status, &format!("{{\"code\":{code},\"msg\":\"no\"}}"));
                let limit = LIMITS.contains(&code);
                let waits = limit || TROUBLE.contains(&code);
                assert_eq!(error.retryable, waits, "{code} {status}");
                assert_eq!(error.subtype.as_deref() == Some(RATE_LIMIT), limit, "{code} {status}");
            }
        }
        for code in codes::STALE_TOKEN {
            let error = failed(400, &format!("{{\"code\":{code},\"msg\":\"no\"}}"));
            assert_eq!((error.kind.exit_code(), error.retryable), (3, false), "{code}");
            // A connection dials again, and what is owed stays owed.
            assert!(error.may_pass() && matches!(end_of(&error), End::Refused { .. }), "{code}");
            assert!(error.hint.unwrap().contains("app_secret"), "{code}");
        }
    }

    #[test]
    fn a_missing_scope_names_the_scopes() {
        let error = failed(
            400,
            r#"{"code":99991672,"msg":"Access denied","error":{"permission_violations":[{"subject":"im:chat"},{"subject":"im:chat:read"}]}}"#,
        );
        assert_eq!(error.kind, Kind::Authorization);
        assert!(error.hint.as_deref().unwrap().contains("im:chat, im:chat:read"), "{error:?}");
        assert_eq!(error.log_id.as_deref(), Some("L1"));
        assert!(matches!(end_of(&error), End::Unauthorized { code: Some(99_991_672), .. }));
    }

    #[test]
    fn a_rate_limit_says_when() {
        for (status, body) in [(429, ""), (400, "{\"code\":99991400,\"msg\":\"slow\"}")] {
            let error = failed(status, body);
            assert!(error.retryable, "{body}");
            assert_eq!(error.retry_after_ms, Some(3000));
            let refused = matches!(end_of(&error), End::Refused { retry_after: Some(_), .. });
            assert!(refused, "{body}");
        }
    }

    #[test]
    fn a_gateway_s_page_is_an_error_too() {
        for (status, kind, retryable) in [
            (502, Kind::Api, true),
            (401, Kind::Authentication, false),
            (403, Kind::Authorization, false),
            (404, Kind::Api, false),
            (302, Kind::Api, false),
            (200, Kind::Api, false),
            (407, Kind::Api, false),
            (418, Kind::Api, false),
        ] {
            let error = failed(status, "<html>");
            assert_eq!((error.kind, error.retryable), (kind, retryable), "{status}");
            assert!(error.hint.is_some(), "{status}");
        }
    }

    #[test]
    fn refused_fields_are_named() {
        let error = failed(
            400,
            r#"{"code":99992402,"msg":"bad","error":{"field_violations":[{"field":"receive_id","description":"required"}]}}"#,
        );
        assert_eq!(error.hint.as_deref(), Some("these fields were refused: receive_id (required)"));
    }

    #[test]
    fn bad_credentials_end_a_connection_for_good_and_a_lost_network_does_not() {
        assert!(matches!(end_of(&failed(400, "{\"code\":10015}")), End::Unauthorized { hint: Some(_), .. }));
        assert!(matches!(end_of(&failed(400, "{\"code\":10013}")), End::Refused { .. }));
        assert!(matches!(end_of(&Error::network("down")), End::Lost { .. }));
    }
}
