//! One delivery attempt as frames on the wire, and the check that a client echoed them.

use bytes::Bytes;
use prost::Message;
use rand::seq::SliceRandom;

use crate::sandbox::feishu::frame::{DATA, Frame, Header, header};
use crate::sandbox::feishu::ids::{self, Kind};
use crate::sandbox::ledger::record::{Attempt, Record};

/// More parts than any client should accept are of no use to a test.
const PARTS_MAX: usize = 4_096;

/// How an event is split. The default is one frame.
#[derive(Clone, Copy, Debug)]
pub struct Chunking {
    pub parts: usize,
    pub shuffle: bool,
    pub duplicate: bool,
    pub missing: bool,
}

impl Default for Chunking {
    fn default() -> Chunking {
        Chunking { parts: 1, shuffle: false, duplicate: false, missing: false }
    }
}

impl Chunking {
    pub fn of_bytes(length: usize, chunk_bytes: Option<usize>) -> Chunking {
        let parts = chunk_bytes.map_or(1, |bytes| length.div_ceil(bytes.max(1)).max(1));
        Chunking { parts, ..Chunking::default() }
    }
}

/// Everything of a delivery's frames that a client has to give back.
pub struct Address {
    seq_id: u64,
    log_id: u64,
    service: i32,
    kind: &'static str,
    delivery_id: String,
    trace_id: String,
    timestamp: String,
    instance_id: String,
}

impl Address {
    pub fn of(seed: u64, record: &Record, index: usize, attempt: &Attempt) -> Address {
        let delivery = record.number << 8 | index as u64;
        let instance = ids::noise(seed, Kind::Event, delivery);
        Address {
            seq_id: attempt.seq_id,
            log_id: attempt.log_id,
            service: record.service,
            kind: if record.notice.card { "card" } else { "event" },
            delivery_id: ids::seal(seed, Kind::Delivery, delivery),
            trace_id: format!("{:016x}", ids::noise(seed, Kind::Event, record.number)),
            timestamp: record.created_ms.to_string(),
            instance_id: format!("{instance:016x}{:016x}", attempt.log_id.rotate_left(17)),
        }
    }

    fn headers(&self, parts: usize, part: usize) -> Vec<Header> {
        vec![
            header("type", self.kind),
            header("message_id", self.delivery_id.as_str()),
            header("sum", parts.to_string()),
            header("seq", part.to_string()),
            header("trace_id", self.trace_id.as_str()),
            header("timestamp", self.timestamp.as_str()),
            header("instance_id", self.instance_id.as_str()),
        ]
    }

    pub fn frames(&self, body: &Bytes, chunking: Chunking) -> Vec<Bytes> {
        let parts = chunking.parts.clamp(1, PARTS_MAX.min(body.len().max(1)));
        let mut order: Vec<usize> = (0..parts).collect();
        if chunking.shuffle {
            order.shuffle(&mut rand::rng());
        }
        if chunking.duplicate {
            order.insert(order.len() - 1, order[0]);
        }
        if chunking.missing {
            let lost = order[order.len() - 1];
            order.retain(|part| *part != lost);
        }
        order.into_iter().map(|part| self.frame(body, parts, part)).collect()
    }

    fn frame(&self, body: &Bytes, parts: usize, part: usize) -> Bytes {
        let frame = Frame {
            seq_id: self.seq_id,
            log_id: self.log_id,
            service: self.service,
            method: DATA,
            headers: self.headers(parts, part),
            payload: Some(body.slice(boundary(body, parts, part)..boundary(body, parts, part + 1))),
            ..Frame::default()
        };
        frame.encode_to_vec().into()
    }

    /// What differs between these frames and their acknowledgement (protocol 3.6).
    pub fn check_echo(&self, ack: &Frame) -> Vec<String> {
        let mut errors = Vec::new();
        let mut compare = |name: &str, same: bool| {
            if !same {
                errors.push(format!("{name} is not echoed"));
            }
        };
        compare("SeqID", ack.seq_id == self.seq_id);
        compare("LogID", ack.log_id == self.log_id);
        compare("service", ack.service == self.service);
        let number = |key: &str| ack.header(key).and_then(|value| value.parse().ok());
        let expected = self.headers(number("sum").unwrap_or(1), number("seq").unwrap_or(0));
        let echoed: Vec<&Header> = ack.headers.iter().filter(|header| header.key != "biz_rt").collect();
        let same =
            echoed.len() == expected.len() && echoed.iter().zip(&expected).all(|(got, sent)| **got == *sent);
        compare("header list", same);
        errors
    }
}

/// Parts need not be equal; a client has to join whatever comes.
fn boundary(body: &Bytes, parts: usize, part: usize) -> usize {
    body.len() * part / parts
}
