//! Where an app secret comes from. Its text lives in a type that cannot be printed.

use std::fmt;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};

use super::{Environment, Home, secret_command};
use crate::error::{Error, Result};
use crate::plain;

/// No secret is longer.
const FILE_MAX: u64 = 64 * 1024;

const UNQUOTED: &str = "app_secret: put the secret in quotes";
const SOURCES: &str = "app_secret takes {env: NAME}, {file: PATH} or {command: [PROGRAM, …]}";

const KINDS: &[&str] = &["env", "file", "command"];

fn is_slip(key: &str) -> bool {
    key.len() <= "commands".len() && super::nearest(key, KINDS.iter().copied()).is_some()
}

#[derive(Clone, Debug)]
pub enum SecretSource {
    Literal(SecretString),
    Env(String),
    File(PathBuf),
    Command(Vec<String>),
}

/// Two that are the same give the same secret, as far as is known here.
impl PartialEq for SecretSource {
    fn eq(&self, other: &SecretSource) -> bool {
        match (self, other) {
            (SecretSource::Literal(one), SecretSource::Literal(other)) => {
                one.expose_secret() == other.expose_secret()
            }
            (SecretSource::Env(one), SecretSource::Env(other)) => one == other,
            (SecretSource::File(one), SecretSource::File(other)) => one == other,
            (SecretSource::Command(one), SecretSource::Command(other)) => one == other,
            _ => false,
        }
    }
}

impl SecretSource {
    /// The file it is read from, relative to the home.
    pub fn file(&self) -> Option<&Path> {
        match self {
            SecretSource::File(path) => Some(path),
            SecretSource::Literal(_) | SecretSource::Env(_) | SecretSource::Command(_) => None,
        }
    }

    /// Fetches the secret. No error repeats any of it.
    pub async fn resolve(&self, home: &Home, environment: &Environment) -> Result<SecretString> {
        let secret = match self {
            SecretSource::Literal(secret) => secret.clone(),
            SecretSource::Env(name) => {
                let value = environment.get(name).ok_or_else(|| {
                    Error::config(format!("app_secret: the variable {name} is not set")).hint(format!(
                        "set {name} in the environment or in {}",
                        home.root().join(".env").display()
                    ))
                })?;
                SecretString::from(value.to_owned())
            }
            SecretSource::File(path) => {
                let path = home.root().join(path);
                // A disk that is slow keeps nobody else waiting.
                let read = tokio::task::spawn_blocking(move || read_file(&path)).await;
                read.map_err(|error| Error::internal(error.to_string()))??
            }
            SecretSource::Command(command) => secret_command::run(command, home).await?,
        };
        if secret.expose_secret().is_empty() {
            return Err(Error::config("app_secret is empty"));
        }
        Ok(secret)
    }
}

fn read_file(path: &Path) -> Result<SecretString> {
    let text = plain::read_text(path, FILE_MAX).map_err(|error| {
        Error::config(format!("app_secret: failed to open {}: {error}", plain::shown(path)))
    })?;
    Ok(without_newline(&text))
}

pub(super) fn without_newline(text: &str) -> SecretString {
    SecretString::from(text.trim_end_matches(['\n', '\r']).to_owned())
}

impl<'de> Deserialize<'de> for SecretSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<SecretSource, D::Error> {
        struct Sources;
        impl<'de> Visitor<'de> for Sources {
            type Value = SecretSource;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("{env: NAME}, {file: PATH}, {command: [PROGRAM, …]} or the secret itself")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<SecretSource, E> {
                Ok(SecretSource::Literal(SecretString::from(text.to_owned())))
            }
            // What stands here by mistake may be the secret: no error repeats it.
            fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<SecretSource, E> {
                Err(E::custom(UNQUOTED))
            }
            fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<SecretSource, E> {
                Err(E::custom(UNQUOTED))
            }
            fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<SecretSource, E> {
                Err(E::custom(UNQUOTED))
            }
            fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<SecretSource, E> {
                Err(E::custom(UNQUOTED))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SecretSource, A::Error> {
                let key: String = map.next_key()?.ok_or_else(|| A::Error::invalid_length(0, &self))?;
                let source = match key.as_str() {
                    "env" => SecretSource::Env(map.next_value()?),
                    "file" => SecretSource::File(map.next_value()?),
                    "command" => SecretSource::Command(map.next_value()?),
                    // Anything but a slip may be the secret itself.
                    _ if is_slip(&key) => return Err(A::Error::unknown_field(&key, KINDS)),
                    _ => return Err(A::Error::custom(SOURCES)),
                };
                match map.next_key::<String>()? {
                    None => Ok(source),
                    Some(_) => Err(A::Error::custom("app_secret names more than one source")),
                }
            }
        }
        deserializer.deserialize_any(Sources)
    }
}
