//! The record of every push: what was sent, what was acknowledged, what is due next.
//!
//! Synchronous and without I/O: callers bring the time, and carry out what comes back.

mod ladder;
pub mod record;
mod settle;
pub mod totals;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::Instant;

use self::record::{AckError, Answer, Attempt, Due, Notice, Outcome, Phase, Record};
use self::totals::Totals;

/// Finished records keep their body this long (in records), so that they can be delivered again on request.
const BODIES_KEPT: u64 = 10_000;
/// The number of an attempt fits into one byte, so that an id can carry it.
const ATTEMPTS_MAX: usize = 255;

/// How patient the platform is.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How long a delivery waits for its acknowledgement.
    pub ack_deadline: Duration,
    /// Delays before the second, third … delivery of what was not acknowledged.
    pub redelivery: Vec<Duration>,
    /// How many records are remembered; the oldest go first.
    pub keep: usize,
}

/// An attempt that begins now: what its bytes are made of.
pub struct Begun<'a> {
    pub record: &'a Record,
    /// Which of the record's attempts.
    pub index: usize,
    pub body: Bytes,
    /// The bytes, where they were made before.
    pub ahead: Option<Bytes>,
}

impl Begun<'_> {
    pub fn attempt(&self) -> &Attempt {
        &self.record.attempts[self.index]
    }
}

pub struct Ledger {
    plan: Plan,
    first: u64,
    records: VecDeque<Record>,
    due: BinaryHeap<Reverse<Due>>,
    next_serial: u64,
    pub totals: Totals,
    pub ack_errors: VecDeque<AckError>,
    callbacks: HashMap<u64, oneshot::Sender<Answer>>,
    /// The earliest due moment moved forward: whoever waits for it has to look again.
    wake: bool,
}

impl Ledger {
    pub fn new(plan: Plan) -> Ledger {
        Ledger {
            plan,
            first: 0,
            records: VecDeque::new(),
            due: BinaryHeap::new(),
            next_serial: 1,
            totals: Totals::default(),
            ack_errors: VecDeque::new(),
            callbacks: HashMap::new(),
            wake: false,
        }
    }

    pub fn register(&mut self, notice: Notice, created_ms: i64) -> u64 {
        let number = self.first + self.records.len() as u64;
        let body = Some(notice.body.clone());
        self.records.push_back(Record {
            number,
            notice: Notice { body: Bytes::new(), ..notice },
            created_ms,
            phase: Phase::Queued,
            failures: 0,
            acks: 0,
            attempts: Vec::new(),
            body,
            planned: None,
        });
        self.totals.events += 1;
        self.totals.pending += 1;
        self.shed_bodies(number);
        self.forget_oldest();
        number
    }

    fn shed_bodies(&mut self, newest: u64) {
        let old = newest.checked_sub(BODIES_KEPT).and_then(|number| self.record_mut(number));
        if let Some(record) = old.filter(|record| record.finished()) {
            record.body = None;
        }
    }

    fn forget_oldest(&mut self) {
        while self.records.len() > self.plan.keep {
            // Waiting for hours is no reason to be forgotten, unless everything waits.
            let stuck = self.records.front().is_some_and(|record| !record.finished());
            if stuck && self.records.len() < self.plan.keep * 2 {
                return;
            }
            self.records.pop_front();
            self.first += 1;
            self.totals.pending -= u64::from(stuck);
        }
    }

    pub fn record(&self, number: u64) -> Option<&Record> {
        self.records.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    fn record_mut(&mut self, number: u64) -> Option<&mut Record> {
        self.records.get_mut(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.iter()
    }

    /// Encodes the first attempt ahead of time, so that a burst costs only its writes. `encode` may decline.
    pub fn encode_ahead(
        &mut self,
        number: u64,
        encode: impl FnOnce(&Record, &Attempt, &Bytes) -> Option<Bytes>,
    ) {
        let attempt = self.new_attempt();
        let Some(record) = self.record_mut(number) else { return };
        let Some(body) = record.body.clone() else { return };
        if let Some(bytes) = encode(record, &attempt, &body) {
            record.planned = Some((attempt, bytes));
        }
    }

    fn new_attempt(&mut self) -> Attempt {
        let serial = self.next_serial;
        self.next_serial += 1;
        Attempt { serial, connection: 0, sent: None, outcome: Outcome::Pending, permit: None }
    }

    /// Starts the ack deadline of one more attempt.
    pub fn begin(
        &mut self,
        number: u64,
        connection: u64,
        permit: Option<OwnedSemaphorePermit>,
        now: Instant,
    ) -> Option<Begun<'_>> {
        let record = self.record_mut(number).filter(|record| record.phase == Phase::Queued)?;
        let index = record.attempts.len();
        let body = record.body.clone().unwrap_or_default();
        let (attempt, ahead) = match record.planned.take() {
            Some((attempt, bytes)) => (attempt, Some(bytes)),
            None => (self.new_attempt(), None),
        };
        let record = self.record_mut(number)?;
        record.attempts.push(Attempt { connection, sent: Some(now), permit, ..attempt });
        record.phase = Phase::InFlight;
        self.totals.attempts += 1;
        let at = now + self.plan.ack_deadline;
        self.schedule(Due { at, record: number, attempt: index, retry: false });
        Some(Begun { record: self.record(number)?, index, body, ahead })
    }

    /// Whether the earliest due moment moved forward since this was last asked.
    pub fn take_wake(&mut self) -> bool {
        std::mem::take(&mut self.wake)
    }

    /// Whoever waits for the answer to a callback; dropped when none will come.
    pub fn expect_answer(&mut self, number: u64, waiting: oneshot::Sender<Answer>) {
        self.callbacks.insert(number, waiting);
    }
}
