//! What was pushed comes again, and time passes faster.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{DONE, Done, app_filter, find_message};
use crate::error::Result;
use crate::sandbox::delivery;
use crate::sandbox::ledger::record::Record;
use crate::sandbox::lock::lock;
use crate::sandbox::platform::Platform;
use crate::sandbox::shared::Shared;

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

pub fn redeliver<P: Platform>(shared: &Arc<Shared<P>>, request: Redeliver) -> Result<Redelivered> {
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

pub fn clock<P: Platform>(shared: &Arc<Shared<P>>, request: ClockRequest) -> Result<Done> {
    delivery::with_ledger(shared, |ledger| ledger.shift_retries(Duration::from_millis(request.advance_ms)));
    Ok(DONE)
}
