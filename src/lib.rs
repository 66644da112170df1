//! rooma gives AI agents that are already running a lasting presence in chat rooms.
//!
//! # The map
//!
//! | module | what it is for |
//! | --- | --- |
//! | [`event`] | what a line may be: our vocabulary, its rendering, its schema |
//! | [`core`] | pure decisions: redial, retry, trust, mentions, which chat is meant, what makes two deliveries or lines one, what was missed, why an agent was not reached, an agent's shift, whose turn it is in a room, what one of ours has still to hear |
//! | [`config`] | what people write: home, profiles, secrets, options |
//! | [`journal`] | the durable, ordered log; the queue between connections and readers |
//! | [`transport`] | the vocabulary every adapter speaks, and the adapters; `feishu` is the first |
//! | [`supervisor`] | the process that lives: actors (connections, registry, shifts, relays, rooms; each begun again when it breaks), stdout, the control socket, locks, small state in files |
//! | [`accounts`] | from a profile in a file to somebody who speaks to a platform: for a supervisor, and for one call |
//! | [`rooms`] | what one of ours may do in a room, whichever client lets it |
//! | [`cli`] | one verb, one file |
//! | `sandbox` | chat platforms on 127.0.0.1 for demo, tests and development (feature `sandbox`): a world that any of them shares, and Feishu's folder over it |
//! | [`clock`] | the one place that reads a clock |
//! | [`error`] | a kind that decides the exit code, a sentence, a hint |
//! | [`memory`] | gives back what a burst took |
//! | [`pipe`] | what a pipe tells of its reader: what it has taken, and what not |
//! | [`folder`] | the one place that makes folders of a home, for their owner alone |
//! | [`plain`] | the one way to read what people and others leave in files: plain ones, without waiting, so much and no more |
//! | [`fault`] | places where a test may break things; nothing in a release build |
//!
//! # What never happens
//!
//! Each invariant is an absence; `tests/tidy.rs` and clippy's configuration check them.
//!
//! - `core`, `event` and the pure files of an adapter name no runtime, file, environment or clock.
//! - ractor is named under `supervisor` only, `serde_yaml` under `config`, `backoff` under `core`, prost under
//!   `transport` and `sandbox`, SQLite under `journal`.
//! - stdout is written by the outlet and by `cli::print`, by nobody else.
//! - What is to be said becomes a platform's message in its adapter only; until then it is a [`transport::outgoing::Outgoing`].
//! - No adapter names another; outside an adapter only `transport` itself names its types.
//! - The sandbox shares no code with the client it plays the platform for, and what its platforms share names none of
//!   them.
//! - What a platform told becomes a line in [`transport::Intake`] only, and nobody looks into a line that was rendered.
//! - Nothing is acknowledged to a platform before [`journal::Appender::append`] has answered.
//! - Nothing whose rate a stranger sets goes into an actor's mailbox.
//! - A secret is a `SecretString` until it is sent, and no URL of a socket is ever shown.
//!
//! # Where to put the next thing
//!
//! A verb: a file under `cli` and a line in its enum. A transport: a folder under `transport` that implements
//! [`transport::Adapter`], and a line in its `platforms.rs`; it hands in [`transport::Inbound`]s and composes [`transport::outgoing::Outgoing`]s. The platform it is tried against: a
//! folder under `sandbox` that implements its `Platform`. A kind of line: a struct under `event` and a row in its table
//! ([`event::Event`]). A reader of lines: another [`journal::Reader`] with a cursor of its own. A decision: a function under
//! `core`, with its table of cases beside it. State that commands and the supervisor share: a
//! [`supervisor::stored::Stored`] file, changed under its lock by a function of `core`. A call that a verb makes: a
//! variant of [`transport::Call`], so that it goes through the supervisor and without one.

pub mod accounts;
pub mod cli;
pub mod clock;
pub mod config;
pub mod core;
#[cfg(test)]
mod elsewhere;
pub mod error;
pub mod event;
pub mod fault;
pub mod folder;
#[cfg(test)]
mod fuzz;
pub mod journal;
pub mod memory;
pub mod pipe;
pub mod plain;
pub mod rooms;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod supervisor;
pub mod transport;
