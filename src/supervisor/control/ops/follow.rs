//! Tells a reader about commits, and takes its cursor, until it is gone.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::unix::OwnedWriteHalf;
use tokio::time::sleep;

use super::super::super::readers::Place;
use super::super::super::status::ReaderStatus;
use super::super::conversation::{Conversation, Requests, next_request};
use super::super::protocol::{News, Request, is_cursor_name, named};
use super::super::tools::Control;
use crate::clock::rfc3339_ms;
use crate::error::{Error, Result};
use crate::event::StorageState;
use crate::journal::beyond;

/// Commits are told at most this often; a reader reads all there is anyway.
const TELL_EVERY: Duration = Duration::from_micros(200);

pub async fn run(control: &Control, request: &Request, client: Conversation) -> Result<()> {
    let place = enter(control, request, client.pid);
    let mut cursors = std::pin::pin!(take_cursors(control, client.requests, place));
    tokio::select! {
        ended = &mut cursors => ended,
        // A client that was killed has left its last cursors in the socket.
        _ = tell_news(control, client.answers) => cursors.await,
    }
}

/// A reader that says its cursor is shown while it follows.
fn enter(control: &Control, request: &Request, pid: Option<u32>) -> Option<Place> {
    let cursor = request.cursor.clone().filter(|name| is_cursor_name(name))?;
    let since = rfc3339_ms(control.clock.wall_ms());
    Some(control.readers.enter(ReaderStatus { cursor, pid, since }))
}

async fn take_cursors(control: &Control, mut requests: Requests, place: Option<Place>) -> Result<()> {
    while let Some(Ok(request)) = next_request(&mut requests).await? {
        let (name, seq) = named(&request)?;
        let newest = *control.newest.borrow();
        if seq > newest {
            return Err(beyond(seq, newest));
        }
        let store = || control.cursors.store(name, seq);
        match &place {
            Some(place) => place.store(name, store),
            None => store(),
        }
    }
    Ok(())
}

async fn tell_news(control: &Control, mut answers: OwnedWriteHalf) -> Result<()> {
    let (mut newest, mut trouble) = (control.newest.clone(), control.storage.clone());
    // One that comes while all is well hears nothing of it.
    let mut tells = control.storage.borrow().state != StorageState::Ok;
    loop {
        let storage = tells.then(|| trouble.borrow_and_update().clone());
        let news = News { newest: *newest.borrow_and_update(), storage };
        let news = serde_json::to_string(&news).expect("a number is plain data");
        // Without a deadline: a client that was stopped for a while hears the newest when it goes on.
        let told = answers.write_all(format!("{news}\n").as_bytes()).await;
        told.map_err(|error| Error::network(error.to_string()))?;
        tells = tokio::select! {
            biased;
            changed = trouble.changed() => changed.is_ok(),
            changed = newest.changed() => match changed {
                Ok(()) => false,
                Err(_) => return Ok(()),
            },
        };
        sleep(TELL_EVERY).await;
    }
}
