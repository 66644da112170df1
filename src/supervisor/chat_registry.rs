//! Which bot is in which chat. A reader of the journal: what it missed while the process was down is still
//! there when it starts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, RpcReplyPort};
use tokio::sync::watch;

use super::known_chats::{Change, ChatState, KnownChats, Synced};
use super::part::{self, Part};
use super::seat::Seat;
use super::task::{Round, Task, after_commits, blocking};
use crate::clock::{Clock, WallMs};
use crate::error::{Error, Result};
use crate::event::ids::ChatId;
use crate::event::{ChatChange, Event};
use crate::journal::{Appender, ChatLine, Cursors, Journal, RECONCILED, Reader};
use crate::transport::verbs::{Chat, Items};
use crate::transport::{Call, Rooms};

/// The registry's position in the journal.
const CURSOR: &str = "registry";

/// How long the platform's list is waited for.
const RECONCILE_PATIENCE: Duration = Duration::from_secs(30);

pub struct Running {
    part: Part<Msg>,
}

pub async fn start(journal: &Journal, data: &Path, rooms: Rooms, supervisor: ActorCell) -> Result<Running> {
    let (open, cursors, newest) = (journal.opener(), journal.cursors(), journal.newest());
    let (data, open) = (data.to_owned(), Arc::new(open));
    let make = move || {
        let (open, rooms, cursors, data) = (Arc::clone(&open), rooms.clone(), cursors.clone(), data.clone());
        let commits = newest.clone();
        let work = Round::new(move |again| {
            let (reader, newest) = (open()?, *commits.borrow());
            let position = if again { newest } else { reader.cursor(CURSOR)?.unwrap_or(0) };
            Ok(Work { rooms: rooms.clone(), reader, cursors: cursors.clone(), data: data.clone(), position })
        })?;
        Ok((ChatRegistry, Args { work, newest: newest.clone() }))
    };
    let part = part::begin("chat_registry", journal.appender(), supervisor, make).await?;
    Ok(Running { part })
}

impl Running {
    /// Takes in what the journal holds by now.
    pub async fn finish(self) {
        let _ = ractor::call_t!(self.part.actor(), Msg::CatchUp, 500);
    }
}

struct ChatRegistry;

struct Args {
    work: Round<Work>,
    newest: watch::Receiver<u64>,
}

enum Msg {
    CatchUp(RpcReplyPort<()>),
}

struct State {
    work: Round<Work>,
    newest: Option<watch::Receiver<u64>>,
    waker: Option<Task>,
}

impl Actor for ChatRegistry {
    type Msg = Msg;
    type State = State;
    type Arguments = Args;

    async fn pre_start(&self, _myself: ActorRef<Msg>, args: Args) -> Result<State, ActorProcessingErr> {
        Ok(State { work: args.work, newest: Some(args.newest), waker: None })
    }

    async fn post_start(&self, myself: ActorRef<Msg>, state: &mut State) -> Result<(), ActorProcessingErr> {
        if let Some(newest) = state.newest.take() {
            state.waker = Some(after_commits(myself, Msg::CatchUp, newest));
        }
        Ok(())
    }

    async fn handle(
        &self,
        _myself: ActorRef<Msg>,
        msg: Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        crate::fault::may_panic("chat_registry");
        let Msg::CatchUp(reply) = msg;
        if let Err(error) = state.work.run(Work::catch_up).await {
            tracing::error!(%error, "the registry of chats cannot read the journal");
        }
        let _ = reply.send(());
        Ok(())
    }
}

/// Brings a profile's file in line with the platform's list. What changed unnoticed is told in lines, except at the
/// first time, when all of it is new.
pub async fn reconcile(
    data: &Path,
    seat: &Seat,
    appender: &Appender,
    rooms: &Rooms,
    now: WallMs,
) -> Result<Synced> {
    let before = appender.newest().await.unwrap_or_default();
    let listed = (seat.perform)(Call::Chats { limit: None }, RECONCILE_PATIENCE).await?;
    let listed: Items<Chat> =
        serde_json::from_value(listed).map_err(|error| Error::internal(error.to_string()))?;
    let live: Vec<(ChatId, String)> =
        listed.items.into_iter().map(|chat| (ChatId::new(chat.chat_id), chat.name)).collect();
    for (chat, _) in &live {
        rooms.set_member(chat, &seat.name, true);
    }
    rooms.set_listed(&seat.name);
    let (folder, chats) = (data.join(seat.name.as_ref()), live.len());
    let (journal, name) = (data.join("journal.db"), Arc::clone(&seat.name));
    let reconciled = blocking(move || {
        let reader = Reader::open(&journal)?;
        KnownChats::update(&folder, now, |known| {
            // Read under the file's lock: what the registry has put there since is in the journal.
            let told = told_since(&reader, &name, before)?;
            Ok((known.chats.is_empty(), known.reconcile(&live, &told, now)))
        })?
    });
    let (first, changes) = reconciled.await?;
    for change in &changes {
        rooms.set_member(&change.chat_id, &seat.name, change.state == Some(ChatState::Joined));
        if !first {
            appender.say(seat.intake.own(&told(change.clone())));
        }
    }
    Ok(Synced { chats, changes })
}

/// The chats that events have told of since.
fn told_since(reader: &Reader, profile: &str, mut after: u64) -> Result<BTreeSet<String>> {
    let mut told = BTreeSet::new();
    loop {
        let lines = reader.chat_changes(after)?;
        let Some(last) = lines.last() else { return Ok(told) };
        after = last.seq;
        let of_profile = lines.into_iter().filter(|line| line.profile == profile);
        let changes = of_profile.filter_map(change_of);
        told.extend(changes.filter(|change| change.state.is_some()).map(|change| change.chat_id.to_string()));
    }
}

fn told(change: Change) -> Event {
    let line = ChatChange {
        chat_id: change.chat_id,
        chat_name: change.name,
        reason: RECONCILED.to_owned(),
        operator_id: None,
    };
    match change.state {
        Some(ChatState::Joined) | None => Event::ChatJoined(line),
        Some(ChatState::Removed | ChatState::Disbanded) => Event::ChatLeft(line),
    }
}

struct Work {
    rooms: Rooms,
    reader: Reader,
    cursors: Cursors,
    data: PathBuf,
    position: u64,
}

impl Work {
    fn catch_up(&mut self) -> Result<()> {
        loop {
            let lines = self.reader.chat_changes(self.position)?;
            let Some(last) = lines.last().map(|line| line.seq) else { return Ok(()) };
            let now = Clock::system().wall_ms();
            let mut by_profile: BTreeMap<String, Vec<Change>> = BTreeMap::new();
            for line in lines {
                let profile = line.profile.clone();
                by_profile.entry(profile).or_default().extend(change_of(line));
            }
            for (profile, changes) in by_profile {
                for change in changes.iter().filter(|change| change.state.is_some()) {
                    let joined = change.state == Some(ChatState::Joined);
                    self.rooms.set_member(&change.chat_id, &profile, joined);
                }
                let updated = KnownChats::update(&self.data.join(&profile), now, |known| {
                    changes.iter().for_each(|change| known.apply(change, now));
                });
                if let Err(error) = updated {
                    // One profile's broken folder is no reason to keep the others' files old.
                    tracing::error!(%error, profile, "the known chats of this profile cannot be kept");
                }
            }
            self.position = last;
            self.cursors.store(CURSOR, last);
        }
    }
}

/// Nothing where the line names no chat.
fn change_of(line: ChatLine) -> Option<Change> {
    let state = match line.type_name.as_str() {
        "rooma.chat_joined" => Some(ChatState::Joined),
        "rooma.chat_left" if line.reason.as_deref() == Some("disbanded") => Some(ChatState::Disbanded),
        "rooma.chat_left" => Some(ChatState::Removed),
        _ => None,
    };
    let named = !line.chat_id.as_str().is_empty();
    named.then_some(Change { chat_id: line.chat_id, name: line.chat_name, state })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_became_of_a_chat() {
        let change = |type_name: &str, reason: Option<&str>, name: Option<&str>| {
            let line = ChatLine {
                seq: 1,
                profile: "a".to_owned(),
                type_name: type_name.to_owned(),
                chat_id: ChatId::new("C1:2.3"),
                chat_name: name.map(str::to_owned),
                reason: reason.map(str::to_owned),
            };
            change_of(line).map(|change| (change.state, change.name))
        };
        let (joined, left) = ("rooma.chat_joined", "rooma.chat_left");
        let known = |state, name: Option<&str>| Some((state, name.map(str::to_owned)));
        assert_eq!(change(joined, Some("added"), Some("Ops")), known(Some(ChatState::Joined), Some("Ops")));
        assert_eq!(change(left, Some("disbanded"), None), known(Some(ChatState::Disbanded), None));
        assert_eq!(change(left, Some("removed"), None), known(Some(ChatState::Removed), None));
        assert_eq!(change("chat.updated", None, Some("Ops 2")), known(None, Some("Ops 2")));
    }
}
