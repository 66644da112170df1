//! Where a watch reads from: the supervisor's news, and the lines in its journal.

use std::time::Duration;

use super::first;
use crate::config::Home;
use crate::error::{Error, Result};
use crate::event::Storage;
use crate::journal::{Filter, Had, Page, Reader, beyond};
use crate::supervisor::control::client::Client;
use crate::supervisor::control::{News, Op, Request};
use crate::supervisor::{Begins, Given, Since};

/// How long a supervisor may take for its first word.
const HEAR_WITHIN: Duration = Duration::from_secs(5);

pub struct Source {
    pub home: Home,
    pub reader: Reader,
    client: Client,
    /// What was read of the supervisor's next word so far.
    word: Vec<u8>,
    /// The cursor's name.
    pub name: String,
    pub filter: Filter,
    /// What this cursor had before this watch.
    had: Had,
    /// The cursor is moved by `rooma ack` only.
    pub acknowledged: bool,
    /// What is still to be told of the supervisor's disk.
    pub storage: Option<Storage>,
}

impl Source {
    /// Follows the supervisor. Tells its newest position, too.
    pub async fn follow(
        home: &Home,
        mut client: Client,
        name: String,
        filter: Filter,
        acknowledged: bool,
    ) -> Result<(Source, u64)> {
        client.send(&follow(&name)).await?;
        let news: Option<News> = client.next(&mut Vec::new()).await?;
        let News { newest, storage } = news.ok_or_else(|| Error::network("the supervisor ended"))?;
        let reader = Reader::open(&home.data().join("journal.db"))?;
        let (home, word, had) = (home.clone(), Vec::new(), Had::default());
        Ok((Source { home, reader, client, word, name, filter, had, acknowledged, storage }, newest))
    }

    /// The position that a watch begins behind. `stored` is where its cursor stands.
    pub fn begins_behind(&self, since: Since, stored: Option<u64>, newest: u64) -> Result<u64> {
        match since {
            Since::Start => Ok(0),
            Since::Now => Ok(newest),
            Since::Seq(seq) if seq > newest => Err(beyond(seq, newest)),
            Since::Seq(seq) => Ok(seq),
            Since::Cursor => match stored {
                Some(stored) => Ok(stored.min(newest)),
                None => {
                    let first = first::position(&self.home, &self.reader, &self.filter.profiles)?;
                    Ok(first.unwrap_or(newest).min(newest))
                }
            },
        }
    }

    /// Opens the note of what this cursor was given, and reads by it from now on.
    pub fn given(&mut self, begins: Begins) -> Result<Given> {
        let given = Given::open(&self.home.data(), &self.name, &self.reader, &self.filter, begins)?;
        self.had = given.had().clone();
        Ok(given)
    }

    pub fn page(&self, after: u64) -> Result<Page> {
        self.reader.page(after, &self.filter, &self.had)
    }

    /// Waits for the supervisor's next word, and takes note of what it says of its disk. False when it is gone. May be
    /// dropped and called again.
    pub async fn hears(&mut self) -> bool {
        let told = self.client.next::<News>(&mut self.word).await;
        let Ok(Some(news)) = told else { return false };
        self.storage = news.storage.or(self.storage.take());
        true
    }

    /// Listens to the supervisor while something else is awaited: its news must not fill the socket.
    pub async fn meanwhile<T>(&mut self, work: impl Future<Output = T>) -> T {
        let (mut work, mut here) = (std::pin::pin!(work), true);
        loop {
            tokio::select! {
                done = &mut work => return done,
                told = self.hears(), if here => here = told,
            }
        }
    }

    pub fn cursor(&self, seq: u64) -> Request {
        Request { cursor: Some(self.name.clone()), seq: Some(seq), ..Request::new(Op::Cursor) }
    }

    pub async fn store(&mut self, seq: u64) -> Result<()> {
        let request = self.cursor(seq);
        self.client.send(&request).await
    }

    /// What was said of the supervisor that is gone.
    pub fn forget_word(&mut self) {
        self.word.clear();
    }

    /// False when no supervisor runs. One that is just dying still takes a connection, and never says a word.
    pub async fn follow_again(&mut self) -> Result<bool> {
        let Some(mut client) = Client::connect(self.home.root()).await? else { return Ok(false) };
        client.send(&follow(&self.name)).await?;
        let mut word = Vec::new();
        let heard = tokio::time::timeout(HEAR_WITHIN, client.next::<News>(&mut word)).await;
        let Ok(Ok(Some(News { storage, .. }))) = heard else { return Ok(false) };
        self.storage = storage;
        self.client = client;
        Ok(true)
    }

    /// Opens the journal that took the place of one that was damaged and set aside, if that is so. It is read from its start,
    /// and this cursor had nothing of it.
    pub fn reopen(&mut self) -> Result<Option<Given>> {
        if self.reader.is_current() {
            return Ok(None);
        }
        self.reader = Reader::open(&self.home.data().join("journal.db"))?;
        let given = self.given(Begins::default())?;
        self.had = Had::default();
        Ok(Some(given))
    }
}

fn follow(name: &str) -> Request {
    Request { cursor: Some(name.to_owned()), ..Request::new(Op::Follow) }
}
