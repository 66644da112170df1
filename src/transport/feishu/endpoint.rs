//! Where to connect: the discovery answer and the refusals of the upgrade, each read as one end of a
//! connection.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::codes;
use super::loose::{self, Text};
use super::session::ping_interval;
use super::url::SocketUrl;
use crate::core::end::End;
use crate::event::{bounded, neutralise};

/// Not under `/open-apis`.
pub const PATH: &str = "/callback/ws/endpoint";

/// Of what the platform says, what goes into a line.
const MESSAGE_MAX: usize = 300;

/// What all clients assume until the platform names an interval.
const DEFAULT_PING_INTERVAL: Duration = Duration::from_secs(120);

const BUSY: i64 = 1;
const FORBIDDEN: i64 = 403;
const AUTH_FAILED: i64 = 514;
const INTERNAL: i64 = 1_000_040_343;
const NO_CREDENTIAL: i64 = 1_000_040_344;
const BAD_CREDENTIAL: i64 = 1_000_040_345;
const TOO_MANY_CONNECTIONS: i64 = 1_000_040_350;

/// One connection's address. Its URL is good for one attempt.
#[derive(Debug)]
pub struct Endpoint {
    pub url: SocketUrl,
    /// Goes into every ping.
    pub service: i32,
    /// The platform's number for this connection, for logs.
    pub connection: String,
    pub ping_interval: Duration,
}

#[derive(Serialize)]
struct Request<'a> {
    #[serde(rename = "AppID")]
    app_id: &'a str,
    #[serde(rename = "AppSecret")]
    app_secret: &'a str,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer<'a> {
    #[serde(deserialize_with = "loose::number")]
    code: Option<i64>,
    #[serde(borrow)]
    msg: Text<'a>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(rename = "URL", deserialize_with = "loose::needed")]
    url: String,
    #[serde(rename = "ClientConfig", borrow, default)]
    config: Option<&'a RawValue>,
}

/// The body of the discovery request. Holds the secret.
pub fn request(app_id: &str, app_secret: &str) -> String {
    serde_json::to_string(&Request { app_id, app_secret }).expect("two strings")
}

/// Reads the answer to discovery.
pub fn read_answer(status: u16, retry_after: Option<Duration>, body: &[u8]) -> Result<Endpoint, End> {
    let answer: Option<Answer<'_>> = serde_json::from_slice(body).ok();
    let message = answer.as_ref().map(|answer| said(answer.msg.as_str())).unwrap_or_default();
    match answer.as_ref().and_then(|answer| Some((answer.code?, answer.data))) {
        Some((0, data)) if status == 200 => found(data),
        Some((code, _)) if code != 0 => Err(refused(code, status, message, retry_after)),
        Some(_) | None if status == 200 => Err(garbled()),
        Some(_) | None => {
            let hint = codes::status_hint(status).map(|hint| format!(": {hint}")).unwrap_or_default();
            let message = if message.is_empty() { format!("HTTP {status}{hint}") } else { message };
            Err(End::Refused { code: Some(i64::from(status)), message, retry_after })
        }
    }
}

/// Reads the refusal of the WebSocket upgrade. `header` looks a response header up by its lower-case name.
pub fn read_refusal<'a>(
    status: u16,
    retry_after: Option<Duration>,
    header: impl Fn(&str) -> Option<&'a str>,
) -> End {
    let number = |name| header(name).and_then(|value| value.trim().parse::<i64>().ok());
    let code = number("handshake-status").unwrap_or(i64::from(status));
    let auth_code = number("handshake-autherrcode");
    let message = header("handshake-msg").map(said).filter(|message| !message.is_empty());
    let message = message.unwrap_or_else(|| format!("the upgrade was answered with HTTP {status}"));
    match (code, auth_code) {
        (AUTH_FAILED, Some(TOO_MANY_CONNECTIONS)) | (TOO_MANY_CONNECTIONS, _) => {
            End::ConnectionLimit { message }
        }
        (FORBIDDEN, _) => unauthorized(FORBIDDEN, message),
        // The ticket was not taken: a new URL may do.
        (AUTH_FAILED, code) => End::Refused { code: code.or(Some(AUTH_FAILED)), message, retry_after },
        (code, _) => End::Refused { code: Some(code), message, retry_after },
    }
}

fn found(data: Option<&RawValue>) -> Result<Endpoint, End> {
    let data: Data<'_> = data.and_then(|data| serde_json::from_str(data.get()).ok()).ok_or_else(garbled)?;
    let config = data.config.map(RawValue::get).unwrap_or_default();
    let url = SocketUrl::parse(data.url).map_err(|why| End::Refused {
        code: None,
        message: format!("the platform named an unusable address: {why}"),
        retry_after: None,
    })?;
    Ok(Endpoint {
        // Without a number pings carry 0, as the official clients do.
        service: url.query("service_id").and_then(|id| id.parse().ok()).unwrap_or(0),
        connection: bounded(url.query("device_id").unwrap_or(""), 32).to_owned(),
        ping_interval: ping_interval(config.as_bytes()).unwrap_or(DEFAULT_PING_INTERVAL),
        url,
    })
}

fn refused(code: i64, status: u16, message: String, retry_after: Option<Duration>) -> End {
    match code {
        BUSY | INTERNAL => End::Refused { code: Some(code), message, retry_after },
        TOO_MANY_CONNECTIONS => End::ConnectionLimit { message },
        _ if status == 429 || status >= 500 => End::Refused { code: Some(code), message, retry_after },
        _ if codes::meaning(code).is_some_and(|meaning| meaning.retryable) => {
            End::Refused { code: Some(code), message, retry_after }
        }
        // What nobody documented is fatal to the official clients. A slow retry serves both readings.
        _ => unauthorized(code, message),
    }
}

fn unauthorized(code: i64, message: String) -> End {
    End::Unauthorized { code: Some(code), message, hint: Some(hint(code).to_owned()) }
}

fn hint(code: i64) -> &'static str {
    known_hint(code)
        .or_else(|| codes::meaning(code).and_then(|meaning| meaning.hint))
        .unwrap_or("look the code up in the platform's documentation; it is retried slowly meanwhile")
}

/// Of the codes that only discovery has.
pub fn known_hint(code: i64) -> Option<&'static str> {
    Some(match code {
        BAD_CREDENTIAL | NO_CREDENTIAL => {
            "check app_id and app_secret against the developer console; if they are right, the app may not be \
             published yet or not be set to receive events through a persistent connection"
        }
        FORBIDDEN => {
            "in the developer console, enable the bot, choose \"receive events through persistent connection\" \
             and publish a version"
        }
        AUTH_FAILED => {
            "check app_id and app_secret against the developer console, and that a version of the app is published"
        }
        _ => return None,
    })
}

fn garbled() -> End {
    let message = "the platform's answer to discovery makes no sense".to_owned();
    End::Refused { code: None, message, retry_after: None }
}

/// The platform's words, fit for a line. A message that names an address may hold the ticket.
fn said(message: &str) -> String {
    if message.contains("://") {
        return "(a message with an address in it)".to_owned();
    }
    neutralise(bounded(message, MESSAGE_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str =
        "wss://msg.feishu.cn/ws/v2?device_id=741&access_key=SECRET&service_id=33554678&ticket=TICKET";

    fn answer(code: i64) -> String {
        format!("{{\"code\":{code},\"msg\":\"said so\",\"data\":null}}")
    }

    fn found(config: &str) -> Endpoint {
        let body = format!("{{\"code\":0,\"msg\":\"\",\"data\":{{\"URL\":\"{URL}\"{config}}}}}");
        read_answer(200, None, body.as_bytes()).unwrap()
    }

    #[test]
    fn the_request_names_app_and_secret() {
        assert_eq!(request("cli_1", "s\"x"), r#"{"AppID":"cli_1","AppSecret":"s\"x"}"#);
    }

    #[test]
    fn an_answer_gives_address_service_and_interval() {
        let endpoint = found(",\"ClientConfig\":{\"PingInterval\":90,\"ReconnectCount\":-1}");
        assert_eq!(endpoint.service, 33_554_678);
        assert_eq!(endpoint.connection, "741");
        assert_eq!(endpoint.ping_interval, Duration::from_secs(90));
    }

    #[test]
    fn numbers_in_words_are_numbers() {
        let body = format!(
            "{{\"code\":\"0\",\"msg\":null,\"data\":{{\"URL\":\"{URL}\",\"ClientConfig\":{{\"PingInterval\":\"90\"}}}}}}"
        );
        assert_eq!(read_answer(200, None, body.as_bytes()).unwrap().ping_interval, Duration::from_secs(90));
        let refused = read_answer(200, None, b"{\"code\":\"1000040350\",\"msg\":7}").unwrap_err();
        assert_eq!(refused, End::ConnectionLimit { message: "7".into() });
    }

    #[test]
    fn a_missing_or_nonsense_config_means_the_default() {
        for config in ["", ",\"ClientConfig\":null", ",\"ClientConfig\":{\"PingInterval\":\"x\"}"] {
            assert_eq!(found(config).ping_interval, DEFAULT_PING_INTERVAL, "{config}");
        }
    }

    #[test]
    fn every_code_has_its_end() {
        let end = |code| read_answer(200, None, answer(code).as_bytes()).unwrap_err();
        for code in [1, 1_000_040_343, 99_991_400] {
            assert!(matches!(end(code), End::Refused { code: Some(c), .. } if c == code), "{code}");
        }
        for code in [403, 514, 1_000_040_344, 1_000_040_345, 10_014, 4711] {
            let End::Unauthorized { code: Some(said), hint: Some(hint), .. } = end(code) else {
                panic!("{code}")
            };
            assert_eq!(said, code);
            assert!(!hint.is_empty());
        }
        assert_eq!(end(1_000_040_350), End::ConnectionLimit { message: "said so".into() });
    }

    #[test]
    fn a_gateway_s_trouble_is_retried_with_its_own_delay() {
        let wait = Some(Duration::from_secs(7));
        for (status, body) in [(429, "slow down"), (503, "{\"code\":0}"), (500, ""), (401, "<html>")] {
            let end = read_answer(status, wait, body.as_bytes()).unwrap_err();
            assert!(
                matches!(end, End::Refused { code: Some(c), retry_after, .. } if c == i64::from(status) && retry_after == wait),
                "{status}"
            );
        }
        assert!(matches!(read_answer(503, wait, answer(4711).as_bytes()), Err(End::Refused { .. })));
        assert!(matches!(
            read_answer(400, None, answer(BAD_CREDENTIAL).as_bytes()),
            Err(End::Unauthorized { .. })
        ));
    }

    #[test]
    fn an_answer_that_makes_no_sense_is_refused() {
        for body in [
            "",
            "[]",
            "{\"code\":0}",
            "{\"code\":0,\"data\":{}}",
            "{\"code\":null}",
            "{\"code\":0,\"data\":{\"URL\":7}}",
        ] {
            assert!(matches!(read_answer(200, None, body.as_bytes()), Err(End::Refused { .. })), "{body}");
        }
        let plain = "{\"code\":0,\"data\":{\"URL\":\"ws://evil.example/?ticket=TICKET\"}}";
        let Err(End::Refused { message, .. }) = read_answer(200, None, plain.as_bytes()) else { panic!() };
        assert!(!message.contains("TICKET"), "{message}");
    }

    #[test]
    fn a_refused_upgrade_is_read_from_its_headers() {
        let end = |status, headers: &'static [(&str, &str)]| {
            read_refusal(status, None, |name| headers.iter().find(|(key, _)| *key == name).map(|pair| pair.1))
        };
        let limit = end(
            200,
            &[
                ("handshake-status", "514"),
                ("handshake-autherrcode", "1000040350"),
                ("handshake-msg", "too many"),
            ],
        );
        assert_eq!(limit, End::ConnectionLimit { message: "too many".into() });
        assert!(matches!(
            end(200, &[("handshake-status", "514"), ("handshake-autherrcode", "7")]),
            End::Refused { code: Some(7), .. }
        ));
        assert!(matches!(
            end(403, &[("handshake-status", "403"), ("handshake-msg", "no")]),
            End::Unauthorized { code: Some(403), .. }
        ));
        assert!(matches!(end(503, &[]), End::Refused { code: Some(503), .. }));
        assert!(matches!(end(400, &[("handshake-status", "x")]), End::Refused { code: Some(400), .. }));
    }

    #[test]
    fn neither_debug_form_nor_end_names_a_secret() {
        let shown = format!("{:?}", found(""));
        assert!(!shown.contains("SECRET") && !shown.contains("TICKET"), "{shown}");
        let body = format!("{{\"code\":514,\"msg\":\"bad {URL}\"}}");
        let shown = format!("{:?}", read_answer(200, None, body.as_bytes()).unwrap_err());
        assert!(!shown.contains("SECRET") && !shown.contains("TICKET"), "{shown}");
    }
}
