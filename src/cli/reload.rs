//! `rooma reload`: what people changed in the files of profiles takes effect now.

use super::{Global, down, print};
use crate::error::Result;
use crate::supervisor::control::client::{Client, not_running};
use crate::supervisor::control::{Op, ReloadedAll, Request};

/// Let the running supervisor look at its profiles again
///
/// It notices changes by itself within two seconds; this waits for it and says what became of each profile that
/// changed. A profile that cannot be read is told, and leaves the others alone.
///
/// Risk: write
///
/// Example:
///   rooma reload
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {}

/// False where a profile could not be used.
pub async fn run(_args: &Args, global: &Global) -> Result<bool> {
    let home = down::home(global)?;
    let reloaded = Client::ask_home::<ReloadedAll>(home.root(), &Request::new(Op::Reload)).await?;
    let reloaded = reloaded.ok_or_else(not_running)?;
    print::line(&serde_json::to_string(&reloaded).expect("names and words"))?;
    Ok(reloaded.ok)
}
