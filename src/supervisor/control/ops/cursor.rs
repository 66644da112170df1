//! Stores a cursor, as the last word of a reader that ends.

use super::super::conversation::Conversation;
use super::super::protocol::{Done, Request, named};
use super::super::tools::Control;
use crate::error::Result;
use crate::journal::beyond;

pub async fn run(control: &Control, request: &Request, client: &mut Conversation) -> Result<()> {
    let (name, seq) = named(request)?;
    let stored = store(control, name, seq);
    control.cursors.settled().await;
    client.respond(stored.map(|()| Done::DONE)).await
}

fn store(control: &Control, name: &str, seq: u64) -> Result<()> {
    let newest = *control.newest.borrow();
    if seq > newest {
        return Err(beyond(seq, newest));
    }
    control.readers.close(name, || control.cursors.store(name, seq));
    Ok(())
}
