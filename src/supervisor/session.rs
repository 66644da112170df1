//! The Session actor: holds the shifts of all profiles. It watches their owners, their time and the connections
//! that hold them, and says what is to be said, through an outbox that survives whatever happens to us.
//!
//! The file of a profile is the truth; commands change it too. The actor looks at it when it is told to, when it
//! changed, and when time has come for something.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, RpcReplyPort};
use serde::Deserialize;

use super::Seat;
use super::owner;
use super::part::{self, Part};
use super::relay::Relayer;
use super::rooms;
use super::root::Asker;
use super::stored::{self, Stamp, Stored};
use super::task::{Task, blocking};
use crate::clock::{Clock, WallMs, rfc3339_ms};
use crate::core::again::{Again, Waits};
use crate::core::dedupe::DedupeKey;
use crate::core::session::{Ending, Kind, Late, Owner, PartState, Session, Sessions, Words, late};
use crate::error::{Error, Result};
use crate::event::ids::ChatId;
use crate::event::{Event, FarewellSent, GreetingSent, NotSaid, SessionArmed, SessionExpired};
use crate::journal::{Appender, Entry};
use crate::transport::Call;
use crate::transport::outgoing::Outgoing;
use crate::transport::verbs::{Posted, Target};

/// How often it is looked for what commands have changed and what time has brought.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often it is noted that an owner lives: after a kill of everything, its age counts from there.
const SEEN_EVERY_MS: i64 = 60_000;

/// One attempt to say something, with what is waited out within it.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a look waits for its lines to be in the journal; they stay in the file until then.
const TOLD_WITHIN: Duration = Duration::from_secs(1);

/// A file that cannot be read or written is left alone for a while.
const TROUBLED_FOR: Duration = Duration::from_secs(15);

/// Between attempts, growing.
const WAITS: Waits = Waits { min: Duration::from_secs(1), max: Duration::from_secs(60) };

impl Stored for Sessions {
    const NAME: &'static str = "active_session";
    const VERSION: u32 = 1;

    fn version(&mut self) -> &mut u32 {
        &mut self.version
    }
}

/// How often a keeper that is gone is looked for again, and how many times: the budget of its crashes is used up by then.
const RELEASE_AGAIN: Duration = Duration::from_millis(200);
const RELEASES_MAX: u32 = 600;

/// Where sessions live, and how old one may be.
#[derive(Clone)]
pub struct Presence {
    pub data: PathBuf,
    pub max_age: Duration,
    pub clock: Clock,
    pub appender: Appender,
    pub asker: Asker,
    pub relay: Relayer,
}

/// The way to the actor.
#[derive(Clone)]
pub struct Attendant(Part<Msg>);

impl Attendant {
    /// A command has changed a profile's session.
    pub fn look(&self, profile: &str) {
        self.0.cast(Msg::Look(Arc::from(profile)));
    }

    /// The connection that held a session has closed. No file tells of that, so a keeper that breaks over it hears it
    /// again.
    pub async fn released(&self, profile: &str, session: &str) {
        let profile: Arc<str> = Arc::from(profile);
        for _ in 0..RELEASES_MAX {
            let over = |done| Msg::Over {
                profile: Arc::clone(&profile),
                session: session.to_owned(),
                ending: Ending::ConnectionClosed,
                done: Some(done),
            };
            if ractor::call!(self.0.actor(), over).is_ok() {
                return;
            }
            tokio::time::sleep(RELEASE_AGAIN).await;
        }
    }
}

pub async fn start(presence: Presence, parent: ActorCell) -> Result<Attendant> {
    let appender = presence.appender.clone();
    let attending = Attending::default();
    let make = move || Ok((attending.clone(), presence.clone()));
    Ok(Attendant(part::begin("sessions", appender, parent, make).await?))
}

#[derive(Clone, Default)]
struct Attending {
    armed: Armed,
}

/// Told in a line, of each profile: a session, and when it was armed. It outlives a keeper that breaks.
type Armed = Arc<Mutex<BTreeMap<Arc<str>, (String, WallMs)>>>;

pub enum Msg {
    /// A file was changed by a command.
    Look(Arc<str>),
    /// Time passed.
    Tick,
    Over {
        profile: Arc<str>,
        session: String,
        ending: Ending,
        done: Option<RpcReplyPort<()>>,
    },
    Said {
        profile: Arc<str>,
        key: String,
        outcome: Result<()>,
    },
}

pub struct State {
    begun: tokio::time::Instant,
    presence: Presence,
    armed: Armed,
    profiles: BTreeMap<Arc<str>, Attended>,
}

/// What is known of one profile's session beside its file.
#[derive(Default)]
struct Attended {
    /// The file as it was looked at last.
    stamp: Stamp,
    /// Whether anything in it waits for time.
    waiting: bool,
    /// The session whose owner is watched.
    watched: Option<(Watched, Task)>,
    /// Parts that are being said, by key.
    sending: BTreeMap<String, Task>,
    /// Attempts that failed, by key.
    failed: BTreeMap<String, Again>,
    trouble: Option<Trouble>,
}

/// Why a profile's file could not be looked after, and until when it is left alone.
struct Trouble {
    what: String,
    until: tokio::time::Instant,
}

#[derive(Clone, PartialEq, Eq)]
struct Watched {
    session: String,
    owner: Owner,
}

impl Actor for Attending {
    type Msg = Msg;
    type State = State;
    type Arguments = Presence;

    async fn pre_start(
        &self,
        myself: ActorRef<Msg>,
        presence: Presence,
    ) -> Result<State, ActorProcessingErr> {
        myself.cast(Msg::Tick)?;
        myself.send_interval(LOOK_EVERY, || Msg::Tick);
        let begun = tokio::time::Instant::now();
        Ok(State { begun, presence, armed: Arc::clone(&self.armed), profiles: BTreeMap::new() })
    }

    async fn handle(
        &self,
        myself: ActorRef<Msg>,
        msg: Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        crate::fault::may_panic("sessions");
        let done = match msg {
            Msg::Look(profile) => state.look(&myself, &profile).await,
            Msg::Tick => state.tick(&myself).await,
            Msg::Over { profile, session, ending, done } => {
                let over = state.over(&myself, &profile, session, ending).await;
                done.map(|done| done.send(()));
                over
            }
            Msg::Said { profile, key, outcome } => state.said(&myself, &profile, key, outcome).await,
        };
        if let Err(error) = done {
            tracing::error!(%error, "a session cannot be kept");
        }
        Ok(())
    }
}

impl State {
    async fn tick(&mut self, myself: &ActorRef<Msg>) -> Result<()> {
        let profiles = self.presence.asker.profiles().await?;
        for status in profiles {
            let profile: Arc<str> = Arc::from(status.profile);
            let attended = self.profiles.entry(Arc::clone(&profile)).or_default();
            let troubled =
                attended.trouble.as_ref().is_some_and(|trouble| tokio::time::Instant::now() < trouble.until);
            if !troubled && (attended.waiting || attended.stamp != stamp(&self.presence, &profile)) {
                // One profile's broken folder is no reason to leave the others alone.
                let looked = self.look(myself, &profile).await;
                self.note_trouble(&profile, looked.err());
            }
        }
        Ok(())
    }

    /// The same trouble is told once, and asked about again after a while.
    fn note_trouble(&mut self, profile: &Arc<str>, error: Option<Error>) {
        let attended = self.profiles.entry(Arc::clone(profile)).or_default();
        let Some(error) = error else {
            attended.trouble = None;
            return;
        };
        let what = error.sentence();
        if attended.trouble.as_ref().is_none_or(|trouble| trouble.what != what) {
            tracing::error!(%profile, %error, "a session cannot be kept");
        }
        attended.trouble = Some(Trouble { what, until: tokio::time::Instant::now() + TROUBLED_FOR });
    }

    /// Looks at a profile's file, does what time asks for, and carries on from there.
    async fn look(&mut self, myself: &ActorRef<Msg>, profile: &Arc<str>) -> Result<()> {
        let Some(seat) = self.presence.asker.seat(profile).await? else { return Ok(()) };
        let presence = self.presence.clone();
        let max_age_ms = i64::try_from(presence.max_age.as_millis()).unwrap_or(i64::MAX);
        // Told before it is noted in the file that it was: each line has a key, so it comes once, whoever is killed.
        let is_told = self.foretell(&seat, max_age_ms).await?;
        let attend = move |sessions: &mut Sessions, now| attend(sessions, now, max_age_ms, is_told);
        let looked = self.change(profile, attend).await?;
        presence.tell(&seat, looked.told);
        self.follow(myself, &seat, &looked.sessions);
        self.say_pending(myself, &seat, &looked.sessions);
        Ok(())
    }

    /// Tells what a look at the file is about to take out of it. False where that is not in the journal yet.
    async fn foretell(&self, seat: &Seat, max_age_ms: i64) -> Result<bool> {
        let (presence, folder) = (&self.presence, self.presence.folder(&seat.name));
        if stamp(presence, &seat.name).is_none() {
            return Ok(true);
        }
        let now = presence.clock.wall_ms();
        let foreseen = blocking(move || {
            let mut sessions = stored::load::<Sessions>(&folder, now)?;
            Ok(attend(&mut sessions, now, max_age_ms, true).told)
        });
        let foreseen = foreseen.await?;
        if foreseen.is_empty() {
            return Ok(true);
        }
        presence.tell(seat, foreseen);
        // A disk that takes nothing keeps nobody from saying what is to be said.
        let committed = tokio::time::timeout(TOLD_WITHIN, presence.appender.newest()).await;
        crate::fault::may_panic("sessions_told");
        Ok(matches!(committed, Ok(Some(_))))
    }

    /// Changes the file, and notes what it looked like before: so a change by others meanwhile is not missed.
    async fn change<R: Send + 'static>(
        &mut self,
        profile: &Arc<str>,
        change: impl FnOnce(&mut Sessions, WallMs) -> R + Send + 'static,
    ) -> Result<R> {
        let (folder, now) = (self.presence.folder(profile), self.presence.clock.wall_ms());
        let stamp = stamp(&self.presence, profile);
        let changed = blocking(move || {
            if stamp.is_none() {
                return Ok(change(&mut Sessions::default(), now));
            }
            stored::update::<Sessions, R>(&folder, now, |sessions| change(sessions, now))
        });
        let outcome = changed.await?;
        self.profiles.entry(Arc::clone(profile)).or_default().stamp = stamp;
        Ok(outcome)
    }

    async fn over(
        &mut self,
        myself: &ActorRef<Msg>,
        profile: &Arc<str>,
        session: String,
        ending: Ending,
    ) -> Result<()> {
        let end = move |sessions: &mut Sessions, now: WallMs| {
            // By now another process may hold the same session: an agent that was resumed.
            let owner = sessions.session.as_ref().and_then(|session| session.owner.as_ref());
            let resumed = ending == Ending::OwnerGone && owner.is_some_and(owner::lives);
            !resumed && sessions.end(Some(&session), &ending, now)
        };
        let ended = self.change(profile, end).await?;
        if ended { self.look(myself, profile).await } else { Ok(()) }
    }

    async fn said(
        &mut self,
        myself: &ActorRef<Msg>,
        profile: &Arc<str>,
        key: String,
        outcome: Result<()>,
    ) -> Result<()> {
        crate::fault::may_panic("sessions_said");
        let attended = self.profiles.entry(Arc::clone(profile)).or_default();
        attended.sending.remove(&key);
        let settled = match outcome {
            Ok(()) => Ok(()),
            Err(error) if error.may_pass() => {
                let again = WAITS.again(attended.failed.get(&key), self.begun.elapsed());
                attended.failed.insert(key, again);
                tracing::info!(%profile, %error, attempts = again.attempts, "not said yet");
                return Ok(());
            }
            Err(error) => Err(error.sentence()),
        };
        attended.failed.remove(&key);
        self.change(profile, move |sessions, _| sessions.settle(&key, settled)).await?;
        self.look(myself, profile).await
    }

    /// Watches the owner of the session that is armed now, and tells of a session that was not told of.
    fn follow(&mut self, myself: &ActorRef<Msg>, seat: &Seat, sessions: &Sessions) {
        let attended = self.profiles.entry(Arc::clone(&seat.name)).or_default();
        attended.waiting = sessions.session.is_some() || !sessions.outbox.is_empty();
        let session = sessions.session.as_ref();
        if let Some(session) = session {
            let mark = (session.id.clone(), session.armed_at);
            let mut told = self.armed.lock().unwrap_or_else(PoisonError::into_inner);
            if told.insert(Arc::clone(&seat.name), mark.clone()) != Some(mark) {
                self.presence.appender.say(seat.intake.own(&armed(session)));
            }
        }
        let wanted = session
            .and_then(|session| Some(Watched { session: session.id.clone(), owner: session.owner.clone()? }));
        if attended.watched.as_ref().map(|(watched, _)| watched) == wanted.as_ref() {
            return;
        }
        attended.watched = wanted.map(|watched| {
            let (attendant, profile, of) = (myself.clone(), Arc::clone(&seat.name), watched.clone());
            let watch = Task::spawn(async move {
                owner::gone(&of.owner).await;
                let over = Msg::Over { profile, session: of.session, ending: Ending::OwnerGone, done: None };
                let _ = attendant.cast(over);
            });
            (watched, watch)
        });
    }

    fn say_pending(&mut self, myself: &ActorRef<Msg>, seat: &Seat, sessions: &Sessions) {
        let attended = self.profiles.entry(Arc::clone(&seat.name)).or_default();
        // What was taken back meanwhile is not said any more: a farewell late into the next shift.
        attended.sending.retain(|key, _| sessions.pending().any(|(_, part)| part.key == *key));
        for (words, part) in sessions.pending() {
            let due = attended.failed.get(&part.key).is_none_or(|again| again.is_due(self.begun.elapsed()));
            if !due || attended.sending.contains_key(&part.key) {
                continue;
            }
            let (attendant, seat, text) = (myself.clone(), seat.clone(), words.text.clone());
            let (chat, key, presence) = (part.chat_id.clone(), part.key.clone(), self.presence.clone());
            let saying = Task::spawn(async move {
                let outcome = presence.speak(&seat, chat, &text, key.clone()).await;
                let _ = attendant.cast(Msg::Said { profile: Arc::clone(&seat.name), key, outcome });
            });
            attended.sending.insert(part.key.clone(), saying);
        }
    }
}

impl Presence {
    fn folder(&self, profile: &str) -> PathBuf {
        self.data.join(profile)
    }

    fn tell(&self, seat: &Seat, told: Vec<Told>) {
        for Told { key, event } in told {
            self.appender.say(Entry { key: Some(key), ..seat.intake.own(&event) });
        }
    }

    /// A greeting and a farewell are no turns in a talk; a room that a person has silenced hears neither.
    async fn speak(&self, seat: &Seat, chat: ChatId, text: &str, key: String) -> Result<()> {
        let (data, clock, of) = (self.data.clone(), self.clock.clone(), chat.clone());
        blocking(move || rooms::may_speak(&data, &of, &clock)).await?;
        let what = seat.transport.single(Outgoing::text(text))?;
        let call = Call::Send { target: Target::Chat(chat), what, key };
        let said = (seat.perform)(call, PATIENCE).await?;
        if let Ok(posted) = Posted::deserialize(&said) {
            self.relay.posted(&seat.name, &posted.chat_id, &posted.message_id).await;
        }
        Ok(())
    }
}

fn stamp(presence: &Presence, profile: &str) -> Stamp {
    stored::stamp::<Sessions>(&presence.folder(profile))
}

/// What a look at the file found.
struct Looked {
    told: Vec<Told>,
    sessions: Sessions,
}

/// A line that comes once.
struct Told {
    key: DedupeKey,
    event: Event,
}

/// Ends what is over, gives up what is too old, and takes out what is settled, where that `is_told`.
fn attend(sessions: &mut Sessions, now: WallMs, max_age_ms: i64, is_told: bool) -> Looked {
    let mut told = Vec::new();
    if let Some(session) = &mut sessions.session {
        let alive = session.owner.as_ref().is_none_or(owner::lives);
        if alive && now - session.seen_at >= SEEN_EVERY_MS.min(max_age_ms / 2) {
            session.seen_at = now;
        }
        let (id, over) = (session.id.clone(), session.is_over(now));
        if !alive && late(session, now, max_age_ms) == Late::Expire {
            if !is_told {
                return Looked { told, sessions: sessions.clone() };
            }
            let key = DedupeKey::derived(&format!("{id} {}", session.armed_at), "session_expired");
            let (chats, seen) = (session.chats.clone(), rfc3339_ms(session.seen_at));
            sessions.clear(None);
            let event = Event::SessionExpired(SessionExpired { session: id, chats, seen });
            told.push(Told { key, event });
        } else if !alive {
            sessions.end(Some(&id), &Ending::OwnerGone, now);
        } else if over {
            sessions.end(Some(&id), &Ending::TimeOver, now);
        }
    }
    sessions.give_up(now, max_age_ms);
    if is_told {
        told.extend(sessions.take_settled().into_iter().map(said));
    }
    Looked { told, sessions: sessions.clone() }
}

fn armed(session: &Session) -> Event {
    Event::SessionArmed(SessionArmed {
        session: session.id.clone(),
        chats: session.chats.clone(),
        owner_pid: session.owner.as_ref().map(|owner| owner.pid),
        owner_name: session.owner.as_ref().map(|owner| owner.name.clone()),
        expires: session.expires_at.map(rfc3339_ms),
    })
}

fn said(words: Words) -> Told {
    let of_whom = words.parts.first().map_or(words.session.as_str(), |part| part.key.as_str());
    Told { key: DedupeKey::derived(of_whom, "said"), event: event(&words) }
}

fn event(words: &Words) -> Event {
    let of = |state: PartState| words.parts.iter().filter(move |part| part.state == state);
    let chats = of(PartState::Sent).map(|part| part.chat_id.clone()).collect();
    let not_said = |part: &crate::core::session::Part| NotSaid {
        chat_id: part.chat_id.clone(),
        error: part.error.clone().unwrap_or_default(),
    };
    let failed = of(PartState::Failed).map(not_said).collect();
    match words.kind {
        Kind::Greeting => Event::GreetingSent(GreetingSent { session: words.session.clone(), chats, failed }),
        Kind::Farewell => Event::FarewellSent(FarewellSent {
            session: words.session.clone(),
            reason: words.reason.clone().unwrap_or_default(),
            chats,
            failed,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::session::Arming;

    #[test]
    fn an_owner_is_seen_often_enough_for_a_short_age() {
        let mut sessions = Sessions::default();
        let arming = Arming {
            id: "s1".to_owned(),
            chats: vec![ChatId::new("oc_1")],
            farewell_text: "bye".to_owned(),
            crash_text: None,
            greeting_text: None,
            owner: owner::of(std::process::id()),
            agent_session: None,
            ttl_ms: None,
        };
        sessions.arm(arming, 0);
        attend(&mut sessions, 6_000, 10_000, true);
        let session = sessions.session.as_ref().unwrap();
        assert_eq!(late(session, 15_000, 10_000), Late::Say, "it was alive nine seconds ago");
    }
}
