//! The ledger hears an acknowledgement.

use std::time::Duration;

use tokio::time::Instant;

use super::record::{AckError, Outcome, Phase};
use super::{BODIES_KEPT, Ledger};
use crate::sandbox::feishu::ack::{self, Ack, CallbackAnswer};
use crate::sandbox::feishu::encode::Address;
use crate::sandbox::feishu::frame::Frame;
use crate::sandbox::feishu::ids::{self, Kind};

/// Remembered faults of clients; their count goes on.
const ACK_ERRORS_KEPT: usize = 1_000;

impl Ledger {
    /// One acknowledgement frame of a client.
    pub fn acknowledge(&mut self, app: usize, frame: &Frame, now: Instant) {
        let delivery = frame.header("message_id").and_then(|id| ids::open(self.seed, Kind::Delivery, id));
        let Some((number, index)) = delivery.map(|id| (id >> 8, (id & 0xff) as usize)) else {
            self.totals.unknown_acks += 1;
            return self.complain(Some(app), None, "acknowledgement of an unknown message_id".to_owned());
        };
        let seed = self.seed;
        let Some(record) = self.record(number) else {
            self.totals.unknown_acks += 1;
            return;
        };
        let Some(attempt) = record.attempts.get(index) else {
            self.totals.unknown_acks += 1;
            return self.complain(
                Some(app),
                None,
                "acknowledgement of a delivery that was not made".to_owned(),
            );
        };
        let event_id = record.notice.event_id.clone();
        let mut errors = Address::of(seed, record, index, attempt).check_echo(frame);
        if record.notice.app != app {
            errors.push("acknowledged by another app".to_owned());
        }
        let ack = Ack::parse(frame.payload.as_ref());
        errors.extend(ack.error.clone());
        for error in errors {
            self.complain(Some(app), Some(event_id.clone()), error);
        }
        self.settle(number, index, ack, now);
    }

    fn settle(&mut self, number: u64, index: usize, ack: Ack, now: Instant) {
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
        if ack.code != ack::OK {
            attempt.outcome = Outcome::Refused { code: ack.code };
            self.totals.refused += 1;
            self.answer_callback(number, &ack);
            return self.fail(number, now);
        }
        let after = attempt.sent.map_or(Duration::ZERO, |sent| now.saturating_duration_since(sent));
        attempt.outcome = Outcome::Acked { after };
        record.acks += 1;
        record.phase = Phase::Acked;
        let old = record.number + BODIES_KEPT < self.first + self.records.len() as u64;
        self.totals.acked += 1;
        self.totals.pending -= 1;
        self.totals.latency.add(after);
        self.answer_callback(number, &ack);
        if old && let Some(record) = self.record_mut(number) {
            record.body = None;
        }
    }

    fn answer_callback(&mut self, number: u64, ack: &Ack) {
        if let Some(waiting) = self.callbacks.remove(&number) {
            // Nobody waits any more: the asker's deadline was shorter.
            let _ = waiting.send(CallbackAnswer { code: ack.code, data: ack.data.clone() });
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
