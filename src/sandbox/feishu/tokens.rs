//! Tenant tokens: the platform's minting rule and why a token is refused.

use std::time::Duration;

use tokio::time::Instant;

use crate::sandbox::feishu::ids;
use crate::sandbox::world::World;

/// 30 minutes of a two-hour token: with less than this fraction left a new one is minted.
const RENEW_FRACTION: u32 = 4;

pub struct Token {
    pub app: usize,
    pub expires: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadToken {
    Missing,
    /// Starts with neither `t-` nor `u-`.
    Malformed,
    /// A user's token, which these calls do not take.
    OfUser,
    Unknown,
}

impl World {
    /// The same token while it is fresh, otherwise a new one beside it; with the remaining seconds.
    pub fn issue_token(&mut self, app: usize, ttl: Duration, now: Instant) -> (String, u64) {
        self.tokens.retain(|_, token| token.expires > now);
        let fresh_until = now + ttl / RENEW_FRACTION;
        let current = self.apps[app].current_token.clone();
        if let Some(text) = current
            && let Some(token) = self.tokens.get(&text)
            && token.expires >= fresh_until
        {
            return (text, (token.expires - now).as_secs());
        }
        let text = format!("t-g104{}", ids::random_hex(32));
        self.tokens.insert(text.clone(), Token { app, expires: now + ttl });
        self.apps[app].current_token = Some(text.clone());
        self.apps[app].counters.tokens_issued += 1;
        (text, ttl.as_secs())
    }

    /// Whose token an `Authorization` header carries.
    pub fn bearer(&self, header: Option<&str>, now: Instant) -> Result<usize, BadToken> {
        let text = header.and_then(|value| value.strip_prefix("Bearer ")).ok_or(BadToken::Missing)?;
        if text.starts_with("u-") {
            return Err(BadToken::OfUser);
        }
        if !text.starts_with("t-") {
            return Err(BadToken::Malformed);
        }
        let token = self.tokens.get(text).filter(|token| token.expires > now);
        token.map(|token| token.app).ok_or(BadToken::Unknown)
    }

    pub fn expire_tokens(&mut self, app: Option<usize>) {
        self.tokens.retain(|_, token| app.is_some_and(|app| token.app != app));
    }
}
