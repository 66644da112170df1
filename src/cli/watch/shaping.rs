//! What `--coalesce` and `--context` make of a page before it is written.

use std::collections::HashSet;
use std::time::Duration;

use super::backlog::Backlog;
use super::before::Before;
use super::read::{Read, is_own};
use super::source::Source;
use super::together::Together;
use crate::core::coalesce::{Piece, Plan};
use crate::error::Result;
use crate::event::{Added, Message};
use crate::journal::{Had, Page, Reader};

/// Pages counted for `pending`; beyond, it is a lower bound.
const PENDING_PAGES: usize = 64;

/// The options that look at more than one line. Without them a page is written as it is.
#[derive(Default)]
pub struct Shape {
    pub together: Option<Together>,
    pub before: Option<Before>,
    /// Only messages that are meant for one of the profiles; asked of a message once it is whole.
    pub mentioned: bool,
}

/// The next page to be written, and how soon to look again where it brings nothing.
pub struct Next {
    pub page: Page,
    pub wait: Option<Duration>,
}

/// What lies between two lines was written with an earlier one, or is held back.
fn behind(page: &Page) -> Vec<u64> {
    let nexts = page.ends.iter().skip(1).map(|(seq, _)| seq - 1);
    if page.ends.is_empty() { Vec::new() } else { nexts.chain([page.looked_to]).collect() }
}

impl Shape {
    /// The lines behind `after`, as they are to be read.
    pub async fn next_page(&mut self, source: &mut Source, backlog: &Backlog, after: u64) -> Result<Next> {
        let page = source.page(after)?;
        if self.together.is_none() && self.before.is_none() {
            return Ok(Next { page, wait: None });
        }
        let reads = Read::all(&page);
        let plan = self.plan(&reads, &page, after, &source.reader);
        let mut shaped = Page { looked_to: page.looked_to, cut: page.cut, ..Page::default() };
        shaped.held_back.clone_from(&page.held_back);
        if let Some(held) = plan.held {
            shaped.looked_to = held - 1;
        }
        for piece in &plan.pieces {
            self.write(source, backlog, piece, &reads, &mut shaped).await?;
        }
        shaped.behind = behind(&shaped);
        Ok(Next {
            page: shaped,
            wait: plan.wait_ms.and_then(|wait| u64::try_from(wait).ok()).map(Duration::from_millis),
        })
    }

    async fn write(
        &mut self,
        source: &mut Source,
        backlog: &Backlog,
        piece: &Piece,
        reads: &[Read<'_>],
        to: &mut Page,
    ) -> Result<()> {
        let read = &reads[piece.first()];
        let coalescing = self.together.is_some();
        let (mut added, mentioned) = if coalescing { added(piece, reads) } else { own(read) };
        if self.mentioned && !read.passes(mentioned) {
            to.held_back.push(read.seq);
            return Ok(());
        }
        let Some((whole, message)) = &read.message else {
            to.bytes.extend_from_slice(read.line);
            to.ends.push((read.seq, to.bytes.len()));
            return Ok(());
        };
        if let Some(before) = &mut self.before
            && before.is_due(&message.chat_id, mentioned)
        {
            added.context = Some(before.told(source, backlog.hurries(), whole, message).await?);
        }
        let message = Message { mentioned, ..message.clone() };
        whole.write_with(&message, &added, &mut to.bytes);
        to.ends.push((read.seq, to.bytes.len()));
        Ok(())
    }

    /// Lines behind this position that wait for a watch of this shape.
    pub fn pending(&self, source: &Source, mut after: u64) -> Result<u64> {
        let (mut count, mut told) = (0, HashSet::new());
        for _ in 0..PENDING_PAGES {
            let page = source.reader.page(after, &source.filter, &Had::default())?;
            if page.looked_to == after {
                break;
            }
            (after, count) = (page.looked_to, count + self.waiting(&page, &mut told));
        }
        Ok(count)
    }

    fn plan(&mut self, reads: &[Read<'_>], page: &Page, after: u64, reader: &Reader) -> Plan {
        match &mut self.together {
            Some(together) => together.plan(reads, page, after, reader),
            None => Plan { pieces: (0..reads.len()).map(Piece::Line).collect(), ..Plan::default() },
        }
    }

    /// How many lines of a page wait for the next watch. `told` are the messages that were counted.
    fn waiting(&self, page: &Page, told: &mut HashSet<String>) -> u64 {
        if self.together.is_none() {
            return page.ends.len() as u64;
        }
        let mut counts = |read: &Read<'_>| match &read.message {
            Some((_, message)) => {
                (!self.mentioned || message.mentioned) && told.insert(message.message_id.to_string())
            }
            None => !self.mentioned || is_own(read.line),
        };
        Read::all(page).iter().filter(|read| counts(read)).count() as u64
    }
}

fn own(read: &Read<'_>) -> (Added, bool) {
    (Added::default(), read.message.as_ref().is_some_and(|(_, message)| message.mentioned))
}

/// What a message's line says of all the profiles that have it, and whether it is meant for any.
fn added(piece: &Piece, reads: &[Read<'_>]) -> (Added, bool) {
    let (all, late) = match piece {
        Piece::Together(all) => (all.clone(), None),
        Piece::Late(at) => (vec![*at], Some(true)),
        Piece::Line(at) => return own(&reads[*at]),
    };
    let (mut profiles, mut mentioned_profiles) = (Vec::new(), Vec::new());
    for (whole, message) in all.iter().filter_map(|at| reads[*at].message.as_ref()) {
        if profiles.contains(&whole.profile) {
            continue;
        }
        profiles.push(whole.profile.clone());
        if message.mentioned {
            mentioned_profiles.push(whole.profile.clone());
        }
    }
    let mentioned = !mentioned_profiles.is_empty();
    let added = Added {
        profiles: Some(profiles),
        mentioned_profiles: Some(mentioned_profiles),
        coalesced_late: late,
        context: None,
    };
    (added, mentioned)
}
