//! The command line: one verb, one file.

#[cfg(feature = "sandbox")]
mod demo;
mod logs;
mod monitor;
pub mod print;
#[cfg(feature = "sandbox")]
mod sandbox;
mod schema;
mod seats;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::error::{Error, Result};

/// Gives AI agents that are already running a lasting presence in chat rooms.
///
/// One process holds several bots; each thing that happens is one JSON line on stdout.
#[derive(Debug, Parser)]
#[command(name = "rooma", version, after_help = EXAMPLES, max_term_width = 100)]
struct Arguments {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "\
Examples:
  rooma demo                        three bots, two chats, no account needed
  rooma monitor                     every profile's events, one JSON line each
  rooma monitor --profile alice     one profile's";

#[derive(Clone, Debug, clap::Args)]
pub struct Global {
    /// The folder with profiles/, config/ and data/ [default: the nearest one with profiles/ or a .env]
    #[arg(long, global = true, value_name = "DIR")]
    pub home: Option<PathBuf>,
    /// Say more on stderr; up to three times
    #[arg(short = 'v', long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Monitor(monitor::Args),
    #[cfg(feature = "sandbox")]
    Demo(demo::Args),
    #[cfg(feature = "sandbox")]
    Sandbox(sandbox::Args),
    Schema(schema::Args),
}

/// Runs the program: arguments in, exit code out.
pub fn main() -> ExitCode {
    match Arguments::try_parse() {
        Ok(arguments) => finish(start(arguments)),
        Err(error) => refuse(&error),
    }
}

fn start(arguments: Arguments) -> Result<()> {
    logs::start(arguments.global.verbose);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::internal(format!("failed to start the runtime: {error}")))?;
    let outcome = runtime.block_on(run(arguments));
    // A thread that waits for a reader of stdout must not keep the process from ending.
    runtime.shutdown_background();
    outcome
}

async fn run(arguments: Arguments) -> Result<()> {
    let global = arguments.global;
    match arguments.verb {
        Verb::Monitor(args) => monitor::run(args, &global).await,
        #[cfg(feature = "sandbox")]
        Verb::Demo(args) => demo::run(args).await,
        #[cfg(feature = "sandbox")]
        Verb::Sandbox(args) => sandbox::run(args).await,
        Verb::Schema(args) => schema::run(&args),
    }
}

fn finish(outcome: Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print::note(&error.to_json());
            ExitCode::from(error.kind.exit_code())
        }
    }
}

/// Help and version are answers; anything else clap says is an error in the shape of all errors.
fn refuse(error: &clap::Error) -> ExitCode {
    use clap::error::ErrorKind;
    let text = error.render().to_string();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => finish(print::line(text.trim_end())),
        _ => {
            let text = text.trim_end().strip_prefix("error: ").unwrap_or(text.trim_end());
            let error = Error::validation(crate::event::neutralise(text)).subtype("arguments");
            finish(Err(error.hint("`rooma --help` shows the verbs, `rooma VERB --help` their options")))
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        super::Arguments::command().debug_assert();
    }
}
