//! The loop of a watch: lines from its source, in their shape, to its sink; and the cursor behind them.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::super::print;
use super::paced::ToWrite;
use super::shaping::Shape;
use super::sink::{End, Sink};
use super::source::Source;
use super::together::Together;
use crate::config::Home;
use crate::error::{Error, Result};
use crate::event::{Event, SupervisorGone, Watching};
use crate::journal::Filter;
use crate::supervisor::control::client::Client;
use crate::supervisor::{Begins, Since};

/// How long a supervisor that went away is waited for.
const RETURN_WITHIN: Duration = Duration::from_secs(60);

/// Between two attempts to reach it again.
const RETRY_EVERY: Duration = Duration::from_millis(200);

/// How often an idle watch looks whether its reader is still there.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How stale a stored cursor may be while a reader takes its time.
const CURSOR_EVERY: Duration = Duration::from_millis(100);

pub struct Watch {
    pub source: Source,
    pub shape: Shape,
    pub sink: Sink,
}

/// What a watch begins with.
pub struct Begin {
    pub name: String,
    pub filter: Filter,
    pub since: Since,
    pub acknowledged: bool,
    pub together: Option<Together>,
}

impl Watch {
    /// Follows the supervisor, and finds out where to begin.
    pub async fn open(home: &Home, client: Client, begin: Begin) -> Result<Watch> {
        let Begin { name, filter, since, acknowledged, mut together } = begin;
        let (mut source, newest) = Source::follow(home, client, name, filter, acknowledged).await?;
        let stored = source.reader.cursor(&source.name)?;
        let position = source.begins_behind(since, stored, newest)?;
        let given = source.given(Begins { position, known: stored, newest })?;
        let goes_on = matches!(since, Since::Seq(_)) || (since == Since::Cursor && stored.is_some());
        if goes_on && let Some(together) = &mut together {
            together.remember(&source.reader, position, &source.filter)?;
        }
        // A cursor that others move is set here only where it did not stand already.
        if !acknowledged || stored.is_none() || since != Since::Cursor {
            source.store(position).await?;
        }
        let shape = Shape { together, ..Shape::default() };
        Ok(Watch { source, shape, sink: Sink::new(given, position) })
    }

    /// Says where it begins.
    async fn say_where(&mut self) -> Result<Option<End>> {
        let (cursor, from, waiting) = (self.source.name.clone(), self.sink.position, self.pending()?);
        let event = Event::Watching(Watching { cursor, from, waiting });
        if let Some(paced) = &mut self.sink.paced {
            paced.begin(from, &event);
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
            if let Some(storage) = self.source.storage.take()
                && let Some(end) = self.say(&Event::Storage(storage)).await?
            {
                return Ok(end);
            }
            let next = self.next_lines().await?;
            let end = match self.sink.write(next) {
                Ok(()) => self.written().await?,
                Err(wait) => self.wait(wait).await?,
            };
            if let Some(end) = end {
                return Ok(end);
            }
        }
    }

    /// What is to be written next.
    async fn next_lines(&mut self) -> Result<ToWrite> {
        let Watch { source, shape, sink } = self;
        let Some(paced) = &mut sink.paced else {
            let next = shape.next_page(source, &sink.backlog, sink.position).await?;
            let any = next.page.looked_to != sink.position;
            return Ok(if any { ToWrite::Page(next.page) } else { ToWrite::Nothing(next.wait) });
        };
        let mut wait = None;
        while paced.wants_more() {
            let read_to = paced.read_to().max(sink.position);
            let next = shape.next_page(source, &sink.backlog, read_to).await?;
            wait = next.wait;
            if next.page.looked_to == read_to {
                break;
            }
            paced.add(next.page, &source.reader);
        }
        Ok(match paced.next(&sink.out, sink.position, sink.left) {
            ToWrite::Nothing(soon) => ToWrite::Nothing([wait, soon].into_iter().flatten().min()),
            lines => lines,
        })
    }

    /// Waits for news, and at most for so long.
    async fn wait(&mut self, wait: Option<Duration>) -> Result<Option<End>> {
        // Else it waits for its turn, or for what belongs to it.
        if wait.is_none() {
            self.sink.backlog.is_given();
        }
        self.store().await;
        self.sink.out.given().rests();
        let look = if self.sink.stored < self.sink.position { CURSOR_EVERY } else { LOOK_EVERY };
        let here = tokio::select! {
            here = self.source.hears() => Some(here),
            () = sleep(wait.map_or(look, |wait| wait.min(look))) => None,
        };
        match here {
            Some(true) => Ok(None),
            Some(false) => self.supervisor_gone().await,
            None => Ok(print::reader_is_gone().then_some(End::ReaderGone)),
        }
    }

    /// Waits until what was begun is written. Meanwhile the cursor follows, and the supervisor is listened to: its
    /// news must not fill the socket.
    async fn written(&mut self) -> Result<Option<End>> {
        let mut here = true;
        let done = loop {
            tokio::select! {
                done = self.sink.out.done() => break done?,
                told = self.source.hears(), if here => here = told,
                () = sleep(CURSOR_EVERY) => {
                    self.sink.position = self.sink.out.position();
                    self.store().await;
                }
            }
        };
        let Some(done) = done else { return Ok(None) };
        let end = self.sink.account(done)?;
        self.store().await;
        Ok(end)
    }

    /// Stores how far the reader has come.
    async fn store(&mut self) {
        let taken = self.sink.out.taken();
        if self.source.acknowledged || taken == self.sink.stored {
            return;
        }
        self.sink.stored = taken;
        if let Err(error) = self.source.store(taken).await {
            // A supervisor that is gone is found by the next read; the line was written all the same.
            tracing::debug!(%error, "the cursor was not stored");
        }
    }

    /// A line of the watch itself. It is no event, of which there may be so many.
    pub async fn say(&mut self, event: &Event) -> Result<Option<End>> {
        self.sink.own(event).await;
        let left = self.sink.left.take();
        let end = self.written().await;
        self.sink.left = left;
        end
    }

    pub async fn tell_held(&mut self, all: bool) -> Result<Option<End>> {
        for event in self.sink.dropped(all) {
            if let Some(end) = self.say(&event).await? {
                return Ok(Some(end));
            }
        }
        Ok(None)
    }

    /// Lines that wait behind this watch's filter.
    pub fn pending(&self) -> Result<u64> {
        self.shape.pending(&self.source, self.sink.position)
    }

    /// Says that the supervisor is gone, and waits for the next one.
    async fn supervisor_gone(&mut self) -> Result<Option<End>> {
        self.source.forget_word();
        let event = Event::SupervisorGone(SupervisorGone { cursor: self.source.name.clone() });
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

    async fn follow_again(&mut self) -> Result<bool> {
        if !self.source.follow_again().await? {
            return Ok(false);
        }
        if let Some(given) = self.source.reopen()? {
            self.sink.begin_anew(given);
            if let Some(together) = &mut self.shape.together {
                together.forget();
            }
        }
        if !self.source.acknowledged {
            self.source.store(self.sink.stored).await?;
        }
        Ok(true)
    }
}
