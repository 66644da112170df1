//! The root of the tree: one record per profile. What becomes of each is decided in `core/connections`; here it is
//! carried out.

mod actor;
mod asker;
mod messages;
mod record;

use std::time::Duration;

use ractor::{Actor, ActorCell, ActorRef};

use super::care::Care;
use super::part::cannot_start;
use super::seat::Seat;
use crate::clock::Clock;
use crate::core::redial::Policy;
use crate::error::Result;
use crate::journal::Appender;
use actor::{Args, RootActor};
pub use asker::Asker;
use messages::Msg;

/// A running supervisor's root.
pub struct Root {
    actor: ActorRef<Msg>,
}

impl Root {
    /// Without `care`, nobody asks for what connections miss.
    pub async fn start(
        appender: Appender,
        policy: Policy,
        clock: Clock,
        seats: Vec<Seat>,
        care: Option<Care>,
    ) -> Result<Root> {
        let args = Args { appender, policy, clock, seats, care };
        let (actor, _) = Actor::spawn(None, RootActor, args)
            .await
            .map_err(|error| cannot_start("the supervisor", error))?;
        Ok(Root { actor })
    }

    /// Other actors of this process are its children too.
    pub fn cell(&self) -> ActorCell {
        self.actor.get_cell()
    }

    /// The way to ask how the profiles are.
    pub fn asker(&self) -> Asker {
        Asker::new(self.actor.clone())
    }

    /// Closes all connections and waits for their ends, at most until `deadline`.
    pub async fn stop(&self, deadline: Duration) {
        let deadline = u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX);
        let closed = ractor::call_t!(self.actor, Msg::CloseAll, deadline);
        if closed.is_err() {
            tracing::warn!("some connections did not close in time");
        }
    }

    pub async fn end(self) {
        let _ = self.actor.stop_and_wait(None, Some(Duration::from_millis(500))).await;
    }
}
