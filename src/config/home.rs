//! Which folder is home, and what the environment says.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::{aliases, read, shown};
use crate::error::{Error, Result};
use crate::plain;

/// The folder that holds profiles, configuration and data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home(PathBuf);

impl Home {
    pub fn new(root: impl Into<PathBuf>) -> Home {
        Home(root.into())
    }

    /// `--home`, `ROOMA_HOME`, the nearest ancestor of the working directory that has profiles or names an
    /// app in its `.env`, and at last the user's configuration folder.
    pub fn find(flag: Option<&Path>, process: &Environment, working_directory: &Path) -> Home {
        let named = flag.map(Path::to_owned).or_else(|| process.get("ROOMA_HOME").map(PathBuf::from));
        if let Some(root) = named {
            return Home(working_directory.join(root));
        }
        Home::near(working_directory).unwrap_or_else(|| Home(user_folder(process)))
    }

    /// The nearest ancestor of a folder that is a home.
    pub fn near(folder: &Path) -> Option<Home> {
        folder.ancestors().find(|folder| is_home(folder)).map(|folder| Home(folder.to_owned()))
    }

    pub fn root(&self) -> &Path {
        &self.0
    }

    /// Can it be worked in? One that nobody named may still be made.
    pub fn check(&self, process: &Environment, flag: Option<&Path>) -> Result<()> {
        let shown = self.0.display();
        if self.0.to_str().is_none() {
            return Err(Error::config(format!("the home {shown} is not UTF-8"))
                .hint("give the folder a name that is text"));
        }
        let named = if flag.is_some() { "--home" } else { "ROOMA_HOME" };
        let is_named = flag.is_some() || process.get("ROOMA_HOME").is_some();
        match std::fs::read_dir(&self.0) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !is_named => {}
            Err(error) => {
                let error = Error::config(format!("the home {shown} cannot be used: {error}"));
                return Err(if is_named {
                    error.hint(format!("{named} names the folder with profiles/"))
                } else {
                    error
                });
            }
        }
        let data = self.data();
        if std::fs::symlink_metadata(&data).is_ok() && !data.is_dir() {
            return Err(Error::config(format!("{} is no folder, nor a link to one", data.display()))
                .hint("move it away: rooma makes the folder itself"));
        }
        Ok(())
    }

    pub fn data(&self) -> PathBuf {
        self.0.join("data")
    }
}

fn is_home(folder: &Path) -> bool {
    folder.join("profiles").is_dir()
        || plain::read_text(&folder.join(".env"), plain::CONFIG_MAX).is_ok_and(|text| names_an_app(&text))
}

fn names_an_app(dotenv: &str) -> bool {
    dotenvy::from_read_iter(dotenv.as_bytes())
        .flatten()
        .any(|(key, value)| aliases::names_an_app(&key) && !value.is_empty())
}

fn user_folder(process: &Environment) -> PathBuf {
    let base = process.get("XDG_CONFIG_HOME").filter(|path| Path::new(path).is_absolute()).map(PathBuf::from);
    let base = base.or_else(|| process.get("HOME").map(|home| Path::new(home).join(".config")));
    base.unwrap_or_else(|| PathBuf::from(".")).join("rooma")
}

/// Variables of the process, then those of the home's `.env`. The process wins.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    pub fn of_process() -> Environment {
        let text =
            |(key, value): (OsString, OsString)| Some((key.into_string().ok()?, value.into_string().ok()?));
        Environment(std::env::vars_os().filter_map(text).collect())
    }

    /// A home that is named by bytes that are no text would pass for one that is not named.
    pub fn check_of_process() -> Result<()> {
        let home = std::env::var_os("ROOMA_HOME").unwrap_or_default();
        let text = home.to_str().map(|_| ());
        text.ok_or_else(|| {
            Error::config("ROOMA_HOME is not UTF-8").hint("name the home by --home or by a path that is text")
        })
    }

    pub fn of(variables: &[(&str, &str)]) -> Environment {
        Environment(variables.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
    }

    pub fn with_dotenv(mut self, home: &Home) -> Result<Environment> {
        let path = home.root().join(".env");
        let Some(text) = read(home, &path)? else { return Ok(self) };
        for pair in dotenvy::from_read_iter(text.as_bytes()) {
            // The parser's message repeats the line, which may hold a secret.
            let (key, value) = pair.map_err(|_| {
                Error::config(format!("failed to read {}: a line is not NAME=value", shown(home, &path)))
                    .hint("quote values that hold spaces, quotes or #")
            })?;
            self.0.entry(key).or_insert(value);
        }
        Ok(self)
    }

    /// An empty variable is as good as none.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// Values may be secrets.
impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Environment({} variables)", self.0.len())
    }
}
