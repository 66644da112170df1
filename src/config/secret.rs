//! Where an app secret comes from. Its text lives in a type that cannot be printed.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};

use super::{Environment, Home};
use crate::error::{Error, Result};

/// How long a command may take to print a secret: a person may have to unlock a keyring.
const COMMAND_DEADLINE: Duration = Duration::from_secs(60);

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
            SecretSource::File(path) => read_file(&home.root().join(path))?,
            SecretSource::Command(command) => run(command, home).await?,
        };
        if secret.expose_secret().is_empty() {
            return Err(Error::config("app_secret is empty"));
        }
        Ok(secret)
    }
}

fn read_file(path: &Path) -> Result<SecretString> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Error::config(format!("app_secret: failed to open {}: {error}", path.display())))?;
    Ok(SecretString::from(text.trim_end_matches(['\n', '\r']).to_owned()))
}

async fn run(command: &[String], home: &Home) -> Result<SecretString> {
    let (program, arguments) =
        command.split_first().ok_or_else(|| Error::config("app_secret: command is an empty list"))?;
    let child = tokio::process::Command::new(program)
        .args(arguments)
        .current_dir(home.root())
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(COMMAND_DEADLINE, child)
        .await
        .map_err(|_| Error::config(format!("app_secret: `{program}` took longer than {COMMAND_DEADLINE:?}")))?
        .map_err(|error| Error::config(format!("app_secret: failed to run `{program}`: {error}")))?;
    if !output.status.success() {
        return Err(Error::config(format!("app_secret: `{program}` failed: {}", output.status)));
    }
    let text = String::from_utf8(output.stdout)
        .map_err(|_| Error::config(format!("app_secret: `{program}` printed something that is not UTF-8")))?;
    Ok(SecretString::from(text.trim_end_matches(['\n', '\r']).to_owned()))
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
