//! REST calls: the token, the deadline, the size of an answer, and its failure as one error.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::{RequestBuilder, Response, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::call::{Call, Payload};
use super::envelope;
use super::ids;
use super::loose;
use super::redact::Secrets;
use super::token::{Granted, Look, Tokens};
use super::token_file::TokenFile;
use super::waiting::Waiting;
use crate::clock::Clock;
use crate::core::retry::{Brought, Worth, worth};
use crate::error::{Error, Result};
use crate::transport::net::failed;
use crate::transport::verbs::Acting;

/// The largest answer that is read. A page of messages has some hundred KiB.
const ANSWER_MAX: usize = 8 * 1024 * 1024;

/// Tokens live for two hours. A longer promise is not relied on, and cannot overflow a clock.
const TOKEN_LIFE_MAX: Duration = Duration::from_secs(24 * 3600);

/// The platform renews a token that has less than half an hour left, so any it gives has that.
const TOKEN_LIFE_UNSAID: Duration = Duration::from_secs(30 * 60);

/// What the platform and its operators see of us.
const USER_AGENT: &str = concat!("rooma/", env!("CARGO_PKG_VERSION"));

/// Clones share their tokens.
#[derive(Clone)]
pub struct Rest {
    http: reqwest::Client,
    /// Scheme and host, and perhaps a path, without a slash at the end.
    base: String,
    app_id: String,
    app_secret: SecretString,
    timeout: Duration,
    clock: Clock,
    tokens: Arc<Tokens>,
    token_file: Option<TokenFile>,
    /// Over before a renewal in the background would be.
    brief: bool,
    /// None for a connection, which has its own ways to wait.
    patience: Duration,
}

/// A single call gets this long even where nothing is to be waited out.
const CALL_MIN: Duration = Duration::from_secs(1);

/// A token with less than this is not worth taking from the file.
const WORTH_TAKING: Duration = Duration::from_secs(3 * 60);

/// An answer, whatever it says.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub log_id: Option<String>,
    pub retry_after: Option<Duration>,
    pub body: Bytes,
}

/// How a call ended that did not succeed.
#[derive(Debug)]
pub struct Failed {
    pub error: Error,
    /// An attempt before the last one may have taken effect.
    pub in_doubt: bool,
}

#[derive(Deserialize)]
struct TokenBody {
    #[serde(deserialize_with = "loose::needed")]
    tenant_access_token: String,
    /// Remaining seconds.
    #[serde(default, deserialize_with = "loose::number")]
    expire: Option<i64>,
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
        Rest {
            http,
            base,
            app_id,
            app_secret,
            timeout,
            clock,
            tokens: Arc::default(),
            token_file: None,
            brief: false,
            patience: Duration::ZERO,
        }
    }

    /// Sets up for one command.
    pub fn act(&mut self, acting: Acting) {
        self.keep(acting.token_file);
        self.brief = true;
        self.patience = acting.patience;
    }

    /// Shares tokens with others through a file.
    pub fn keep(&mut self, token_file: PathBuf) {
        self.token_file = Some(TokenFile::new(token_file, &self.app_id, &self.base, self.clock.clone()));
    }

    /// Waits out passing trouble for this long. A single call has its time however short that is.
    pub fn wait(&mut self, patience: Duration) {
        self.patience = patience;
        self.timeout = self.timeout.min(patience.max(CALL_MIN));
    }

    /// Makes a call with the tenant token. `T` is the whole body. A stale token is replaced once; limits and
    /// passing trouble are waited out as far as the patience goes.
    pub async fn call<T: DeserializeOwned>(self: &Arc<Self>, call: Call<'_>) -> Result<T> {
        self.called(call).await.map_err(|failed| failed.error)
    }

    /// The same for callers to whom it matters what became of the attempts before the last.
    pub async fn called<T: DeserializeOwned>(self: &Arc<Self>, call: Call<'_>) -> Result<T, Failed> {
        let mut waiting = self.waiting(&call);
        loop {
            let error = match self.answered(&call).await.and_then(|answer| envelope::read(&answer)) {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let in_doubt = waiting.in_doubt();
            let error = self.secrets().hide_in_error(error);
            waiting.after(&call, error).await.map_err(|error| Failed { error, in_doubt })?;
        }
    }

    /// Opens a download. Success is bytes of whatever type, failure is JSON with a status of its own.
    pub async fn download(self: &Arc<Self>, call: Call<'_>) -> Result<Response> {
        let mut waiting = self.waiting(&call);
        loop {
            let error = match self.opened(&call).await {
                Ok(Opened::Body(response)) => return Ok(response),
                Ok(Opened::Answer(answer)) => envelope::refusal(&answer),
                Err(error) => error,
            };
            waiting.after(&call, self.secrets().hide_in_error(error)).await?;
        }
    }

    /// What must not be repeated: the app's secret and the token in use.
    pub fn secrets(&self) -> Secrets {
        let token = match self.tokens.look(self.clock.now()) {
            Look::Fresh(token) | Look::Aging(token) => Some(token),
            Look::Missing => None,
        };
        Secrets::new(token.into_iter().chain([self.app_secret.clone()]))
    }

    fn waiting(&self, call: &Call<'_>) -> Waiting {
        Waiting::new(self.patience, call.repeatable, self.clock.clone())
    }

    async fn answered(self: &Arc<Self>, call: &Call<'_>) -> Result<Answer> {
        match self.opened(call).await? {
            Opened::Body(response) => answer(response).await,
            Opened::Answer(answer) => Ok(answer),
        }
    }

    /// An attempt with a token, and a second one with a new token where the first was stale.
    async fn opened(self: &Arc<Self>, call: &Call<'_>) -> Result<Opened> {
        let token = self.token().await?;
        let opened = self.attempt(call, &token).await?;
        match &opened {
            Opened::Answer(answer) if envelope::wants_token(&answer.body) => {
                self.spoil(&token);
                let token = self.token().await?;
                self.attempt(call, &token).await
            }
            Opened::Answer(_) | Opened::Body(_) => Ok(opened),
        }
    }

    fn spoil(&self, token: &SecretString) {
        self.tokens.spoil(token);
        if let Some(file) = &self.token_file {
            file.forget(token.expose_secret());
        }
    }

    async fn attempt(&self, call: &Call<'_>, token: &SecretString) -> Result<Opened> {
        let mut request = self.http.request(call.method.clone(), self.url(call.path)?).query(call.query);
        request = request.bearer_auth(token.expose_secret());
        request = match call.payload {
            Payload::None => request,
            Payload::Json(body) => request.json(body),
            Payload::Form(build) => request.multipart(build()),
        };
        let response = self.send(request, self.time(call.repeatable) + call.transfer_time()).await?;
        let json = header(&response, "content-type").is_some_and(|kind| kind.starts_with("application/json"));
        // Failures come with a success status too, and a file may be JSON itself.
        let file = !json || header(&response, "content-disposition").is_some();
        if response.status().is_success() && file {
            Ok(Opened::Body(response))
        } else {
            Ok(Opened::Answer(answer(response).await?))
        }
    }

    fn url(&self, path: &[&str]) -> Result<Url> {
        let malformed = || Error::config(format!("`{}` is no usable base URL", self.base));
        let mut url = Url::parse(&self.base).map_err(|_| malformed())?;
        // Ids come from people and from what strangers wrote; the few checks before this one may have a gap.
        if let Some(odd) = path.iter().find(|segment| !ids::is_segment(segment)) {
            let odd = crate::event::neutralise(crate::event::bounded(odd, 64));
            return Err(Error::validation(format!("`{odd}` is no id of the platform")));
        }
        let mut segments = url.path_segments_mut().map_err(|()| malformed())?;
        segments.pop_if_empty().push("open-apis").extend(path);
        drop(segments);
        Ok(url)
    }

    /// A token that is good for now.
    pub async fn token(self: &Arc<Self>) -> Result<SecretString> {
        match self.tokens.look(self.clock.now()) {
            Look::Fresh(token) => Ok(token),
            // A command is over before a renewal in the background would be.
            Look::Aging(token) if self.brief => Ok(token),
            Look::Aging(token) => {
                let rest = Arc::clone(self);
                tokio::spawn(async move {
                    rest.tokens.renew(|| rest.clock.now(), async || rest.renewed().await).await;
                });
                Ok(token)
            }
            Look::Missing => self.tokens.fetch(|| self.clock.now(), async || self.obtain().await).await,
        }
    }

    /// From the file, or from the platform into the file.
    async fn obtain(&self) -> Result<Granted> {
        let Some(file) = &self.token_file else { return self.grant().await };
        let kept = || file.read().filter(|granted| granted.lasts > WORTH_TAKING);
        if let Some(granted) = kept() {
            return Ok(granted);
        }
        let _lock = file.lock(self.timeout).await;
        // Whoever held the lock before may have fetched what we need.
        if let Some(granted) = kept() {
            return Ok(granted);
        }
        file.set_aside();
        self.renewed().await
    }

    /// From the platform, into the file where there is one.
    async fn renewed(&self) -> Result<Granted> {
        let granted = self.grant().await?;
        if let Some(file) = &self.token_file {
            file.write(&granted);
        }
        Ok(granted)
    }

    async fn grant(&self) -> Result<Granted> {
        let url = self.url(&["auth", "v3", "tenant_access_token", "internal"])?;
        let body = serde_json::json!({"app_id": self.app_id, "app_secret": self.app_secret.expose_secret()});
        let answer = answer(self.send(self.http.post(url).json(&body), self.time(true)).await?).await?;
        let granted: TokenBody = envelope::read(&answer)?;
        let said = granted.expire.map(|left| Duration::from_secs(u64::try_from(left).unwrap_or(0)));
        let lasts = said.unwrap_or(TOKEN_LIFE_UNSAID).min(TOKEN_LIFE_MAX);
        Ok(Granted { token: granted.tenant_access_token.into(), lasts })
    }

    /// Asks for the address of one connection. Needs no token; the answer is read by `endpoint.rs`.
    pub async fn discover(&self, path: &str) -> Result<Answer> {
        let body = super::endpoint::request(&self.app_id, self.app_secret.expose_secret());
        let request = self.http.post(format!("{}{path}", self.base));
        // The gateway wants a locale, and all clients send this one.
        let request = request.header("content-type", "application/json").header("locale", "zh").body(body);
        answer(self.send(request, self.timeout).await?).await
    }

    /// The time of one attempt. Where another may follow, there has to be some left for it: a call that a dead
    /// connection has swallowed looks like one that takes long.
    fn time(&self, repeatable: bool) -> Duration {
        if repeatable && !self.patience.is_zero() {
            self.timeout.min((self.patience / 2).max(CALL_MIN))
        } else {
            self.timeout
        }
    }

    async fn send(&self, request: RequestBuilder, time: Duration) -> Result<Response> {
        let request = request.header("user-agent", USER_AGENT).timeout(time);
        request.send().await.map_err(network)
    }
}

async fn answer(response: Response) -> Result<Answer> {
    let (status, log_id) = (response.status().as_u16(), log_id(&response));
    let retry_after = retry_after(|name| header(&response, name));
    Ok(Answer { status, log_id, retry_after, body: bounded_body(response).await? })
}

fn log_id(response: &Response) -> Option<String> {
    header(response, "x-tt-logid").or_else(|| header(response, "x-request-id"))
}

/// What an attempt brought.
enum Opened {
    /// Bytes that are not an envelope, still to be read.
    Body(Response),
    /// An envelope, or a failure without one.
    Answer(Answer),
}

/// The wait that an answer asks for, by either of two headers, in whole seconds.
pub fn retry_after(header: impl Fn(&str) -> Option<String>) -> Option<Duration> {
    let value = header("retry-after").or_else(|| header("x-ogw-ratelimit-reset"))?;
    value.trim().parse().ok().map(Duration::from_secs)
}

pub fn header(response: &Response, name: &str) -> Option<String> {
    let value = response.headers().get(name)?.to_str().ok()?;
    Some(super::tidy::name(value)).filter(|value| !value.is_empty())
}

async fn bounded_body(mut response: Response) -> Result<Bytes> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(network)? {
        if body.len() + chunk.len() > ANSWER_MAX {
            return Err(Error::network("the platform's answer is too large").retryable(false));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// What became of a call that brought no answer.
pub fn network(error: reqwest::Error) -> Error {
    let brought = if lasting(&error) { Brought::Unusable } else { Brought::Nothing };
    failed(error).retryable(worth(brought) != Worth::Nothing)
}

/// Would another attempt fail for the same reason?
fn lasting(error: &reqwest::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(error);
    while let Some(error) = cause {
        // An I/O error hides what it carries from its own chain.
        let carried = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        let tls = carried
            .and_then(|carried| carried.downcast_ref::<rustls::Error>())
            .or_else(|| error.downcast_ref::<rustls::Error>());
        if matches!(tls, Some(rustls::Error::InvalidCertificate(_))) {
            return true;
        }
        cause = error.source();
    }
    error.is_builder() || error.is_redirect()
}

impl std::fmt::Debug for Rest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rest").field("base", &self.base).field("app_id", &self.app_id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
