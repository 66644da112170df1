//! The loop of a watch: lines of the journal to stdout, and the cursor behind them.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::super::control::Client;
use super::super::jq::Jq;
use super::super::print;
use super::dropped::Held;
use super::ending::End;
use super::lines::Lines;
use super::out::{Done, How, Out};
use super::shaping::{Next, Shape};
use crate::config::Home;
use crate::error::{Error, Result};
use crate::event::{Event, SupervisorGone};
use crate::journal::{Filter, Reader, beyond};
use crate::supervisor::Since;
use crate::supervisor::control::{News, Op, Request};

/// How long a supervisor that went away is waited for.
const RETURN_WITHIN: Duration = Duration::from_secs(60);

/// Between two attempts to reach it again.
const RETRY_EVERY: Duration = Duration::from_millis(200);

/// How long a supervisor may take for its first word.
const HEAR_WITHIN: Duration = Duration::from_secs(5);

/// How often an idle watch looks whether its reader is still there.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How stale a stored cursor may be while a reader takes its time.
const CURSOR_EVERY: Duration = Duration::from_millis(100);

pub struct Watch {
    pub(super) home: Home,
    pub(super) reader: Reader,
    pub(super) client: Client,
    /// What was read of the supervisor's next word so far.
    pub(super) word: Vec<u8>,
    pub(super) out: Out,
    pub(super) name: String,
    pub(super) filter: Filter,
    pub shape: Shape,
    pub jq: Option<Arc<Jq>>,
    /// The cursor is moved by `rooma ack` only.
    pub acknowledged: bool,
    pub(super) held: Option<Held>,
    /// Everything up to here was written and flushed, or held back.
    pub(super) position: u64,
    pub(super) replayed_to: u64,
    pub left: Option<u64>,
}

impl Watch {
    pub fn new(home: &Home, client: Client, name: String, filter: Filter) -> Result<Watch> {
        Ok(Watch {
            home: home.clone(),
            reader: Reader::open(&home.data().join("journal.db"))?,
            client,
            word: Vec::new(),
            out: Out::new(),
            name,
            filter,
            shape: Shape::default(),
            jq: None,
            acknowledged: false,
            held: None,
            position: 0,
            replayed_to: 0,
            left: None,
        })
    }

    pub fn report_dropped(&mut self, wanted: bool) {
        self.held = wanted.then(|| Held::new(Instant::now()));
    }

    pub async fn begin(&mut self, since: Since) -> Result<()> {
        self.client.send(&self.follow()).await?;
        let news: Option<News> = self.client.next(&mut Vec::new()).await?;
        let newest = news.ok_or_else(|| Error::network("the supervisor ended"))?.newest;
        self.replayed_to = newest;
        let stored = self.reader.cursor(&self.name)?;
        self.position = match since {
            Since::Start => 0,
            Since::Now => newest,
            Since::Seq(seq) if seq > newest => return Err(beyond(seq, newest)),
            Since::Seq(seq) => seq,
            Since::Cursor => stored.unwrap_or(newest).min(newest),
        };
        let goes_on = matches!(since, Since::Seq(_)) || (since == Since::Cursor && stored.is_some());
        if goes_on && let Some(together) = &mut self.shape.together {
            together.remember(&self.reader, self.position, &self.filter)?;
        }
        // A cursor that others move is set here only where it did not stand already.
        if !self.acknowledged || stored.is_none() || since != Since::Cursor {
            self.client.send(&self.cursor()).await?;
        }
        Ok(())
    }

    fn follow(&self) -> Request {
        Request { cursor: Some(self.name.clone()), ..Request::new(Op::Follow) }
    }

    pub(super) fn cursor(&self) -> Request {
        Request { cursor: Some(self.name.clone()), seq: Some(self.position), ..Request::new(Op::Cursor) }
    }

    /// Writes lines for as long as there are some, then waits for more.
    pub async fn serve(&mut self) -> Result<End> {
        loop {
            if let Some(end) = self.tell_held(false).await? {
                return Ok(end);
            }
            let Next { page, wait } = self.next_page().await?;
            if page.looked_to != self.position {
                self.out.page(self.position, page, self.jq.clone(), self.left);
                if let Some(end) = self.written().await? {
                    return Ok(end);
                }
                continue;
            }
            let told = tokio::select! {
                told = self.client.next::<News>(&mut self.word) => Some(told),
                () = sleep(wait.map_or(LOOK_EVERY, |wait| wait.min(LOOK_EVERY))) => None,
            };
            match told {
                Some(Ok(Some(_))) => {}
                Some(Ok(None) | Err(_)) => {
                    if let Some(end) = self.supervisor_gone().await? {
                        return Ok(end);
                    }
                }
                None if print::reader_is_gone() => return Ok(End::ReaderGone),
                None => {}
            }
        }
    }

    /// Waits until what was begun is written. Meanwhile the cursor follows, and the supervisor is listened to: its
    /// news must not fill the socket.
    async fn written(&mut self) -> Result<Option<End>> {
        let mut here = true;
        let done = loop {
            tokio::select! {
                done = self.out.done() => break done?,
                told = self.client.next::<News>(&mut self.word), if here => here = matches!(told, Ok(Some(_))),
                () = sleep(CURSOR_EVERY) => {
                    self.position = self.out.position();
                    self.store().await;
                }
            }
        };
        let Some(done) = done else { return Ok(None) };
        let end = self.account(done)?;
        self.store().await;
        Ok(end)
    }

    /// Takes note of what was written.
    pub(super) fn account(&mut self, done: Done) -> Result<Option<End>> {
        self.position = done.position;
        if let Some(held) = &mut self.held {
            held.add(done.by_filter, done.by_jq);
        }
        self.left = self.left.map(|left| left.saturating_sub(done.events));
        match done.how {
            How::All if self.left == Some(0) => Ok(Some(End::Enough)),
            How::All | How::Halted => Ok(None),
            How::Cut | How::ReaderGone => Ok(Some(End::ReaderGone)),
            How::Failed(error) => Err(error),
        }
    }

    async fn store(&mut self) {
        if self.acknowledged {
            return;
        }
        let request = self.cursor();
        if let Err(error) = self.client.send(&request).await {
            // A supervisor that is gone is found by the next read; the line was written all the same.
            tracing::debug!(%error, "the cursor was not stored");
        }
    }

    /// A line of the watch itself.
    pub(super) async fn say(&mut self, event: &Event) -> Result<Option<End>> {
        self.out.lines(self.position, Lines::own(self.position, event));
        let left = self.left.take();
        let end = self.written().await;
        self.left = left;
        end
    }

    pub(super) async fn tell_held(&mut self, all: bool) -> Result<Option<End>> {
        let now = Instant::now();
        let Some(held) = &mut self.held else { return Ok(None) };
        let events = if all { held.take(now) } else { held.due(now) };
        for event in events {
            if let Some(end) = self.say(&event).await? {
                return Ok(Some(end));
            }
        }
        Ok(None)
    }

    /// Says that the supervisor is gone, and waits for the next one.
    async fn supervisor_gone(&mut self) -> Result<Option<End>> {
        self.word.clear();
        let event = Event::SupervisorGone(SupervisorGone { cursor: self.name.clone() });
        if let Some(end) = self.say(&event).await? {
            return Ok(Some(end));
        }
        let give_up = Instant::now() + RETURN_WITHIN;
        while Instant::now() < give_up {
            match self.follow_again().await {
                Ok(true) => return Ok(None),
                Ok(false) | Err(_) => sleep(RETRY_EVERY).await,
            }
            if print::reader_is_gone() {
                return Ok(Some(End::ReaderGone));
            }
        }
        Err(Error::network("the supervisor went away and did not come back").hint("start it with rooma up"))
    }

    /// False when no supervisor runs. One that is just dying still takes a connection, and never says a word.
    async fn follow_again(&mut self) -> Result<bool> {
        let Some(mut client) = Client::connect(self.home.root()).await? else { return Ok(false) };
        client.send(&self.follow()).await?;
        let mut word = Vec::new();
        let heard = tokio::time::timeout(HEAR_WITHIN, client.next::<News>(&mut word)).await;
        if !matches!(heard, Ok(Ok(Some(_)))) {
            return Ok(false);
        }
        self.client = client;
        if !self.reader.is_current() {
            // The journal was damaged and set aside; the new one is read from its start.
            self.reader = Reader::open(&self.home.data().join("journal.db"))?;
            (self.position, self.replayed_to) = (0, 0);
            if let Some(together) = &mut self.shape.together {
                together.forget();
            }
        }
        if !self.acknowledged {
            self.client.send(&self.cursor()).await?;
        }
        Ok(true)
    }
}
