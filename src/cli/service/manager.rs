//! systemd and launchd: where their files are and what is said to them.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

use super::text::{Service, agent, unit};
use crate::config::Environment;
use crate::error::{Error, Result};

/// A manager answers at once; one that does not is not waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// Of what a command says, what is passed on.
const SAID_MAX: usize = 500;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Manager {
    Systemd,
    Launchd,
}

impl Manager {
    pub fn of_this_system() -> Manager {
        if cfg!(target_os = "macos") { Manager::Launchd } else { Manager::Systemd }
    }

    pub fn path(self, name: &str, environment: &Environment) -> Result<PathBuf> {
        let absolute =
            |name: &str| environment.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let user = absolute("HOME");
        let path = match self {
            Manager::Systemd => absolute("XDG_CONFIG_HOME")
                .or_else(|| user.map(|user| user.join(".config")))
                .map(|config| config.join("systemd/user").join(format!("{name}.service"))),
            Manager::Launchd => {
                user.map(|user| user.join("Library/LaunchAgents").join(format!("{name}.plist")))
            }
        };
        path.ok_or_else(|| Error::config("the folder for services is unknown").hint("set HOME"))
    }

    pub fn text(self, service: &Service<'_>) -> String {
        match self {
            Manager::Systemd => unit(service),
            Manager::Launchd => agent(service),
        }
    }

    /// Can it be spoken to at all?
    pub async fn check(self) -> Result<()> {
        match self {
            Manager::Systemd => systemctl(&["daemon-reload"]).run().await,
            Manager::Launchd => launchctl(&["print", &domain()]).run().await,
        }
    }

    /// Does a service of this user go on without a session? What cannot be told is no.
    pub async fn lingers(self) -> bool {
        let user = rustix::process::getuid().as_raw().to_string();
        let ask = Command::new("loginctl", ["show-user", &user, "--property=Linger"].iter());
        if let Ok(output) = ask.output().await
            && output.good
        {
            return output.said == "Linger=yes";
        }
        let name = Environment::of_process().get("USER").map(str::to_owned);
        name.is_some_and(|name| {
            !name.contains('/') && Path::new("/var/lib/systemd/linger").join(name).exists()
        })
    }

    /// Without waiting for readiness: how the profiles are is told by `rooma status`.
    pub fn to_start(self, name: &str, path: &Path, was_there: bool, changed: bool) -> Vec<Command> {
        match self {
            Manager::Systemd => {
                let verb = if was_there && changed { "restart" } else { "start" };
                let unit = format!("{name}.service");
                vec![
                    systemctl(&["daemon-reload"]),
                    systemctl(&["enable", &unit]),
                    systemctl(&[verb, "--no-block", &unit]),
                ]
            }
            Manager::Launchd => {
                let load = launchctl(&["bootstrap", &domain(), &path.display().to_string()]);
                let unload = launchctl(&["bootout", &format!("{}/{name}", domain())]);
                if was_there { vec![unload.may_fail(), load] } else { vec![load] }
            }
        }
    }

    /// What is said before the file is removed, and after.
    pub fn to_stop(self, name: &str) -> (Vec<Command>, Vec<Command>) {
        match self {
            Manager::Systemd => {
                let stop = systemctl(&["disable", "--now", &format!("{name}.service")]);
                (vec![stop], vec![systemctl(&["daemon-reload"])])
            }
            Manager::Launchd => {
                (vec![launchctl(&["bootout", &format!("{}/{name}", domain())]).may_fail()], Vec::new())
            }
        }
    }

    pub async fn state(self, name: &str) -> Result<Map<String, Value>> {
        let installed = self.path(name, &Environment::of_process())?.exists();
        let mut state: Map<String, Value> =
            [("installed".to_owned(), installed.into())].into_iter().collect();
        if !installed {
            return Ok(state);
        }
        match self {
            Manager::Systemd => {
                let unit = format!("{name}.service");
                for (key, verb) in [("enabled", "is-enabled"), ("active", "is-active")] {
                    // They say it in a word, and by an exit code that is no failure.
                    let said = systemctl(&[verb, &unit]).output().await?.said;
                    state.insert(key.to_owned(), said.into());
                }
            }
            Manager::Launchd => {
                let loaded = launchctl(&["print", &format!("{}/{name}", domain())]).output().await?.good;
                state.insert("active".to_owned(), if loaded { "active" } else { "inactive" }.into());
            }
        }
        Ok(state)
    }
}

fn domain() -> String {
    format!("gui/{}", rustix::process::getuid().as_raw())
}

fn systemctl(words: &[&str]) -> Command {
    Command::new("systemctl", ["--user"].iter().chain(words))
}

fn launchctl(words: &[&str]) -> Command {
    Command::new("launchctl", words.iter())
}

/// Something to be said to a manager.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    words: Vec<String>,
    may_fail: bool,
}

pub struct Output {
    pub good: bool,
    /// The first line of what it printed, or else of what it complained about.
    pub said: String,
}

impl Command {
    fn new<'a>(program: &str, words: impl Iterator<Item = &'a &'a str>) -> Command {
        let words = std::iter::once(program.to_owned()).chain(words.map(|word| (*word).to_owned()));
        Command { words: words.collect(), may_fail: false }
    }

    fn may_fail(self) -> Command {
        Command { may_fail: true, ..self }
    }

    pub fn words(&self) -> &[String] {
        &self.words
    }

    pub async fn run(&self) -> Result<()> {
        let output = self.output().await?;
        if output.good || self.may_fail {
            return Ok(());
        }
        let text = format!("`{}` failed: {}", self.words.join(" "), output.said);
        let session = super::warnings::session(&Environment::of_process());
        Err(Error::validation(text).subtype("service_manager").hint(session.unwrap_or_else(|| {
            "it needs a session of this user: log in, or loginctl enable-linger; rooma up works without it".to_owned()
        })))
    }

    pub async fn output(&self) -> Result<Output> {
        let mut command = tokio::process::Command::new(&self.words[0]);
        command.args(&self.words[1..]).stdin(Stdio::null()).kill_on_drop(true);
        let output = tokio::time::timeout(PATIENCE, command.output()).await;
        let output =
            output.map_err(|_late| Error::network(format!("`{}` does not end", self.words.join(" "))))?;
        let output = output.map_err(|error| {
            Error::validation(format!("`{}` cannot be run: {error}", self.words[0]))
                .subtype("service_manager")
                .hint("this system has another manager; start the supervisor with rooma up")
        })?;
        let first = |bytes: &[u8]| {
            let text = crate::event::neutralise(&String::from_utf8_lossy(bytes));
            let line =
                text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_owned();
            crate::event::bounded(&line, SAID_MAX).to_owned()
        };
        let said = first(&output.stdout);
        let said = if said.is_empty() { first(&output.stderr) } else { said };
        Ok(Output { good: output.status.success(), said })
    }
}
