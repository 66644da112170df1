//! What one of ours has said and others of ours have still to hear: relayed at once, in the order it was posted, whatever
//! the platform delivers. It is kept in `data/relays.json` until it is journalled for everybody, so that neither a
//! kill of the supervisor nor a send that went past it loses a word.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef};
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;

use super::again::{Again, Waits};
use super::part::{self, Part};
use super::root::Asker;
use super::stored::{self, Stamp, Stored};
use super::task::{Task, blocking};
use super::upkeep::{CatchUpRules, millis};
use crate::clock::{Clock, WallMs};
use crate::error::{Error, Kind, Result};
use crate::event::ids::{ChatId, MessageId};
use crate::journal::Appender;
use crate::transport::Rooms;

/// How often it is looked whether a send went past the supervisor, and whether something is due again.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Relays under way at one time, and of those to one profile: an app that does not answer keeps nobody else waiting.
const AT_ONCE: usize = 64;
const AT_ONCE_EACH: usize = 4;

/// A message that could not be read so often lets the next ones pass.
const BLOCKS: u32 = 2;

/// After trouble that passes, growing.
const WAITS: Waits = Waits { min: Duration::from_secs(2), max: Duration::from_secs(300) };

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

    fn version(&mut self) -> &mut u32 {
        &mut self.version
    }
}

impl Relays {
    /// Gives back how many of the oldest had to go for it.
    fn owe(&mut self, owed: Owed) -> usize {
        // The same send again, by somebody who did not hear that it was done.
        if self.messages.iter().any(|known| known.message_id == owed.message_id) {
            return 0;
        }
        self.messages.push(owed);
        let over = self.messages.len().saturating_sub(OWED_MAX);
        self.messages.drain(..over).count()
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

    /// What is too old, and was tried in vain, is left to the platform. A clock that jumps makes things old.
    fn give_up(&mut self, now: WallMs, max_age_ms: i64, tried: &BTreeSet<MessageId>) {
        self.messages.retain(|message| {
            now.saturating_sub(message.at) <= max_age_ms || !tried.contains(&message.message_id)
        });
    }
}

/// Notes a message that others have to hear of. From here on nothing but time makes it forgotten.
pub fn owe(data: &Path, now: WallMs, owed: Owed) -> Result<()> {
    let dropped = stored::update(data, now, |relays: &mut Relays| relays.owe(owed))?;
    if dropped > 0 {
        tracing::warn!(dropped, "too much is to be relayed; the oldest is left to the platform");
    }
    Ok(())
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
    part: Part<Msg>,
    relaying: Relaying,
}

impl Relayer {
    /// One of ours has posted this. Returns once nothing can make the others miss it.
    pub async fn posted(&self, sender: &str, chat: &ChatId, message: &MessageId) {
        let Relaying { rooms, clock, data, asker, .. } = &self.relaying;
        rooms.set_member(chat, sender, true);
        // Of a profile whose chats could not be listed yet nobody knows where it sits.
        let profiles = asker.profiles().await.unwrap_or_default();
        let unlisted = profiles.into_iter().map(|status| status.profile);
        let unlisted = unlisted.filter(|profile| !rooms.is_listed(profile)).take(ASKED_MAX);
        let to: BTreeSet<String> =
            rooms.members(chat).into_iter().chain(unlisted).filter(|profile| profile != sender).collect();
        if to.is_empty() {
            return;
        }
        let (data, at) = (data.clone(), clock.wall_ms());
        let (sender, chat_id, message_id) = (sender.to_owned(), chat.clone(), message.clone());
        let owed = Owed { sender, chat_id, message_id, at, to: Some(to) };
        self.part.cast(Msg::Owed(owed.clone()));
        let kept = owed.clone();
        if let Err(error) = blocking(move || owe(&data, at, owed)).await {
            tracing::warn!(%error, "what is relayed now would be lost in a kill");
            self.part.cast(Msg::Unkept(kept));
        }
    }
}

pub async fn start(relaying: Relaying, parent: ActorCell) -> Result<Relayer> {
    let (kept, appender) = (relaying.clone(), relaying.appender.clone());
    let part = part::begin("relays", appender, parent, move || Ok((Postman, kept.clone()))).await?;
    Ok(Relayer { part, relaying })
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
    /// It could not be written.
    Unkept(Owed),
    Tick,
    Relayed {
        chat: ChatId,
        heard: Heard,
        outcome: Result<()>,
    },
}

/// One profile in one chat: it hears one message after the other.
type Line = (ChatId, Arc<str>);

struct State {
    relaying: Relaying,
    places: Arc<Semaphore>,
    places_of: BTreeMap<Arc<str>, Arc<Semaphore>>,
    /// The file as it was looked at last.
    stamp: Stamp,
    owed: Vec<Owed>,
    /// Settled, and not yet taken out of the file.
    settled: Vec<Heard>,
    /// Owed, and not yet in the file.
    unkept: Vec<Owed>,
    at_work: BTreeMap<Line, Task>,
    /// Attempts so far, and when the next one is due.
    failed: BTreeMap<(MessageId, Arc<str>), Again>,
    /// Profiles that are parked or gone: none of their messages is tried before that.
    away: BTreeMap<Arc<str>, Again>,
    /// Profiles of which it was said that they may not read what is relayed.
    told: BTreeSet<Arc<str>>,
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
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let (stamp, owed, settled, unkept) = Default::default();
        let (places_of, at_work, failed, away, told) = Default::default();
        Ok(State { relaying, places, places_of, stamp, owed, settled, unkept, at_work, failed, away, told })
    }

    async fn handle(
        &self,
        myself: ActorRef<Msg>,
        msg: Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        crate::fault::may_panic("relays");
        match msg {
            Msg::Owed(owed) => state.owed.push(owed),
            Msg::Unkept(owed) => state.unkept.push(owed),
            Msg::Tick => {
                if let Err(error) = state.look().await {
                    tracing::warn!(%error, "what is to be relayed cannot be kept");
                }
            }
            Msg::Relayed { chat, heard, outcome } => {
                crate::fault::may_panic("relays_relayed");
                state.relayed(chat, heard, outcome);
            }
        }
        state.start_due(&myself);
        Ok(())
    }
}

impl State {
    /// Brings file and memory together, where one of them knows more.
    async fn look(&mut self) -> Result<()> {
        let stamp = stored::stamp::<Relays>(&self.relaying.data);
        if stamp == self.stamp && self.settled.is_empty() && self.unkept.is_empty() {
            return Ok(());
        }
        let (settled, unkept) = (self.settled.clone(), self.unkept.clone());
        let tried: BTreeSet<MessageId> = self.failed.keys().map(|(message, _)| message.clone()).collect();
        let (now, max_age_ms) = (self.relaying.clock.wall_ms(), millis(self.relaying.catch_up.max_age));
        self.owed = self
            .change(move |relays| {
                unkept.into_iter().for_each(|owed| {
                    relays.owe(owed);
                });
                relays.give_up(now, max_age_ms, &tried);
                relays.settle(&settled);
            })
            .await?;
        self.settled.clear();
        self.unkept.clear();
        let still: BTreeSet<&MessageId> = self.owed.iter().map(|message| &message.message_id).collect();
        self.failed.retain(|(message, _), _| still.contains(message));
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
        let profile = &heard.profile;
        self.at_work.remove(&(chat, Arc::clone(profile)));
        let of_message = (heard.message_id.clone(), Arc::clone(profile));
        match outcome {
            Err(error) if passes(&error) => {
                tracing::info!(%profile, %error, "not relayed yet");
                if matches!(error.kind, Kind::Authentication | Kind::Config) {
                    let away = WAITS.again(self.away.get(profile));
                    self.away.insert(Arc::clone(profile), away);
                }
                let failed = WAITS.again(self.failed.get(&of_message));
                self.failed.insert(of_message, failed);
                return;
            }
            Err(error) if error.kind == Kind::Authorization && self.told.insert(Arc::clone(profile)) => {
                tracing::warn!(%profile, %error, "it may not read what is relayed to it");
            }
            Err(error) => tracing::info!(%profile, %error, "not relayed; the platform may deliver it"),
            Ok(()) => {}
        }
        self.failed.remove(&of_message);
        self.away.remove(profile);
        let mut relays = Relays { version: 0, messages: std::mem::take(&mut self.owed) };
        relays.settle(std::slice::from_ref(&heard));
        self.owed = relays.messages;
        self.settled.push(heard);
    }

    fn start_due(&mut self, myself: &ActorRef<Msg>) {
        for (line, owed) in next(&self.owed, &self.failed, &self.away, Instant::now()) {
            if self.at_work.contains_key(&line) {
                continue;
            }
            let each = || Arc::new(Semaphore::new(AT_ONCE_EACH));
            let place_of = Arc::clone(self.places_of.entry(Arc::clone(&line.1)).or_insert_with(each));
            let (relaying, places, actor) = (self.relaying.clone(), Arc::clone(&self.places), myself.clone());
            let (chat, profile) = line.clone();
            let work = Task::spawn(async move {
                let Ok(_place_of) = place_of.acquire().await else { return };
                let Ok(_place) = places.acquire().await else { return };
                let relay = AssertUnwindSafe(relaying.relay(&profile, &owed)).catch_unwind();
                // What panics once does so again.
                let outcome = relay.await.unwrap_or_else(|_| {
                    Err(Error::new(Kind::Validation, "it cannot be read without a panic"))
                });
                let heard = Heard { profile, message_id: owed.message_id };
                let _ = actor.cast(Msg::Relayed { chat, heard, outcome });
            });
            self.at_work.insert(line, work);
        }
    }
}

/// What each profile is to hear next of each chat: the first that is owed. One that failed is waited for at first; then
/// the others pass it.
fn next(
    owed: &[Owed],
    failed: &BTreeMap<(MessageId, Arc<str>), Again>,
    away: &BTreeMap<Arc<str>, Again>,
    now: Instant,
) -> Vec<(Line, Owed)> {
    let mut next: BTreeMap<Line, Option<&Owed>> = BTreeMap::new();
    for message in owed {
        for profile in message.to.iter().flatten() {
            let profile: Arc<str> = Arc::from(profile.as_str());
            let line = (message.chat_id.clone(), Arc::clone(&profile));
            let is_away = away.get(&profile).is_some_and(|away| now < away.due);
            if is_away || next.contains_key(&line) {
                continue;
            }
            match failed.get(&(message.message_id.clone(), profile)) {
                Some(failed) if now < failed.due && failed.attempts < BLOCKS => drop(next.insert(line, None)),
                Some(failed) if now < failed.due => {}
                Some(_) | None => drop(next.insert(line, Some(message))),
            }
        }
    }
    next.into_iter().filter_map(|(line, message)| Some((line, message?.clone()))).collect()
}

/// Trouble that may pass. A profile that is parked, or is away for a moment, hears of it once that is mended.
fn passes(error: &Error) -> bool {
    error.retryable
        || matches!(
            error.kind,
            Kind::Authentication | Kind::Config | Kind::Network | Kind::Storage | Kind::Internal
        )
}

impl Relaying {
    async fn relay(&self, profile: &str, owed: &Owed) -> Result<()> {
        let seat = self.asker.seat(profile).await?;
        let seat = seat.ok_or_else(|| Error::config("this supervisor does not have the profile now"))?;
        let Some(mut message) = (seat.relay)(owed.message_id.clone()).await? else { return Ok(()) };
        // As much later as counts for an outage, it tells of the past.
        message.past |= self.clock.wall_ms().saturating_sub(owed.at) > millis(self.catch_up.after);
        let (answers, mut settled) = mpsc::unbounded_channel();
        self.appender.append(vec![seat.intake.entry(message)], &answers, 0).await;
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

    #[test]
    fn what_an_older_version_owed_is_owed() {
        let data = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/home-v4/data");
        let relays = stored::load::<Relays>(&data, 0).unwrap();
        assert_eq!(ids(&relays), ["om_3be1308806f7f27ff190f9d3365e8cdd"]);
        assert_eq!((relays.messages[0].sender.as_str(), relays.messages[0].at), ("bob", 1_795_951_665_903));
    }

    fn heard(profile: &str, id: &str) -> Heard {
        Heard { profile: Arc::from(profile), message_id: MessageId::new(id) }
    }

    #[test]
    fn what_an_older_version_owes_is_still_owed() {
        let folder = tempfile::tempdir().unwrap();
        let old = include_bytes!("../../tests/fixtures/stored/relays-v1.json");
        std::fs::write(folder.path().join("relays.json"), old).unwrap();
        let relays: Relays = stored::load(folder.path(), 0).unwrap();
        let owed: Vec<_> =
            relays.messages.iter().map(|owed| (owed.sender.as_str(), owed.to.is_none())).collect();
        assert_eq!(owed, [("alice", true), ("bob", true)]);
        assert!(ids(&relays).iter().all(|id| id.starts_with("om_")));
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
        let tried: BTreeSet<MessageId> =
            relays.messages.iter().map(|message| message.message_id.clone()).collect();
        relays.give_up(1000, 10, &BTreeSet::new());
        assert_eq!(
            relays.messages.len(),
            OWED_MAX,
            "a clock that jumps gives up nothing that was never tried"
        );
        relays.give_up(1000, 10, &tried);
        assert_eq!(ids(&relays)[0], "om_990");
        relays.give_up(-5000, 10, &tried);
        assert_eq!(ids(&relays)[0], "om_990", "nor does one that was set back");
    }

    #[tokio::test]
    async fn a_profile_hears_one_after_the_other_and_is_not_held_up_for_ever_by_one() {
        let all: Vec<Owed> =
            (1..4).map(|number| owed(&format!("om_{number}"), number, Some(&["b", "c"]))).collect();
        let now = Instant::now();
        let mut away = BTreeMap::new();
        let of = |failed: &BTreeMap<_, _>, away: &BTreeMap<_, _>, profile: &str| {
            let next =
                next(&all, failed, away, now).into_iter().find(|((_, known), _)| known.as_ref() == profile);
            next.map(|(_, owed)| owed.message_id.to_string())
        };
        let first = (MessageId::new("om_1"), Arc::from("b"));
        let trouble = |attempts, wait| Again { attempts, due: now + wait };
        let mut failed = BTreeMap::new();
        assert_eq!(of(&failed, &away, "b").as_deref(), Some("om_1"));
        failed.insert(first.clone(), trouble(BLOCKS - 1, WAITS.min));
        assert_eq!((of(&failed, &away, "b"), of(&failed, &away, "c").as_deref()), (None, Some("om_1")));
        failed.insert(first.clone(), trouble(BLOCKS, WAITS.min));
        assert_eq!(of(&failed, &away, "b").as_deref(), Some("om_2"));
        failed.insert(first, trouble(BLOCKS, Duration::ZERO));
        assert_eq!(of(&failed, &away, "b").as_deref(), Some("om_1"), "it is tried again");
        away.insert(Arc::from("b"), trouble(1, WAITS.min));
        assert_eq!((of(&failed, &away, "b"), of(&failed, &away, "c").as_deref()), (None, Some("om_1")));
    }
}
