//! `rooma sandbox`: the embedded Feishu as a process of its own.

use std::io::{IsTerminal, Read};
use std::path::PathBuf;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use crate::cli::print;
use crate::config::Span;
use crate::error::{Error, Result};
use crate::sandbox::{BotInfo, Cards, Options, Sandbox};

/// An embedded Feishu on 127.0.0.1, for trying things out and for tests.
///
/// Prints one line when it is ready (base_url, apps with their secrets, chats, people) and runs until its
/// standard input closes or a signal comes. Everything is gone when it ends.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    rooma sandbox --port 7700 --write-profiles profiles --until-signal &\n  \
    curl -d '{\"chat\":\"lobby\",\"from\":\"ann\",\"text\":\"hello @alice\",\"mention\":[\"alice\"]}' \
    http://127.0.0.1:7700/sandbox/say")]
pub struct Args {
    /// Port to listen on; 0 takes any free one.
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    /// Names of the bots.
    #[arg(long, value_delimiter = ',', default_value = "alice,bob,carol")]
    pub bots: Vec<String>,
    /// Names of the people.
    #[arg(long, value_delimiter = ',', default_value = "ann,li")]
    pub people: Vec<String>,
    /// Names of the group chats, with everybody in.
    #[arg(long, value_delimiter = ',', default_value = "lobby,workshop")]
    pub chats: Vec<String>,
    /// Write a profile for each bot into this folder.
    #[arg(long, value_name = "DIR")]
    pub write_profiles: Option<PathBuf>,
    /// How long an event waits for its acknowledgement.
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "3s")]
    pub ack_deadline: Duration,
    /// When an event that was not acknowledged comes again.
    #[arg(long, value_name = "DURATION,…", value_delimiter = ',', value_parser = duration, default_value = "15s,5m,1h,6h")]
    pub redelivery: Vec<Duration>,
    /// What clients are told: seconds between pings.
    #[arg(long, value_name = "SECONDS", default_value_t = 90)]
    pub ping_interval: u32,
    /// What clients are told: seconds between attempts to reconnect.
    #[arg(long, value_name = "SECONDS", default_value_t = 90)]
    pub reconnect_interval: u32,
    /// What clients are told: upper bound of the random wait before the first attempt, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 25)]
    pub reconnect_nonce: u32,
    /// Life of a tenant token.
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "2h")]
    pub token_ttl: Duration,
    /// Sends per second and chat; 0 switches the limit off.
    #[arg(long, value_name = "NUMBER", default_value_t = 5)]
    pub chat_qps: u32,
    /// Split every event into chunks of this size.
    #[arg(long, value_name = "BYTES")]
    pub chunk_bytes: Option<usize>,
    /// Which deliveries name the app behind a bot that is mentioned: the platform's own do so only in part.
    #[arg(long, value_enum, default_value_t, value_name = "WHICH")]
    pub bot_info: BotInfo,
    /// How the history answers those who ask for cards as they were authored: authored, ignored or refused.
    #[arg(long, value_name = "FORM", value_parser = cards, default_value = "authored")]
    pub cards: Cards,
    /// Cards of schema 2.0 are rendered as old clients show them, with a sentence that asks to upgrade.
    #[arg(long)]
    pub card_placeholder: bool,
    /// Run until a signal comes, whatever happens to standard input.
    #[arg(long)]
    pub until_signal: bool,
}

impl Args {
    fn options(&self) -> Options {
        let mut options = Options {
            port: self.port,
            bots: self.bots.clone(),
            people: self.people.clone(),
            chats: self.chats.clone(),
            ack_deadline: self.ack_deadline,
            redelivery: self.redelivery.clone(),
            token_ttl: self.token_ttl,
            chat_qps: (self.chat_qps > 0).then_some(self.chat_qps),
            chunk_bytes: self.chunk_bytes,
            bot_info: self.bot_info,
            cards: self.cards,
            card_placeholder: self.card_placeholder,
            ..Options::default()
        };
        options.client_config.ping_interval = self.ping_interval.into();
        options.client_config.reconnect_interval = self.reconnect_interval.into();
        options.client_config.reconnect_nonce = self.reconnect_nonce.into();
        options
    }
}

pub async fn run(args: Args) -> Result<()> {
    for name in args.bots.iter().chain(&args.people).chain(&args.chats) {
        check_name(name)?;
    }
    // Signals count from here on: a SIGTERM right after the ready line must not kill unasked.
    let handler =
        |kind| signal(kind).map_err(|error| Error::internal(format!("failed to watch signals: {error}")));
    let (mut terminate, mut interrupt) =
        (handler(SignalKind::terminate())?, handler(SignalKind::interrupt())?);
    let sandbox = Sandbox::start(args.options()).await?;
    if let Some(folder) = &args.write_profiles {
        sandbox.write_profiles(folder, "")?;
    }
    print::line(&sandbox.ready_line())?;
    tokio::select! {
        () = stdin_closed(args.until_signal) => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    sandbox.shutdown().await;
    Ok(())
}

/// Names become file names and words of the control API.
fn check_name(name: &str) -> Result<()> {
    let plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_');
    if !name.is_empty() && name.chars().all(plain) {
        return Ok(());
    }
    Err(Error::validation(format!("`{name}` is not a name")).hint("letters, digits, `-` and `_` make a name"))
}

/// Resolves when a parent's pipe or a terminal ends. `/dev/null` and files say nothing about a parent, so
/// there only a signal ends the sandbox.
async fn stdin_closed(ignored: bool) {
    if ignored || !stdin_has_an_other_end() {
        return std::future::pending().await;
    }
    let (closed, seen) = oneshot::channel();
    // A thread, because a blocked read of stdin would keep the runtime from ending.
    let watcher = std::thread::Builder::new().name("stdin".to_owned()).spawn(move || {
        let mut buffer = [0; 1024];
        while matches!(std::io::stdin().read(&mut buffer), Ok(length) if length > 0) {}
        // The sandbox may have ended first.
        let _ = closed.send(());
    });
    match watcher {
        Ok(_) => drop(seen.await),
        // Without the thread a signal still ends it.
        Err(_) => std::future::pending().await,
    }
}

fn stdin_has_an_other_end() -> bool {
    let stdin = std::io::stdin();
    let kind = rustix::fs::fstat(&stdin).map(|stat| rustix::fs::FileType::from_raw_mode(stat.st_mode));
    let piped = matches!(kind, Ok(rustix::fs::FileType::Fifo | rustix::fs::FileType::Socket));
    piped || stdin.is_terminal()
}

fn cards(text: &str) -> Result<Cards, String> {
    match text {
        "authored" => Ok(Cards::Authored),
        "ignored" => Ok(Cards::Ignored),
        "refused" => Ok(Cards::Refused),
        _ => Err("one of authored, ignored, refused".to_owned()),
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    text.parse::<Span>().map(|span| span.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_as_file_names() {
        assert!(check_name("alice-2").is_ok());
        for bad in ["", "../up", "a b", ".hidden"] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
    }
}
