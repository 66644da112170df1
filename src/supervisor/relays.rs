//! What one of ours has said and others of ours have still to hear: relayed at once, in the order it was posted, whatever
//! the platform delivers. It is kept in `data/relays.json` until it is journalled for everybody, so that neither a
//! kill of the supervisor nor a send that went past it loses a word.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef};
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;

use super::cannot_start;
use super::care::{CatchUpRules, millis};
use super::root::Asker;
use super::stored::{self, Stamp, Stored};
use super::task::{Task, blocking};
use crate::clock::{Clock, WallMs};
use crate::error::{Error, Kind, Result};
use crate::event::ids::{ChatId, MessageId};
use crate::journal::Appender;
use crate::transport::Rooms;

/// How often it is looked whether a send went past the supervisor, and whether something is due again.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Relays under way at one time.
const AT_ONCE: usize = 16;

/// After trouble that passes, growing.
const RETRY_MIN: Duration = Duration::from_secs(2);
const RETRY_MAX: Duration = Duration::from_secs(300);

/// Messages that are owed at one time. Beyond, the oldest are left to the platform.
const OWED_MAX: usize = 1000;

/// Profiles that are asked about a message of which nobody knows who else sits in its chat.
const ASKED_MAX: usize = 32;

/// A message that others have still to hear of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owed {
    pub sender: String,
    pub chat_id: ChatId,
    pub message_id: MessageId,
    pub at: WallMs,
    /// Absent where the one who posted it did not know who sits there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<BTreeSet<String>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relays {
    version: u32,
    #[serde(default)]
    messages: Vec<Owed>,
}

impl Stored for Relays {
    const NAME: &'static str = "relays";
    const VERSION: u32 = 1;

    fn version(&self) -> u32 {
        self.version
    }

    fn set_version(&mut self, version: u32) {
        self.version = version;
    }
}

impl Relays {
    fn owe(&mut self, owed: Owed) {
        // The same send again, by somebody who did not hear that it was done.
        if self.messages.iter().any(|known| known.message_id == owed.message_id) {
            return;
        }
        self.messages.push(owed);
        let over = self.messages.len().saturating_sub(OWED_MAX);
        self.messages.drain(..over);
    }

    fn settle(&mut self, settled: &[Heard]) {
        for message in &mut self.messages {
            let to = message.to.iter_mut();
            to.for_each(|to| {
                to.retain(|profile| {
                    !settled.iter().any(|heard| {
                        heard.profile.as_ref() == profile && heard.message_id == message.message_id
                    })
                });
            });
        }
        self.messages.retain(|message| message.to.as_ref().is_none_or(|to| !to.is_empty()));
    }

    /// Says who is to hear of a message whose sender could not tell.
    fn address(&mut self, who: impl Fn(&Owed) -> BTreeSet<String>) {
        for message in self.messages.iter_mut().filter(|message| message.to.is_none()) {
            message.to = Some(who(message));
        }
        self.messages.retain(|message| message.to.as_ref().is_some_and(|to| !to.is_empty()));
    }

    /// What is too old is left to the platform.
    fn give_up(&mut self, now: WallMs, max_age_ms: i64) {
        self.messages.retain(|message| now.saturating_sub(message.at) <= max_age_ms);
    }
}

/// Notes a message that others have to hear of. From here on nothing but time makes it forgotten.
pub fn owe(data: &Path, now: WallMs, owed: Owed) -> Result<()> {
    stored::update(data, now, |relays: &mut Relays| relays.owe(owed))
}

/// What relaying works with.
#[derive(Clone)]
pub struct Relaying {
    pub data: PathBuf,
    pub clock: Clock,
    pub appender: Appender,
    pub asker: Asker,
    pub rooms: Rooms,
    pub catch_up: CatchUpRules,
}

/// The way to the actor.
#[derive(Clone)]
pub struct Relayer {
    actor: ActorRef<Msg>,
    relaying: Relaying,
}

impl Relayer {
    /// One of ours has posted this. Returns once nothing can make the others miss it.
    pub async fn posted(&self, sender: &str, chat: &ChatId, message: &MessageId) {
        let Relaying { rooms, clock, data, .. } = &self.relaying;
        let members = rooms.members(chat);
        // A chat that its sender is not known to sit in is one of which nothing is known.
        let known = members.iter().any(|profile| profile == sender);
        let to: BTreeSet<String> = members.into_iter().filter(|profile| profile != sender).collect();
        if to.is_empty() && (known || self.is_alone().await) {
            return;
        }
        rooms.set_member(chat, sender, true);
        let (data, at) = (data.clone(), clock.wall_ms());
        let owed = Owed {
            sender: sender.to_owned(),
            chat_id: chat.clone(),
            message_id: message.clone(),
            at,
            to: known.then_some(to),
        };
        let _ = self.actor.cast(Msg::Owed(owed.clone()));
        if let Err(error) = blocking(move || owe(&data, at, owed)).await {
            tracing::warn!(%error, "what is relayed now would be lost in a kill");
        }
        if !known {
            let _ = self.actor.cast(Msg::Tick);
        }
    }

    async fn is_alone(&self) -> bool {
        self.relaying.asker.profiles().await.is_ok_and(|profiles| profiles.len() < 2)
    }
}

pub async fn start(relaying: Relaying, parent: ActorCell) -> Result<Relayer> {
    let (actor, _) = Actor::spawn_linked(None, Postman, relaying.clone(), parent)
        .await
        .map_err(|error| cannot_start("the relay between profiles", error))?;
    Ok(Relayer { actor, relaying })
}

struct Postman;

/// A profile has heard of a message, or never will.
#[derive(Clone, Debug)]
struct Heard {
    profile: Arc<str>,
    message_id: MessageId,
}

enum Msg {
    Owed(Owed),
    Tick,
    Relayed { chat: ChatId, heard: Heard, outcome: Result<()> },
}

/// One profile in one chat: it hears one message after the other.
type Line = (ChatId, Arc<str>);

struct State {
    relaying: Relaying,
    places: Arc<Semaphore>,
    /// The file as it was looked at last.
    stamp: Stamp,
    owed: Vec<Owed>,
    /// Settled, and not yet taken out of the file.
    settled: Vec<Heard>,
    at_work: BTreeMap<Line, Task>,
    /// Attempts so far, and when the next one is due.
    later: BTreeMap<Line, (u32, Instant)>,
}

impl Actor for Postman {
    type Msg = Msg;
    type State = State;
    type Arguments = Relaying;

    async fn pre_start(
        &self,
        myself: ActorRef<Msg>,
        relaying: Relaying,
    ) -> Result<State, ActorProcessingErr> {
        myself.send_interval(LOOK_EVERY, || Msg::Tick);
        Ok(State {
            relaying,
            places: Arc::new(Semaphore::new(AT_ONCE)),
            stamp: None,
            owed: Vec::new(),
            settled: Vec::new(),
            at_work: BTreeMap::new(),
            later: BTreeMap::new(),
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<Msg>,
        msg: Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match msg {
            Msg::Owed(owed) => state.owed.push(owed),
            Msg::Tick => {
                if let Err(error) = state.look().await {
                    tracing::warn!(%error, "what is to be relayed cannot be kept");
                }
            }
            Msg::Relayed { chat, heard, outcome } => state.relayed(chat, heard, outcome),
        }
        state.start_due(&myself);
        Ok(())
    }
}

impl State {
    /// Brings file and memory together, where one of them knows more.
    async fn look(&mut self) -> Result<()> {
        let stamp = stored::stamp::<Relays>(&self.relaying.data);
        if stamp == self.stamp && self.settled.is_empty() {
            return Ok(());
        }
        let settled = self.settled.clone();
        let (now, max_age_ms) = (self.relaying.clock.wall_ms(), millis(self.relaying.catch_up.max_age));
        let done = settled.len();
        self.owed = self
            .change(move |relays| {
                relays.give_up(now, max_age_ms);
                relays.settle(&settled);
            })
            .await?;
        self.settled.drain(..done);
        if self.owed.iter().any(|message| message.to.is_none()) {
            let profiles = self.relaying.asker.profiles().await?;
            let profiles: Vec<String> = profiles.into_iter().map(|status| status.profile).collect();
            let rooms = self.relaying.rooms.clone();
            self.owed =
                self.change(move |relays| relays.address(|owed| listeners(owed, &rooms, &profiles))).await?;
        }
        self.stamp = stamp;
        Ok(())
    }

    async fn change(&self, change: impl FnOnce(&mut Relays) + Send + 'static) -> Result<Vec<Owed>> {
        let (data, now) = (self.relaying.data.clone(), self.relaying.clock.wall_ms());
        let changed = blocking(move || {
            stored::update(&data, now, |relays: &mut Relays| {
                change(relays);
                relays.messages.clone()
            })
        });
        changed.await
    }

    fn relayed(&mut self, chat: ChatId, heard: Heard, outcome: Result<()>) {
        let line = (chat, Arc::clone(&heard.profile));
        self.at_work.remove(&line);
        match outcome {
            // A profile that is parked for its secret hears of it once that is mended.
            Err(error) if error.retryable || error.kind == Kind::Authentication => {
                tracing::info!(profile = %heard.profile, %error, "not relayed yet");
                let (attempts, due) = self.later.entry(line).or_insert((0, Instant::now()));
                *due = Instant::now() + (RETRY_MIN * 2_u32.pow((*attempts).min(8))).min(RETRY_MAX);
                *attempts += 1;
                return;
            }
            Err(error) => {
                tracing::info!(profile = %heard.profile, %error, "not relayed; the platform may deliver it");
            }
            Ok(()) => {}
        }
        self.later.remove(&line);
        let mut relays = Relays { version: 0, messages: std::mem::take(&mut self.owed) };
        relays.settle(std::slice::from_ref(&heard));
        self.owed = relays.messages;
        self.settled.push(heard);
    }

    fn start_due(&mut self, myself: &ActorRef<Msg>) {
        let mut first: BTreeMap<Line, &Owed> = BTreeMap::new();
        for owed in &self.owed {
            for profile in owed.to.iter().flatten() {
                first.entry((owed.chat_id.clone(), Arc::from(profile.as_str()))).or_insert(owed);
            }
        }
        let now = Instant::now();
        for (line, owed) in first {
            let due = self.later.get(&line).is_none_or(|(_, due)| now >= *due);
            if !due || self.at_work.contains_key(&line) {
                continue;
            }
            let (relaying, places, actor) = (self.relaying.clone(), Arc::clone(&self.places), myself.clone());
            let ((chat, profile), owed) = (line.clone(), owed.clone());
            let work = Task::spawn(async move {
                let Ok(_place) = places.acquire().await else { return };
                let outcome = relaying.relay(&profile, &owed).await;
                let heard = Heard { profile, message_id: owed.message_id };
                let _ = actor.cast(Msg::Relayed { chat, heard, outcome });
            });
            self.at_work.insert(line, work);
        }
    }
}

impl Relaying {
    async fn relay(&self, profile: &str, owed: &Owed) -> Result<()> {
        let Some(seat) = self.asker.seat(profile).await? else { return Ok(()) };
        let Some(mut entry) = (seat.relay)(owed.message_id.clone()).await? else { return Ok(()) };
        // As much later as counts for an outage, it tells of the past.
        entry.replayed =
            self.clock.wall_ms().saturating_sub(owed.at) > millis(self.catch_up.after) || entry.replayed;
        let (answers, mut settled) = mpsc::unbounded_channel();
        self.appender.append(vec![entry], &answers, 0).await;
        match settled.recv().await.map(|settled| settled.outcome) {
            Some(Ok(_)) => Ok(()),
            Some(Err(error)) => Err(Error::storage(error).retryable(true)),
            None => Err(Error::storage("the journal is closed").retryable(true)),
        }
    }
}

/// Who may have to hear of a message, where its sender could not tell who sits there.
fn listeners(owed: &Owed, rooms: &Rooms, profiles: &[String]) -> BTreeSet<String> {
    let members = rooms.members(&owed.chat_id);
    let all = profiles.iter().take(ASKED_MAX).chain(&members);
    all.filter(|profile| **profile != owed.sender).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owed(id: &str, at: WallMs, to: Option<&[&str]>) -> Owed {
        Owed {
            sender: "a".to_owned(),
            chat_id: ChatId::new("oc_1"),
            message_id: MessageId::new(id),
            at,
            to: to.map(|to| to.iter().map(|profile| (*profile).to_owned()).collect()),
        }
    }

    fn heard(profile: &str, id: &str) -> Heard {
        Heard { profile: Arc::from(profile), message_id: MessageId::new(id) }
    }

    fn ids(relays: &Relays) -> Vec<&str> {
        relays.messages.iter().map(|message| message.message_id.as_str()).collect()
    }

    #[test]
    fn a_message_is_owed_until_everybody_has_heard_of_it() {
        let mut relays = Relays::default();
        relays.owe(owed("om_1", 0, Some(&["b", "c"])));
        relays.owe(owed("om_1", 5, None));
        relays.owe(owed("om_2", 0, None));
        assert_eq!(ids(&relays), ["om_1", "om_2"], "the same send again is one");
        relays.settle(&[heard("b", "om_1"), heard("c", "om_9")]);
        assert_eq!(ids(&relays), ["om_1", "om_2"]);
        relays.settle(&[heard("c", "om_1"), heard("b", "om_2")]);
        assert_eq!(ids(&relays), ["om_2"], "nobody knows yet who is to hear of it");
    }

    #[test]
    fn who_hears_of_a_message_that_went_past_the_supervisor_is_everybody_else() {
        let rooms = Rooms::default();
        rooms.set_member(&ChatId::new("oc_1"), "far", true);
        let profiles: Vec<String> = ["a", "b"].map(str::to_owned).into();
        let mut relays = Relays::default();
        relays.owe(owed("om_1", 0, None));
        relays.address(|owed| listeners(owed, &rooms, &profiles));
        let to: Vec<&String> = relays.messages[0].to.iter().flatten().collect();
        assert_eq!(to, ["b", "far"]);
        let mut alone = Relays::default();
        alone.owe(owed("om_1", 0, None));
        alone.address(|owed| listeners(owed, &Rooms::default(), &profiles[..1]));
        assert!(alone.messages.is_empty());
    }

    #[test]
    fn what_is_owed_has_bounds_in_number_and_time() {
        let mut relays = Relays::default();
        for n in 0..OWED_MAX + 3 {
            relays.owe(owed(&format!("om_{n}"), n as i64, Some(&["b"])));
        }
        assert_eq!((relays.messages.len(), ids(&relays)[0]), (OWED_MAX, "om_3"));
        relays.give_up(1000, 10);
        assert_eq!(ids(&relays)[0], "om_990");
        // A clock that was set back makes nothing old.
        relays.give_up(-5000, 10);
        assert_eq!(ids(&relays)[0], "om_990");
    }
}
