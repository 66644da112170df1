//! From profiles to seats of a supervisor, and what becomes of them when people change their files.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::ground::{Ground, limits, token_file};
use crate::clock::Clock;
use crate::config::{self, Config, Profile};
use crate::core::apps::{self, Claim};
use crate::core::end::End;
use crate::error::{Error, Kind, Result};
use crate::supervisor::reload::{Look, Reload};
use crate::supervisor::{Change, Dial, Fetch, Lock, Perform, Relay, Seat, room};
use crate::transport::{Account, Intake, Rooms};

/// How often a lock's note is written again, so that no cleaner takes the file for forgotten.
const LOCK_REFRESH: Duration = Duration::from_secs(6 * 3600);

/// How long limits and passing trouble are waited out while the past is fetched.
const FETCH_PATIENCE: Duration = Duration::from_secs(30);

/// The same for one message that is relayed: the next one waits for it.
const RELAY_PATIENCE: Duration = Duration::from_secs(8);

/// The profiles of a supervisor.
pub struct Roster {
    ground: Ground,
    /// Empty: all there are, and those that come.
    named: Vec<String>,
    slots: BTreeMap<Arc<str>, Arc<Slot>>,
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
        let ground = Ground::new(config, limits(config), clock.clone());
        ground.shared()?;
        let mut roster = Roster {
            ground,
            named: named.to_owned(),
            slots: BTreeMap::new(),
            stamps: BTreeMap::new(),
            troubles: Troubles::default(),
            locks: BTreeMap::new(),
            locking,
            refreshed: clock.now(),
        };
        for profile in config.chosen(named)? {
            if let Some(other) = roster.slots.values().find(|slot| slot.profile.app_id == profile.app_id) {
                return Err(same_app(&profile, &other.profile.name));
            }
            let lock = roster.lock(&profile)?;
            let slot = roster.slot(profile, lock);
            roster.slots.insert(Arc::clone(&slot.profile.name), slot);
        }
        roster.ground.rule_floors();
        roster.introduce();
        roster.stamps = roster.files()();
        Ok(roster)
    }

    /// One seat per profile. Secrets are fetched when a seat dials, so that a slow one holds up nobody else; but
    /// who is alone and has none hears it at once.
    pub async fn seats(&self) -> Result<Vec<Seat>> {
        if let (1, Some(alone)) = (self.slots.len(), self.slots.values().next()) {
            alone.account().await?;
        }
        Ok(self.slots.values().map(Slot::seat).collect())
    }

    /// What the accounts know of rooms, and the rules for them.
    pub fn rooms(&self) -> (Rooms, room::Policy) {
        let ground = self.ground.clone();
        (self.ground.rooms.clone(), Arc::new(move |chat| ground.room_policy(chat)))
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
        let (ground, named) = (self.ground.clone(), self.named.clone());
        let (found, others) = aside(move || read(&ground, &named)).await;
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
        if *look == Look::Touched { Vec::new() } else { self.slots.keys().map(failed).collect() }
    }

    /// Lets nobody have an app that is another one's, or that another supervisor holds. The locks are kept until each is
    /// with the profile that has its app now.
    fn settle(&mut self, found: &mut Found) -> Vec<Arc<Lock>> {
        let held: Vec<Arc<Lock>> = self.slots.values().filter_map(|slot| slot.lock.clone()).collect();
        let mut locks = held;
        for profile in found.values_mut() {
            match profile.as_ref().map(|profile| self.lock(profile)) {
                Ok(Ok(lock)) => locks.extend(lock),
                Ok(Err(error)) => *profile = Err(error),
                Err(_unreadable) => {}
            }
        }
        let claims = found.iter().map(|(name, profile)| {
            let has = self.slots.get(name).map(|slot| slot.profile.app_id.clone());
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
            self.slots.keys().filter(|name| !found.contains_key(*name)).cloned().collect();
        gone.into_iter()
            .map(|name| {
                self.slots.remove(&name);
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
        let known = self.slots.get(name).cloned();
        if let Some(known) = &known
            && known.profile == profile
            && known.intake.owner == self.ground.owner(&profile)
            && *known.intake.gates == self.ground.gates(&profile)
        {
            if touched {
                // Its secret may be another one; the next attempt reads it again.
                *known.account.lock().await = None;
            }
            return touched.then(|| Change::Touched(Arc::clone(name)));
        }
        let lock = match self.lock(&profile) {
            Ok(lock) => lock,
            Err(error) => return Some(Change::Failed(Arc::clone(name), error)),
        };
        let slot = self.slot(profile, lock);
        let seat = slot.seat();
        self.slots.insert(Arc::clone(name), slot);
        Some(if known.is_some() { Change::Changed(seat) } else { Change::Added(seat) })
    }

    fn missing(&self, name: &str, changes: &[Change]) -> Option<Change> {
        let told = |change: &Change| change.outcome().is_some_and(|told| told.profile == *name);
        if self.slots.contains_key(name) || changes.iter().any(told) {
            return None;
        }
        let error = Error::config(format!("there is no profile `{}`", crate::event::escaped(name)));
        Some(Change::Failed(Arc::from(name), error.subtype("unknown_profile")))
    }

    fn slot(&self, profile: Profile, lock: Option<Arc<Lock>>) -> Arc<Slot> {
        let ground = self.ground.clone();
        let intake = ground.intake(&profile);
        Arc::new(Slot { ground, profile, intake, account: Mutex::default(), lock })
    }

    /// The lock on a profile's app: the one that is held here already, by whatever profile, or else a new one.
    fn lock(&mut self, profile: &Profile) -> Result<Option<Arc<Lock>>> {
        if !self.locking {
            return Ok(None);
        }
        if let Some(held) = self.locks.get(&profile.app_id).and_then(Weak::upgrade) {
            return Ok(Some(held));
        }
        let lock = Arc::new(Lock::app(&profile.app_id, self.ground.home.root())?);
        self.locks.retain(|_, lock| lock.strong_count() > 0);
        self.locks.insert(profile.app_id.clone(), Arc::downgrade(&lock));
        Ok(Some(lock))
    }

    /// Lets the accounts know which apps are ours.
    fn introduce(&self) {
        let pairs = self.slots.values().map(|slot| {
            let profile = &slot.profile;
            (profile.app_id.clone(), Arc::clone(&profile.name))
        });
        self.ground.siblings.set(pairs);
    }

    fn refresh_locks(&mut self) {
        if self.refreshed.elapsed() < LOCK_REFRESH {
            return;
        }
        self.refreshed = Instant::now();
        for lock in self.slots.values().filter_map(|slot| slot.lock.as_ref()) {
            if let Err(error) = lock.refresh() {
                tracing::warn!(%error, "a lock's note cannot be written");
            }
        }
    }

    /// Looks at all files that make these profiles.
    fn files(&self) -> impl FnOnce() -> BTreeMap<PathBuf, Stamp> + Send + 'static {
        let root = self.ground.home.root().to_owned();
        let secrets = self.slots.values().filter_map(|slot| slot.profile.app_secret.file());
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
        let root = self.ground.home.root();
        let own = ["yaml", "yml"].map(|extension| root.join(format!("profiles/{name}.{extension}")));
        let secret = self.slots.get(name).and_then(|slot| slot.profile.app_secret.file());
        let mut files = own.into_iter().chain([dotenv(root)]).chain(secret.map(|path| root.join(path)));
        files.any(|path| before.get(&path) != self.stamps.get(&path))
    }
}

/// Away from the threads that serve: a disk that is slow, or a file that takes its time, keeps no verb waiting.
async fn aside<T: Send + 'static>(look: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(look).await {
        Ok(seen) => seen,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime ends, and this with it.
            Err(_) => std::future::pending().await,
        },
    }
}

/// The profiles that are wanted, each as far as it can be read.
type Found = BTreeMap<Arc<str>, Result<Profile>>;

/// Reads the profiles, and says what else cannot be read.
fn read(ground: &Ground, named: &[String]) -> (Result<Found>, Vec<String>) {
    let mut others = Vec::new();
    match config::load_contacts(&ground.home) {
        Ok(contacts) => ground.learn_contacts(contacts),
        Err(error) => others.push(format!("the contacts stay as they were: {error}")),
    }
    match config::load_rooms(&ground.home) {
        Ok(policies) => ground.learn_policies(policies),
        Err(error) => others.push(format!("the policies of rooms stay as they were: {error}")),
    }
    let environment = ground.environment();
    let found = environment.and_then(|environment| config::load_each_profile(&ground.home, &environment));
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

/// What went wrong in a look.
#[derive(Default)]
struct Troubles {
    profiles: BTreeMap<Arc<str>, String>,
    others: BTreeSet<String>,
}

impl Troubles {
    fn is_empty(&self) -> bool {
        self.profiles.is_empty() && self.others.is_empty()
    }

    /// True where this was not so in the look before.
    fn note(&mut self, name: &Arc<str>, error: &Error, had: &Troubles) -> bool {
        let told = error.to_string();
        let is_new = had.profiles.get(name) != Some(&told);
        self.profiles.insert(Arc::clone(name), told);
        is_new
    }

    fn note_others(&mut self, others: impl IntoIterator<Item = String>, had: &Troubles) {
        for other in others {
            if !had.others.contains(&other) {
                tracing::warn!("{other}");
            }
            self.others.insert(other);
        }
    }
}

/// When a file was changed, and whether it is another one.
type Stamp = (Option<SystemTime>, u64, u64);

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok(), metadata.len(), metadata.ino()))
}

fn dotenv(root: &Path) -> PathBuf {
    root.join(".env")
}

/// A profile as it was read, and its account once there is one.
struct Slot {
    ground: Ground,
    profile: Profile,
    intake: Intake,
    account: Mutex<Option<Arc<Account>>>,
    /// Given back when the last connection of this profile is gone.
    lock: Option<Arc<Lock>>,
}

impl Slot {
    fn seat(self: &Arc<Slot>) -> Seat {
        Seat {
            name: Arc::clone(&self.profile.name),
            transport: self.profile.transport,
            intake: self.intake.clone(),
            app_id: self.profile.app_id.clone(),
            dial: Arc::clone(self).dial(),
            perform: Arc::clone(self).perform(),
            fetch: Arc::clone(self).fetch(),
            relay: Arc::clone(self).relay(),
        }
    }

    /// The account, made when it is asked for first and after it was forgotten.
    async fn account(&self) -> Result<Arc<Account>> {
        let mut held = self.account.lock().await;
        if let Some(account) = &*held {
            return Ok(Arc::clone(account));
        }
        let marks = crate::fault::marks();
        let account = self.ground.account(&self.profile).await?.inject(marks.poison, marks.crash);
        let account = account.keeping(token_file(&self.ground.home, &self.profile));
        Ok(Arc::clone(held.insert(Arc::new(account))))
    }

    /// One that cannot keep what it knows is not connected: it would forget whom it owes a farewell.
    async fn grounded(&self) -> Result<Arc<Account>> {
        let folder = self.ground.home.data().join(self.profile.name.as_ref());
        aside(move || crate::folder::stands(&folder)).await?;
        self.account().await
    }

    fn dial(self: Arc<Slot>) -> Dial {
        Arc::new(move |life| {
            let slot = Arc::clone(&self);
            Box::pin(async move {
                let mut stop = life.stop.clone();
                let account = tokio::select! {
                    biased;
                    _ = stop.wait_for(|stop| *stop) => return End::Asked,
                    account = slot.grounded() => account,
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

    fn fetch(self: Arc<Slot>) -> Fetch {
        Arc::new(move |missing| {
            let slot = Arc::clone(&self);
            Box::pin(async move { slot.account().await?.patient(FETCH_PATIENCE).missed(&missing).await })
        })
    }

    fn relay(self: Arc<Slot>) -> Relay {
        Arc::new(move |message| {
            let slot = Arc::clone(&self);
            Box::pin(async move { slot.account().await?.patient(RELAY_PATIENCE).relayed(&message).await })
        })
    }

    fn perform(self: Arc<Slot>) -> Perform {
        Arc::new(move |call, patience| {
            let slot = Arc::clone(&self);
            Box::pin(async move {
                let done = slot.account().await?.patient(patience).perform(&call).await;
                if done.as_ref().is_err_and(|error| error.kind == Kind::Authentication) {
                    *slot.account.lock().await = None;
                }
                done
            })
        })
    }
}
