//! A profile's standing with the platform: what outlives its connections.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::api::{self, Bot};
use super::known::Known;
use super::rest::Rest;
use super::{connection, url};
use crate::core::end::End;
use crate::error::{Error, Result};
use crate::journal::Appender;
use crate::transport::{Identity, Life, Shared};

const FEISHU: &str = "https://open.feishu.cn";
const LARK: &str = "https://open.larksuite.com";

#[derive(Clone)]
pub struct Account {
    pub(super) state: Arc<State>,
}

#[derive(Clone)]
pub(super) struct State {
    pub identity: Identity,
    pub shared: Shared,
    pub rest: Arc<Rest>,
    pub marks: Marks,
    /// Online instances as last reported; 0 for "no other".
    pub conflict: Arc<AtomicU32>,
    /// After a first connection the platform may still count a dead one of ours.
    pub connected_before: Arc<AtomicBool>,
    /// The platform does not give cards as they were authored.
    pub cards_refused: Arc<AtomicBool>,
    bot: Arc<Mutex<Option<Arc<Bot>>>>,
    /// What people were told already.
    advised: Arc<Mutex<BTreeSet<&'static str>>>,
    known: Arc<Mutex<Known>>,
    started: Instant,
}

/// Faults that tests inject by what a message contains.
#[derive(Clone, Debug, Default)]
pub(super) struct Marks {
    /// Normalising panics.
    pub poison: Option<String>,
    /// The connection panics.
    pub crash: Option<String>,
}

impl Account {
    /// Does no I/O. Fails when the base URL is neither encrypted nor on this machine.
    pub fn new(identity: Identity, shared: Shared) -> Result<Account> {
        let default = if identity.transport.name() == "lark" { LARK } else { FEISHU };
        let given = identity.base_url.as_deref().unwrap_or(default);
        let base = url::base(given).map_err(|why| {
            Error::config(format!("profile {}: base_url `{given}` is not usable: {why}", identity.profile))
        })?;
        if !looks_like_app_id(&identity.app_id) {
            tracing::warn!(profile = %identity.profile, app_id = %identity.app_id,
                "this app id has not the usual form cli_ and 16 hexadecimal digits");
        }
        let rest = Rest::new(
            shared.http.clone(),
            base,
            identity.app_id.clone(),
            identity.app_secret.clone(),
            shared.limits.http,
            shared.clock.clone(),
        );
        let started = shared.clock.now();
        let state = State {
            identity,
            shared,
            rest: Arc::new(rest),
            marks: Marks::default(),
            conflict: Arc::default(),
            connected_before: Arc::default(),
            cards_refused: Arc::default(),
            bot: Arc::default(),
            advised: Arc::default(),
            known: Arc::default(),
            started,
        };
        Ok(Account { state: Arc::new(state) })
    }

    /// Makes deliveries that contain `poison` panic while normalised, and those that contain `crash` take the
    /// whole connection down. For tests of what happens then; must be called before the account is shared.
    #[doc(hidden)]
    pub fn inject(mut self, poison: Option<String>, crash: Option<String>) -> Account {
        if let Some(state) = Arc::get_mut(&mut self.state) {
            state.marks = Marks { poison, crash };
        }
        self
    }

    /// One connection, from discovery to its end. Trouble is a value. At most one at a time per account.
    pub async fn run(&self, life: Life) -> End {
        connection::run(&self.state, life).await
    }
}

#[cfg(test)]
impl Account {
    pub async fn run_over(&self, life: Life, pipe: tokio::io::DuplexStream) -> End {
        connection::run_over(&self.state, life, pipe).await
    }
}

impl State {
    /// Monotonic time since the account exists.
    pub fn age(&self) -> Duration {
        self.shared.clock.now().saturating_duration_since(self.started)
    }

    /// Is this advice given for the first time? Each event of a kind would repeat it.
    pub fn is_news(&self, advice: &'static str) -> bool {
        self.advised.lock().unwrap_or_else(PoisonError::into_inner).insert(advice)
    }

    /// Never held across an await.
    pub fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who this bot is; asked once.
    pub async fn bot(&self) -> Result<Arc<Bot>> {
        if let Some(bot) = self.bot.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            return Ok(bot);
        }
        let bot = Arc::new(api::bot_info(&self.rest).await?);
        self.known().learn_app(&bot.open_id, &self.identity.app_id);
        self.known().learn_name(&bot.open_id, &bot.name);
        *self.bot.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&bot));
        Ok(bot)
    }

    /// Recalls the bots that earlier processes have met, and has the journal keep those that are met from now on.
    pub async fn recall_bots(&self, appender: &Appender) {
        if self.known().is_kept() {
            return;
        }
        let viewer = self.identity.app_id.clone();
        let bots = appender.bots(&viewer).await;
        let mut known = self.known();
        let keeper = appender.clone();
        known.keep_bots(move |open_id, app_id| keeper.met_bot(&viewer, open_id, app_id));
        bots.iter().for_each(|bot| known.recall_app(&bot.user_id, &bot.app_id));
    }

    /// True once: the first time a connection stands.
    pub fn first_connection(&self) -> bool {
        !self.connected_before.load(Ordering::Relaxed)
    }
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let identity = &self.state.identity;
        f.debug_struct("Account")
            .field("profile", &identity.profile)
            .field("app_id", &identity.app_id)
            .finish_non_exhaustive()
    }
}

fn looks_like_app_id(app_id: &str) -> bool {
    let digits = app_id.strip_prefix("cli_");
    digits.is_some_and(|digits| digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}
