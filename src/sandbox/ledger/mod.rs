//! The record of every push: what was sent, what was acknowledged, what is due next.
//!
//! Synchronous and without I/O: callers bring the time, and carry out what comes back.

pub mod record;
mod settle;
pub mod totals;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::Instant;

use self::record::{AckError, Attempt, Due, Outcome, Phase, Record};
use self::totals::Totals;
use crate::sandbox::feishu::ack::CallbackAnswer;
use crate::sandbox::feishu::encode::{Address, Chunking};
use crate::sandbox::feishu::ids::{self, Kind};
use crate::sandbox::feishu::notices::Notice;
use crate::sandbox::feishu::options::Options;

/// Finished records keep their body this long (in records), so that they can be delivered again on request.
pub(super) const BODIES_KEPT: u64 = 10_000;
/// The attempt number is one byte of the delivery id.
const ATTEMPTS_MAX: usize = 255;

pub struct Ledger {
    pub(super) seed: u64,
    ack_deadline: Duration,
    redelivery: Vec<Duration>,
    chunk_bytes: Option<usize>,
    keep: usize,
    pub(super) first: u64,
    pub(super) records: VecDeque<Record>,
    due: BinaryHeap<Reverse<Due>>,
    next_seq: u64,
    pub totals: Totals,
    pub ack_errors: VecDeque<AckError>,
    pub(super) callbacks: HashMap<u64, oneshot::Sender<CallbackAnswer>>,
    /// The earliest due moment moved forward: whoever waits for it has to look again.
    pub(super) wake: bool,
}

impl Ledger {
    pub fn new(seed: u64, options: &Options) -> Ledger {
        Ledger {
            seed,
            ack_deadline: options.ack_deadline,
            redelivery: options.redelivery.clone(),
            chunk_bytes: options.chunk_bytes,
            keep: options.keep,
            first: 0,
            records: VecDeque::new(),
            due: BinaryHeap::new(),
            next_seq: 1,
            totals: Totals::default(),
            ack_errors: VecDeque::new(),
            callbacks: HashMap::new(),
            wake: false,
        }
    }

    pub fn register(&mut self, notice: Notice, service: i32, created_ms: i64) -> u64 {
        let number = self.first + self.records.len() as u64;
        let body = Some(notice.body.clone());
        self.records.push_back(Record {
            number,
            notice: Notice { body: Bytes::new(), ..notice },
            service,
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
        while self.records.len() > self.keep {
            // Waiting for hours is no reason to be forgotten, unless everything waits.
            let stuck = self.records.front().is_some_and(|record| !record.finished());
            if stuck && self.records.len() < self.keep * 2 {
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

    pub(super) fn record_mut(&mut self, number: u64) -> Option<&mut Record> {
        self.records.get_mut(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.iter()
    }

    /// Encodes the first attempt ahead of time, so that a burst costs only its writes.
    pub fn plan(&mut self, number: u64) {
        if self.chunk_bytes.is_some() {
            return;
        }
        let attempt = self.new_attempt(number, 0);
        let seed = self.seed;
        let Some(record) = self.record_mut(number) else { return };
        let Some(body) = record.body.clone() else { return };
        let address = Address::of(seed, record, 0, &attempt);
        let mut frames = address.frames(&body, Chunking::default());
        if let Some(frame) = frames.pop() {
            record.planned = Some((attempt, frame));
        }
    }

    fn new_attempt(&mut self, number: u64, index: usize) -> Attempt {
        let seq_id = self.next_seq;
        self.next_seq += 1;
        // Above 2^53 on purpose: a client that takes it through a float cannot echo it.
        let log_id = ids::noise(self.seed, Kind::Delivery, number << 8 | index as u64) | 1 << 63;
        Attempt { seq_id, log_id, connection: 0, sent: None, outcome: Outcome::Pending, permit: None }
    }

    /// Starts the ack deadline of one more attempt and returns its frames.
    pub fn begin(
        &mut self,
        number: u64,
        connection: u64,
        chunking: Option<Chunking>,
        permit: Option<OwnedSemaphorePermit>,
        now: Instant,
    ) -> Vec<Bytes> {
        let index = match self.record(number) {
            Some(record) if record.phase == Phase::Queued => record.attempts.len(),
            Some(_) | None => return Vec::new(),
        };
        let chunk_bytes = self.chunk_bytes;
        let seed = self.seed;
        let planned = self.record_mut(number).and_then(|record| record.planned.take());
        let (mut attempt, frame) = match planned {
            Some((attempt, frame)) if chunking.is_none() => (attempt, Some(frame)),
            Some(_) | None => (self.new_attempt(number, index), None),
        };
        attempt.connection = connection;
        attempt.sent = Some(now);
        attempt.permit = permit;
        let Some(record) = self.record_mut(number) else { return Vec::new() };
        let body = record.body.clone().unwrap_or_default();
        let frames = match frame {
            Some(frame) => vec![frame],
            None => {
                let by_size = Chunking::of_bytes(body.len(), chunk_bytes);
                Address::of(seed, record, index, &attempt).frames(&body, chunking.unwrap_or(by_size))
            }
        };
        record.attempts.push(attempt);
        record.phase = Phase::InFlight;
        self.totals.attempts += 1;
        self.schedule(Due { at: now + self.ack_deadline, record: number, attempt: index, retry: false });
        frames
    }

    fn schedule(&mut self, due: Due) {
        self.wake |= self.due.peek().is_none_or(|Reverse(earliest)| due.at < earliest.at);
        self.due.push(Reverse(due));
    }

    /// No connection took it. Counts as a failed delivery like silence does.
    pub fn miss(&mut self, number: u64, now: Instant) {
        let queued = |record: &&Record| record.phase == Phase::Queued;
        let Some(index) = self.record(number).filter(queued).map(|record| record.attempts.len()) else {
            return;
        };
        let mut attempt = self.new_attempt(number, index);
        attempt.outcome = Outcome::NoConnection;
        if let Some(record) = self.record_mut(number) {
            record.planned = None;
            record.attempts.push(attempt);
        }
        self.totals.no_connection += 1;
        self.fail(number, now);
    }

    /// The next step of the ladder, or the end of it.
    pub(super) fn fail(&mut self, number: u64, now: Instant) {
        let ladder = self.redelivery.len();
        let Some(record) = self.record_mut(number) else { return };
        let step = record.failures;
        record.failures += 1;
        let attempt = record.attempts.len();
        if record.notice.callback || step >= ladder || attempt >= ATTEMPTS_MAX {
            record.phase = Phase::GivenUp;
            self.totals.given_up += 1;
            self.totals.pending -= 1;
            self.callbacks.remove(&number);
            return;
        }
        record.phase = Phase::Waiting;
        self.schedule(Due { at: now + self.redelivery[step], record: number, attempt, retry: true });
    }

    /// Handles everything that is due: returns the records to deliver again and the next due moment.
    pub fn advance(&mut self, now: Instant) -> (Vec<u64>, Option<Instant>) {
        let mut again = Vec::new();
        while self.due.peek().is_some_and(|Reverse(due)| due.at <= now) {
            let Some(Reverse(due)) = self.due.pop() else { break };
            if due.retry {
                again.extend(self.requeue(due));
            } else {
                self.expire(due, now);
            }
        }
        self.wake = false;
        (again, self.due.peek().map(|Reverse(due)| due.at))
    }

    /// Entries are not removed when things change, so each is checked against its record.
    fn requeue(&mut self, due: Due) -> Option<u64> {
        let record = self.record_mut(due.record)?;
        let current = record.phase == Phase::Waiting && record.attempts.len() == due.attempt;
        current.then(|| record.phase = Phase::Queued);
        current.then_some(due.record)
    }

    fn expire(&mut self, due: Due, now: Instant) {
        let Some(record) = self.record_mut(due.record) else { return };
        let Some(attempt) = record.attempts.get_mut(due.attempt) else { return };
        if attempt.outcome != Outcome::Pending {
            return;
        }
        attempt.outcome = Outcome::TimedOut;
        attempt.permit = None;
        self.totals.timeouts += 1;
        self.fail(due.record, now);
    }

    /// Brings all retries closer by `by`; the waiting side has to look again.
    pub fn shift_retries(&mut self, by: Duration) {
        let shifted = self.due.drain().map(|Reverse(mut due)| {
            if due.retry {
                due.at = due.at.checked_sub(by).unwrap_or(due.at);
            }
            Reverse(due)
        });
        self.due = shifted.collect();
        self.wake = true;
    }

    /// Takes waiting (and, on request, finished) records that match, for delivery right now.
    pub fn force(&mut self, finished_too: bool, wanted: impl Fn(&Record) -> bool) -> Vec<u64> {
        let mut forced = Vec::new();
        for record in &mut self.records {
            let again = finished_too && record.finished() && record.body.is_some();
            if !(record.phase == Phase::Waiting || again) || record.attempts.len() >= ATTEMPTS_MAX {
                continue;
            }
            if wanted(record) {
                self.totals.pending += u64::from(again);
                record.phase = Phase::Queued;
                forced.push(record.number);
            }
        }
        forced
    }
}
