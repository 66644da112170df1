//! `rooma hook`: what Claude Code runs at the turns of its session. Reads the hook's JSON on stdin.
//!
//! Claude Code takes exit code 0 for done, 2 for a block (of a stop, for one) and anything else for an error that it
//! shows and forgets. So a hook that fails ends with 1, whatever failed.

mod end;
mod here;
mod input;
mod start;
mod stop;
mod told;

use std::ffi::OsString;
use std::time::Duration;

use super::{Global, print};
use crate::config::Span;
use crate::error::Result;
use input::Input;

/// The exit code of every failure.
pub const FAILED: u8 = 1;

/// Claude Code gives all SessionEnd hooks together 1.5 s unless its settings say more, and what a plugin asks for
/// does not count (https://code.claude.com/docs/en/hooks#sessionend).
const END_WITHIN: &str = "1s";

/// Be called by Claude Code when its session starts, ends, stops or wants attention
///
/// Reads the hook's JSON on stdin. Acts for every profile whose session names this agent session, or for the one
/// profile there is. A failure is one JSON error on stderr and exit code 1, which blocks nothing.
///
/// Risk: write
///
/// Example:
///   echo '{"session_id":"abc","source":"startup"}' | rooma hook session-start
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    SessionStart(StartArgs),
    SessionEnd(EndArgs),
    Stop(StopArgs),
    Notification(NotificationArgs),
}

/// Tell the agent what is connected, which lines wait, and how to read them
///
/// Prints the JSON that adds this to the agent's context. After a resume the session that is armed goes on with the
/// agent's new process, and nobody says farewell for the one before.
///
/// Risk: write
///
/// Example:
///   rooma hook session-start < hook.json
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
struct StartArgs {}

/// Say the farewell of the session that is armed
///
/// Not after `clear` and `resume`: the agent goes on. A running supervisor is handed the farewell, which takes
/// milliseconds; without one it is said here, and what could not be said is reported.
///
/// Risk: write
///
/// Example:
///   rooma hook session-end --timeout 8s < hook.json
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
struct EndArgs {
    /// How long saying it may take without a supervisor: less than the hook's own time-out
    #[arg(long, value_name = "DURATION", default_value = END_WITHIN)]
    timeout: Span,
}

/// Keep an agent from stopping once while messages for it wait that nobody reads
///
/// Prints nothing unless the agent's session is armed, messages meant for its profile wait at the profile's cursor,
/// no watch reads them, and the agent has not been kept from stopping already.
///
/// Risk: read
///
/// Example:
///   rooma hook stop < hook.json
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
struct StopArgs {}

/// Do nothing
///
/// What Claude Code notifies of (a permission it wants, an idle prompt) is for the person at its terminal and not
/// for a chat. Accepted, so that one set of hooks can name it.
///
/// Risk: read
///
/// Example:
///   rooma hook notification < hook.json
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
struct NotificationArgs {}

/// The exit code. Errors are told here, since their own codes mean something else to Claude Code.
pub async fn run(args: Args, global: &Global) -> u8 {
    match act(args, global).await {
        Ok(()) => 0,
        Err(error) => {
            print::note(&error.to_json());
            FAILED
        }
    }
}

async fn act(args: Args, global: &Global) -> Result<()> {
    match args.verb {
        Verb::SessionStart(StartArgs {}) => start::run(&Input::read("SessionStart").await?, global).await,
        Verb::SessionEnd(args) => {
            let within: Duration = args.timeout.0;
            end::run(&Input::read("SessionEnd").await?, global, within).await
        }
        Verb::Stop(StopArgs {}) => stop::run(&Input::read("Stop").await?, global).await,
        Verb::Notification(NotificationArgs {}) => Input::read("Notification").await.map(|_| ()),
    }
}

/// Do these arguments, which were not understood, mean a hook? Exit code 2 would then block the agent.
pub fn is_meant(arguments: impl Iterator<Item = OsString>) -> bool {
    let mut arguments = arguments.map(|argument| argument.to_string_lossy().into_owned());
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--home" | "--profile" => drop(arguments.next()),
            flag if flag.starts_with('-') => {}
            verb => return verb == "hook",
        }
    }
    false
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_hook_is_told_from_other_verbs() {
        let is_meant = |line: &str| super::is_meant(line.split(' ').map(Into::into));
        assert!(is_meant("hook stop --nonsense"));
        assert!(is_meant("--home x -v --profile=hook hook"));
        assert!(!is_meant("--home hook send"));
        assert!(!is_meant("send --text hook"));
        assert!(!is_meant("-v"));
    }
}
