//! The tenant token: kept until it ages, fetched by one caller at a time.
//!
//! The platform hands out the same token until 30 minutes before its end, then a new one beside it. So a token
//! with less than 25 minutes is renewed in the background, and one with less than 3 minutes is not used.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use crate::error::{Error, Result};

const RENEW_BELOW: Duration = Duration::from_secs(25 * 60);
const EXPIRED_BELOW: Duration = Duration::from_secs(3 * 60);

/// After a renewal that failed or brought nothing new, the next one waits.
const RENEW_AGAIN: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
pub struct Tokens {
    held: Mutex<Option<Held>>,
    /// Held while fetching; keeps the last failure for those who waited for it.
    fetching: tokio::sync::Mutex<Option<(Instant, Error)>>,
}

#[derive(Debug)]
struct Held {
    token: SecretString,
    expires: Instant,
    renew_after: Instant,
}

#[derive(Debug)]
pub enum Look {
    Fresh(SecretString),
    /// Good for now; the caller renews it in the background.
    Aging(SecretString),
    Missing,
}

/// What the platform hands out.
#[derive(Debug)]
pub struct Granted {
    pub token: SecretString,
    pub lasts: Duration,
}

impl Tokens {
    /// Each aging token is reported as such once in a while, so that one caller renews it and not all.
    pub fn look(&self, now: Instant) -> Look {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(held) = held.as_mut() else { return Look::Missing };
        let left = held.expires.saturating_duration_since(now);
        if left < EXPIRED_BELOW {
            return Look::Missing;
        }
        if left >= RENEW_BELOW || now < held.renew_after {
            return Look::Fresh(held.token.clone());
        }
        held.renew_after = now + RENEW_AGAIN;
        Look::Aging(held.token.clone())
    }

    /// Fetches unless another caller did meanwhile. `now` is read again after waiting.
    pub async fn fetch<F>(&self, now: impl Fn() -> Instant, fetch: F) -> Result<SecretString>
    where
        F: AsyncFnOnce() -> Result<Granted>,
    {
        let came = now();
        let mut failed = self.fetching.lock().await;
        if let Look::Fresh(token) | Look::Aging(token) = self.look(now()) {
            return Ok(token);
        }
        // Who waited for a fetch that failed has its answer; asking again at once would be a queue of failures.
        if let Some((at, error)) = failed.as_ref().filter(|(at, _)| *at > came) {
            tracing::trace!(failed_ago = ?now().saturating_duration_since(*at), "token fetch shared");
            return Err(error.clone());
        }
        match fetch().await {
            Ok(granted) => Ok(self.hold(now(), granted)),
            Err(error) => {
                *failed = Some((now(), error.clone()));
                Err(error)
            }
        }
    }

    /// Replaces an aging token, unless somebody is fetching already.
    pub async fn renew<F>(&self, now: impl Fn() -> Instant, fetch: F)
    where
        F: AsyncFnOnce() -> Result<Granted>,
    {
        let Ok(_single) = self.fetching.try_lock() else { return };
        match fetch().await {
            Ok(granted) => drop(self.hold(now(), granted)),
            Err(error) => tracing::debug!(%error, "token not renewed; the old one is still good"),
        }
    }

    fn hold(&self, now: Instant, granted: Granted) -> SecretString {
        let token = granted.token.clone();
        let renew_after = now + RENEW_AGAIN;
        let held = Held { token: granted.token, expires: now + granted.lasts, renew_after };
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(held);
        token
    }

    /// Forgets a token that the platform did not accept, if it is still the one held.
    pub fn spoil(&self, token: &SecretString) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.as_ref().is_some_and(|held| held.token.expose_secret() == token.expose_secret()) {
            *held = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    fn granted(token: &str, minutes: u64) -> Granted {
        Granted { token: token.to_owned().into(), lasts: Duration::from_secs(minutes * 60) }
    }

    async fn filled(minutes: u64) -> Tokens {
        let tokens = Tokens::default();
        tokens.fetch(Instant::now, async || Ok(granted("t-1", minutes))).await.unwrap();
        tokens
    }

    async fn minutes(minutes: u64) {
        tokio::time::advance(Duration::from_secs(minutes * 60)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_fresh_then_aging_then_gone() {
        let tokens = filled(120).await;
        minutes(95).await;
        assert!(matches!(tokens.look(Instant::now()), Look::Fresh(_)));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(matches!(tokens.look(Instant::now()), Look::Aging(_)));
        assert!(matches!(tokens.look(Instant::now()), Look::Fresh(_)), "one caller renews");
        minutes(1).await;
        assert!(matches!(tokens.look(Instant::now()), Look::Aging(_)), "and later another");
        minutes(22).await;
        assert!(matches!(tokens.look(Instant::now()), Look::Missing));
    }

    #[tokio::test(start_paused = true)]
    async fn many_callers_fetch_once() {
        let (tokens, fetches) = (Tokens::default(), AtomicU32::new(0));
        let fetch = || {
            tokens.fetch(Instant::now, async || {
                fetches.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_secs(1)).await;
                Ok(granted("t-1", 120))
            })
        };
        let (a, b, c) = tokio::join!(fetch(), fetch(), fetch());
        assert!(a.is_ok() && b.is_ok() && c.is_ok());
        assert_eq!(fetches.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waited_for_a_failure_shares_it_and_who_comes_later_tries_again() {
        let (tokens, fetches) = (Tokens::default(), AtomicU32::new(0));
        let fetch = || {
            tokens.fetch(Instant::now, async || {
                fetches.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_secs(1)).await;
                Err(Error::network("down"))
            })
        };
        let (a, b) = tokio::join!(fetch(), fetch());
        assert!(a.is_err() && b.is_err());
        assert_eq!(fetches.load(Ordering::SeqCst), 1);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(fetch().await.is_err());
        assert_eq!(fetches.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_renewal_replaces_and_a_failed_one_does_not() {
        let tokens = filled(20).await;
        tokens.renew(Instant::now, async || Err(Error::network("down"))).await;
        let Look::Fresh(token) = tokens.look(Instant::now()) else { panic!() };
        assert_eq!(token.expose_secret(), "t-1");
        tokens.renew(Instant::now, async || Ok(granted("t-2", 120))).await;
        let Look::Fresh(token) = tokens.look(Instant::now()) else { panic!() };
        assert_eq!(token.expose_secret(), "t-2");
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_token_that_failed_is_forgotten() {
        let tokens = filled(120).await;
        tokens.spoil(&"t-0".to_owned().into());
        assert!(matches!(tokens.look(Instant::now()), Look::Fresh(_)));
        tokens.spoil(&"t-1".to_owned().into());
        assert!(matches!(tokens.look(Instant::now()), Look::Missing));
    }

    #[tokio::test(start_paused = true)]
    async fn the_debug_form_hides_the_token() {
        assert!(!format!("{:?}", filled(120).await).contains("t-1"));
    }
}
