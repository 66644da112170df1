//! Fetches what was said while a profile was away and the platform delivers no more.

use std::collections::HashSet;

use tokio::sync::mpsc;
use tokio::time::sleep;

use super::care::{Care, PAUSE};
use super::seat::Seat;
use crate::clock::rfc3339_ms;
use crate::core::hearing::{Hears, Window};
use crate::error::{Error, Kind, Result};
use crate::event::ids::{ChatId, ThreadId};
use crate::event::{Catchup, CatchupCut, ChatType, Event};
use crate::journal::{Activity, Appended};
use crate::transport::verbs::{Chat, Items, Place};
use crate::transport::{Call, Inbound, Missing};

/// How long the list of chats is waited for.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// Chats that are looked into after one outage.
const CHATS_MAX: usize = 500;

/// Threads that are looked into per chat.
const THREADS_MAX: usize = 10;

/// A chat to look into.
struct Candidate {
    chat_id: ChatId,
    chat_type: ChatType,
    threads: Vec<ThreadId>,
}

/// So many chats may fail in one round before the rest waits for the next.
const FAILED_MAX: usize = 3;

/// Journals what was missed in every chat, and says how much that was. Fails only where it is worth another try, after
/// the chats that can be read; with the `last` try a chat that still fails is told of and left.
pub async fn catch_up(care: &Care, seat: &Seat, window: Window, last: bool) -> Result<()> {
    let name = seat.name.to_string();
    let activity = care.read(move |reader| reader.activity(&name)).await?;
    // Who may read a group's history is also told of all its people's words.
    let hears = Hears { everybody: true, ..activity.hears };
    let mut round = Round { care, seat, window, hears, left: care.catch_up.total };
    if window.cut {
        round.tell(None, 0, Some(CatchupCut::MaxAge), None);
    }
    let mut failed: Vec<(ChatId, Error)> = Vec::new();
    let (candidates, more) = candidates(seat, activity).await?;
    if more {
        round.tell(None, 0, Some(CatchupCut::Chats), None);
    }
    for candidate in candidates {
        if round.left == 0 {
            round.tell(Some(&candidate.chat_id), 0, Some(CatchupCut::Total), None);
            break;
        }
        if let Err(error) = round.chat(&candidate).await {
            failed.push((candidate.chat_id, error));
            if failed.len() >= FAILED_MAX && !last {
                break;
            }
        }
        sleep(PAUSE).await;
    }
    for (chat, error) in failed {
        if !last {
            return Err(error);
        }
        round.tell(Some(&chat), 0, None, Some(error.sentence()));
    }
    Ok(())
}

/// The busiest chats first, then all others the bot is in. Direct conversations are in no list of some platforms.
/// True where there are more than are looked into.
async fn candidates(seat: &Seat, activity: Activity) -> Result<(Vec<Candidate>, bool)> {
    let listed = (seat.perform)(Call::Chats { limit: Some(CHATS_MAX) }, PATIENCE).await?;
    let listed: Items<Chat> =
        serde_json::from_value(listed).map_err(|error| Error::internal(error.to_string()))?;
    let lists_direct = seat.transport.traits().lists_direct;
    let mut found: Vec<Candidate> = Vec::new();
    for chat in activity.chats {
        let here = listed.items.iter().any(|listed| listed.chat_id == chat.chat_id.as_str());
        if here || (chat.chat_type == ChatType::P2p && !lists_direct) {
            let (chat_id, chat_type, threads) = (chat.chat_id, chat.chat_type, chat.threads);
            found.push(Candidate { chat_id, chat_type, threads });
        }
    }
    for chat in listed.items {
        if !found.iter().any(|known| known.chat_id.as_str() == chat.chat_id) {
            let topic = chat.chat_mode.as_deref() == Some("topic");
            let chat_type = if topic { ChatType::Topic } else { ChatType::Group };
            found.push(Candidate { chat_id: ChatId::new(chat.chat_id), chat_type, threads: Vec::new() });
        }
    }
    let more = listed.has_more || found.len() > CHATS_MAX;
    found.truncate(CHATS_MAX);
    Ok((found, more))
}

struct Round<'a> {
    care: &'a Care,
    seat: &'a Seat,
    window: Window,
    hears: Hears,
    /// Messages that may still be taken.
    left: usize,
}

impl Round<'_> {
    async fn chat(&mut self, chat: &Candidate) -> Result<()> {
        let limit = self.left.min(self.care.catch_up.per_chat);
        let bound = if limit < self.care.catch_up.per_chat { CatchupCut::Total } else { CatchupCut::PerChat };
        let whole = match self.fetch(Place::Chat(chat.chat_id.clone()), chat.chat_type, limit).await {
            Ok(whole) => whole,
            Err(error) if is_passing(&error) => return Err(error),
            Err(error) => {
                self.tell(Some(&chat.chat_id), 0, None, Some(error.sentence()));
                return Ok(());
            }
        };
        // Of those that were spoken in before nobody knows whether anything was missed.
        let many = newest_first(whole.threads.clone(), &[]).len() > THREADS_MAX;
        let mut cut = (whole.more || many).then_some(bound);
        let (mut messages, mut unread) = (whole.messages, whole.unread);
        let threads = newest_first(whole.threads, &chat.threads);
        for thread in threads.into_iter().take(THREADS_MAX) {
            let left = limit.saturating_sub(messages.len());
            if left == 0 {
                cut.get_or_insert(bound);
                break;
            }
            sleep(PAUSE).await;
            match self.fetch(Place::Thread(thread), chat.chat_type, left).await {
                Ok(missed) => {
                    messages.extend(missed.messages);
                    unread = unread.or(missed.unread);
                    cut = cut.or(missed.more.then_some(bound));
                }
                Err(error) if is_passing(&error) => return Err(error),
                // A thread that cannot be read is no reason to lose the rest of its chat.
                Err(error) => tracing::debug!(%error, "a thread cannot be read"),
            }
        }
        self.left = self.left.saturating_sub(messages.len());
        let count = self.journal(in_order(messages)).await?;
        if count > 0 || cut.is_some() || unread.is_some() {
            self.tell(Some(&chat.chat_id), count, cut, unread);
        }
        Ok(())
    }

    async fn fetch(
        &self,
        place: Place,
        chat_type: ChatType,
        limit: usize,
    ) -> Result<crate::transport::Missed> {
        let Window { since, .. } = self.window;
        let missing = Missing { place, chat_type, since, until: None, limit, hears: self.hears };
        (self.seat.fetch)(missing).await
    }

    /// Each by itself, so that it is known how many were new.
    async fn journal(&self, messages: Vec<Inbound>) -> Result<u32> {
        let (answers, mut settled) = mpsc::unbounded_channel();
        let count = messages.len();
        for (tag, message) in messages.into_iter().enumerate() {
            let entry = self.seat.intake.entry(message);
            self.care.appender.append(vec![entry], &answers, tag as u64).await;
        }
        let mut fresh = 0;
        for _ in 0..count {
            let Some(settled) = settled.recv().await else { break };
            match settled.outcome {
                Ok(Appended::Fresh) => fresh += 1,
                Ok(Appended::Duplicate) => {}
                Err(error) => return Err(Error::storage(error).retryable(true)),
            }
        }
        Ok(fresh)
    }

    fn tell(&self, chat: Option<&ChatId>, count: u32, cut: Option<CatchupCut>, error: Option<String>) {
        let event = Event::Catchup(Catchup {
            chat_id: chat.cloned(),
            count,
            since: rfc3339_ms(self.window.since),
            cut,
            error,
        });
        self.care.appender.say(self.seat.intake.own(&event));
    }
}

/// The threads of what was missed, then those that were spoken in before, each once.
fn newest_first(missed: Vec<String>, before: &[ThreadId]) -> Vec<ThreadId> {
    let mut threads: Vec<ThreadId> = Vec::new();
    for id in missed.into_iter().rev().map(ThreadId::new).chain(before.iter().cloned()) {
        if !threads.contains(&id) {
            threads.push(id);
        }
    }
    threads
}

/// Worth another try: the network, a limit, a platform in trouble.
fn is_passing(error: &Error) -> bool {
    error.retryable || error.kind == Kind::Network
}

/// Threads come after their chat; a message stands where it was written, and only once.
fn in_order(messages: Vec<Inbound>) -> Vec<Inbound> {
    let mut known = HashSet::new();
    let mut fresh = |message: &Inbound| message.key.clone().is_none_or(|key| known.insert(key));
    let mut messages: Vec<Inbound> = messages.into_iter().filter(|message| fresh(message)).collect();
    // RFC 3339 in one zone sorts as text.
    messages.sort_by(|one, other| one.written().cmp(other.written()));
    messages
}
