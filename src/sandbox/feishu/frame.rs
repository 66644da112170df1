//! The long connection's protobuf frame as the server writes and reads it (`pbbp2`, proto2).
//!
//! Deliberately not the client's definition: a shared mistake would be invisible in every test.

use bytes::Bytes;
use prost::Message;
use prost::encoding::{DecodeContext, decode_key, skip_field};

pub const CONTROL: i32 = 0;
pub const DATA: i32 = 1;

#[derive(Clone, PartialEq, Message)]
pub struct Header {
    #[prost(string, required, tag = "1")]
    pub key: String,
    #[prost(string, required, tag = "2")]
    pub value: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct Frame {
    #[prost(uint64, required, tag = "1")]
    pub seq_id: u64,
    #[prost(uint64, required, tag = "2")]
    pub log_id: u64,
    #[prost(int32, required, tag = "3")]
    pub service: i32,
    #[prost(int32, required, tag = "4")]
    pub method: i32,
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

impl Frame {
    pub fn header(&self, key: &str) -> Option<&str> {
        self.headers.iter().find(|header| header.key == key).map(|header| header.value.as_str())
    }
}

pub fn header(key: &str, value: impl Into<String>) -> Header {
    Header { key: key.to_owned(), value: value.into() }
}

/// A pong, with the client configuration it may carry.
pub fn pong(service: i32, payload: Option<Bytes>) -> Frame {
    Frame { service, method: CONTROL, headers: vec![header("type", "pong")], payload, ..Frame::default() }
}

/// Decodes a client's frame. prost fills in absent required fields silently, the real server's decoder
/// refuses them, so their presence is checked here.
pub fn decode(bytes: Bytes) -> Result<Frame, String> {
    let frame = Frame::decode(bytes.clone()).map_err(|error| format!("frame does not decode: {error}"))?;
    let mut missing = [true; 4];
    let mut rest = bytes;
    while !rest.is_empty() {
        let (tag, wire) = decode_key(&mut rest).map_err(|error| error.to_string())?;
        if let Some(slot) = missing.get_mut(tag as usize - 1) {
            *slot = false;
        }
        skip_field(wire, tag, &mut rest, DecodeContext::default()).map_err(|error| error.to_string())?;
    }
    match missing.iter().position(|absent| *absent) {
        None => Ok(frame),
        Some(index) => Err(format!("required field {} is missing", index + 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn a_pong_has_the_bytes_of_the_protocol_page() {
        let payload = Bytes::from_static(br#"{"PingInterval":90}"#);
        let bytes = pong(33_554_678, Some(payload)).encode_to_vec();
        let expected = "0800100018f681801020002a0c0a0474797065120470\
                        6f6e6742137b2250696e67496e74657276616c223a39307d";
        assert_eq!(hex(&bytes), expected);
    }

    #[test]
    fn a_frame_without_a_required_field_is_refused() {
        assert_eq!(
            decode(Bytes::from_static(&[8, 0, 16, 0, 24, 1])),
            Err("required field 4 is missing".into())
        );
        assert!(decode(Bytes::from_static(&[8, 0, 16, 0, 24, 1, 32, 0])).is_ok());
        // Go writes empty strings; unknown fields are skipped.
        let go = [8, 0, 16, 0, 24, 1, 32, 0, 0x32, 0, 0x3a, 0, 0x4a, 0, 0x78, 5];
        assert!(decode(Bytes::copy_from_slice(&go)).is_ok());
    }
}
