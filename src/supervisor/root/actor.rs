//! The actor: hears, has it decided, and carries it out through the records.

use std::collections::VecDeque;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};

use super::super::care::Care;
use super::super::change::Change;
use super::super::connection;
use super::super::seat::Seat;
use super::messages::Msg;
use super::record::Records;
use crate::clock::Clock;
use crate::core::connections::{Do, Message};
use crate::core::end::End;
use crate::core::redial::Policy;
use crate::error::Error;
use crate::journal::Appender;
use crate::transport::Report;

pub struct RootActor;

pub struct Args {
    pub appender: Appender,
    pub policy: Policy,
    pub clock: Clock,
    pub seats: Vec<Seat>,
    pub care: Option<Care>,
}

impl Actor for RootActor {
    type Msg = Msg;
    type State = Records;
    type Arguments = Args;

    async fn pre_start(&self, myself: ActorRef<Msg>, args: Args) -> Result<Records, ActorProcessingErr> {
        let mut records = Records::new(myself, args.appender, args.policy, args.clock, args.care);
        for seat in args.seats {
            apply(&mut records, Change::Added(seat)).await;
        }
        Ok(records)
    }

    async fn handle(
        &self,
        _myself: ActorRef<Msg>,
        msg: Msg,
        records: &mut Records,
    ) -> Result<(), ActorProcessingErr> {
        match msg {
            Msg::Due(tag) => happened(records, Message::Due(tag)).await,
            Msg::Report(tag, _) if !records.is_current(tag) => {}
            Msg::Report(tag, Report::Usable) => happened(records, Message::Usable(tag)).await,
            Msg::Report(tag, Report::Connected { bot_name, .. }) => {
                tracing::info!(profile = records.name(tag.number), %bot_name, "connected");
                happened(records, Message::Connected(tag)).await;
            }
            Msg::Report(tag, Report::Conflict { online, .. }) => {
                tracing::warn!(profile = records.name(tag.number), online, "another process uses this app");
            }
            Msg::Deaf { tag, since, heard } => happened(records, Message::Deaf { tag, since, heard }).await,
            Msg::Apply(changes, reply) => {
                for change in changes {
                    apply(records, change).await;
                }
                let _ = reply.send(());
            }
            // Who asked may be gone.
            Msg::Seat(name, reply) => drop(reply.send(records.seat(&name))),
            Msg::CloseAll(reply) => {
                records.closing = Some(reply);
                happened(records, Message::Stop).await;
            }
            Msg::Status(reply) => drop(reply.send(records.status())),
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        _myself: ActorRef<Msg>,
        event: SupervisionEvent,
        records: &mut Records,
    ) -> Result<(), ActorProcessingErr> {
        let (cell, end) = match event {
            SupervisionEvent::ActorTerminated(cell, boxed, _) => {
                let left = boxed.and_then(|mut boxed| boxed.take::<connection::State>().ok());
                (cell, left.and_then(|left| left.end).unwrap_or_else(|| crashed("it ended without a reason")))
            }
            SupervisionEvent::ActorFailed(cell, error) => (cell, crashed(&error.to_string())),
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => return Ok(()),
        };
        match records.closed(cell.get_id()) {
            Some((number, signs)) => happened(records, Message::Ended { number, end, signs }).await,
            // Not a connection: the keeper of a part. It never ends by itself.
            None => tracing::error!(reason = %end.reason(), "an actor ended"),
        }
        Ok(())
    }

    async fn post_stop(&self, myself: ActorRef<Msg>, _: &mut Records) -> Result<(), ActorProcessingErr> {
        // Without this the children would be killed, and skip their own clean-up.
        myself.stop_children_and_wait(None, Some(Duration::from_millis(400))).await;
        Ok(())
    }
}

async fn happened(records: &mut Records, message: Message) {
    let todo = records.decide(message);
    carry_out(records, todo).await;
}

async fn carry_out(records: &mut Records, todo: Vec<Do>) {
    let mut todo = VecDeque::from(todo);
    while let Some(next) = todo.pop_front() {
        todo.extend(records.carry_out(next).await);
    }
}

async fn apply(records: &mut Records, change: Change) {
    match change {
        Change::Added(seat) | Change::Changed(seat) => {
            let todo = records.came(seat);
            carry_out(records, todo).await;
        }
        Change::Touched(name) => happened(records, Message::Touched(name)).await,
        Change::Removed(name) => happened(records, Message::Removed(name)).await,
        Change::Failed(name, error) => {
            let todo = records.decide(Message::Failed(name.clone(), unreadable(&error)));
            if todo.is_empty() {
                tracing::warn!(profile = %name, %error, "the profile cannot be used as it is now");
            }
            carry_out(records, todo).await;
        }
    }
}

fn crashed(message: &str) -> End {
    End::Crashed { message: message.to_owned() }
}

/// A profile that cannot even try.
fn unreadable(error: &Error) -> End {
    End::Unauthorized { code: error.code, message: error.message.clone(), hint: error.hint.clone() }
}
