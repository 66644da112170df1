//! From profiles to seats of a supervisor, and what becomes of them when people change their files.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::aside::aside;
use super::means::{Accounts, limits};
use super::stamp::{Stamp, dotenv, stamp};
use super::standing::Standing;
use super::troubles::Troubles;
use crate::clock::Clock;
use crate::config::{self, Config, Profile};
use crate::core::apps::{self, Claim};
use crate::error::{Error, Result};
use crate::supervisor::reload::{Look, Reload};
use crate::supervisor::{Change, Lock, Seat, room};
use crate::transport::Rooms;

/// How often a lock's note is written again, so that no cleaner takes the file for forgotten.
const LOCK_REFRESH: Duration = Duration::from_secs(6 * 3600);

/// The profiles of a supervisor.
pub struct Roster {
    accounts: Accounts,
    /// Empty: all there are, and those that come.
    named: Vec<String>,
    standings: BTreeMap<Arc<str>, Arc<Standing>>,
    stamps: BTreeMap<PathBuf, Stamp>,
    /// What went wrong in the last look. It is tried again at the next one, and told once.
    troubles: Troubles,
    /// Every app's lock that was taken and may still be held, also for a profile that is gone and closes its connection.
    locks: BTreeMap<String, Weak<Lock>>,
    /// Whether each app is locked against other supervisors of this machine.
    locking: bool,
    refreshed: Instant,
}

impl Roster {
    /// Takes each app's lock. The first that is held by somebody else is an error.
    pub fn locked(config: &Config, named: &[String], clock: Clock) -> Result<Roster> {
        Roster::new(config, named, clock, true)
    }

    /// For a platform that nobody else knows: the demo's.
    #[cfg(feature = "sandbox")]
    pub fn unlocked(config: &Config, clock: Clock) -> Result<Roster> {
        Roster::new(config, &[], clock, false)
    }

    fn new(config: &Config, named: &[String], clock: Clock, locking: bool) -> Result<Roster> {
        let accounts = Accounts::new(config, limits(config), clock.clone());
        accounts.shared()?;
        let mut roster = Roster {
            accounts,
            named: named.to_owned(),
            standings: BTreeMap::new(),
            stamps: BTreeMap::new(),
            troubles: Troubles::default(),
            locks: BTreeMap::new(),
            locking,
            refreshed: clock.now(),
        };
        for profile in config.chosen(named)? {
            if let Some(other) =
                roster.standings.values().find(|standing| standing.profile.app_id == profile.app_id)
            {
                return Err(same_app(&profile, &other.profile.name));
            }
            let lock = roster.lock(&profile)?;
            let standing = roster.standing(profile, lock);
            roster.standings.insert(Arc::clone(&standing.profile.name), standing);
        }
        roster.accounts.rule_floors();
        roster.introduce();
        roster.stamps = roster.files()();
        Ok(roster)
    }

    /// One seat per profile. Secrets are fetched when a seat dials, so that a slow one holds up nobody else; but
    /// who is alone and has none hears it at once.
    pub async fn seats(&self) -> Result<Vec<Seat>> {
        if let (1, Some(alone)) = (self.standings.len(), self.standings.values().next()) {
            alone.account().await?;
        }
        Ok(self.standings.values().map(Standing::seat).collect())
    }

    /// What the accounts know of rooms, and the rules for them.
    pub fn rooms(&self) -> (Rooms, room::Policy) {
        let accounts = self.accounts.clone();
        (self.accounts.rooms.clone(), Arc::new(move |chat| accounts.room_policy(chat)))
    }

    /// Lets the supervisor look again, for as long as it runs.
    pub fn into_reload(self) -> Reload {
        let roster = Arc::new(Mutex::new(self));
        Arc::new(move |look| {
            let roster = Arc::clone(&roster);
            Box::pin(async move { roster.lock().await.look(look).await })
        })
    }

    async fn look(&mut self, look: Look) -> Vec<Change> {
        self.refresh_locks();
        let stamps = aside(self.files()).await;
        let before = std::mem::replace(&mut self.stamps, stamps);
        if look == Look::Touched && before == self.stamps && self.troubles.is_empty() {
            return Vec::new();
        }
        if let Look::Adding(names) = &look
            && !self.named.is_empty()
        {
            self.named
                .extend(names.iter().filter(|name| !self.named.contains(name)).cloned().collect::<Vec<_>>());
        }
        let (accounts, named) = (self.accounts.clone(), self.named.clone());
        let (found, others) = aside(move || read(&accounts, &named)).await;
        let had = std::mem::take(&mut self.troubles);
        self.troubles.note_others(others, &had);
        let mut found = match found {
            Ok(found) => found,
            Err(error) => return self.failed_for_all(&look, &error, &had),
        };
        let _locks = self.settle(&mut found);
        let mut changes = self.without(&found);
        for (name, profile) in found {
            let touched = look != Look::Touched || self.touched(&name, &before);
            changes.extend(self.change(&name, profile, touched, &had).await);
        }
        if let Look::Adding(names) = look {
            changes.extend(names.iter().filter_map(|name| self.missing(name, &changes)).collect::<Vec<_>>());
        }
        self.introduce();
        changes
    }

    /// A person who asked hears of it; otherwise all stays as it is.
    fn failed_for_all(&mut self, look: &Look, error: &Error, had: &Troubles) -> Vec<Change> {
        self.troubles.note_others([format!("the profiles cannot be read as they are now: {error}")], had);
        let failed = |name: &Arc<str>| Change::Failed(Arc::clone(name), error.clone());
        if *look == Look::Touched { Vec::new() } else { self.standings.keys().map(failed).collect() }
    }

    /// Lets nobody have an app that is another one's, or that another supervisor holds. The locks are kept until each is
    /// with the profile that has its app now.
    fn settle(&mut self, found: &mut Found) -> Vec<Arc<Lock>> {
        let held: Vec<Arc<Lock>> =
            self.standings.values().filter_map(|standing| standing.lock.clone()).collect();
        let mut locks = held;
        for profile in found.values_mut() {
            match profile.as_ref().map(|profile| self.lock(profile)) {
                Ok(Ok(lock)) => locks.extend(lock),
                Ok(Err(error)) => *profile = Err(error),
                Err(_unreadable) => {}
            }
        }
        let claims = found.iter().map(|(name, profile)| {
            let has = self.standings.get(name).map(|standing| standing.profile.app_id.clone());
            let wants = profile.as_ref().ok().map(|profile| profile.app_id.clone());
            (Arc::clone(name), Claim { has, wants })
        });
        for (name, other) in apps::refused(&claims.collect()) {
            if let Some(profile) = found.get_mut(&name)
                && let Ok(refused) = &profile
            {
                *profile = Err(same_app(refused, &other));
            }
        }
        locks
    }

    /// Those whose files are gone.
    fn without(&mut self, found: &Found) -> Vec<Change> {
        let gone: Vec<Arc<str>> =
            self.standings.keys().filter(|name| !found.contains_key(*name)).cloned().collect();
        gone.into_iter()
            .map(|name| {
                self.standings.remove(&name);
                Change::Removed(name)
            })
            .collect()
    }

    async fn change(
        &mut self,
        name: &Arc<str>,
        profile: Result<Profile>,
        touched: bool,
        had: &Troubles,
    ) -> Option<Change> {
        let profile = match profile {
            Ok(profile) => profile,
            Err(error) => {
                let is_new = self.troubles.note(name, &error, had);
                return (touched || is_new).then(|| Change::Failed(Arc::clone(name), error));
            }
        };
        let touched = touched || had.profiles.contains_key(name);
        let known = self.standings.get(name).cloned();
        if let Some(known) = &known
            && known.profile == profile
            && known.intake.owner == self.accounts.owner(&profile)
            && *known.intake.gates == self.accounts.gates(&profile)
        {
            if touched {
                known.forget_account().await;
            }
            return touched.then(|| Change::Touched(Arc::clone(name)));
        }
        let lock = match self.lock(&profile) {
            Ok(lock) => lock,
            Err(error) => return Some(Change::Failed(Arc::clone(name), error)),
        };
        let standing = self.standing(profile, lock);
        let seat = standing.seat();
        self.standings.insert(Arc::clone(name), standing);
        Some(if known.is_some() { Change::Changed(seat) } else { Change::Added(seat) })
    }

    fn missing(&self, name: &str, changes: &[Change]) -> Option<Change> {
        let told = |change: &Change| change.outcome().is_some_and(|told| told.profile == *name);
        if self.standings.contains_key(name) || changes.iter().any(told) {
            return None;
        }
        let error = Error::config(format!("there is no profile `{}`", crate::event::escaped(name)));
        Some(Change::Failed(Arc::from(name), error.subtype("unknown_profile")))
    }

    fn standing(&self, profile: Profile, lock: Option<Arc<Lock>>) -> Arc<Standing> {
        Arc::new(Standing::new(self.accounts.clone(), profile, lock))
    }

    /// The lock on a profile's app: the one that is held here already, by whatever profile, or else a new one.
    fn lock(&mut self, profile: &Profile) -> Result<Option<Arc<Lock>>> {
        if !self.locking {
            return Ok(None);
        }
        if let Some(held) = self.locks.get(&profile.app_id).and_then(Weak::upgrade) {
            return Ok(Some(held));
        }
        let lock = Arc::new(Lock::app(&profile.app_id, self.accounts.home.root())?);
        self.locks.retain(|_, lock| lock.strong_count() > 0);
        self.locks.insert(profile.app_id.clone(), Arc::downgrade(&lock));
        Ok(Some(lock))
    }

    /// Lets the accounts know which apps are ours, and where the ids of each mean something.
    fn introduce(&self) {
        let pairs = self.standings.values().map(|standing| {
            let profile = &standing.profile;
            (profile.app_id.clone(), Arc::clone(&profile.name))
        });
        self.accounts.siblings.set(pairs);
        let realms = self
            .standings
            .values()
            .map(|standing| (standing.profile.name.to_string(), standing.profile.realm()));
        self.accounts.rooms.set_realms(realms);
    }

    fn refresh_locks(&mut self) {
        if self.refreshed.elapsed() < LOCK_REFRESH {
            return;
        }
        self.refreshed = Instant::now();
        for lock in self.standings.values().filter_map(|standing| standing.lock.as_ref()) {
            if let Err(error) = lock.refresh() {
                tracing::warn!(%error, "a lock's note cannot be written");
            }
        }
    }

    /// Looks at all files that make these profiles.
    fn files(&self) -> impl FnOnce() -> BTreeMap<PathBuf, Stamp> + Send + 'static {
        let root = self.accounts.home.root().to_owned();
        let secrets = self.standings.values().filter_map(|standing| standing.profile.app_secret.file());
        let secrets: Vec<PathBuf> = secrets.map(|path| root.join(path)).collect();
        move || {
            let profiles = std::fs::read_dir(root.join("profiles"));
            let profiles = profiles.into_iter().flatten().flatten().map(|entry| entry.path());
            let shared = [dotenv(&root), root.join("config/contacts.yaml"), root.join("config/rooms.yaml")];
            let all = profiles.chain(secrets).chain(shared);
            all.filter_map(|path| Some((path.clone(), stamp(&path)?))).collect()
        }
    }

    /// Was any of the files changed that make this profile?
    fn touched(&self, name: &str, before: &BTreeMap<PathBuf, Stamp>) -> bool {
        let root = self.accounts.home.root();
        let own = ["yaml", "yml"].map(|extension| root.join(format!("profiles/{name}.{extension}")));
        let secret = self.standings.get(name).and_then(|standing| standing.profile.app_secret.file());
        let mut files = own.into_iter().chain([dotenv(root)]).chain(secret.map(|path| root.join(path)));
        files.any(|path| before.get(&path) != self.stamps.get(&path))
    }
}

/// The profiles that are wanted, each as far as it can be read.
type Found = BTreeMap<Arc<str>, Result<Profile>>;

/// Reads the profiles, and says what else cannot be read.
fn read(accounts: &Accounts, named: &[String]) -> (Result<Found>, Vec<String>) {
    let mut others = Vec::new();
    match config::load_contacts(&accounts.home) {
        Ok(contacts) => accounts.learn_contacts(contacts),
        Err(error) => others.push(format!("the contacts stay as they were: {error}")),
    }
    match config::load_rooms(&accounts.home) {
        Ok(policies) => accounts.learn_policies(policies),
        Err(error) => others.push(format!("the policies of rooms stay as they were: {error}")),
    }
    let environment = accounts.environment();
    let found = environment.and_then(|environment| config::load_each_profile(&accounts.home, &environment));
    let found = found.map(|mut found| {
        if !named.is_empty() {
            found.retain(|name, _| named.iter().any(|named| named == name.as_ref()));
        }
        found
    });
    (found, others)
}

fn same_app(profile: &Profile, other: &str) -> Error {
    Error::config(format!("{} has the same app_id as profile {other}", profile.shown_path()))
        .hint("give each profile an app of its own")
}
