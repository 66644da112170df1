//! `rooma watch`: lines of a running supervisor, read from its journal. Cheap to kill and to start again.

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::control::Client;
use super::{Global, down, monitor, print};
use crate::clock::{Clock, rfc3339_ms};
use crate::config::Span;
use crate::error::{Error, Result};
use crate::event::{Event, Line, Rearm, Rendered, SupervisorGone, head};
use crate::journal::{Filter, Page, Reader};
use crate::supervisor::control::{News, Op, Request};
use crate::supervisor::{Ask, Lock, Since};

/// How long a supervisor that went away is waited for.
const RETURN_WITHIN: Duration = Duration::from_secs(60);

/// Between two attempts to reach it again.
const RETRY_EVERY: Duration = Duration::from_millis(200);

/// How often an idle watch looks whether its reader is still there.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Pages counted for `pending`; beyond, it is a lower bound.
const PENDING_PAGES: usize = 64;

/// Read lines from the running supervisor, going on where this cursor stopped
///
/// The supervisor owns the connections; a watch only reads. Kill it whenever you like: the next watch with the
/// same cursor goes on behind the last line that was read. When its time is over, the last line is rooma.rearm.
///
/// Risk: read
///
/// Examples:
///   rooma watch --mentioned --for 29m
///   rooma watch --cursor audit --since start --type 'message.*'
///   rooma watch --max-events 1 --for 5m
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
    /// End after this time
    #[arg(long = "for", value_name = "DURATION")]
    duration: Option<Span>,
    /// End after this many lines
    #[arg(long, value_name = "N")]
    max_events: Option<u64>,
    /// Only lines of this type, such as message or reaction.*; may be repeated
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// Only messages meant for the profile that received them, and rooma's own lines
    #[arg(long)]
    mentioned: bool,
    /// Add the platform's own payload to each line
    #[arg(long)]
    raw: bool,
}

pub async fn run(args: Args, global: &Global) -> Result<()> {
    let home = down::home(global)?;
    monitor::check_types(&args.types)?;
    let name = args.cursor.clone().unwrap_or_else(|| match args.profile.as_slice() {
        [alone] => alone.clone(),
        _ => "watch".to_owned(),
    });
    monitor::check_cursor(&name)?;
    let mut ask = Ask::by_signals()?;
    let client = Client::connect(home.root()).await?.ok_or_else(|| {
        Error::validation("no supervisor runs in this home")
            .subtype("not_running")
            .hint("start one with rooma up")
    })?;
    let _lock = Lock::cursor(home.root(), &name)?;
    let filter =
        Filter { profiles: args.profile, types: args.types, mentioned: args.mentioned, raw: args.raw };
    let mut watch = Watch {
        home: home.root().to_owned(),
        reader: Reader::open(&home.data().join("journal.db"))?,
        client,
        name,
        filter,
        position: 0,
        replayed_to: 0,
        left: args.max_events,
    };
    watch.begin(args.since.unwrap_or(Since::Cursor)).await?;
    let deadline = args.duration.map(|span| Instant::now() + span.0);
    let end = tokio::select! {
        end = watch.serve() => end?,
        () = until(deadline) => End::TimeOver,
        _ = ask.stop() => End::Asked,
    };
    watch.finish(end).await
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Why a watch ends in good order.
enum End {
    TimeOver,
    /// As many lines as were asked for.
    Enough,
    Asked,
    ReaderGone,
}

struct Watch {
    home: PathBuf,
    reader: Reader,
    client: Client,
    name: String,
    filter: Filter,
    /// Everything up to here was written and flushed, or held back by the filter.
    position: u64,
    replayed_to: u64,
    left: Option<u64>,
}

impl Watch {
    async fn begin(&mut self, since: Since) -> Result<()> {
        self.client.send(&Request::new(Op::Follow)).await?;
        let news: Option<News> = self.client.next(&mut Vec::new()).await?;
        let newest = news.ok_or_else(|| Error::network("the supervisor ended"))?.newest;
        self.replayed_to = newest;
        self.position = match since {
            Since::Start => 0,
            Since::Now => newest,
            Since::Seq(seq) => seq.min(newest),
            Since::Cursor => self.reader.cursor(&self.name)?.unwrap_or(newest).min(newest),
        };
        self.store().await
    }

    /// Writes lines for as long as there are some, then waits for more.
    async fn serve(&mut self) -> Result<End> {
        let mut line = Vec::new();
        loop {
            let page = self.reader.page(self.position, &self.filter, self.replayed_to)?;
            if page.looked_to != self.position {
                if let Some(end) = self.write(page).await? {
                    return Ok(end);
                }
                continue;
            }
            let told = tokio::select! {
                told = self.client.next::<News>(&mut line) => Some(told),
                () = sleep(LOOK_EVERY) => None,
            };
            match told {
                Some(Ok(Some(_))) => {}
                Some(Ok(None) | Err(_)) => {
                    line.clear();
                    self.supervisor_gone().await?;
                }
                None if print::reader_is_gone() => return Ok(End::ReaderGone),
                None => {}
            }
        }
    }

    async fn write(&mut self, page: Page) -> Result<Option<End>> {
        let count = page.ends.len() as u64;
        let whole = self.left.is_none_or(|left| count < left);
        let (bytes, looked_to) = match (self.left, page.ends.as_slice()) {
            (Some(left), ends) if !whole => {
                match usize::try_from(left).ok().and_then(|left| ends.get(left - 1)) {
                    Some((seq, end)) => (page.bytes[..*end].to_vec(), *seq),
                    None => (page.bytes, page.looked_to),
                }
            }
            _ => (page.bytes, page.looked_to),
        };
        if !bytes.is_empty() && !write(bytes).await? {
            return Ok(Some(End::ReaderGone));
        }
        self.position = looked_to;
        self.store().await.or_else(|error| {
            // A supervisor that is gone is found by the next read; the line was written all the same.
            tracing::debug!(%error, "the cursor was not stored");
            Ok::<(), Error>(())
        })?;
        self.left = self.left.map(|left| left.saturating_sub(count));
        Ok((self.left == Some(0)).then_some(End::Enough))
    }

    async fn store(&mut self) -> Result<()> {
        let request =
            Request { cursor: Some(self.name.clone()), seq: Some(self.position), ..Request::new(Op::Cursor) };
        self.client.send(&request).await
    }

    /// Says that the supervisor is gone, and waits for the next one.
    async fn supervisor_gone(&mut self) -> Result<()> {
        let event = Event::SupervisorGone(SupervisorGone { cursor: self.name.clone() });
        write(self.own_line(&event)).await?;
        let give_up = Instant::now() + RETURN_WITHIN;
        while Instant::now() < give_up {
            match self.follow_again().await {
                Ok(true) => return Ok(()),
                // One that is just dying still takes a connection; the next one will keep it.
                Ok(false) | Err(_) => sleep(RETRY_EVERY).await,
            }
        }
        Err(Error::network("the supervisor went away and did not come back").hint("start it with rooma up"))
    }

    /// False when no supervisor runs.
    async fn follow_again(&mut self) -> Result<bool> {
        let Some(client) = Client::connect(&self.home).await? else { return Ok(false) };
        self.client = client;
        self.client.send(&Request::new(Op::Follow)).await?;
        self.store().await?;
        Ok(true)
    }

    async fn finish(mut self, end: End) -> Result<()> {
        if matches!(end, End::TimeOver | End::Enough) {
            let pending = self.pending()?;
            let event = Event::Rearm(Rearm { cursor: self.name.clone(), pending });
            write(self.own_line(&event)).await?;
        }
        // Answered once it is stored: the next watch begins exactly here.
        let request =
            Request { cursor: Some(self.name.clone()), seq: Some(self.position), ..Request::new(Op::Cursor) };
        let _: Option<serde_json::Value> = Client::ask_home(&self.home, &request).await?;
        self.left = None;
        Ok(())
    }

    /// Lines that wait behind this watch's filter.
    fn pending(&self) -> Result<u64> {
        let (mut after, mut count) = (self.position, 0);
        for _ in 0..PENDING_PAGES {
            let page = self.reader.page(after, &self.filter, 0)?;
            if page.looked_to == after {
                break;
            }
            (after, count) = (page.looked_to, count + page.ends.len() as u64);
        }
        Ok(count)
    }

    /// A line of the watch itself: it is in no journal, and stands where the watch stands.
    fn own_line(&self, event: &Event) -> Vec<u8> {
        let rendered = Rendered::new(event);
        let head = head(None, None, rendered.type_name, &rfc3339_ms(Clock::system().wall_ms()), None);
        let mut line = Vec::new();
        Line { seq: self.position, head: &head, body: &rendered.body, replayed: false, raw: None }
            .write(&mut line);
        line
    }
}

/// False when nobody reads any more. A reader that stalls holds up this task, not the end of the watch.
async fn write(bytes: Vec<u8>) -> Result<bool> {
    let written = tokio::task::spawn_blocking(move || print::bytes(&bytes)).await;
    written.map_err(|error| Error::internal(error.to_string()))?
}
