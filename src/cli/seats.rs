//! From profiles to seats of a supervisor, and what becomes of them when people change their files.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::ground::{Ground, limits, token_file};
use crate::clock::Clock;
use crate::config::{self, Config, Profile};
use crate::core::end::End;
use crate::error::{Error, Kind, Result};
use crate::supervisor::care::Fetch;
use crate::supervisor::reload::{Change, Look, Reload};
use crate::supervisor::{Dial, Lock, Perform, Relay, Seat, room};
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
            locking,
            refreshed: clock.now(),
        };
        for profile in config.chosen(named)? {
            let slot = roster.slot(profile)?;
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
        if look == Look::Touched && before == self.stamps {
            return Vec::new();
        }
        if let Look::Adding(names) = &look
            && !self.named.is_empty()
        {
            self.named
                .extend(names.iter().filter(|name| !self.named.contains(name)).cloned().collect::<Vec<_>>());
        }
        let (ground, named) = (self.ground.clone(), self.named.clone());
        let found = match aside(move || read(&ground, &named)).await {
            Ok(found) => found,
            Err(error) => return self.failed_for_all(&look, &error),
        };
        let mut changes = self.without(&found);
        for (name, profile) in found {
            let touched = look != Look::Touched || self.touched(&name, &before);
            changes.extend(self.change(&name, profile, touched).await);
        }
        if let Look::Adding(names) = look {
            changes.extend(names.iter().filter_map(|name| self.missing(name, &changes)).collect::<Vec<_>>());
        }
        self.introduce();
        changes
    }

    /// A person who asked hears of it; otherwise all stays as it is.
    fn failed_for_all(&self, look: &Look, error: &Error) -> Vec<Change> {
        tracing::warn!(%error, "the profiles cannot be read as they are now");
        let failed = |name: &Arc<str>| Change::Failed(Arc::clone(name), error.clone());
        if *look == Look::Touched { Vec::new() } else { self.slots.keys().map(failed).collect() }
    }

    /// Those whose files are gone.
    fn without(&mut self, found: &BTreeMap<Arc<str>, Result<Profile>>) -> Vec<Change> {
        let gone: Vec<Arc<str>> =
            self.slots.keys().filter(|name| !found.contains_key(*name)).cloned().collect();
        gone.into_iter()
            .map(|name| {
                self.slots.remove(&name);
                Change::Removed(name)
            })
            .collect()
    }

    async fn change(&mut self, name: &Arc<str>, profile: Result<Profile>, touched: bool) -> Option<Change> {
        let failed = |error: Error| touched.then(|| Change::Failed(Arc::clone(name), error));
        let profile = match profile {
            Ok(profile) => profile,
            Err(error) => return failed(error),
        };
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
        match self.slot(profile) {
            Ok(slot) => {
                let seat = slot.seat();
                self.slots.insert(Arc::clone(name), slot);
                Some(if known.is_some() { Change::Changed(seat) } else { Change::Added(seat) })
            }
            Err(error) => failed(error),
        }
    }

    fn missing(&self, name: &str, changes: &[Change]) -> Option<Change> {
        let told = |change: &Change| change.outcome().is_some_and(|told| told.profile == *name);
        if self.slots.contains_key(name) || changes.iter().any(told) {
            return None;
        }
        let error = Error::config(format!("there is no profile `{}`", crate::event::escaped(name)));
        Some(Change::Failed(Arc::from(name), error.subtype("unknown_profile")))
    }

    fn slot(&self, profile: Profile) -> Result<Arc<Slot>> {
        let same_app = |slot: &&Arc<Slot>| slot.profile.app_id == profile.app_id;
        let holder = self.slots.values().find(same_app);
        if let Some(other) = holder.filter(|other| other.profile.name != profile.name) {
            let (mine, other) = (profile.shown_path(), &other.profile.name);
            return Err(Error::config(format!("{mine} has the same app_id as profile {other}"))
                .hint("give each profile an app of its own"));
        }
        let lock = match (self.locking, holder) {
            (false, _) => None,
            (true, Some(before)) => before.lock.clone(),
            (true, None) => Some(Arc::new(Lock::app(&profile.app_id, self.ground.home.root())?)),
        };
        let ground = self.ground.clone();
        let intake = ground.intake(&profile);
        Ok(Arc::new(Slot { ground, profile, intake, account: Mutex::default(), lock }))
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
fn read(ground: &Ground, named: &[String]) -> Result<BTreeMap<Arc<str>, Result<Profile>>> {
    match config::load_contacts(&ground.home) {
        Ok(contacts) => ground.learn_contacts(contacts),
        Err(error) => tracing::warn!(%error, "the contacts stay as they were"),
    }
    match config::load_rooms(&ground.home) {
        Ok(policies) => ground.learn_policies(policies),
        Err(error) => tracing::warn!(%error, "the policies of rooms stay as they were"),
    }
    let mut found = config::load_each_profile(&ground.home, &ground.environment()?)?;
    if !named.is_empty() {
        found.retain(|name, _| named.iter().any(|named| named == name.as_ref()));
    }
    Ok(found)
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
