//! Events on their way, and the bad luck that meets them there.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::Shared;
use super::faults::{At, FaultKind};
use crate::sandbox::delivery;
use crate::sandbox::ledger::record::{Answer, Notice};

/// Registers events and hands them to connections.
pub fn publish(shared: &Arc<Shared>, notices: Vec<Notice>) {
    for notice in notices {
        let notice = spoilt(shared, notice);
        let twice = shared.platform.faults.take(FaultKind::Duplicate, Some(notice.app)).is_some();
        let copy = twice.then(|| notice.clone());
        for notice in std::iter::once(notice).chain(copy) {
            let late = late(shared, &notice);
            delivery::send(shared, notice, late);
        }
    }
}

/// Publishes one callback and hears its answer; an error means that none came.
pub fn publish_callback(shared: &Arc<Shared>, notice: Notice) -> oneshot::Receiver<Answer> {
    let late = late(shared, &notice);
    delivery::ask(shared, notice, late)
}

fn late(shared: &Shared, notice: &Notice) -> Option<Duration> {
    let slow = shared.platform.faults.take_at(FaultKind::Slow, At::Push, Some(notice.app))?;
    Some(Duration::from_millis(slow.ms.unwrap_or(0)))
}

/// The same push, as a fault wants it.
fn spoilt(shared: &Shared, notice: Notice) -> Notice {
    let app = Some(notice.app);
    if notice.message.is_some() && shared.platform.faults.take(FaultKind::EmptyContent, app).is_some() {
        let Ok(mut whole) = serde_json::from_slice::<Value>(&notice.body) else { return notice };
        if let Some(content) = whole.pointer_mut("/event/message/content") {
            *content = "".into();
        }
        return Notice { body: whole.to_string().into(), ..notice };
    }
    if shared.platform.faults.take(FaultKind::Encrypt, app).is_some() {
        let body = json!({ "encrypt": "FIAfJPGRmFZWkaxPQ1XrJZVbv2JwdjfLk4jx0k/U1deAqYK3AXOZ5zcHt/cC4ZNT" });
        return Notice { body: body.to_string().into(), ..notice };
    }
    notice
}
