//! What follows when nobody acknowledged: the redelivery ladder, its deadlines, its end.

use std::cmp::Reverse;
use std::time::Duration;

use tokio::time::Instant;

use super::record::{Due, Outcome, Phase, Record};
use super::{ATTEMPTS_MAX, Ledger};

impl Ledger {
    pub(super) fn schedule(&mut self, due: Due) {
        self.wake |= self.due.peek().is_none_or(|Reverse(earliest)| due.at < earliest.at);
        self.due.push(Reverse(due));
    }

    /// No connection took it. Counts as a failed delivery like silence does.
    pub fn miss(&mut self, number: u64, now: Instant) {
        if self.record(number).is_none_or(|record| record.phase != Phase::Queued) {
            return;
        }
        let mut attempt = self.new_attempt();
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
        let ladder = self.plan.redelivery.len();
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
        self.schedule(Due { at: now + self.plan.redelivery[step], record: number, attempt, retry: true });
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
