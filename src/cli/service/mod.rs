//! `rooma service`: the supervisor started by the system, at login and after a crash.

mod manager;
mod text;
mod warnings;

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Global, down, print, up};
use crate::config::{Config, Environment, Home};
use crate::error::{Error, Result};
use crate::journal::fingerprint_hex;
use crate::supervisor::Status;
use crate::supervisor::control::client::Client;
use crate::supervisor::control::{Op, Request};
use manager::{Command, Manager};
use text::Service;

/// Let the system start the supervisor: at login, and again when it fails
///
/// A systemd user unit or a launchd agent, one per home. systemd hears when every profile is connected or parked.
/// Secrets that are taken from the environment have to be in the home's .env: a service does not see your shell's.
/// `warnings` names what works here and would not in a service.
///
/// Risk: write
///
/// Examples:
///   rooma service install --dry-run
///   rooma service install
///   rooma service status
///   rooma service remove
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(subcommand)]
    what: What,
    /// Which of the system's managers [default: launchd on macOS, else systemd]
    #[arg(long, global = true, value_name = "NAME")]
    manager: Option<Manager>,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Write the service and start it; again to renew it
    Install {
        /// Print what would be written and run, and do nothing
        #[arg(long, alias = "print")]
        dry_run: bool,
    },
    /// Show whether it is there, and whether it runs
    Status,
    /// Stop it and remove it
    Remove {
        /// Print what would be removed and run, and do nothing
        #[arg(long)]
        dry_run: bool,
    },
}

/// A service's place on this system.
struct Place {
    manager: Manager,
    name: String,
    path: PathBuf,
}

#[derive(Debug, Serialize)]
struct Shown<'a> {
    ok: bool,
    manager: Manager,
    name: &'a str,
    path: String,
    #[serde(flatten)]
    more: serde_json::Map<String, serde_json::Value>,
}

pub async fn run(args: &Args, global: &Global) -> Result<()> {
    let home = down::home(global)?;
    let root = std::fs::canonicalize(home.root()).map_err(|error| {
        Error::config(format!("failed to open {}: {error}", home.root().display()))
            .hint("name the folder with profiles/ by --home")
    })?;
    let manager = args.manager.unwrap_or(Manager::of_this_system());
    let name = name(&root);
    let place = Place { path: manager.path(&name, &Environment::of_process())?, manager, name };
    match args.what {
        What::Install { dry_run } => install(&home, &root, &place, dry_run).await,
        What::Status => place.show(place.manager.state(&place.name).await?),
        What::Remove { dry_run } => remove(&place, dry_run).await,
    }
}

async fn install(home: &Home, root: &Path, place: &Place, dry_run: bool) -> Result<()> {
    let program = std::env::current_exe()
        .map_err(|error| Error::internal(format!("the program's own path is unknown: {error}")))?;
    let service = Service { name: &place.name, program: utf8(&program)?, home: utf8(root)? };
    let text = place.manager.text(&service);
    let before = std::fs::read_to_string(&place.path).ok();
    let changed = before.as_deref() != Some(text.as_str());
    let commands = place.manager.to_start(&place.name, &place.path, before.is_some(), changed);
    if dry_run {
        let planned = planned(&commands, Some(&text));
        return place.show(with_warnings(planned, warnings::of(home, place.manager).await));
    }
    Config::load_home(home.clone(), Environment::of_process())?.chosen(&[])?;
    if before.is_none() {
        refuse_beside_another(home).await?;
    }
    // Before anything is written: a system without it is left as it was.
    place.manager.check().await?;
    write(&place.path, &text)?;
    // launchd opens the log itself, and makes no folder for it.
    up::log_folder(&home.data().join("log"))?;
    run_all(&commands).await?;
    let shown = [("changed".to_owned(), changed.into())].into_iter().collect();
    place.show(with_warnings(shown, warnings::of(home, place.manager).await))
}

fn with_warnings(
    mut more: serde_json::Map<String, serde_json::Value>,
    warnings: Vec<String>,
) -> serde_json::Map<String, serde_json::Value> {
    if !warnings.is_empty() {
        more.insert("warnings".to_owned(), warnings.into());
    }
    more
}

/// A supervisor that was started by hand would keep the service from starting, again and again.
async fn refuse_beside_another(home: &Home) -> Result<()> {
    match Client::ask_home::<Status>(home.root(), &Request::new(Op::Status)).await? {
        None => Ok(()),
        Some(status) => Err(Error::new(
            crate::error::Kind::Conflict,
            format!("a supervisor runs in this home (pid {})", status.pid),
        )
        .hint("rooma down, then install the service")),
    }
}

async fn remove(place: &Place, dry_run: bool) -> Result<()> {
    let there = place.path.exists();
    let (before, after) = place.manager.to_stop(&place.name);
    if dry_run {
        return place.show(planned(&[before, after].concat(), None));
    }
    if there {
        place.manager.check().await?;
        run_all(&before).await?;
        std::fs::remove_file(&place.path)
            .map_err(|error| Error::storage(format!("failed to remove {}: {error}", place.path.display())))?;
        run_all(&after).await?;
    }
    place.show([("removed".to_owned(), there.into())].into_iter().collect())
}

async fn run_all(commands: &[Command]) -> Result<()> {
    for command in commands {
        command.run().await?;
    }
    Ok(())
}

fn planned(commands: &[Command], text: Option<&str>) -> serde_json::Map<String, serde_json::Value> {
    let commands: Vec<&[String]> = commands.iter().map(Command::words).collect();
    let mut more = serde_json::Map::new();
    more.insert("dry_run".to_owned(), true.into());
    if let Some(text) = text {
        more.insert("text".to_owned(), text.into());
    }
    more.insert("commands".to_owned(), serde_json::json!(commands));
    more
}

impl Place {
    fn show(&self, more: serde_json::Map<String, serde_json::Value>) -> Result<()> {
        let Place { manager, name, path } = self;
        let shown = Shown { ok: true, manager: *manager, name, path: path.display().to_string(), more };
        print::line(&serde_json::to_string(&shown).expect("names and texts are plain data"))
    }
}

/// One per home: its folder's name for people, a fingerprint of its path against confusion.
fn name(root: &Path) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let folder = root.file_name().unwrap_or_default().to_string_lossy();
    let folder: String = folder.chars().take(32).map(safe).collect();
    let print = fingerprint_hex("home", &root.to_string_lossy());
    format!("rooma-{}-{}", folder.trim_matches('-'), &print[..8])
}

/// Unit files and property lists are text.
fn utf8(path: &Path) -> Result<&str> {
    let text = path.to_str().filter(|text| !text.chars().any(char::is_control));
    text.ok_or_else(|| {
        Error::validation(format!("a service cannot name {}", path.display()))
            .hint("use a path of plain text")
    })
}

fn write(path: &Path, text: &str) -> Result<()> {
    let failed =
        |error: std::io::Error| Error::storage(format!("failed to write {}: {error}", path.display()));
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    std::fs::write(path, text).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_s_service_has_a_name_of_its_own() {
        let (one, two) = (name(Path::new("/a/My Bots%")), name(Path::new("/b/My Bots%")));
        assert!(one.starts_with("rooma-my-bots-") && one.len() == "rooma-my-bots-".len() + 8, "{one}");
        assert_ne!(one, two);
        assert_eq!(one, name(Path::new("/a/My Bots%")));
    }
}
