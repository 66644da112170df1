//! Does what a look at a shift asks for.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use ractor::ActorRef;

use super::super::stored::Stamp;
use super::super::task::{Task, blocking};
use super::super::{Seat, owner, stored};
use super::Presence;
use super::actor::{Msg, State};
use crate::core::looks::Looked;
use crate::core::presence::{Do, Ending, Keeping, Sessions, Watched, attend};
use crate::error::Result;
use crate::event::ids::ChatId;

/// How long a look waits for its lines to be in the journal; they stay in the file until then.
const TOLD_WITHIN: Duration = Duration::from_secs(1);

/// One profile's shift.
#[derive(Default)]
pub struct Profile {
    pub looked: Looked<Stamp>,
    pub keeping: Keeping,
    pub watch: Option<Task>,
    pub sending: BTreeMap<String, Task>,
}

impl State {
    /// Looks at a profile's file, does what time asks for, and carries on from there. One profile's broken folder is no
    /// reason to leave the others alone.
    pub async fn look(&mut self, myself: &ActorRef<Msg>, profile: &Arc<str>) {
        let stamp = self.presence.stamp(profile);
        let done = self.see(myself, profile).await;
        let of = self.profiles.entry(Arc::clone(profile)).or_default();
        match done {
            Ok(Some(waits)) => of.looked.seen(stamp, waits),
            Ok(None) => {}
            Err(error) if of.looked.failed(&error, self.begun.elapsed()) => {
                tracing::error!(%profile, %error, "a session cannot be kept");
            }
            Err(_) => {}
        }
    }

    /// Whether anything in the file waits for time; nothing where this supervisor does not have the profile.
    async fn see(&mut self, myself: &ActorRef<Msg>, profile: &Arc<str>) -> Result<Option<bool>> {
        let Some(seat) = self.presence.asker.seat(profile).await? else { return Ok(None) };
        let max_age_ms = crate::clock::millis(self.presence.max_age);
        // Told before it is noted in the file that it was: each line has a key, so it comes once, whoever is killed.
        let is_told = self.presence.foretell(&seat, max_age_ms).await?;
        let looked =
            move |sessions: &mut Sessions, now| attend(sessions, owner::lives, now, max_age_ms, is_told);
        let attended = self.presence.change(profile, looked).await?;
        self.presence.tell(&seat, attended.lines);
        self.carry_out(myself, &seat, &attended.sessions);
        Ok(Some(attended.sessions.waits()))
    }

    fn carry_out(&mut self, myself: &ActorRef<Msg>, seat: &Seat, sessions: &Sessions) {
        let of = self.profiles.entry(Arc::clone(&seat.name)).or_default();
        let mut armed = self.armed.lock().unwrap_or_else(PoisonError::into_inner);
        for action in of.keeping.keep(sessions, armed.get(&seat.name), self.begun.elapsed()) {
            match action {
                Do::TellArmed(mark, event) => {
                    armed.insert(Arc::clone(&seat.name), mark);
                    self.presence.appender.say(seat.intake.own(&event));
                }
                Do::Watch(watched) => of.watch = watched.map(|watched| watch(myself, &seat.name, watched)),
                Do::Hush(key) => drop(of.sending.remove(&key)),
                Do::Say { chat, key, text } => {
                    let saying = say(&self.presence, myself, seat, chat, key.clone(), text);
                    of.sending.insert(key, saying);
                }
            }
        }
    }
}

fn watch(myself: &ActorRef<Msg>, profile: &Arc<str>, watched: Watched) -> Task {
    let (attendant, profile) = (myself.clone(), Arc::clone(profile));
    Task::spawn(async move {
        owner::gone(&watched.owner).await;
        let (session, ending) = (watched.session, Ending::OwnerGone);
        let _ = attendant.cast(Msg::Over { profile, session, ending, done: None });
    })
}

fn say(
    presence: &Presence,
    myself: &ActorRef<Msg>,
    seat: &Seat,
    chat: ChatId,
    key: String,
    text: String,
) -> Task {
    let (attendant, seat, presence) = (myself.clone(), seat.clone(), presence.clone());
    Task::spawn(async move {
        let outcome = presence.speak(&seat, chat, &text, key.clone()).await;
        let _ = attendant.cast(Msg::Said { profile: Arc::clone(&seat.name), key, outcome });
    })
}

impl Presence {
    /// Tells what a look at the file is about to take out of it. False where that is not in the journal yet.
    async fn foretell(&self, seat: &Seat, max_age_ms: i64) -> Result<bool> {
        if self.stamp(&seat.name).is_none() {
            return Ok(true);
        }
        let (folder, now) = (self.folder(&seat.name), self.clock.wall_ms());
        let foreseen = blocking(move || {
            let mut sessions = stored::load::<Sessions>(&folder, now)?;
            Ok(attend(&mut sessions, owner::lives, now, max_age_ms, true).lines)
        });
        let foreseen = foreseen.await?;
        if foreseen.is_empty() {
            return Ok(true);
        }
        self.tell(seat, foreseen);
        // A disk that takes nothing keeps nobody from saying what is to be said.
        let committed = tokio::time::timeout(TOLD_WITHIN, self.appender.newest()).await;
        crate::fault::may_panic("sessions_told");
        Ok(matches!(committed, Ok(Some(_))))
    }
}
