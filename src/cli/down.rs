//! `rooma down`: stop the running supervisor.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::control::Client;
use super::{Global, print};
use crate::config::{Environment, Home, Span};
use crate::error::{Error, Result};
use crate::supervisor::Lock;
use crate::supervisor::control::{Op, Request};

/// That nobody runs here, and which home that is.
pub fn tell_nobody(home: &Home) -> Result<()> {
    tell(home, r#"{"ok":true,"running":false}"#)
}

/// Prints an object with the home that it is about, behind what it says already.
pub fn tell(home: &Home, object: &str) -> Result<()> {
    let home = serde_json::Value::from(home.root().display().to_string());
    let object = object.strip_suffix('}').unwrap_or(object);
    print::line(&format!("{object},\"home\":{home}}}"))
}

/// Between two looks whether it has ended.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Stop the running supervisor
///
/// It closes its connections, commits what it has and ends. Nothing is lost: the next start goes on from there.
///
/// Risk: write
///
/// Example:
///   rooma down
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// How long to wait for its end
    #[arg(long, value_name = "DURATION", default_value = "10s")]
    timeout: Span,
}

pub async fn run(args: &Args, global: &Global) -> Result<()> {
    let home = home(global)?;
    let asked: Option<serde_json::Value> = Client::ask_home(home.root(), &Request::new(Op::Stop)).await?;
    if asked.is_none() {
        return tell_nobody(&home);
    }
    let deadline = Instant::now() + args.timeout.0;
    // The lock goes last: whoever is free to take it may start again.
    while Lock::home(home.root()).is_err() {
        if Instant::now() > deadline {
            return Err(Error::network("the supervisor did not end in time")
                .hint("it is still ending; rooma status shows whether it runs"));
        }
        sleep(LOOK_EVERY).await;
    }
    tell_nobody(&home)
}

/// The home, without reading what is in it: a broken profile is no reason not to stop.
pub fn home(global: &Global) -> Result<Home> {
    let working_directory = std::env::current_dir()
        .map_err(|error| Error::validation(format!("the working directory cannot be read: {error}")))?;
    let (flag, process) = (global.home.as_deref(), Environment::of_process());
    if flag.is_none() {
        Environment::check_of_process()?;
    }
    let home = Home::find(flag, &process, &working_directory);
    home.check(&process, flag)?;
    Ok(home)
}
