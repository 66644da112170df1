//! stderr, for people: what `-v` and `ROOMA_LOG` ask for, and one line for a panic.

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// `quiet` is the level of a program that was told nothing. A verb that fails leaves one JSON object on
/// stderr, and nothing else; what runs for weeks warns.
pub fn start(verbose: u8, quiet: LevelFilter) {
    let level = match (verbose, named_level()) {
        (0, Some(level)) => level,
        (0, None) => quiet,
        (1, _) => LevelFilter::INFO,
        (2, _) => LevelFilter::DEBUG,
        (_, _) => LevelFilter::TRACE,
    };
    // Only our own targets: a library's trace may show what a URL or a header holds.
    let ours = Targets::new().with_target("rooma", level);
    let format = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()));
    // A second start in one process keeps the first subscriber.
    let _ = tracing_subscriber::registry().with(ours).with(format).try_init();
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|place| format!("{}:{}", place.file(), place.line()));
        let payload = panic.payload();
        let said = payload.downcast_ref::<&str>().copied();
        let said = said.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("panic");
        tracing::error!(place = place.as_deref().unwrap_or("unknown"), said, "a part of rooma crashed");
    }));
}

fn named_level() -> Option<LevelFilter> {
    std::env::var("ROOMA_LOG").ok()?.parse().ok()
}
