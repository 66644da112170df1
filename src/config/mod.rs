//! What people write: home, profiles, secrets, options, contacts, rooms.

mod contacts;
mod home;
mod options;
mod profile;
mod rooms;
mod secret;
mod values;
mod yaml;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

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

/// Everything under a home, read and checked as a whole.
#[derive(Debug)]
pub struct Config {
    pub home: Home,
    /// Of the process and of `.env`.
    pub environment: Environment,
    /// Of the process alone.
    pub process: Environment,
    /// By name.
    pub profiles: Vec<Profile>,
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
        let profiles = profile::load_all(&home, &environment)?;
        refuse_shared_apps(&profiles)?;
        let options: Options = yaml::load_or_default(&home, "config/rooma.yaml")?;
        options.check()?;
        let contacts = yaml::load_or_default(&home, "config/contacts.yaml")?;
        let rooms = yaml::load_or_default(&home, "config/rooms.yaml")?;
        Ok(Config { home, environment, process, profiles, options, contacts, rooms })
    }

    /// The profiles named, or all of them when none is. An unknown name is an error, never a fallback.
    pub fn chosen(&self, names: &[String]) -> Result<Vec<Profile>> {
        if self.profiles.is_empty() {
            return Err(no_profiles(&self.home));
        }
        if names.is_empty() {
            return Ok(self.profiles.clone());
        }
        let mut chosen: Vec<Profile> = Vec::new();
        for name in names {
            let profile = self.profiles.iter().find(|profile| profile.name.as_ref() == name.as_str());
            let profile = profile.ok_or_else(|| self.unknown_profile(name))?;
            if !chosen.iter().any(|known| known.name == profile.name) {
                chosen.push(profile.clone());
            }
        }
        Ok(chosen)
    }

    fn unknown_profile(&self, name: &str) -> Error {
        let known: Vec<&str> = self.profiles.iter().map(|profile| profile.name.as_ref()).collect();
        let error = Error::config(format!("there is no profile `{}`", crate::event::neutralise(name)))
            .subtype("unknown_profile");
        match yaml::nearest(name, known.iter().copied()) {
            Some(near) => error.hint(format!("did you mean `{near}`? known profiles: {}", known.join(", "))),
            None => error.hint(format!("known profiles: {}", known.join(", "))),
        }
    }
}

/// The policies of rooms as they are now.
pub fn load_rooms(home: &Home) -> Result<Rooms> {
    yaml::load_or_default(home, "config/rooms.yaml")
}

/// The contacts as they are now.
pub fn load_contacts(home: &Home) -> Result<Contacts> {
    yaml::load_or_default(home, "config/contacts.yaml")
}

/// The policy of a room: by its id, by an alias of it, or the default one.
pub fn room_policy(rooms: &Rooms, contacts: &Contacts, chat_id: &str) -> RoomPolicy {
    let of_chat = rooms.iter().find(|(name, _)| contacts.chat_id(name) == chat_id).map(|(_, policy)| policy);
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
        "write profiles/NAME.yaml with transport, app_id and app_secret, or a .env with FEISHU_APP_ID and \
         FEISHU_APP_SECRET; `rooma demo` needs neither",
    )
}

/// `path` as people know it: relative to the home where it lies below it.
fn shown(home: &Home, path: &Path) -> String {
    path.strip_prefix(home.root()).unwrap_or(path).display().to_string()
}

fn read(home: &Home, path: &Path) -> Result<Option<String>> {
    match std::fs::read_to_string(path) {
        // Some editors begin a file with a mark that is no part of it.
        Ok(text) => Ok(Some(text.strip_prefix('\u{FEFF}').map_or(text.clone(), str::to_owned))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::config(format!("failed to open {}: {error}", shown(home, path)))),
    }
}

fn join(home: &Home, path: &Path) -> PathBuf {
    home.root().join(path)
}

#[cfg(test)]
mod tests;
