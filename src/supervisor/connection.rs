//! The actor around one connection: one socket, one life, never restarted in place.
//!
//! It owns a task that does the work and waits for its end. The end travels in the actor's state, because a
//! child's termination overtakes messages it sent before.

use futures_util::FutureExt;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::watch;

use super::seat::Dial;
use super::task::Task;
use crate::core::end::End;
use crate::transport::Life;

pub struct Connection;

pub struct Args {
    pub dial: Dial,
    pub life: Life,
    /// Makes the task close the connection; the other side is in `life`.
    pub stop: watch::Sender<bool>,
}

pub enum Msg {
    Close,
    Ended(End),
}

pub struct State {
    /// Set when the task is done.
    pub end: Option<End>,
    stop: watch::Sender<bool>,
    to_start: Option<(Dial, Life)>,
    task: Option<Task>,
}

impl Actor for Connection {
    type Msg = Msg;
    type State = State;
    type Arguments = Args;

    async fn pre_start(&self, _myself: ActorRef<Msg>, args: Args) -> Result<State, ActorProcessingErr> {
        Ok(State { end: None, stop: args.stop, to_start: Some((args.dial, args.life)), task: None })
    }

    async fn post_start(&self, myself: ActorRef<Msg>, state: &mut State) -> Result<(), ActorProcessingErr> {
        if let Some((dial, life)) = state.to_start.take() {
            state.task = Some(Task::spawn(async move {
                let lived = std::panic::AssertUnwindSafe(async { dial(life).await }).catch_unwind().await;
                let end = lived.unwrap_or_else(|panic| End::Crashed { message: panic_text(&*panic) });
                // An actor that is gone needs no answer.
                let _ = myself.cast(Msg::Ended(end));
            }));
        }
        Ok(())
    }

    async fn handle(
        &self,
        myself: ActorRef<Msg>,
        msg: Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match msg {
            Msg::Close => {
                let _ = state.stop.send(true);
            }
            Msg::Ended(end) => {
                state.end = Some(end);
                myself.stop(None);
            }
        }
        Ok(())
    }
}

/// What a panic said. Its text comes from our own code, never from a stranger's.
pub(super) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panic".to_owned())
}
