//! The loop of a watch: lines of the journal to stdout, and the cursor behind them.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::super::control::Client;
use super::super::jq::Jq;
use super::super::print;
use super::backlog::Backlog;
use super::dropped::Held;
use super::ending::End;
use super::first;
use super::lines::Lines;
use super::out::{Done, How, Out};
use super::paced::Paced;
use super::shaping::Shape;
use super::together::Together;
use crate::config::Home;
use crate::error::{Error, Result};
use crate::event::{Event, Storage, SupervisorGone, Watching};
use crate::journal::{Filter, Had, Page, Reader, beyond};
use crate::supervisor::control::{News, Op, Request};
use crate::supervisor::{Begins, Given, Since};

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
    /// Lines in the short form, at a reader's pace.
    pub paced: Option<Paced>,
    /// Everything up to here was written and flushed, or held back.
    pub(super) position: u64,
    /// What this cursor had before this watch.
    pub(super) had: Had,
    /// Where the cursor is stored.
    pub(super) stored: u64,
    /// Whether what waited is given.
    pub(super) backlog: Backlog,
    /// What is still to be told of the supervisor's disk.
    pub(super) storage: Option<Storage>,
    pub left: Option<u64>,
}

/// What a watch begins with.
pub struct Begin {
    pub name: String,
    pub filter: Filter,
    pub since: Since,
    pub acknowledged: bool,
    pub together: Option<Together>,
}

/// What is to be written next.
pub enum ToWrite {
    Page(Page),
    Lines(Lines),
    /// Nothing for now; look again after this time at the latest.
    Nothing(Option<Duration>),
}

impl Watch {
    /// Follows the supervisor, and finds out where to begin.
    pub async fn open(home: &Home, mut client: Client, begin: Begin) -> Result<Watch> {
        let Begin { name, filter, since, acknowledged, together } = begin;
        client.send(&follow(&name)).await?;
        let news: Option<News> = client.next(&mut Vec::new()).await?;
        let News { newest, storage } = news.ok_or_else(|| Error::network("the supervisor ended"))?;
        let reader = Reader::open(&home.data().join("journal.db"))?;
        let stored = reader.cursor(&name)?;
        let position = match since {
            Since::Start => 0,
            Since::Now => newest,
            Since::Seq(seq) if seq > newest => return Err(beyond(seq, newest)),
            Since::Seq(seq) => seq,
            Since::Cursor => match stored {
                Some(stored) => stored.min(newest),
                None => first::position(home, &reader, &filter.profiles)?.unwrap_or(newest).min(newest),
            },
        };
        let begins = Begins { position, known: stored, newest };
        let given = Given::open(&home.data(), &name, &reader, &filter, begins)?;
        let had = given.had().clone();
        let backlog = Backlog::default();
        let mut watch = Watch {
            home: home.clone(),
            reader,
            client,
            word: Vec::new(),
            out: Out::new(given, backlog.clone()),
            name,
            filter,
            shape: Shape { together, ..Shape::default() },
            jq: None,
            acknowledged,
            held: None,
            paced: None,
            position,
            had,
            stored: position,
            backlog,
            storage,
            left: None,
        };
        let goes_on = matches!(since, Since::Seq(_)) || (since == Since::Cursor && stored.is_some());
        if goes_on && let Some(together) = &mut watch.shape.together {
            together.remember(&watch.reader, watch.position, &watch.filter)?;
        }
        // A cursor that others move is set here only where it did not stand already.
        if !watch.acknowledged || stored.is_none() || since != Since::Cursor {
            watch.client.send(&watch.cursor(position)).await?;
        }
        Ok(watch)
    }

    pub fn report_dropped(&mut self, wanted: bool) {
        self.held = wanted.then(|| Held::new(Instant::now()));
    }

    pub(super) fn cursor(&self, seq: u64) -> Request {
        Request { cursor: Some(self.name.clone()), seq: Some(seq), ..Request::new(Op::Cursor) }
    }

    /// Says where it begins.
    async fn say_where(&mut self) -> Result<Option<End>> {
        let (cursor, from, waiting) = (self.name.clone(), self.position, self.pending()?);
        let event = Event::Watching(Watching { cursor, from, waiting });
        if let Some(paced) = &mut self.paced {
            paced.begin(self.position, &event);
            return Ok(None);
        }
        self.say(&event).await
    }

    /// Writes lines for as long as there are some, then waits for more.
    pub async fn serve(&mut self) -> Result<End> {
        if let Some(end) = self.say_where().await? {
            return Ok(end);
        }
        loop {
            if let Some(end) = self.tell_held(false).await? {
                return Ok(end);
            }
            if let Some(storage) = self.storage.take()
                && let Some(end) = self.say(&Event::Storage(storage)).await?
            {
                return Ok(end);
            }
            let wait = match self.next_lines().await? {
                ToWrite::Page(page) => {
                    self.out.page(self.position, page, self.jq.clone(), self.left);
                    None
                }
                ToWrite::Lines(lines) => {
                    self.out.lines(self.position, lines);
                    None
                }
                ToWrite::Nothing(wait) => Some(wait),
            };
            let Some(wait) = wait else {
                if let Some(end) = self.written().await? {
                    return Ok(end);
                }
                continue;
            };
            // Else it waits for its turn, or for what belongs to it.
            if wait.is_none() {
                self.backlog.is_given();
            }
            self.store().await;
            self.out.given().rests();
            let look = if self.stored < self.position { CURSOR_EVERY } else { LOOK_EVERY };
            let told = tokio::select! {
                told = self.client.next::<News>(&mut self.word) => Some(told),
                () = sleep(wait.map_or(look, |wait| wait.min(look))) => None,
            };
            match told {
                Some(told) if self.hear(&told) => {}
                Some(_) => {
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
                told = self.client.next::<News>(&mut self.word), if here => here = self.hear(&told),
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

    /// Takes note of what the supervisor says of its disk. False when it is gone.
    pub(super) fn hear(&mut self, told: &Result<Option<News>>) -> bool {
        let Ok(Some(news)) = told else { return false };
        self.storage = news.storage.clone().or(self.storage.take());
        true
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

    /// Stores how far the reader has come.
    async fn store(&mut self) {
        let taken = self.out.taken();
        if self.acknowledged || taken == self.stored {
            return;
        }
        self.stored = taken;
        let request = self.cursor(taken);
        if let Err(error) = self.client.send(&request).await {
            // A supervisor that is gone is found by the next read; the line was written all the same.
            tracing::debug!(%error, "the cursor was not stored");
        }
    }

    /// A line of the watch itself.
    pub(super) async fn say(&mut self, event: &Event) -> Result<Option<End>> {
        let lines = match &mut self.paced {
            Some(paced) => paced.own(&mut self.out, self.position, event).await,
            None => Lines::own(self.position, event),
        };
        self.out.lines(self.position, lines);
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
        client.send(&follow(&self.name)).await?;
        let mut word = Vec::new();
        let heard = tokio::time::timeout(HEAR_WITHIN, client.next::<News>(&mut word)).await;
        let Ok(Ok(Some(News { storage, .. }))) = heard else { return Ok(false) };
        self.storage = storage;
        self.client = client;
        if !self.reader.is_current() {
            // The journal was damaged and set aside; the new one is read from its start.
            self.reader = Reader::open(&self.home.data().join("journal.db"))?;
            let begins = Begins::default();
            let given = Given::open(&self.home.data(), &self.name, &self.reader, &self.filter, begins)?;
            self.out.begin_anew(given);
            (self.position, self.had, self.stored) = (0, Had::default(), 0);
            if let Some(paced) = &mut self.paced {
                paced.forget();
            }
            if let Some(together) = &mut self.shape.together {
                together.forget();
            }
        }
        if !self.acknowledged {
            self.client.send(&self.cursor(self.stored)).await?;
        }
        Ok(true)
    }
}

fn follow(name: &str) -> Request {
    Request { cursor: Some(name.to_owned()), ..Request::new(Op::Follow) }
}
