//! One profile's place in a supervisor: what it is called, what its events are judged by, and the ways to act as it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::core::end::End;
use crate::error::Result;
use crate::event::ids::MessageId;
use crate::transport::{Call, Inbound, Intake, Life, Missed, Missing, Transport};

pub type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Lives one connection of a profile, from dial to close.
pub type Dial = Arc<dyn Fn(Life) -> Later<End> + Send + Sync>;

/// Makes one call as a profile, for somebody who waits this long.
pub type Perform = Arc<dyn Fn(Call, Duration) -> Later<Result<serde_json::Value>> + Send + Sync>;

/// Fetches a part of the past as a profile.
pub type Fetch = Arc<dyn Fn(Missing) -> Later<Result<Missed>> + Send + Sync>;

/// Reads a message as a profile; nothing where it is not for it.
pub type Relay = Arc<dyn Fn(MessageId) -> Later<Result<Option<Inbound>>> + Send + Sync>;

/// One profile's place in a supervisor.
#[derive(Clone)]
pub struct Seat {
    pub name: Arc<str>,
    pub transport: Transport,
    /// What the events of this profile are judged by.
    pub intake: Intake,
    pub dial: Dial,
    pub app_id: String,
    /// How the verbs act as this profile.
    pub perform: Perform,
    /// How the past is fetched.
    pub fetch: Fetch,
    /// How one message that another of ours has posted is read.
    pub relay: Relay,
}
