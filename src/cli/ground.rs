//! What it takes to turn a profile into something that speaks to its platform.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use crate::clock::Clock;
use crate::config::{Config, Contacts, Environment, Home, Profile};
use crate::error::{Error, Result};
use crate::event::ids::OpenId;
use crate::transport::{Account, Identity, Limits, Network, Shared, Siblings};

/// Cheap to clone; the clones share all of it.
#[derive(Clone)]
pub struct Ground {
    pub home: Home,
    /// Of the process alone: `.env` is read again with each secret, since people mend it there.
    process: Environment,
    contacts: Arc<RwLock<Arc<Contacts>>>,
    /// The profiles that count as ours.
    pub siblings: Siblings,
    network: Arc<Network>,
    limits: Limits,
    clock: Clock,
    /// Made when something is sent first: reading this system's roots takes longer than a whole call to a
    /// supervisor.
    shared: Arc<OnceLock<Shared>>,
}

impl Ground {
    pub fn new(config: &Config, limits: Limits, clock: Clock) -> Ground {
        Ground {
            home: config.home.clone(),
            process: config.process.clone(),
            contacts: Arc::new(RwLock::new(Arc::new(config.contacts.clone()))),
            siblings: Siblings::default(),
            network: Arc::new(network(config)),
            limits,
            clock,
            shared: Arc::default(),
        }
    }

    pub fn shared(&self) -> Result<Shared> {
        if let Some(shared) = self.shared.get() {
            return Ok(shared.clone());
        }
        let shared = Shared::within(self.clock.clone(), self.limits.clone(), &self.network)?;
        Ok(self.shared.get_or_init(|| shared).clone())
    }

    /// Of the process and of `.env` as it is now.
    pub fn environment(&self) -> Result<Environment> {
        self.process.clone().with_dotenv(&self.home)
    }

    pub fn learn_contacts(&self, contacts: Contacts) {
        *self.contacts.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(contacts);
    }

    /// The ids of the people a profile names, as its app knows them: its owner first.
    pub fn people(&self, profile: &Profile) -> (Option<OpenId>, Vec<OpenId>) {
        let contacts = Arc::clone(&self.contacts.read().unwrap_or_else(PoisonError::into_inner));
        let person = |alias: &String| contacts.open_id(alias, &profile.name).map(OpenId::new);
        let allowed = profile.allow.people.iter().flatten().filter_map(person).collect();
        (profile.owner.as_ref().and_then(person), allowed)
    }

    /// A profile's standing with its platform. Does no I/O but for the secret.
    pub async fn account(&self, profile: &Profile) -> Result<Account> {
        let secret = profile.app_secret.resolve(&self.home, &self.environment()?).await;
        let app_secret = secret.map_err(|error| Error {
            message: format!("{}: {}", profile.shown_path(), error.message),
            ..error
        })?;
        let (owner, allowed_people) = self.people(profile);
        let identity = Identity {
            profile: Arc::clone(&profile.name),
            transport: profile.transport,
            app_id: profile.app_id.clone(),
            app_secret,
            base_url: profile.base_url.clone(),
            owner,
            allowed_people,
            siblings: self.siblings.clone(),
        };
        Account::new(identity, self.shared()?)
    }
}

pub fn limits(config: &Config) -> Limits {
    let connection = &config.options.connection;
    Limits {
        handshake: connection.handshake_timeout.0,
        pong: connection.pong_timeout.0,
        conflict_check: connection.conflict_check.0,
        http: config.options.http.timeout.0,
    }
}

/// Where a profile's token is kept between commands.
pub fn token_file(home: &Home, profile: &Profile) -> PathBuf {
    home.data().join(profile.name.as_ref()).join("token.json")
}

/// `http.proxy` and `http.ca_file`; a proxy of the environment where the options name none.
fn network(config: &Config) -> Network {
    let http = &config.options.http;
    let variable =
        |names: &[&str]| names.iter().find_map(|name| config.environment.get(name)).map(str::to_owned);
    Network {
        proxy: http
            .proxy
            .clone()
            .or_else(|| variable(&["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])),
        no_proxy: variable(&["NO_PROXY", "no_proxy"]),
        ca_file: http.ca_file.as_ref().map(|path| config.home.root().join(path)),
    }
}
