//! Tenant tokens: the platform's minting rule and why a token is refused.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::seal;

/// 30 minutes of a two-hour token: with less than this fraction left a new one is minted.
const RENEW_FRACTION: u32 = 4;

struct Token {
    app: usize,
    expires: Instant,
}

#[derive(Default)]
pub struct Tokens {
    issued: HashMap<String, Token>,
    /// The newest of each app.
    current: HashMap<usize, String>,
}

/// A tenant token for whoever asked.
pub struct Issued {
    pub text: String,
    pub seconds: u64,
    /// Minted for this request.
    pub new: bool,
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

impl Tokens {
    /// The same token while it is fresh, otherwise a new one beside it; with the remaining seconds.
    pub fn issue(&mut self, app: usize, ttl: Duration, now: Instant) -> Issued {
        self.issued.retain(|_, token| token.expires > now);
        let fresh_until = now + ttl / RENEW_FRACTION;
        if let Some(text) = self.current.get(&app)
            && let Some(token) = self.issued.get(text)
            && token.expires >= fresh_until
        {
            return Issued { text: text.clone(), seconds: (token.expires - now).as_secs(), new: false };
        }
        let text = format!("t-g104{}", seal::random_hex(32));
        self.issued.insert(text.clone(), Token { app, expires: now + ttl });
        self.current.insert(app, text.clone());
        Issued { text, seconds: ttl.as_secs(), new: true }
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
        let token = self.issued.get(text).filter(|token| token.expires > now);
        token.map(|token| token.app).ok_or(BadToken::Unknown)
    }

    pub fn expire(&mut self, app: Option<usize>) {
        self.issued.retain(|_, token| app.is_some_and(|app| token.app != app));
    }
}
