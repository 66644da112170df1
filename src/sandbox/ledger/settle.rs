//! The ledger hears what became of a delivery.

use std::time::Duration;

use tokio::time::Instant;

use super::record::{AckError, Answer, Outcome, Phase};
use super::{BODIES_KEPT, Ledger};

/// Remembered faults of clients; their count goes on.
const ACK_ERRORS_KEPT: usize = 1_000;

impl Ledger {
    /// One answer to one attempt.
    pub fn settle(&mut self, number: u64, index: usize, answer: Answer, now: Instant) {
        let Some(record) = self.record_mut(number) else { return };
        let Some(attempt) = record.attempts.get_mut(index) else { return };
        match attempt.outcome {
            Outcome::Pending => {}
            Outcome::TimedOut | Outcome::NoConnection => {
                self.totals.late_acks += 1;
                return;
            }
            Outcome::Acked { .. } | Outcome::Refused { .. } => {
                self.totals.repeated_acks += 1;
                return;
            }
        }
        attempt.permit = None;
        let code = answer.code;
        if !answer.taken {
            attempt.outcome = Outcome::Refused { code };
            self.totals.refused += 1;
            self.answer_callback(number, answer);
            return self.fail(number, now);
        }
        let after = attempt.sent.map_or(Duration::ZERO, |sent| now.saturating_duration_since(sent));
        attempt.outcome = Outcome::Acked { after, code };
        record.acks += 1;
        record.phase = Phase::Acked;
        let old = record.number + BODIES_KEPT < self.first + self.records.len() as u64;
        self.totals.acked += 1;
        self.totals.pending -= 1;
        self.totals.latency.add(after);
        self.answer_callback(number, answer);
        if old && let Some(record) = self.record_mut(number) {
            record.body = None;
        }
    }

    fn answer_callback(&mut self, number: u64, answer: Answer) {
        if let Some(waiting) = self.callbacks.remove(&number) {
            // Nobody waits any more: the asker's deadline was shorter.
            let _ = waiting.send(answer);
        }
    }

    pub fn complain(&mut self, app: Option<usize>, event_id: Option<String>, error: String) {
        self.totals.ack_errors += 1;
        if self.ack_errors.len() == ACK_ERRORS_KEPT {
            self.ack_errors.pop_front();
        }
        self.ack_errors.push_back(AckError { app, event_id, error });
    }
}
