//! What people write: home, profiles, secrets, options, contacts, rooms.

mod aliases;
mod contacts;
mod home;
mod nesting;
mod options;
mod profile;
mod rooms;
mod secret;
mod secret_command;
mod values;
mod yaml;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use aliases::{APP_VARIABLES, default_chat};
pub use contacts::{Contacts, UserAlias};
pub use home::{Environment, Home};
pub use options::{
    BroadcastOptions, CatchupOptions, ConnectionOptions, DeafOptions, HttpOptions, JournalOptions, Options,
    PresenceOptions,
};
pub use profile::{Allow, Profile, load_each as load_each_profile};
pub use rooms::{FloorMode, HistoryPoll, LoopGuardOptions, RoomAllow, RoomPolicy, Rooms};
pub use secret::SecretSource;
pub use values::{Size, Span};
pub use yaml::nearest;

use crate::error::{Error, Result};
use crate::event::ids::Realm;
use crate::plain;

/// Everything under a home, read and checked as a whole.
#[derive(Debug)]
pub struct Config {
    pub home: Home,
    /// Of the process and of `.env`.
    pub environment: Environment,
    /// Of the process alone.
    pub process: Environment,
    /// By name, those that can be read.
    pub profiles: Vec<Profile>,
    /// By name, why the others cannot: each speaks for itself alone.
    broken: BTreeMap<Arc<str>, Error>,
    pub options: Options,
    pub contacts: Contacts,
    pub rooms: Rooms,
}

impl Config {
    /// Reads the home that `flag`, the environment and the working directory point to.
    pub fn load(flag: Option<&Path>, working_directory: &Path) -> Result<Config> {
        let process = Environment::of_process();
        if flag.is_none() {
            Environment::check_of_process()?;
        }
        let home = Home::find(flag, &process, working_directory);
        home.check(&process, flag)?;
        Config::load_home(home, process)
    }

    pub fn load_home(home: Home, process: Environment) -> Result<Config> {
        let environment = process.clone().with_dotenv(&home)?;
        let (profiles, broken) = apart(load_each_profile(&home, &environment)?);
        refuse_shared_apps(&profiles)?;
        let options: Options = yaml::load_or_default(&home, "config/rooma.yaml")?;
        options.check()?;
        let contacts = yaml::load_or_default(&home, "config/contacts.yaml")?;
        let rooms = yaml::load_or_default(&home, "config/rooms.yaml")?;
        Ok(Config { home, environment, process, profiles, broken, options, contacts, rooms })
    }

    /// Is nothing set up here, not even in a file that cannot be read?
    pub fn is_empty(&self) -> bool {
        self.profiles.is_empty() && self.broken.is_empty()
    }

    /// The profiles named, or all of them when none is. An unknown name is an error, never a fallback, and so is one
    /// that cannot be read.
    pub fn chosen(&self, names: &[String]) -> Result<Vec<Profile>> {
        if self.is_empty() {
            return Err(no_profiles(&self.home));
        }
        if names.is_empty() {
            let broken = self.broken.values().next();
            return broken.map_or_else(|| Ok(self.profiles.clone()), |error| Err(error.clone()));
        }
        let mut chosen: Vec<Profile> = Vec::new();
        for name in names {
            if let Some(error) = self.broken.get(name.as_str()) {
                return Err(error.clone());
            }
            let profile = self.profiles.iter().find(|profile| profile.name.as_ref() == name.as_str());
            let profile = profile.ok_or_else(|| self.unknown_profile(name))?;
            if !chosen.iter().any(|known| known.name == profile.name) {
                chosen.push(profile.clone());
            }
        }
        Ok(chosen)
    }

    /// Is there a profile of each of these names, usable or not?
    pub fn check_known(&self, names: &[String]) -> Result<()> {
        let known = |name: &&String| {
            let name = name.as_str();
            self.broken.contains_key(name)
                || self.profiles.iter().any(|profile| profile.name.as_ref() == name)
        };
        names.iter().find(|name| !known(name)).map_or(Ok(()), |name| Err(self.unknown_profile(name)))
    }

    fn unknown_profile(&self, name: &str) -> Error {
        let known: Vec<&str> = self.profiles.iter().map(|profile| profile.name.as_ref()).collect();
        let error = Error::config(format!("there is no profile `{}`", crate::event::escaped(name)))
            .subtype("unknown_profile");
        match yaml::nearest(name, known.iter().copied()) {
            Some(near) => error.hint(format!("did you mean `{near}`? known profiles: {}", known.join(", "))),
            None => error.hint(format!("known profiles: {}", known.join(", "))),
        }
    }
}

type Apart = (Vec<Profile>, BTreeMap<Arc<str>, Error>);

fn apart(found: BTreeMap<Arc<str>, Result<Profile>>) -> Apart {
    let mut apart = Apart::default();
    for (name, profile) in found {
        match profile {
            Ok(profile) => apart.0.push(profile),
            Err(error) => drop(apart.1.insert(name, error)),
        }
    }
    apart
}

/// The policies of rooms as they are now.
pub fn load_rooms(home: &Home) -> Result<Rooms> {
    yaml::load_or_default(home, "config/rooms.yaml")
}

impl Config {
    /// Where the ids of a profile mean something. Absent for one that is gone.
    pub fn realm_of(&self, profile: &str) -> Option<Realm> {
        let named = self.profiles.iter().find(|known| known.name.as_ref() == profile);
        named.map(Profile::realm)
    }
}

/// The contacts as they are now.
pub fn load_contacts(home: &Home) -> Result<Contacts> {
    yaml::load_or_default(home, "config/contacts.yaml")
}

/// The policy of a room: by its id, by an alias of it, or the default one.
pub fn room_policy(rooms: &Rooms, contacts: &Contacts, chat_id: &str) -> RoomPolicy {
    let of_chat =
        rooms.iter().find(|(name, _)| contacts.chat_ids(name).contains(&chat_id)).map(|(_, policy)| policy);
    of_chat.or_else(|| rooms.get("default")).cloned().unwrap_or_default()
}

/// Two connections of one app steal each other's events.
fn refuse_shared_apps(profiles: &[Profile]) -> Result<()> {
    let mut by_app: BTreeMap<&str, &Profile> = BTreeMap::new();
    for profile in profiles {
        if let Some(other) = by_app.insert(profile.app_id.as_str(), profile) {
            return Err(Error::config(format!(
                "{} and {} have the same app_id {}",
                other.shown_path(),
                profile.shown_path(),
                profile.app_id
            ))
            .hint(
                "give each profile an app of its own: the platform hands an event to one connection only",
            ));
        }
    }
    Ok(())
}

fn no_profiles(home: &Home) -> Error {
    Error::config(format!("there are no profiles in {}", home.root().display())).subtype("no_profiles").hint(
        format!(
            "write profiles/NAME.yaml with transport, app_id and app_secret, or a .env with {APP_VARIABLES}; \
             `rooma demo` needs neither"
        ),
    )
}

/// `path` as people know it: relative to the home where it lies below it. Names of files are whatever a stranger
/// made them.
fn shown(home: &Home, path: &Path) -> String {
    plain::shown(path.strip_prefix(home.root()).unwrap_or(path))
}

fn read(home: &Home, path: &Path) -> Result<Option<String>> {
    read_with_mode(home, path).map(|found| found.map(|(text, _)| text))
}

/// The content of a file, and who may read it: both of the same file, whatever becomes of its name meanwhile.
fn read_with_mode(home: &Home, path: &Path) -> Result<Option<(String, u32)>> {
    use std::os::unix::fs::MetadataExt;
    let content = || -> std::io::Result<(String, u32)> {
        let file = plain::open(path)?;
        let bytes = plain::content(&file, plain::CONFIG_MAX)?;
        let text = String::from_utf8(bytes).map_err(|_| std::io::Error::other("it is not UTF-8 text"))?;
        Ok((without_mark(text), file.metadata()?.mode()))
    };
    match content() {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(home, path, &error)),
    }
}

fn unreadable(home: &Home, path: &Path, error: &std::io::Error) -> Error {
    Error::config(format!("failed to open {}: {error}", shown(home, path)))
}

/// Some editors begin a file with a mark that is no part of it.
fn without_mark(text: String) -> String {
    text.strip_prefix('\u{FEFF}').map_or(text.clone(), str::to_owned)
}

fn join(home: &Home, path: &Path) -> PathBuf {
    home.root().join(path)
}

#[cfg(test)]
mod tests;
