//! From profiles to seats of a supervisor.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::clock::Clock;
use crate::config::{Config, Contacts, Environment, Home, Profile};
use crate::error::{Error, Result};
use crate::event::ids::OpenId;
use crate::supervisor::{Changed, Dial, Seat};
use crate::transport::{Account, Identity, Limits, Network, Shared};

/// How soon a change of a parked profile is noticed.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What it takes to turn a profile into something that speaks to its platform.
#[derive(Clone)]
pub struct Ground {
    home: Home,
    environment: Environment,
    contacts: Arc<Contacts>,
    siblings: Arc<BTreeMap<String, Arc<str>>>,
    shared: Shared,
}

/// One seat per profile. A profile that cannot be read takes its seat all the same, unless it is alone.
pub async fn prepare(config: &Config, profiles: &[Profile], clock: Clock) -> Result<Vec<Seat>> {
    let ground = Ground::new(config, profiles, limits(config), clock)?;
    let mut seats = Vec::with_capacity(profiles.len());
    for profile in profiles {
        let dial = ground.dial(profile).await;
        if let ([_], Err(error)) = (profiles, &dial) {
            return Err(error.clone());
        }
        seats.push(Seat {
            name: Arc::clone(&profile.name),
            transport: profile.transport.name(),
            dial,
            changed: profile.path.clone().map(|path| ground.clone().changed(path)),
        });
    }
    Ok(seats)
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

impl Ground {
    /// `profiles` are those that count as ours.
    pub fn new(config: &Config, profiles: &[Profile], limits: Limits, clock: Clock) -> Result<Ground> {
        let siblings =
            profiles.iter().map(|profile| (profile.app_id.clone(), Arc::clone(&profile.name))).collect();
        Ok(Ground {
            home: config.home.clone(),
            environment: config.environment.clone(),
            contacts: Arc::new(config.contacts.clone()),
            siblings: Arc::new(siblings),
            shared: Shared::within(clock, limits, &network(config))?,
        })
    }

    /// A profile's standing with its platform. Does no I/O but for the secret.
    pub async fn account(&self, profile: &Profile) -> Result<Account> {
        let app_secret =
            profile.app_secret.resolve(&self.home, &self.environment).await.map_err(|error| Error {
                message: format!("{}: {}", profile.shown_path(), error.message),
                ..error
            })?;
        let person = |alias: &String| self.contacts.open_id(alias, &profile.name).map(OpenId::new);
        let identity = Identity {
            profile: Arc::clone(&profile.name),
            transport: profile.transport,
            app_id: profile.app_id.clone(),
            app_secret,
            base_url: profile.base_url.clone(),
            owner: profile.owner.as_ref().and_then(person),
            allowed_people: profile.allow.people.iter().flatten().filter_map(person).collect(),
            siblings: Arc::clone(&self.siblings),
        };
        Account::new(identity, self.shared.clone())
    }

    async fn dial(&self, profile: &Profile) -> Result<Dial> {
        let marks = crate::fault::marks();
        let account = Arc::new(self.account(profile).await?.inject(marks.poison, marks.crash));
        Ok(Arc::new(move |life| {
            let account = Arc::clone(&account);
            Box::pin(async move { account.run(life).await })
        }))
    }

    /// Looks at the profile's file until a person has changed it.
    fn changed(self, path: PathBuf) -> Changed {
        Arc::new(move || {
            let (ground, path) = (self.clone(), path.clone());
            Box::pin(async move {
                let before = modified(&path);
                loop {
                    tokio::time::sleep(LOOK_EVERY).await;
                    if modified(&path) != before {
                        let profile = crate::config::load_profile(&ground.home, &path)?;
                        return ground.dial(&profile).await;
                    }
                }
            })
        })
    }
}

fn modified(path: &PathBuf) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}
