//! `rooma status`: what is connected, since when, and which readers lag.

use super::find::{self, Found};
use super::{Global, down};
use crate::error::Result;
use crate::supervisor::Status;
use crate::supervisor::control::client::not_running;
use crate::supervisor::control::{Op, Request};

/// Show what the running supervisor is connected to, since when, who reads, and which cursors lag
///
/// `home` is the folder it is about. `last_event` is when the platform's newest event was journalled, since the
/// supervisor's start. A cursor that is being read has the `pid` of its reader. `storage` is there while the disk under
/// the journal is in trouble.
///
/// Risk: read
///
/// Example:
///   rooma status --require
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Fail with exit code 2 when no supervisor runs
    #[arg(long)]
    require: bool,
    /// JSON is what it prints in any case
    #[arg(long)]
    json: bool,
}

pub async fn run(args: &Args, global: &Global) -> Result<()> {
    let home = down::home(global)?;
    match find::ask::<Status>(&home, &Request::new(Op::Status)).await? {
        Found::Unheard(holder) => Err(holder.unheard()),
        Found::Answered(status) => {
            down::tell(&home, &serde_json::to_string(&status).expect("a status is plain data"))
        }
        Found::Nobody if args.require => Err(not_running()),
        Found::Nobody => down::tell_nobody(&home),
    }
}
