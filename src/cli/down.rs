//! `rooma down`: stop the running supervisor.

use super::find::{self, Found};
use super::{Global, print};
use crate::config::{Environment, Home, Span};
use crate::error::{Error, Result};
use crate::supervisor::control::{Op, Request};

pub const NOT_RUNNING: &str = r#"{"ok":true,"running":false}"#;

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
        Found::Nobody => return print::line(NOT_RUNNING),
        Found::Unheard(holder) => holder.terminate()?,
    }
    // The locks go last: whoever is free to take them may start again.
    if !find::is_free(&home, args.timeout.0).await {
        return Err(Error::network("the supervisor did not end in time")
            .hint("it is still ending; rooma status shows whether it runs"));
    }
    print::line(NOT_RUNNING)
}

/// The home, without reading what is in it: a broken profile is no reason not to stop.
pub fn home(global: &Global) -> Result<Home> {
    let working_directory = std::env::current_dir()
        .map_err(|error| Error::validation(format!("the working directory cannot be read: {error}")))?;
    Ok(Home::find(global.home.as_deref(), &Environment::of_process(), &working_directory))
}
