//! Bad luck on request.

use std::sync::Arc;

use bytes::Bytes;
use prost::Message;

use crate::error::Result;
use crate::sandbox::feishu::Shared;
use crate::sandbox::feishu::faults::{Fault, FaultKind};
use crate::sandbox::feishu::frame::{DATA, Frame, header};
use crate::sandbox::links::{Link, Outgoing};
use crate::sandbox::lock::lock;
use crate::sandbox::people::{DONE, Done, app_filter};

const GARBAGE: &[u8] = &[0xff; 64];
const GARBAGE_TEXT: &str = "this is not a frame";
const OVERSIZED_BYTES: usize = 32 * 1024 * 1024;
/// A fault cannot make the sandbox itself run out of memory.
const OVERSIZED_BYTES_MAX: usize = 256 * 1024 * 1024;
const GOING_AWAY: u16 = 1001;

/// Some kinds strike at once, the others wait for what they concern.
pub fn fault(shared: &Arc<Shared>, fault: Fault) -> Result<Done> {
    let app = app_filter(shared, fault.app.as_deref())?;
    match fault.kind {
        FaultKind::Clear => shared.platform.faults.clear(app),
        FaultKind::Drop => strike(shared, app, &fault, |link| link.abort.notify_one()),
        FaultKind::Close => {
            strike(shared, app, &fault, |link| offer(link, Outgoing::Close(close_code(&fault))));
        }
        FaultKind::Garbage => strike(shared, app, &fault, |link| {
            offer(link, Outgoing::Binary(Bytes::from_static(GARBAGE)));
            offer(link, Outgoing::Text(GARBAGE_TEXT.to_owned()));
        }),
        FaultKind::Truncated => {
            let frame = filler(256);
            let half = frame.slice(..frame.len() / 2);
            strike(shared, app, &fault, |link| offer(link, Outgoing::Binary(half.clone())));
        }
        FaultKind::Oversized => {
            let frame = filler(fault.bytes.unwrap_or(OVERSIZED_BYTES).min(OVERSIZED_BYTES_MAX));
            strike(shared, app, &fault, |link| offer(link, Outgoing::Binary(frame.clone())));
        }
        FaultKind::TokenExpiry => lock(&shared.platform.tokens).expire(app),
        FaultKind::Refuse
        | FaultKind::Busy
        | FaultKind::ConnLimit
        | FaultKind::Stall
        | FaultKind::Mute
        | FaultKind::Deaf
        | FaultKind::RateLimit
        | FaultKind::Error5xx
        | FaultKind::ApiError
        | FaultKind::Chunk
        | FaultKind::Duplicate
        | FaultKind::BadPong
        | FaultKind::PongConfig
        | FaultKind::LooseTypes
        | FaultKind::EmptyContent
        | FaultKind::Encrypt
        | FaultKind::Slow => shared.platform.faults.arm(app, fault.count, fault),
    }
    Ok(DONE)
}

fn close_code(fault: &Fault) -> u16 {
    fault.code.and_then(|code| u16::try_from(code).ok()).unwrap_or(GOING_AWAY)
}

fn strike(shared: &Shared, app: Option<usize>, fault: &Fault, hit: impl Fn(&Link)) {
    let links = lock(&shared.links).of_app(app);
    let count = fault.count.map_or(usize::MAX, |count| count as usize);
    links.iter().take(count).for_each(hit);
}

fn offer(link: &Link, outgoing: Outgoing) {
    // There may be nobody left to disturb.
    let _ = link.offer(outgoing);
}

fn filler(bytes: usize) -> Bytes {
    let frame = Frame {
        method: DATA,
        headers: vec![
            header("type", "event"),
            header("message_id", "filler"),
            header("sum", "1"),
            header("seq", "0"),
        ],
        payload: Some(vec![b' '; bytes].into()),
        ..Frame::default()
    };
    frame.encode_to_vec().into()
}
