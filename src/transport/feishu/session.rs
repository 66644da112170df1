//! One connection as a state machine without I/O: inputs and the time in, outputs and a deadline out.
//!
//! It decides when to ping, when the other side is dead, what to acknowledge, when to stop reading and how
//! the connection ended. The loop around it (`serve.rs`) only carries out.

mod heartbeat;

pub use self::heartbeat::ping_interval;

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;

use self::heartbeat::{Heartbeat, Verdict};
use super::frame::{Frame, Purpose};
use super::reassembly::{Fault, Outcome, Part, Reassembly};
use crate::core::end::End;

/// Deliveries that wait for the journal. At 60,000 events/s this is what arrives in 70 ms.
pub const IN_FLIGHT_MAX: usize = 4096;

/// Bytes of payload that wait for the journal.
pub const IN_FLIGHT_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Bytes written but not taken by the other side, beyond which nothing more is read from it.
pub const UNSENT_MAX: usize = 1024 * 1024;

/// How long a connection that is asked to close waits for the journal, so that what it received is
/// acknowledged and does not come again.
pub const DRAIN_MAX: Duration = Duration::from_secs(1);

/// What the journal could not take is delivered again later.
const ACK_FAILED: u16 = 500;
const ACK_OK: u16 = 200;

/// Both clocks: `mono` counts from the connection's start, `wall_ms` is Unix time.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    pub mono: Duration,
    pub wall_ms: i64,
}

#[derive(Debug)]
pub enum Input {
    /// A binary message.
    Message(Bytes),
    /// Any other sign of life, which asks for nothing.
    Noise,
    /// The journal has the delivery, or could not take it.
    Settled { tag: u64, stored: bool },
    /// All that was sent so far has left.
    Flushed,
    /// The other side closed.
    Closed { code: Option<u16>, reason: String },
    /// Reading or writing failed.
    Broken { reason: String },
    /// Time passed.
    Tick,
    /// Close, please.
    Stop,
}

#[derive(Debug, PartialEq)]
pub enum Output {
    Send(Bytes),
    /// Into the journal with it; [`Input::Settled`] answers.
    Deliver {
        tag: u64,
        payload: Bytes,
    },
    /// The first pong or event: this connection works.
    Usable,
    /// A delivery, or part of one, was not taken.
    Rejected(Fault),
    /// Deliveries whose missing parts never came.
    Expired(usize),
    /// A message that is no frame.
    Garbage,
    Finish(End),
}

/// Settings of one session. Values from the platform are checked before they get here.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub service: i32,
    pub ping_interval: Duration,
    pub pong: Duration,
}

#[derive(Debug)]
pub struct Session {
    service: i32,
    heartbeat: Heartbeat,
    reassembly: Reassembly,
    outputs: VecDeque<Output>,
    in_flight: HashMap<u64, InFlight>,
    in_flight_bytes: usize,
    next_tag: u64,
    unsent_bytes: usize,
    usable: bool,
    /// Set when asked to close: until then the journal may still answer.
    drain_until: Option<Duration>,
    finished: bool,
}

/// A delivery that the journal has and the platform waits for.
#[derive(Debug)]
struct InFlight {
    /// The frame to echo, without its payload.
    frame: Frame,
    bytes: usize,
    since: Duration,
}

impl Session {
    /// Starts with a ping.
    pub fn new(now: Now, settings: Settings) -> Session {
        let mut session = Session {
            service: settings.service,
            heartbeat: Heartbeat::new(now, settings.ping_interval, settings.pong),
            reassembly: Reassembly::default(),
            outputs: VecDeque::new(),
            in_flight: HashMap::new(),
            in_flight_bytes: 0,
            next_tag: 0,
            unsent_bytes: 0,
            usable: false,
            drain_until: None,
            finished: false,
        };
        session.tick(now);
        session
    }

    pub fn handle(&mut self, now: Now, input: Input) {
        if self.finished {
            return;
        }
        match input {
            Input::Message(bytes) => self.message(now, bytes),
            Input::Noise => self.heartbeat.inbound(now.mono),
            Input::Settled { tag, stored } => self.settled(now, tag, stored),
            Input::Flushed => {
                self.unsent_bytes = 0;
                self.heartbeat.flushed();
            }
            Input::Closed { code, reason } => self.finish(End::Closed { code, reason }),
            Input::Broken { reason } => self.finish(End::Lost { reason }),
            Input::Tick => {}
            Input::Stop => {
                self.drain_until.get_or_insert(now.mono + DRAIN_MAX);
            }
        }
        self.tick(now);
    }

    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    pub fn peek(&self) -> Option<&Output> {
        self.outputs.front()
    }

    /// When the session wants an [`Input::Tick`] at the latest.
    pub fn deadline(&self) -> Duration {
        let own = self.drain_until.into_iter().chain(self.reassembly.deadline());
        own.fold(self.heartbeat.deadline(), Duration::min)
    }

    /// May the socket be read? Not while the journal or the other side is behind: then TCP holds the rest.
    pub fn reading(&self) -> bool {
        !self.journal_behind() && self.unsent_bytes < UNSENT_MAX && self.drain_until.is_none()
    }

    fn journal_behind(&self) -> bool {
        self.in_flight.len() >= IN_FLIGHT_MAX || self.in_flight_bytes >= IN_FLIGHT_BYTES_MAX
    }

    fn message(&mut self, now: Now, bytes: Bytes) {
        self.heartbeat.inbound(now.mono);
        let Ok(frame) = Frame::from_bytes(bytes) else {
            self.outputs.push_back(Output::Garbage);
            return;
        };
        match frame.purpose() {
            Purpose::Pong => {
                self.heartbeat.configure(frame.payload.as_deref().unwrap_or_default());
                self.works();
            }
            Purpose::Event => {
                self.works();
                self.event(now, frame);
            }
            // Types we do not know: no client of this platform answers them.
            Purpose::Other => {}
        }
    }

    fn works(&mut self) {
        if !self.usable {
            self.usable = true;
            self.outputs.push_back(Output::Usable);
        }
    }

    fn event(&mut self, now: Now, mut frame: Frame) {
        let bytes = frame.payload.take().unwrap_or_default();
        let part = Part {
            id: frame.header("message_id").unwrap_or_default(),
            sum: number(frame.header("sum"), 1),
            seq: number(frame.header("seq"), 0),
            bytes,
        };
        match self.reassembly.add(now.mono, part) {
            Outcome::Whole(payload) => self.deliver(now, frame, payload),
            Outcome::Waiting | Outcome::Duplicate => {}
            Outcome::Rejected(fault) => self.outputs.push_back(Output::Rejected(fault)),
        }
    }

    fn deliver(&mut self, now: Now, frame: Frame, payload: Bytes) {
        let tag = self.next_tag;
        self.next_tag += 1;
        self.in_flight_bytes += payload.len();
        self.in_flight.insert(tag, InFlight { frame, bytes: payload.len(), since: now.mono });
        self.outputs.push_back(Output::Deliver { tag, payload });
    }

    fn settled(&mut self, now: Now, tag: u64, stored: bool) {
        let Some(done) = self.in_flight.remove(&tag) else { return };
        self.in_flight_bytes -= done.bytes;
        let code = if stored { ACK_OK } else { ACK_FAILED };
        let ack = done.frame.ack(now.mono.saturating_sub(done.since), code);
        self.send(now, ack.to_bytes());
    }

    fn send(&mut self, now: Now, bytes: Bytes) {
        self.unsent_bytes += bytes.len();
        self.heartbeat.sent(now.mono);
        self.outputs.push_back(Output::Send(bytes));
    }

    /// Whatever is due.
    fn tick(&mut self, now: Now) {
        if self.finished {
            return;
        }
        let expired = self.reassembly.expire(now.mono);
        if expired > 0 {
            self.outputs.push_back(Output::Expired(expired));
        }
        if let Some(until) = self.drain_until {
            if self.in_flight.is_empty() || now.mono >= until {
                self.finish(End::Asked);
            }
            return;
        }
        match self.heartbeat.check(now, !self.journal_behind()) {
            Verdict::Alive => {}
            Verdict::Ping => self.send(now, Frame::ping(self.service).to_bytes()),
            Verdict::Dead(end) => self.finish(end),
        }
    }

    fn finish(&mut self, end: End) {
        if !self.finished {
            self.finished = true;
            self.outputs.push_back(Output::Finish(end));
        }
    }
}

/// A header's number. Missing means the default; what is no number is -1, which no check accepts.
fn number(value: Option<&str>, missing: i64) -> i64 {
    match value {
        None | Some("") => missing,
        Some(text) => text.parse().unwrap_or(-1),
    }
}

#[cfg(test)]
mod tests;
