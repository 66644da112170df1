//! `rooma down`: stop the running supervisor.

use super::find::{self, Found};
use super::{Global, print};
use crate::config::{Environment, Home, Span};
use crate::error::{Error, Result};
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
    match find::ask::<serde_json::Value>(&home, &Request::new(Op::Stop)).await? {
        Found::Answered(_) => {}
        Found::Nobody => return tell_nobody(&home),
        Found::Unheard(holder) => holder.terminate()?,
    }
    // The locks go last: whoever is free to take them may start again.
    if !find::is_free(&home, args.timeout.0).await {
        return Err(Error::network("the supervisor did not end in time")
            .hint("it is still ending; rooma status shows whether it runs"));
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
