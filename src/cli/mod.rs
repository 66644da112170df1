//! The command line: one verb, one file.

mod ack;
mod attach;
mod broadcast;
mod chat_info;
mod chats;
mod completions;
mod context;
mod cursor;
#[cfg(feature = "sandbox")]
mod demo;
#[cfg(feature = "sandbox")]
mod demo_rooms;
mod down;
mod download;
mod edit;
mod explain;
mod file;
mod files;
mod find;
mod handle;
mod help;
mod hook;
mod interrupt;
mod jq;
mod known;
mod lint;
mod logs;
mod members;
mod mentions;
mod message;
mod moment;
mod monitor;
mod ours;
mod output;
mod peers;
pub(crate) mod plan;
pub mod print;
mod profile;
mod pull;
mod react;
mod recall;
mod recipient;
mod reload;
mod room;
#[cfg(feature = "sandbox")]
mod sandbox;
mod say;
mod schema;
mod send;
mod service;
mod session;
mod slips;
mod status;
mod thread;
mod up;
mod watch;
mod words;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use tracing_subscriber::filter::LevelFilter;

use crate::error::{Error, Result};

/// Gives AI agents that are already running a lasting presence in chat rooms.
///
/// One process holds several bots; each thing that happens is one JSON line on stdout.
#[derive(Debug, Parser)]
#[command(name = "rooma", version, after_help = EXAMPLES, max_term_width = 100, disable_help_subcommand = true)]
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
  rooma monitor --profile alice     one profile's
  rooma chats                       the chats the bot is in
  rooma send --chat ops --text hi   say something
  rooma help send                   how one verb is used";

#[derive(Clone, Debug, clap::Args)]
pub struct Global {
    /// The folder with profiles/, config/ and data/ [default: the nearest one with profiles/ or a .env]
    #[arg(long, global = true, value_name = "DIR", help_heading = context::HOW)]
    pub home: Option<PathBuf>,
    /// Act as this profile [default: ROOMA_PROFILE, or the only one]
    #[arg(long, global = true, value_name = "NAME", help_heading = context::HOW)]
    pub profile: Option<String>,
    /// Say more on stderr; up to three times
    #[arg(short = 'v', long, global = true, action = clap::ArgAction::Count, help_heading = context::HOW)]
    pub verbose: u8,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Monitor(monitor::Args),
    Up(up::Args),
    Watch(watch::Args),
    Ack(ack::Args),
    Status(status::Args),
    Reload(reload::Args),
    Down(down::Args),
    Service(service::Args),
    Chats(chats::Args),
    ChatInfo(chat_info::Args),
    Members(members::Args),
    Pull(pull::Args),
    Thread(thread::Args),
    Message(message::Args),
    Explain(explain::Args),
    Download(download::Args),
    Send(Box<send::Args>),
    File(file::Args),
    React(react::React),
    Unreact(react::Unreact),
    Edit(edit::Args),
    Recall(recall::Args),
    Broadcast(broadcast::Args),
    SyncChats(known::SyncArgs),
    ChatsKnown(known::KnownArgs),
    Session(session::Args),
    Peers(peers::Args),
    Profile(profile::Args),
    Room(room::Args),
    Floor(room::FloorArgs),
    Hook(hook::Args),
    Help(help::Args),
    #[cfg(feature = "sandbox")]
    Demo(demo::Args),
    #[cfg(feature = "sandbox")]
    Sandbox(sandbox::Args),
    Schema(schema::Args),
    Completions(completions::Args),
}

impl Verb {
    fn quiet(&self) -> LevelFilter {
        match self {
            Verb::Monitor(_) => LevelFilter::WARN,
            #[cfg(feature = "sandbox")]
            Verb::Demo(_) | Verb::Sandbox(_) => LevelFilter::WARN,
            _ => LevelFilter::ERROR,
        }
    }
}

/// Runs the program: arguments in, exit code out.
pub fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|verb| verb == jq::CHILD_NAME) {
        return jq::child_main();
    }
    let arguments = words::join(std::env::args_os(), &Arguments::command());
    match Arguments::try_parse_from(arguments) {
        Ok(arguments) => finish(start(arguments)),
        Err(error) => refuse(&error),
    }
}

fn start(arguments: Arguments) -> Result<u8> {
    // What is written is its owner's, whatever the shell's umask is.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    logs::start(arguments.global.verbose, arguments.verb.quiet());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::internal(format!("failed to start the runtime: {error}")))?;
    let outcome = runtime.block_on(run(arguments));
    // A thread that waits for a reader of stdout must not keep the process from ending.
    runtime.shutdown_background();
    outcome
}

async fn run(arguments: Arguments) -> Result<u8> {
    let global = arguments.global;
    match arguments.verb {
        // These end in their own ways when a signal comes.
        Verb::Monitor(args) => monitor::run(args, &global).await.map(|()| 0),
        Verb::Watch(args) => watch::run(args, &global).await.map(|()| 0),
        #[cfg(feature = "sandbox")]
        Verb::Demo(args) => demo::run(args).await.map(|()| 0),
        #[cfg(feature = "sandbox")]
        Verb::Sandbox(args) => sandbox::run(args).await.map(|()| 0),
        verb => interrupt::watch(Box::pin(act(verb, &global))).await,
    }
}

/// The exit code of a verb that does one thing.
async fn act(verb: Verb, global: &Global) -> Result<u8> {
    let done = match verb {
        Verb::Up(args) => up::run(args, global).await,
        Verb::Ack(args) => ack::run(&args, global).await,
        Verb::Status(args) => status::run(&args, global).await,
        Verb::Service(args) => service::run(&args, global).await,
        Verb::Down(args) => down::run(&args, global).await,
        Verb::Chats(args) => chats::run(args, global).await,
        Verb::ChatInfo(args) => chat_info::run(args, global).await,
        Verb::Members(args) => members::run(args, global).await,
        Verb::Pull(args) => pull::run(args, global).await,
        Verb::Thread(args) => thread::run(args, global).await,
        Verb::Message(args) => message::run(args, global).await,
        Verb::Explain(args) => explain::run(args, global).await,
        Verb::Download(args) => {
            return download::run(args, global).await.map(|all| if all { 0 } else { PARTLY });
        }
        Verb::Send(args) => send::run(*args, global).await,
        Verb::File(args) => file::run(args, global).await,
        Verb::React(args) => react::react(args, global).await,
        Verb::Unreact(args) => react::unreact(args, global).await,
        Verb::Edit(args) => edit::run(args, global).await,
        Verb::Recall(args) => recall::run(args, global).await,
        Verb::Broadcast(args) => {
            return broadcast::run(args, global).await.map(|all| if all { 0 } else { PARTLY });
        }
        Verb::Reload(args) => {
            return reload::run(&args, global).await.map(|all| if all { 0 } else { PARTLY });
        }
        Verb::SyncChats(args) => known::sync(args, global).await,
        Verb::ChatsKnown(args) => known::list(args, global).await,
        Verb::Peers(args) => peers::run(args, global).await,
        Verb::Profile(args) => profile::run(args, global).await,
        Verb::Room(args) => room::run(args, global).await,
        Verb::Floor(args) => room::floor(args, global).await,
        Verb::Session(args) => {
            return session::run(args, global).await.map(|all| if all { 0 } else { PARTLY });
        }
        Verb::Hook(args) => return Ok(hook::run(args, global).await),
        Verb::Help(args) => help::run(args, global).await,
        Verb::Schema(args) => schema::run(&args),
        Verb::Completions(args) => completions::run(&args),
        Verb::Monitor(_) | Verb::Watch(_) => Err(Error::internal("readers of lines are run elsewhere")),
        #[cfg(feature = "sandbox")]
        Verb::Demo(_) | Verb::Sandbox(_) => Err(Error::internal("the sandbox is run elsewhere")),
    };
    done.map(|()| 0)
}

/// A batch failed in part: what became of each item is on stdout.
const PARTLY: u8 = 1;

fn finish(outcome: Result<u8>) -> ExitCode {
    match outcome {
        Ok(code) => ExitCode::from(code),
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
    let given: Vec<_> = std::env::args_os().collect();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            finish(print::line(text.trim_end()).map(|()| 0))
        }
        _ => {
            let text = text.trim_end().strip_prefix("error: ").unwrap_or(text.trim_end());
            let lines = text.lines().filter(|line| !line.trim_start().starts_with("tip: "));
            let text = lines.collect::<Vec<_>>().join("\n").replace("\n\n\n", "\n\n");
            let error = Error::validation(crate::event::neutralise(&text))
                .subtype("arguments")
                .hint(slips::hint(error, &given));
            if hook::is_meant(std::env::args_os().skip(1)) {
                print::note(&error.to_json());
                return ExitCode::from(hook::FAILED);
            }
            finish(Err(error))
        }
    }
}

/// Runs a verb within this process: what became of it, and what it printed.
#[cfg(test)]
pub(crate) async fn within(words: &[&str]) -> (Result<u8>, Vec<String>) {
    let arguments = Arguments::try_parse_from(std::iter::once("rooma").chain(words.iter().copied()));
    let arguments = arguments.unwrap_or_else(|error| panic!("{error}"));
    let verb = async {
        let done = act(arguments.verb, &arguments.global).await;
        (done, print::KEPT.with(|kept| kept.take()))
    };
    print::KEPT.scope(Default::default(), Box::pin(verb)).await
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        super::Arguments::command().debug_assert();
    }
}
