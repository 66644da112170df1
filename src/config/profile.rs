//! A bot identity: one file in `profiles/`, one app.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use super::secret::SecretSource;
use super::{Environment, Home, aliases, read_with_mode, shown, unreadable, yaml};
use crate::core::gate::BotGate;
use crate::error::{Error, Result};
use crate::event::ids::Realm;
use crate::transport::Transport;

/// Ids have twenty characters.
const APP_ID_MAX: usize = 128;

/// Longest name of a profile; it is in every line and in paths.
const NAME_MAX: usize = 64;

#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    pub name: Arc<str>,
    /// Absent for the profile that the environment alone makes.
    pub path: Option<PathBuf>,
    pub transport: Transport,
    pub app_id: String,
    pub app_secret: SecretSource,
    pub base_url: Option<String>,
    pub default_chat: Option<String>,
    /// What people call the bot; a label. Its real name and id come from the platform.
    pub bot: Option<String>,
    pub owner: Option<String>,
    pub allow: Allow,
}

/// Whom this bot's agent listens to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Allow {
    pub chats: Option<Vec<String>>,
    pub people: Option<Vec<String>>,
    pub bots: BotGate,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    transport: Transport,
    app_id: String,
    app_secret: SecretSource,
    base_url: Option<String>,
    default_chat: Option<String>,
    bot: Option<String>,
    owner: Option<String>,
    #[serde(default)]
    allow: Allow,
}

impl Profile {
    /// Where its ids mean something.
    pub fn realm(&self) -> Realm {
        self.transport.realm(self.base_url.as_deref())
    }

    pub fn shown_path(&self) -> String {
        match &self.path {
            Some(path) => format!("profiles/{}", path.file_name().unwrap_or_default().to_string_lossy()),
            None => ".env".to_owned(),
        }
    }
}

/// All files of `profiles/`, each by itself: one that cannot be read says nothing about the others. Without any, the
/// one that `.env` or the environment describes.
pub fn load_each(home: &Home, environment: &Environment) -> Result<BTreeMap<Arc<str>, Result<Profile>>> {
    let mut found: BTreeMap<Arc<str>, Result<Profile>> = BTreeMap::new();
    for path in files(home)? {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let profile = load(home, &path);
        let twice = || Err(same_name(&format!("profiles/{name}.yaml"), &format!("profiles/{name}.yml")));
        let profile = if found.contains_key(name.as_ref()) { twice() } else { profile };
        found.insert(Arc::from(name), profile);
    }
    if found.is_empty()
        && let Some(only) = aliases::profile(environment)?
    {
        found.insert(Arc::clone(&only.name), Ok(only));
    }
    Ok(found)
}

fn same_name(one: &str, other: &str) -> Error {
    Error::config(format!("{one} and {other} name the same profile"))
}

fn files(home: &Home) -> Result<Vec<PathBuf>> {
    let folder = home.root().join("profiles");
    let mut paths = Vec::new();
    match std::fs::read_dir(&folder) {
        Ok(entries) => {
            for entry in entries {
                let entry = entry.map_err(|error| unreadable(home, &folder, &error))?;
                paths.push(entry.path());
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(unreadable(home, &folder, &error)),
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml"));
    paths.sort();
    Ok(paths)
}

pub fn load(home: &Home, path: &Path) -> Result<Profile> {
    let shown_path = shown(home, path);
    let name = checked_name(path, &shown_path)?;
    let gone = || Error::config(format!("{shown_path} is gone"));
    let (text, mode) = read_with_mode(home, path)?.ok_or_else(gone)?;
    let file: File = yaml::parse(&shown_path, &text)?;
    if matches!(file.app_secret, SecretSource::Literal(_)) {
        refuse_readable_by_others(mode, &shown_path)?;
    }
    let id_like = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if file.app_id.is_empty() || file.app_id.len() > APP_ID_MAX || !file.app_id.chars().all(id_like) {
        return Err(Error::config(format!("{shown_path}: `app_id` is not an app's id"))
            .hint("it looks like cli_ and 16 hexadecimal digits"));
    }
    if let Some(url) = &file.base_url {
        check_base_url(url, &shown_path)?;
    }
    Ok(Profile {
        name: Arc::from(name),
        path: Some(path.to_owned()),
        transport: file.transport,
        app_id: file.app_id,
        app_secret: file.app_secret,
        base_url: file.base_url,
        default_chat: file.default_chat,
        bot: file.bot,
        owner: file.owner,
        allow: file.allow,
    })
}

fn checked_name<'a>(path: &'a Path, shown_path: &str) -> Result<&'a str> {
    let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or("");
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.len() > NAME_MAX || !name.chars().all(plain) {
        return Err(Error::config(format!("{shown_path}: the file's name is not a profile's name"))
            .hint("use letters, digits, - and _"));
    }
    Ok(name)
}

fn refuse_readable_by_others(mode: u32, shown_path: &str) -> Result<()> {
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(Error::config(format!("{shown_path} holds its app_secret in plain text and others can read it"))
        .hint(format!("chmod 600 {shown_path}, or refer to the secret: app_secret: {{env: NAME}}")))
}

/// Credentials travel to this host: TLS, unless it is this machine.
pub(super) fn check_base_url(text: &str, shown_path: &str) -> Result<()> {
    let url = reqwest::Url::parse(text)
        .map_err(|error| Error::config(format!("{shown_path}: `base_url` is not a URL: {error}")))?;
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return Err(Error::config(format!(
            "{shown_path}: `base_url` is a scheme and a host, without credentials"
        )));
    }
    let loopback = match url.host_str() {
        Some("localhost" | "[::1]") => true,
        Some(host) => host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback()),
        None => false,
    };
    if url.scheme() == "https" || (url.scheme() == "http" && loopback) {
        return Ok(());
    }
    Err(Error::config(format!("{shown_path}: `base_url` must be https"))
        .hint("plain http is for 127.0.0.1 only"))
}
