//! `rooma watch`: lines of a running supervisor, read from its journal. Cheap to kill and to start again.

mod backlog;
mod before;
mod dropped;
mod ending;
mod failed;
mod first;
mod lines;
mod out;
mod paced;
mod read;
mod reading;
mod shaping;
mod sink;
mod source;
mod together;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::cursor::cursor_name;
use super::jq::Jq;
use super::{Global, down, monitor, up};
use crate::config::{Config, Environment, Home, Span};
use crate::core::pace::Pace;
use crate::error::Result;
use crate::journal::Filter;
use crate::supervisor::control::client::{Client, not_running};
use crate::supervisor::{Ask, Lock, Since};
use backlog::Backlog;
use before::Before;
use paced::Paced;
use reading::{Begin, Watch};
use sink::End;
use together::Together;

/// How long `--up` waits for the profiles; what is not connected by then is told by the lines.
const UP_WITHIN: Duration = Duration::from_secs(30);

/// Read lines from the running supervisor, going on where this cursor stopped
///
/// The supervisor owns the connections; a watch only reads. Kill it whenever you like: the next watch with the
/// same cursor goes on behind the last line that was read. When its time is over, the last line is rooma.rearm.
///
/// The cursor follows what the reader has taken out of the pipe: lines that nobody read come again with
/// "replayed":true, lines that came before this watch and are new to it carry "late":true.
///
/// --brief is the form for agents: one line per event, at most 480 characters, what matters first and the text last.
/// `s412` in it is a handle, which every verb takes in place of a message's id. It comes at the pace of a harness
/// that joins and cuts what it is told too fast.
///
/// With --ack the cursor stays where it is until `rooma ack --cursor NAME --seq SEQ` moves it: lines that were
/// not acknowledged come again, with "replayed":true, when the watch is started again.
///
/// --jq is applied to each line of the journal; each result is one line of JSON, texts in quotes. An event may
/// leave several lines or none. What the watch itself says (rooma.rearm, rooma.supervisor_gone, rooma.dropped,
/// rooma.jq_failed) stands as it is. An expression has a second, 32 MiB of memory and 1000 results for each line;
/// what takes more is told as rooma.jq_failed, and the watch goes on.
///
/// With --coalesce a message that several profiles received is one line: that of the first of them, with all of
/// them in `profiles`, and those it is meant for in `mentioned_profiles`; `mentioned` is true if there are any. The
/// others are waited for, 200 ms at most; one that is later than that is a line of its own with
/// "coalesced_late":true.
///
/// Risk: read
///
/// Examples:
///   rooma watch --brief --mentioned --for 29m
///   rooma watch --cursor audit --since start --type 'message.*'
///   rooma watch --up --max-events 1 --for 5m
///   rooma watch --jq 'select(.trust == "owner") | {seq, chat_id, content}'
///
/// AI agents: start it again when it ends with rooma.rearm; `pending` says how many lines wait.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Only lines of these profiles; may be repeated [default: all of them]
    #[arg(long, value_name = "NAME")]
    profile: Vec<String>,
    /// The name under which the position is kept [default: the profile, or `watch`]
    #[arg(long, value_name = "NAME")]
    cursor: Option<String>,
    /// Begin at the journal's start, now, or after a seq, instead of where the cursor stands
    #[arg(long, value_name = "start|now|SEQ")]
    since: Option<Since>,
    /// End after this time; what waits when it begins is given first, if it is read
    #[arg(long = "for", value_name = "DURATION")]
    duration: Option<Span>,
    /// End after this many events that left a line
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max_events: Option<u64>,
    /// Only lines of this type, such as message or reaction.*; may be repeated
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// Only messages meant for the profile that received them, and rooma's own lines
    #[arg(long)]
    mentioned: bool,
    #[command(flatten)]
    short: monitor::Short,
    /// With --brief: so many notifications at once and one more every so often, or off. What does not fit is folded into
    /// one line for each chat and each thread, mentions never
    #[arg(long, value_name = "N/DURATION|off", default_value = "10/2s", requires = "brief")]
    pace: MaybePace,
    /// Put each line through a jq expression
    #[arg(short = 'q', long, value_name = "EXPR")]
    jq: Option<String>,
    /// Add the platform's own payload to each line
    #[arg(long)]
    raw: bool,
    /// Say in rooma.dropped, once a minute at most, how many lines the options above held back
    #[arg(long)]
    report_dropped: bool,
    /// One line per message, with the profiles that received it, instead of one per profile
    #[arg(long)]
    coalesce: bool,
    /// Let the first mention after ten minutes without a message of its chat bring the N before it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=50))]
    context: Option<u32>,
    /// Leave the cursor where it is until `rooma ack` moves it
    #[arg(long)]
    ack: bool,
    /// Start the supervisor, as `rooma up` does, when none runs
    #[arg(long)]
    up: bool,
}

/// A pace, or none.
#[derive(Clone, Copy, Debug)]
struct MaybePace(Option<Pace>);

impl std::str::FromStr for MaybePace {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<MaybePace, String> {
        if text == "off" { Ok(MaybePace(None)) } else { text.parse().map(|pace| MaybePace(Some(pace))) }
    }
}

pub async fn run(args: Args, global: &Global) -> Result<()> {
    let home = down::home(global)?;
    args.short.stands_with([
        (args.jq.is_some(), monitor::JQ),
        (args.raw, monitor::RAW),
        (args.context.is_some(), monitor::CONTEXT),
    ])?;
    monitor::check_types(&args.types)?;
    let jq = args.jq.as_deref().map(Jq::new).transpose()?.map(Arc::new);
    let profiles = named(&home, args.profile)?;
    let name = cursor_name(args.cursor.as_deref(), &profiles);
    monitor::check_cursor(&name)?;
    let mut ask = Ask::of_reader()?;
    let client = tokio::select! {
        client = reach(&home, args.up) => client?,
        _ = ask.stop() => return Ok(()),
    };
    let _lock = Lock::cursor(home.root(), &name)?;
    let together = args.coalesce.then(|| Together::new(&home, &profiles));
    let filter = Filter {
        profiles,
        types: args.types,
        // A message is meant for somebody as a whole, once it is coalesced.
        mentioned: args.mentioned && !args.coalesce,
        raw: args.raw,
        brief: args.short.brief,
        ready: false,
    };
    let since = args.since.unwrap_or(Since::Cursor);
    let begin = Begin { name, filter, since, acknowledged: args.ack, together };
    let mut watch = Watch::open(&home, client, begin).await?;
    watch.shape.before = args.context.map(|count| Before::new(count as usize, global));
    watch.shape.mentioned = args.coalesce && args.mentioned;
    watch.sink.left = args.max_events;
    watch.sink.jq = jq;
    watch.sink.paced = args.short.brief.then(|| Paced::new(args.short.width as usize, args.pace.0));
    watch.sink.report_dropped(args.report_dropped);
    let deadline = args.duration.map(|span| Instant::now() + span.0);
    let backlog = watch.sink.backlog.clone();
    let end = tokio::select! {
        end = watch.serve() => end?,
        () = until(deadline, backlog) => End::TimeOver,
        _ = ask.stop() => End::Asked,
    };
    watch.finish(end).await
}

/// The profiles of the flag, else that of the environment. One that nobody has would be waited for in silence.
fn named(home: &Home, given: Vec<String>) -> Result<Vec<String>> {
    let config = match Config::load_home(home.clone(), Environment::of_process()) {
        Ok(config) => config,
        // Whoever only reads needs no more than a name.
        Err(_broken) => return Ok(given),
    };
    let of_environment = || config.environment.get("ROOMA_PROFILE").map(str::to_owned).into_iter().collect();
    let names: Vec<String> = if given.is_empty() { of_environment() } else { given };
    config.check_known(&names)?;
    Ok(names)
}

async fn reach(home: &Home, may_start: bool) -> Result<Client> {
    if let Some(client) = Client::connect(home.root()).await? {
        return Ok(client);
    }
    if may_start {
        up::ensure(home, &[], UP_WITHIN).await?;
        if let Some(client) = Client::connect(home.root()).await? {
            return Ok(client);
        }
    }
    Err(not_running().hint("start one with rooma up, or give --up"))
}

async fn until(deadline: Option<Instant>, backlog: Backlog) {
    match deadline {
        Some(deadline) => backlog.over(deadline).await,
        None => std::future::pending().await,
    }
}
