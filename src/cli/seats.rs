//! From profiles to seats of a supervisor.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use crate::clock::Clock;
use crate::config::{Config, Contacts, Environment, Home, Profile};
use crate::core::end::End;
use crate::error::{Error, Result};
use crate::event::ids::OpenId;
use crate::supervisor::{Changed, Dial, Lock, Seat};
use crate::transport::{Account, Identity, Limits, Network, Shared};

/// How soon a change of a parked profile is noticed.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What it takes to turn a profile into something that speaks to its platform.
#[derive(Clone)]
pub struct Ground {
    home: Home,
    /// Of the process alone: `.env` is read again with each secret, since people mend it there.
    process: Environment,
    contacts: Arc<Contacts>,
    siblings: Arc<BTreeMap<String, Arc<str>>>,
    shared: Shared,
    /// App ids in use, by whom, and the locks on those that were changed to.
    seated: Arc<Mutex<BTreeMap<String, Arc<str>>>>,
    locks: Arc<Mutex<Vec<Lock>>>,
}

/// One seat per profile. Secrets are fetched when a seat dials, so that a slow one holds up nobody else; but who
/// is alone and has none hears it at once.
pub async fn prepare(config: &Config, profiles: &[Profile], clock: Clock) -> Result<Vec<Seat>> {
    let ground = Ground::new(config, profiles, limits(config), clock)?;
    let slots: Vec<Arc<Slot>> = profiles.iter().map(|profile| Slot::new(&ground, profile)).collect();
    if let [alone] = slots.as_slice() {
        alone.account().await?;
    }
    let seats = slots.iter().zip(profiles).map(|(slot, profile)| Seat {
        name: Arc::clone(&profile.name),
        transport: profile.transport.name(),
        dial: Ok(Arc::clone(slot).dial()),
        changed: Some(Arc::clone(slot).changed()),
    });
    Ok(seats.collect())
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
        let siblings: BTreeMap<String, Arc<str>> =
            profiles.iter().map(|profile| (profile.app_id.clone(), Arc::clone(&profile.name))).collect();
        Ok(Ground {
            home: config.home.clone(),
            process: config.process.clone(),
            contacts: Arc::new(config.contacts.clone()),
            seated: Arc::new(Mutex::new(BTreeMap::clone(&siblings))),
            locks: Arc::default(),
            siblings: Arc::new(siblings),
            shared: Shared::within(clock, limits, &network(config))?,
        })
    }

    /// A profile's standing with its platform. Does no I/O but for the secret.
    pub async fn account(&self, profile: &Profile) -> Result<Account> {
        let environment = self.process.clone().with_dotenv(&self.home)?;
        let app_secret = profile.app_secret.resolve(&self.home, &environment).await.map_err(|error| {
            Error { message: format!("{}: {}", profile.shown_path(), error.message), ..error }
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

    /// Notes that `profile` uses another app now. Refused where that app is in use already, here or elsewhere.
    fn reseat(&self, before: &Profile, after: &Profile) -> Result<()> {
        if before.app_id == after.app_id {
            return Ok(());
        }
        let mut seated = self.seated.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(holder) = seated.get(&after.app_id) {
            return Err(Error::config(format!(
                "{} has the same app_id as profile {holder}",
                after.shown_path()
            ))
            .hint("give each profile an app of its own"));
        }
        let lock = Lock::app(&after.app_id, self.home.root())?;
        self.locks.lock().unwrap_or_else(PoisonError::into_inner).push(lock);
        seated.remove(&before.app_id);
        seated.insert(after.app_id.clone(), Arc::clone(&after.name));
        Ok(())
    }
}

/// A profile as it was last read, and its account once there is one.
struct Slot {
    ground: Ground,
    read: Mutex<Read>,
    account: tokio::sync::Mutex<Option<Arc<Account>>>,
}

struct Read {
    profile: Profile,
    /// When the files that make it were changed last.
    stamp: Stamp,
}

type Stamp = Vec<Option<SystemTime>>;

impl Slot {
    fn new(ground: &Ground, profile: &Profile) -> Arc<Slot> {
        let read = Read { profile: profile.clone(), stamp: ground.stamp(profile) };
        Arc::new(Slot {
            ground: ground.clone(),
            read: Mutex::new(read),
            account: tokio::sync::Mutex::default(),
        })
    }

    fn read(&self) -> MutexGuard<'_, Read> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The account, made when it is asked for first and after it was forgotten.
    async fn account(&self) -> Result<Arc<Account>> {
        let mut held = self.account.lock().await;
        if let Some(account) = &*held {
            return Ok(Arc::clone(account));
        }
        let profile = {
            let mut read = self.read();
            read.stamp = self.ground.stamp(&read.profile);
            read.profile.clone()
        };
        let marks = crate::fault::marks();
        let account = self.ground.account(&profile).await?.inject(marks.poison, marks.crash);
        Ok(Arc::clone(held.insert(Arc::new(account))))
    }

    fn dial(self: Arc<Slot>) -> Dial {
        Arc::new(move |life| {
            let slot = Arc::clone(&self);
            Box::pin(async move {
                let mut stop = life.stop.clone();
                let account = tokio::select! {
                    biased;
                    _ = stop.wait_for(|stop| *stop) => return End::Asked,
                    account = slot.account() => account,
                };
                let end = match account {
                    Ok(account) => account.run(life).await,
                    Err(Error { code, message, hint, .. }) => End::Unauthorized { code, message, hint },
                };
                if matches!(end, End::Unauthorized { .. }) {
                    // The next attempt reads the secret again: it may be another one by then.
                    *slot.account.lock().await = None;
                }
                end
            })
        })
    }

    /// Looks at the profile's files until a person has changed one.
    fn changed(self: Arc<Slot>) -> Changed {
        Arc::new(move || {
            let slot = Arc::clone(&self);
            Box::pin(async move {
                loop {
                    tokio::time::sleep(LOOK_EVERY).await;
                    let (profile, stamp) = {
                        let read = slot.read();
                        (read.profile.clone(), slot.ground.stamp(&read.profile))
                    };
                    if stamp != slot.read().stamp {
                        slot.read().stamp = stamp;
                        *slot.account.lock().await = None;
                        slot.reload(&profile)?;
                        return Ok(slot.dial());
                    }
                }
            })
        })
    }

    fn reload(&self, before: &Profile) -> Result<()> {
        let Some(path) = &before.path else { return Ok(()) };
        let after = crate::config::load_profile(&self.ground.home, path)?;
        self.ground.reseat(before, &after)?;
        self.read().profile = after;
        Ok(())
    }
}

impl Ground {
    fn stamp(&self, profile: &Profile) -> Stamp {
        let dotenv = self.home.root().join(".env");
        let secret = profile.app_secret.file().map(|path| self.home.root().join(path));
        profile.path.iter().chain([&dotenv]).chain(&secret).map(modified).collect()
    }
}

fn modified(path: &PathBuf) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}
