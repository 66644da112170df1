//! Frames of any kind, from bytes to whole deliveries.

use std::time::Duration;

use bytes::Bytes;

use super::frame::Frame;
use super::frame::tests::{event_frame, pong_frame};
use super::reassembly::{BYTES_MAX, Outcome, Part, Reassembly};

/// Fixtures, as the platform would send them.
pub fn payloads() -> Vec<Vec<u8>> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/feishu");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    // The order decides which input a seed gives.
    paths.sort();
    assert!(paths.len() > 20, "the fixtures were not found");
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

fn frames() -> Vec<Vec<u8>> {
    let mut frames = vec![pong_frame("{\"PingInterval\":90}"), Frame::ping(7)];
    for (number, payload) in payloads().iter().enumerate() {
        let id = format!("m{}", number % 5);
        let (first, second) = payload.split_at(payload.len() / 2);
        frames.push(event_frame(&id, "1", "0", payload));
        frames.push(event_frame(&id, "2", "0", first));
        frames.push(event_frame(&id, "2", "1", second));
    }
    frames.iter().map(|frame| frame.to_bytes().to_vec()).collect()
}

#[test]
fn frames_of_any_kind_are_read_or_refused_and_answered_as_they_came() {
    crate::fuzz::run("frames", &frames(), |bytes| {
        let Ok(frame) = Frame::from_bytes(Bytes::copy_from_slice(bytes)) else { return };
        assert_eq!(Frame::from_bytes(frame.to_bytes()).unwrap(), frame);
        let _ = (frame.purpose(), format!("{frame:?}"));
        let headers = frame.headers.clone();
        let answer = Frame::from_bytes(frame.ack(Duration::from_millis(3), 200).to_bytes()).unwrap();
        assert_eq!(answer.headers[..headers.len()], headers);
        assert_eq!(answer.payload.unwrap(), "{\"code\":200}");
    });
}

#[test]
fn parts_of_any_kind_stay_within_the_bounds() {
    let mut reassembly = Reassembly::default();
    let mut now = Duration::ZERO;
    crate::fuzz::run("parts", &frames(), |bytes| {
        let Ok(frame) = Frame::from_bytes(Bytes::copy_from_slice(bytes)) else { return };
        let number = |key, default| frame.header(key).map_or(default, |value| value.parse().unwrap_or(-1));
        now += Duration::from_millis(bytes.len() as u64);
        reassembly.expire(now);
        let part = Part {
            id: frame.header("message_id").unwrap_or_default(),
            sum: number("sum", 1),
            seq: number("seq", 0),
            bytes: frame.payload.clone().unwrap_or_default(),
        };
        match reassembly.add(now, part) {
            Outcome::Whole(whole) => assert!(whole.len() <= BYTES_MAX),
            Outcome::Waiting | Outcome::Duplicate | Outcome::Rejected(_) => {}
        }
        reassembly.check();
    });
}
