//! The protobuf frame of the long connection: each binary WebSocket message is exactly one.
//!
//! proto2, package `pbbp2`. The four scalar fields are `required`: they are written even when zero, since
//! strict decoders refuse a frame without them.

use std::time::Duration;

use bytes::Bytes;
use prost::Message;

const CONTROL: i32 = 0;
const DATA: i32 = 1;

/// What a header's value may take in a log line.
const LOGGED_MAX: usize = 64;

#[derive(Clone, PartialEq, prost::Message)]
pub struct Header {
    #[prost(string, required, tag = "1")]
    pub key: String,
    #[prost(string, required, tag = "2")]
    pub value: String,
}

/// `Debug` leaves the payload out: it holds what people wrote.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub struct Frame {
    #[prost(uint64, required, tag = "1")]
    pub seq_id: u64,
    #[prost(uint64, required, tag = "2")]
    pub log_id: u64,
    #[prost(int32, required, tag = "3")]
    pub service: i32,
    #[prost(int32, required, tag = "4")]
    pub method: i32,
    /// Ordered; keys should be unique, and the first match counts.
    #[prost(message, repeated, tag = "5")]
    pub headers: Vec<Header>,
    #[prost(string, optional, tag = "6")]
    pub payload_encoding: Option<String>,
    #[prost(string, optional, tag = "7")]
    pub payload_type: Option<String>,
    #[prost(bytes = "bytes", optional, tag = "8")]
    pub payload: Option<Bytes>,
    #[prost(string, optional, tag = "9")]
    pub log_id_new: Option<String>,
}

/// What a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Pong,
    /// An event or a callback.
    Event,
    /// Control or data of another type: the protocol asks for nothing.
    Other,
}

impl Frame {
    pub fn ping(service: i32) -> Frame {
        Frame { service, method: CONTROL, headers: vec![header("type", "ping")], ..Frame::default() }
    }

    /// The answer to a delivery: the frame as it came, every header in its order, with our time and code.
    /// `self` is the frame of the part that came last.
    pub fn ack(mut self, took: Duration, code: u16) -> Frame {
        self.headers.push(header("biz_rt", &took.as_millis().to_string()));
        self.payload = Some(Bytes::from(format!("{{\"code\":{code}}}")));
        self
    }

    pub fn purpose(&self) -> Purpose {
        match (self.method, self.header("type")) {
            (CONTROL, Some("pong")) => Purpose::Pong,
            // Older cards report what was pressed in frames of their own.
            (DATA, Some("event" | "card")) => Purpose::Event,
            _ => Purpose::Other,
        }
    }

    pub fn header(&self, key: &str) -> Option<&str> {
        self.headers.iter().find(|header| header.key == key).map(|header| header.value.as_str())
    }

    pub fn to_bytes(&self) -> Bytes {
        Bytes::from(self.encode_to_vec())
    }

    /// Reads a frame. The payload shares the message's memory.
    pub fn from_bytes(bytes: Bytes) -> Result<Frame, prost::DecodeError> {
        Frame::decode(bytes)
    }
}

impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let logged = |key| crate::event::bounded(self.header(key).unwrap_or(""), LOGGED_MAX);
        f.debug_struct("Frame")
            .field("method", &self.method)
            .field("type", &logged("type"))
            .field("message_id", &logged("message_id"))
            .field("trace_id", &logged("trace_id"))
            .field("payload_bytes", &self.payload.as_ref().map_or(0, Bytes::len))
            .finish_non_exhaustive()
    }
}

fn header(key: &str, value: &str) -> Header {
    Header { key: key.to_owned(), value: value.to_owned() }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn event_frame(message_id: &str, sum: &str, seq: &str, payload: &[u8]) -> Frame {
        let headers =
            [("type", "event"), ("message_id", message_id), ("sum", sum), ("seq", seq), ("trace_id", "t1")];
        Frame {
            seq_id: 1,
            log_id: 2,
            service: 33_554_678,
            method: DATA,
            headers: headers.iter().map(|(key, value)| header(key, value)).collect(),
            payload: Some(Bytes::copy_from_slice(payload)),
            ..Frame::default()
        }
    }

    pub fn pong_frame(payload: &str) -> Frame {
        Frame {
            service: 33_554_678,
            headers: vec![header("type", "pong")],
            payload: (!payload.is_empty()).then(|| Bytes::copy_from_slice(payload.as_bytes())),
            ..Frame::default()
        }
    }

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u32> = hex.chars().filter_map(|c| c.to_digit(16)).collect();
        digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
    }

    const PING: &str = "0800 1000 18f6818010 2000 2a0c 0a0474797065 120470696e67";
    const PONG: &str = "0800 1000 18f6818010 2000 2a0c 0a0474797065 1204706f6e67 \
                        4213 7b2250696e67496e74657276616c223a39307d";
    const EVENT: &str = "08011002 18f6818010 2001 2a0d0a047479706512056576656e74 \
                         2a100a0a6d6573736167655f696412026d31 2a080a0373756d120131 2a080a03736571120130 \
                         2a0e0a0874726163655f696412027431 42027b7d";
    const ACK: &str = "08011002 18f6818010 2001 2a0d0a047479706512056576656e74 \
                       2a100a0a6d6573736167655f696412026d31 2a080a0373756d120131 2a080a03736571120130 \
                       2a0e0a0874726163655f696412027431 2a0b0a0662697a5f7274120133 \
                       420c7b22636f6465223a3230307d";

    #[test]
    fn frames_are_the_reference_s_bytes() {
        let event = event_frame("m1", "1", "0", b"{}");
        assert_eq!(Frame::ping(33_554_678).to_bytes(), bytes(PING));
        assert_eq!(pong_frame("{\"PingInterval\":90}").to_bytes(), bytes(PONG));
        assert_eq!(event.to_bytes(), bytes(EVENT));
        assert_eq!(event.ack(Duration::from_millis(3), 200).to_bytes(), bytes(ACK));
    }

    #[test]
    fn reference_bytes_are_understood() {
        let pong = Frame::from_bytes(bytes(PONG).into()).unwrap();
        assert_eq!(pong.purpose(), Purpose::Pong);
        assert_eq!(pong.payload.as_deref(), Some(b"{\"PingInterval\":90}".as_slice()));
        let event = Frame::from_bytes(bytes(EVENT).into()).unwrap();
        assert_eq!(event, event_frame("m1", "1", "0", b"{}"));
        assert_eq!(event.purpose(), Purpose::Event);
    }

    #[test]
    fn ids_keep_all_their_bits() {
        let frame = Frame { seq_id: u64::MAX, log_id: u64::MAX - 1, service: -1, ..Frame::default() };
        let read = Frame::from_bytes(frame.to_bytes()).unwrap();
        assert_eq!((read.seq_id, read.log_id, read.service), (u64::MAX, u64::MAX - 1, -1));
    }

    #[test]
    fn empty_strings_of_other_writers_are_accepted_and_echoed() {
        let written_by_go = format!("{EVENT} 3200 3a00 4a00");
        let event = Frame::from_bytes(bytes(&written_by_go).into()).unwrap();
        assert_eq!(event.payload_encoding.as_deref(), Some(""));
        let ack = Frame::from_bytes(event.ack(Duration::ZERO, 200).to_bytes()).unwrap();
        assert_eq!(ack.payload_type.as_deref(), Some(""));
        assert_eq!(ack.log_id_new.as_deref(), Some(""));
    }

    #[test]
    fn unknown_fields_are_skipped() {
        // Field 15, length-delimited; field 16, varint.
        let event = Frame::from_bytes(bytes(&format!("{EVENT} 7a03616263 800101")).into()).unwrap();
        assert_eq!(event, event_frame("m1", "1", "0", b"{}"));
    }

    #[test]
    fn a_frame_that_is_cut_off_is_an_error() {
        let whole = bytes(EVENT);
        assert!(Frame::from_bytes(whole[..whole.len() - 1].to_vec().into()).is_err());
        assert!(Frame::from_bytes(Bytes::from_static(b"\xff\xff garbage")).is_err());
    }

    #[test]
    fn what_people_wrote_is_not_in_the_debug_form() {
        let frame = event_frame("m1", "1", "0", b"{\"text\":\"private\"}");
        assert!(!format!("{frame:?}").contains("private"));
    }
}
