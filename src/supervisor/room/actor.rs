//! The Room actor: carries out what a look at a room asks for.

use std::collections::BTreeMap;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use tokio::sync::watch;
use tokio::time::Instant;

use super::super::rooms;
use super::super::stored::Stamp;
use super::super::task::{Round, Task, after_commits, blocking};
use super::Rooming;
use super::reading::{Work, remember};
use crate::core::looks::Looked;
use crate::core::turns::Notices;
use crate::error::Result;
use crate::event::ids::RoomId;

/// How often it is looked whether a pause is over.
const LOOK_EVERY: Duration = Duration::from_secs(1);

pub struct Hosting;

pub struct Args {
    pub work: Round<Work>,
    pub rooming: Rooming,
    pub newest: watch::Receiver<u64>,
}

pub enum Msg {
    /// There is more in the journal.
    Read(RpcReplyPort<()>),
    /// A file was changed by a command.
    Look(RoomId),
    /// Time passed.
    Tick,
    /// The notice of the pause `id` was posted, or was not.
    Noticed { room: RoomId, id: String, outcome: Result<()> },
}

pub struct State {
    pub begun: Instant,
    pub rooming: Rooming,
    work: Round<Work>,
    newest: Option<watch::Receiver<u64>>,
    waker: Option<Task>,
    looked: BTreeMap<RoomId, Looked<Stamp>>,
    pub notices: Notices,
    pub posting: BTreeMap<RoomId, Task>,
}

impl Actor for Hosting {
    type Msg = Msg;
    type State = State;
    type Arguments = Args;

    async fn pre_start(&self, myself: ActorRef<Msg>, args: Args) -> Result<State, ActorProcessingErr> {
        myself.send_interval(LOOK_EVERY, || Msg::Tick);
        let Args { work, rooming, newest } = args;
        let (looked, notices, posting, begun) =
            (BTreeMap::new(), Notices::default(), BTreeMap::new(), Instant::now());
        Ok(State { begun, rooming, work, newest: Some(newest), waker: None, looked, notices, posting })
    }

    async fn post_start(&self, myself: ActorRef<Msg>, state: &mut State) -> Result<(), ActorProcessingErr> {
        // What an earlier life knew: who sits where, and rooms that are paused.
        remember(&state.rooming).await;
        if let Err(error) = state.tick(&myself).await {
            tracing::error!(%error, "a room cannot be looked after");
        }
        if let Some(newest) = state.newest.take() {
            state.waker = Some(after_commits(myself, Msg::Read, newest));
        }
        Ok(())
    }

    async fn handle(
        &self,
        myself: ActorRef<Msg>,
        msg: Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        crate::fault::may_panic("rooms");
        let done = match msg {
            Msg::Read(reply) => {
                let done = state.read(&myself).await;
                let _ = reply.send(());
                done
            }
            Msg::Look(room) => {
                state.look(&myself, &room).await;
                Ok(())
            }
            Msg::Tick => state.tick(&myself).await,
            Msg::Noticed { room, id, outcome } => state.noticed(&room, id, outcome).await,
        };
        if let Err(error) = done {
            tracing::error!(%error, "a room cannot be looked after");
        }
        Ok(())
    }
}

impl State {
    async fn read(&mut self, myself: &ActorRef<Msg>) -> Result<()> {
        let rooming = self.rooming.clone();
        for room in self.work.run(move |work| work.round(&rooming)).await? {
            self.look(myself, &room).await;
        }
        Ok(())
    }

    /// Looks at the rooms that somebody has changed, and at those in which something waits for time.
    async fn tick(&mut self, myself: &ActorRef<Msg>) -> Result<()> {
        let (data, known) = (self.rooming.data.clone(), self.rooming.rooms.clone());
        let stamps = blocking(move || {
            let rooms = rooms::all(&data, |chat| known.room_of_old(chat)).into_iter();
            Ok(rooms.map(|room| (rooms::stamp(&data, &room), room)).collect::<Vec<_>>())
        });
        for (stamp, room) in stamps.await? {
            let now = self.begun.elapsed();
            if self.looked.get(&room).is_none_or(|looked| looked.is_due(&stamp, now)) {
                self.look(myself, &room).await;
            }
        }
        Ok(())
    }

    /// One room's broken file is no reason to leave the others alone.
    async fn look(&mut self, myself: &ActorRef<Msg>, room: &RoomId) {
        let stamp = rooms::stamp(&self.rooming.data, room);
        let done = self.see(myself, room).await;
        let looked = self.looked.entry(room.clone()).or_default();
        match done {
            Ok(waits) => looked.seen(stamp, waits),
            Err(error) if looked.failed(&error, self.begun.elapsed()) => {
                tracing::error!(%room, %error, "a room cannot be looked after");
            }
            Err(_) => {}
        }
    }
}
