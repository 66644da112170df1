//! The Shift actor: carries out what the files of shifts ask for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use tokio::time::Instant;

use super::super::owner;
use super::Presence;
use super::seeing::Profile;
use crate::core::presence::{Ending, Mark, Said, Sessions, over};
use crate::error::Result;

/// How often it is looked for what commands have changed and what time has brought.
const LOOK_EVERY: Duration = Duration::from_secs(1);

#[derive(Clone, Default)]
pub struct Attending {
    armed: Armed,
}

/// Told in a line, of each profile. It outlives a keeper that breaks.
type Armed = Arc<Mutex<BTreeMap<Arc<str>, Mark>>>;

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
    pub begun: Instant,
    pub presence: Presence,
    pub armed: Armed,
    pub profiles: BTreeMap<Arc<str>, Profile>,
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
        let (armed, profiles) = (Arc::clone(&self.armed), BTreeMap::new());
        Ok(State { begun: Instant::now(), presence, armed, profiles })
    }

    async fn handle(
        &self,
        myself: ActorRef<Msg>,
        msg: Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        crate::fault::may_panic("sessions");
        let done = match msg {
            Msg::Look(profile) => {
                state.look(&myself, &profile).await;
                Ok(())
            }
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
        for status in self.presence.asker.profiles().await? {
            let profile: Arc<str> = Arc::from(status.profile);
            let (stamp, now) = (self.presence.stamp(&profile), self.begun.elapsed());
            if self.profiles.entry(Arc::clone(&profile)).or_default().looked.is_due(&stamp, now) {
                self.look(myself, &profile).await;
            }
        }
        Ok(())
    }

    async fn over(
        &mut self,
        myself: &ActorRef<Msg>,
        profile: &Arc<str>,
        session: String,
        ending: Ending,
    ) -> Result<()> {
        let end = move |sessions: &mut Sessions, now| over(sessions, &session, &ending, owner::lives, now);
        if self.presence.change(profile, end).await? {
            self.look(myself, profile).await;
        }
        Ok(())
    }

    async fn said(
        &mut self,
        myself: &ActorRef<Msg>,
        profile: &Arc<str>,
        key: String,
        outcome: Result<()>,
    ) -> Result<()> {
        crate::fault::may_panic("sessions_said");
        let of = self.profiles.entry(Arc::clone(profile)).or_default();
        of.sending.remove(&key);
        match of.keeping.said(&key, &outcome, self.begun.elapsed()) {
            Said::Settled(settled) => {
                self.presence.change(profile, move |sessions, _| sessions.settle(&key, settled)).await?;
                self.look(myself, profile).await;
            }
            Said::Later { attempts } => {
                let error = outcome.err();
                tracing::info!(%profile, error = error.map(tracing::field::display), attempts, "not said yet");
            }
        }
        Ok(())
    }
}
