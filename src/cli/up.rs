//! `rooma up`: the supervisor in the background, in a session of its own.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::find::{self, Found};
use super::{Global, down};
use crate::config::{Config, Environment, Home, Span};
use crate::error::{Error, Kind, Result};
use crate::supervisor::control::client::Client;
use crate::supervisor::control::{Op, ReloadedAll, Request};
use crate::supervisor::{HOME_HELD, Holder, ProfileState, Status};

/// Between two looks how far it has come.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// Before another attempt in a home that somebody held for a moment.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// Behind stdin, stdout and stderr.
const FIRST_INHERITED: i32 = 3;

/// A log beyond this is put aside at the next start; one older log is kept.
const LOG_MAX: u64 = 5 * 1024 * 1024;

/// Of a log, what is looked at for the reason of a failed start.
const TAIL_MAX: u64 = 4096;

/// Start the supervisor in the background
///
/// Returns when every profile is connected, or has failed for the first time, and prints how each is; where none is
/// connected, it fails with each one's reason, and the supervisor goes on trying. When one runs already, profiles
/// it does not have yet are added to it. Its log is data/log/rooma.log; read its lines with rooma watch, end it with rooma down.
///
/// Risk: write
///
/// Examples:
///   rooma up
///   rooma up --profile alice --timeout 5s
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Only this profile; may be repeated [default: all of them]
    #[arg(long, value_name = "NAME")]
    profile: Vec<String>,
    /// How long to wait for the profiles
    #[arg(long, value_name = "DURATION", default_value = "30s")]
    timeout: Span,
}

pub async fn run(args: Args, global: &Global) -> Result<()> {
    let home = down::home(global)?;
    let status = ensure(&home, &args.profile, args.timeout.0).await?;
    refuse_nothing(&status)?;
    down::tell(&home, &serde_json::to_string(&status).expect("a status is plain data"))
}

/// Where no profile is connected, why each is not.
fn refuse_nothing(status: &Status) -> Result<()> {
    if status.profiles.iter().any(|profile| profile.state == ProfileState::Connected)
        || status.profiles.is_empty()
    {
        return Ok(());
    }
    let reasons = status.profiles.iter().map(|profile| {
        let reason = profile.reason.as_deref().unwrap_or("no answer yet");
        format!("{}: {reason}", profile.profile)
    });
    let message = format!("no profile is connected: {}", reasons.collect::<Vec<_>>().join("; "));
    // Who is parked is so for what a person has to change.
    let parked = status.profiles.iter().all(|profile| profile.state == ProfileState::Parked);
    let error = if parked { Error::config(message) } else { Error::network(message) };
    Err(error
        .subtype("not_connected")
        .hint("the supervisor runs on and tries again: rooma status shows how it is, rooma down ends it"))
}

/// The supervisor that runs, or one that is started now; returns when its profiles are connected or parked.
pub async fn ensure(home: &Home, profiles: &[String], patience: Duration) -> Result<Status> {
    if let Found::Answered(status) = find::ask(home, &Request::new(Op::Status)).await? {
        return beside(home, status, profiles, patience).await;
    }
    // What is wrong with the files is said here, not in a log.
    crate::folder::close_all(&home.data());
    Config::load_home(home.clone(), Environment::of_process())?.chosen(profiles)?;
    let log = home.data().join("log/rooma.log");
    let mut child = Some(start(home.root(), profiles, &log)?);
    let deadline = Instant::now() + patience;
    loop {
        if let Some(running) = &mut child
            && let Some(code) = ended(running)?
        {
            let error = said(running, &log).unwrap_or_else(|| why(code, &log));
            if error.subtype.as_deref() != Some(HOME_HELD) {
                return Err(error);
            }
            // Somebody else was faster, and theirs is as good; or it was just moving a cursor.
            child = None;
        }
        if child.is_none() && ask(home).await?.is_none() {
            sleep(AGAIN_AFTER).await;
            child = Some(start(home.root(), profiles, &log)?);
        }
        let late = Instant::now() > deadline;
        match ask(home).await? {
            Some(status) if settled(&status) || late => return Ok(status),
            None if late => {
                if let Some(holder) = Holder::of_home(home.root()) {
                    return Err(holder.unheard());
                }
                return Err(Error::internal("the supervisor does not answer")
                    .hint(format!("its log is {}", log.display())));
            }
            _ => sleep(LOOK_EVERY).await,
        }
    }
}

/// One runs already: profiles that it lacks are added to it.
async fn beside(home: &Home, status: Status, wanted: &[String], patience: Duration) -> Result<Status> {
    let runs = |name: &String| status.profiles.iter().any(|profile| profile.profile == *name);
    let missing: Vec<String> = wanted.iter().filter(|name| !runs(name)).cloned().collect();
    if missing.is_empty() {
        return Ok(status);
    }
    let request = Request { profiles: missing.clone(), ..Request::new(Op::Reload) };
    let added: Option<ReloadedAll> = Client::ask_home(home.root(), &request).await?;
    let added = added.map(|all| all.profiles).unwrap_or_default();
    let failed = added.into_iter().filter(|profile| missing.contains(&profile.profile));
    if let Some(error) = failed.filter_map(|profile| profile.error).next() {
        return Err(error.into());
    }
    let deadline = Instant::now() + patience;
    loop {
        let status = ask(home).await?.ok_or_else(|| Error::network("the supervisor ended meanwhile"))?;
        if settled(&status) || Instant::now() > deadline {
            return Ok(status);
        }
        sleep(LOOK_EVERY).await;
    }
}

async fn ask(home: &Home) -> Result<Option<Status>> {
    Client::ask_home(home.root(), &Request::new(Op::Status)).await
}

/// Each has had its first answer, or its first failure.
fn settled(status: &Status) -> bool {
    status.profiles.iter().all(|profile| match profile.state {
        ProfileState::Connected | ProfileState::Parked => true,
        ProfileState::Disconnected => profile.reason.is_some(),
        ProfileState::Connecting => false,
    })
}

fn start(home: &Path, profiles: &[String], log: &Path) -> Result<Child> {
    let program = std::env::current_exe()
        .map_err(|error| Error::internal(format!("the program's own path is unknown: {error}")))?;
    let mut command = Command::new(program);
    command.args(["monitor", "--detached", "--home"]).arg(home).current_dir(home);
    for name in profiles {
        command.args(["--profile", name]);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(open_log(log)?);
    // Whatever our starter had open: a pipe that somebody reads to its end, or a lock.
    close_fds::set_fds_cloexec_threadsafe(FIRST_INHERITED, &[]);
    command.spawn().map_err(|error| Error::internal(format!("failed to start the supervisor: {error}")))
}

/// Private, and never larger than twice its bound.
fn open_log(path: &Path) -> Result<File> {
    let failed =
        |error: std::io::Error| Error::storage(format!("failed to open {}: {error}", path.display()));
    if let Some(folder) = path.parent() {
        log_folder(folder)?;
    }
    if std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return Err(failed(std::io::Error::other("it is not a plain file")));
    }
    if std::fs::metadata(path).is_ok_and(|metadata| metadata.len() > LOG_MAX) {
        std::fs::rename(path, path.with_extension("log.1")).map_err(failed)?;
    }
    let file = crate::plain::unwaiting().create(true).append(true).mode(0o600).open(path).map_err(failed)?;
    crate::folder::keep_private(&file).map_err(failed)?;
    Ok(file)
}

pub fn log_folder(path: &Path) -> Result<()> {
    crate::folder::stands(path)?;
    crate::folder::make(path)
        .map_err(|error| Error::storage(format!("failed to create {}: {error}", path.display())))
}

fn ended(child: &mut Child) -> Result<Option<Option<i32>>> {
    let status = child.try_wait().map_err(|error| Error::internal(error.to_string()))?;
    Ok(status.map(|status| status.code()))
}

/// The error that the supervisor told on its way out.
fn said(child: &mut Child, log: &Path) -> Option<Error> {
    let mut text = Vec::new();
    child.stdout.take()?.take(TAIL_MAX).read_to_end(&mut text).ok()?;
    let error = Error::from_json(&text)?;
    Some(if error.hint.is_some() { error } else { error.hint(format!("its log is {}", log.display())) })
}

/// The error that it left on its stderr.
fn why(code: Option<i32>, log: &PathBuf) -> Error {
    let hint = format!("its log is {}", log.display());
    let said = last_line(log).and_then(|line| serde_json::from_str::<serde_json::Value>(&line).ok());
    let kind = match code {
        Some(3) => Kind::Config,
        Some(7) => Kind::Conflict,
        Some(2) => Kind::Validation,
        _ => Kind::Internal,
    };
    let message = said.as_ref().and_then(|said| said["error"]["message"].as_str());
    let error = Error::new(kind, message.unwrap_or("the supervisor ended at its start")).hint(hint);
    match said.as_ref().and_then(|said| said["error"]["subtype"].as_str()) {
        Some(subtype) => error.subtype(subtype),
        None => error,
    }
}

fn last_line(log: &PathBuf) -> Option<String> {
    let mut file = File::open(log).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_MAX))).ok()?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail).ok()?;
    String::from_utf8_lossy(&tail).lines().last().map(str::to_owned)
}
