//! Bad luck on request, and time that passes faster.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use prost::Message;
use serde::{Deserialize, Serialize};

use super::{DONE, Done, app_filter, find_message};
use crate::error::Result;
use crate::sandbox::delivery;
use crate::sandbox::faults::{Fault, FaultKind};
use crate::sandbox::feishu::frame::{DATA, Frame, header};
use crate::sandbox::ledger::record::Record;
use crate::sandbox::links::{Link, Outgoing};
use crate::sandbox::shared::{Shared, lock};

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
        FaultKind::Clear => shared.faults.clear(app),
        FaultKind::Drop => strike(shared, app, &fault, |link| link.abort.notify_one()),
        FaultKind::Close => {
            let code = fault.code.and_then(|code| u16::try_from(code).ok()).unwrap_or(GOING_AWAY);
            strike(shared, app, &fault, |link| offer(link, Outgoing::Close(code)));
        }
        FaultKind::Garbage => strike(shared, app, &fault, |link| {
            offer(link, Outgoing::Binary(Bytes::from_static(GARBAGE)));
            offer(link, Outgoing::Text(GARBAGE_TEXT.to_owned()));
        }),
        FaultKind::Truncated => strike(shared, app, &fault, |link| {
            let whole = filler(256);
            offer(link, Outgoing::Binary(whole.slice(..whole.len() / 2)));
        }),
        FaultKind::Oversized => {
            let frame = filler(fault.bytes.unwrap_or(OVERSIZED_BYTES).min(OVERSIZED_BYTES_MAX));
            strike(shared, app, &fault, |link| offer(link, Outgoing::Binary(frame.clone())));
        }
        FaultKind::TokenExpiry => lock(&shared.world).expire_tokens(app),
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
        | FaultKind::Slow => shared.faults.arm(app, fault),
    }
    Ok(DONE)
}

fn strike(shared: &Shared, app: Option<usize>, fault: &Fault, hit: impl Fn(&Link)) {
    let links = lock(&shared.links).of_app(app);
    let count = fault.count.map_or(usize::MAX, |count| count as usize);
    links.iter().take(count).for_each(hit);
}

fn offer(link: &Link, outgoing: Outgoing) {
    // A full outbox or a connection that just ended: there is nobody left to disturb.
    let _ = link.outbox.try_send(outgoing);
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

/// Delivers again, right now: what waits for its retry, or (`acked`) also what was acknowledged.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Redeliver {
    pub app: Option<String>,
    pub message_id: Option<String>,
    pub event_id: Option<String>,
    pub acked: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Redelivered {
    pub count: usize,
}

pub fn redeliver(shared: &Arc<Shared>, request: Redeliver) -> Result<Redelivered> {
    let app = app_filter(shared, request.app.as_deref())?;
    let message =
        request.message_id.as_deref().map(|id| find_message(&lock(&shared.world), id)).transpose()?;
    let wanted = |record: &Record| {
        app.is_none_or(|app| record.notice.app == app)
            && message.is_none_or(|message| record.notice.message == Some(message))
            && request.event_id.as_ref().is_none_or(|id| *id == record.notice.event_id)
    };
    let forced = delivery::with_ledger(shared, |ledger| ledger.force(request.acked, wanted));
    for number in &forced {
        delivery::dispatch(shared, *number);
    }
    Ok(Redelivered { count: forced.len() })
}

/// Lets time pass for the redelivery ladder.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClockRequest {
    pub advance_ms: u64,
}

pub fn clock(shared: &Arc<Shared>, request: ClockRequest) -> Result<Done> {
    delivery::with_ledger(shared, |ledger| ledger.shift_retries(Duration::from_millis(request.advance_ms)));
    Ok(DONE)
}
