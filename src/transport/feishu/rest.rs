//! REST calls: the token, the deadline, the size of an answer, and its failure as one error.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::{Method, RequestBuilder, Response, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::token::{Granted, Look, Tokens};
use super::{codes, envelope};
use crate::clock::Clock;
use crate::error::{Error, Result};

/// The largest answer that is read. A page of messages has some hundred KiB.
const ANSWER_MAX: usize = 8 * 1024 * 1024;

/// What the platform and its operators see of us.
const USER_AGENT: &str = concat!("rooma/", env!("CARGO_PKG_VERSION"));

pub struct Rest {
    http: reqwest::Client,
    /// Scheme and host, and perhaps a path, without a slash at the end.
    base: String,
    app_id: String,
    app_secret: SecretString,
    timeout: Duration,
    clock: Clock,
    tokens: Tokens,
}

/// One call below `/open-apis`.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    pub method: &'a Method,
    /// Segments; each is escaped.
    pub path: &'a [&'a str],
    pub query: &'a [(&'a str, &'a str)],
    pub body: Option<&'a Value>,
}

impl<'a> Call<'a> {
    pub fn get(path: &'a [&'a str], query: &'a [(&'a str, &'a str)]) -> Call<'a> {
        Call { method: &Method::GET, path, query, body: None }
    }
}

/// An answer, whatever it says.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub log_id: Option<String>,
    pub retry_after: Option<Duration>,
    pub body: Bytes,
}

#[derive(Deserialize)]
struct TokenBody {
    tenant_access_token: String,
    /// Remaining seconds.
    expire: u64,
}

impl Rest {
    pub fn new(
        http: reqwest::Client,
        base: String,
        app_id: String,
        app_secret: SecretString,
        timeout: Duration,
        clock: Clock,
    ) -> Rest {
        Rest { http, base, app_id, app_secret, timeout, clock, tokens: Tokens::default() }
    }

    /// Makes a call with the tenant token. `T` is the whole body. A stale token is replaced once.
    pub async fn call<T: DeserializeOwned>(self: &Arc<Self>, call: Call<'_>) -> Result<T> {
        let token = self.token().await?;
        let answer = self.attempt(&call, &token).await?;
        let answer = match envelope::code(&answer.body) {
            Some(code) if codes::STALE_TOKEN.contains(&code) => {
                self.tokens.spoil(&token);
                let token = self.token().await?;
                self.attempt(&call, &token).await?
            }
            _ => answer,
        };
        let read = envelope::read(&answer);
        if let Err(error) = &read {
            let (status, log_id) = (answer.status, answer.log_id.as_deref());
            tracing::debug!(method = %call.method, path = call.path.join("/"), status, log_id, %error, "call failed");
        }
        read
    }

    async fn attempt(&self, call: &Call<'_>, token: &SecretString) -> Result<Answer> {
        let mut request = self.http.request(call.method.clone(), self.url(call.path)?).query(call.query);
        request = request.bearer_auth(token.expose_secret());
        if let Some(body) = call.body {
            request = request.json(body);
        }
        self.exchange(request).await
    }

    fn url(&self, path: &[&str]) -> Result<Url> {
        let malformed = || Error::config(format!("`{}` is no usable base URL", self.base));
        let mut url = Url::parse(&self.base).map_err(|_| malformed())?;
        let mut segments = url.path_segments_mut().map_err(|()| malformed())?;
        segments.pop_if_empty().push("open-apis").extend(path);
        drop(segments);
        Ok(url)
    }

    /// A token that is good for now.
    pub async fn token(self: &Arc<Self>) -> Result<SecretString> {
        match self.tokens.look(self.clock.now()) {
            Look::Fresh(token) => Ok(token),
            Look::Aging(token) => {
                let rest = Arc::clone(self);
                tokio::spawn(async move {
                    rest.tokens.renew(|| rest.clock.now(), async || rest.grant().await).await;
                });
                Ok(token)
            }
            Look::Missing => self.tokens.fetch(|| self.clock.now(), async || self.grant().await).await,
        }
    }

    async fn grant(&self) -> Result<Granted> {
        let url = self.url(&["auth", "v3", "tenant_access_token", "internal"])?;
        let body = serde_json::json!({"app_id": self.app_id, "app_secret": self.app_secret.expose_secret()});
        let answer = self.exchange(self.http.post(url).json(&body)).await?;
        let granted: TokenBody = envelope::read(&answer)?;
        let lasts = Duration::from_secs(granted.expire);
        Ok(Granted { token: granted.tenant_access_token.into(), lasts })
    }

    /// Asks for the address of one connection. Needs no token; the answer is read by `endpoint.rs`.
    pub async fn discover(&self, path: &str) -> Result<Answer> {
        let body = super::endpoint::request(&self.app_id, self.app_secret.expose_secret());
        let request = self.http.post(format!("{}{path}", self.base));
        // The gateway wants a locale, and all clients send this one.
        let request = request.header("content-type", "application/json").header("locale", "zh").body(body);
        self.exchange(request).await
    }

    async fn exchange(&self, request: RequestBuilder) -> Result<Answer> {
        let request = request.header("user-agent", USER_AGENT).timeout(self.timeout);
        let response = request.send().await.map_err(network)?;
        let status = response.status().as_u16();
        let log_id = header(&response, "x-tt-logid").or_else(|| header(&response, "x-request-id"));
        let retry_after = retry_after(|name| header(&response, name));
        Ok(Answer { status, log_id, retry_after, body: bounded_body(response).await? })
    }
}

/// The wait that an answer asks for, by either of two headers, in whole seconds.
pub fn retry_after(header: impl Fn(&str) -> Option<String>) -> Option<Duration> {
    let value = header("retry-after").or_else(|| header("x-ogw-ratelimit-reset"))?;
    value.trim().parse().ok().map(Duration::from_secs)
}

fn header(response: &Response, name: &str) -> Option<String> {
    let value = response.headers().get(name)?.to_str().ok()?;
    Some(super::tidy::name(value)).filter(|value| !value.is_empty())
}

async fn bounded_body(mut response: Response) -> Result<Bytes> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(network)? {
        if body.len() + chunk.len() > ANSWER_MAX {
            return Err(Error::network("the platform's answer is too large"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// The causes in one sentence, without the URL.
fn network(error: reqwest::Error) -> Error {
    let error = error.without_url();
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        message = format!("{message}: {cause}");
        source = cause.source();
    }
    Error::network(message)
}

impl std::fmt::Debug for Rest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rest").field("base", &self.base).field("app_id", &self.app_id).finish_non_exhaustive()
    }
}
