//! The Relay actor: carries out what its queue says, and notes what became of it.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::super::stored::{self, Stamp};
use super::super::task::Task;
use super::Relaying;
use crate::clock::millis;
use crate::core::owed::{Became, Line, Owed, Queue, Relays};
use crate::error::{Error, Kind, Result};
use crate::event::ids::MessageId;

/// How often it is looked whether a send went past the supervisor, and whether something is due again.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Relays under way at one time, and of those to one profile: an app that does not answer keeps nobody else waiting.
const AT_ONCE: usize = 64;
const AT_ONCE_EACH: usize = 4;

pub struct Postman;

pub enum Msg {
    Owed(Owed),
    /// It could not be written.
    Unkept(Owed),
    Tick,
    Relayed {
        line: Line,
        message_id: MessageId,
        outcome: Result<()>,
    },
}

pub struct State {
    relaying: Relaying,
    begun: Instant,
    queue: Queue,
    /// The file as it was looked at last.
    stamp: Stamp,
    at_work: BTreeMap<Line, Task>,
    places: Arc<Semaphore>,
    places_of: BTreeMap<String, Arc<Semaphore>>,
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
        let (queue, stamp, at_work, places_of) = Default::default();
        Ok(State { relaying, begun: Instant::now(), queue, stamp, at_work, places, places_of })
    }

    async fn handle(
        &self,
        myself: ActorRef<Msg>,
        msg: Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        crate::fault::may_panic("relays");
        match msg {
            Msg::Owed(owed) => state.queue.owe(owed),
            Msg::Unkept(owed) => state.queue.keep(owed),
            Msg::Tick => {
                if let Err(error) = state.look().await {
                    tracing::warn!(%error, "what is to be relayed cannot be kept");
                }
            }
            Msg::Relayed { line, message_id, outcome } => {
                crate::fault::may_panic("relays_relayed");
                state.relayed(line, message_id, &outcome);
            }
        }
        for (line, owed) in state.queue.begin(state.begun.elapsed()) {
            state.relay(&myself, line, owed);
        }
        Ok(())
    }
}

impl State {
    /// Brings file and memory together, where one of them knows more.
    async fn look(&mut self) -> Result<()> {
        let stamp = stored::stamp::<Relays>(&self.relaying.data);
        let Some(merge) = self.queue.merge(stamp != self.stamp) else { return Ok(()) };
        let (now, max_age_ms) = (self.relaying.clock.wall_ms(), millis(self.relaying.catch_up.max_age));
        self.queue.merged(self.relaying.change(move |relays| merge.into(relays, now, max_age_ms)).await?);
        if self.queue.is_unaddressed() {
            let profiles = self.relaying.asker.profiles().await?;
            let profiles: Vec<String> = profiles.into_iter().map(|status| status.profile).collect();
            let rooms = self.relaying.rooms.clone();
            let who = move |owed: &Owed| {
                let together = profiles.iter().filter(|profile| rooms.are_together(&owed.sender, profile));
                let members = rooms.members(&rooms.room(&owed.sender, &owed.chat_id));
                owed.listeners(&members, &together.cloned().collect::<Vec<_>>())
            };
            self.queue.addressed(self.relaying.change(move |relays| relays.address(who)).await?);
        }
        self.stamp = stamp;
        Ok(())
    }

    fn relayed(&mut self, line: Line, message_id: MessageId, outcome: &Result<()>) {
        self.at_work.remove(&line);
        let profile = line.1.clone();
        let became = self.queue.relayed(line, message_id, outcome, self.begun.elapsed());
        let Err(error) = outcome else { return };
        match became {
            Became::Heard => {}
            Became::Later => tracing::info!(%profile, %error, "not relayed yet"),
            Became::MayNotRead => tracing::warn!(%profile, %error, "it may not read what is relayed to it"),
            Became::GivenUp => tracing::info!(%profile, %error, "not relayed; the platform may deliver it"),
        }
    }

    fn relay(&mut self, myself: &ActorRef<Msg>, line: Line, owed: Owed) {
        let each = || Arc::new(Semaphore::new(AT_ONCE_EACH));
        let place_of = Arc::clone(self.places_of.entry(line.1.clone()).or_insert_with(each));
        let (relaying, places, actor) = (self.relaying.clone(), Arc::clone(&self.places), myself.clone());
        let of = line.clone();
        let work = Task::spawn(async move {
            let Ok(_place_of) = place_of.acquire().await else { return };
            let Ok(_place) = places.acquire().await else { return };
            let relay = AssertUnwindSafe(relaying.relay(&of.1, &owed)).catch_unwind();
            // What panics once does so again.
            let outcome = relay
                .await
                .unwrap_or_else(|_| Err(Error::new(Kind::Validation, "it cannot be read without a panic")));
            let _ = actor.cast(Msg::Relayed { line: of, message_id: owed.message_id, outcome });
        });
        self.at_work.insert(line, work);
    }
}
