//! Delivery: from an event to one random connection of its app, and again until it is acknowledged.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::sleep_until;

use super::faults::{At, FaultKind};
use super::feishu::ack::CallbackAnswer;
use super::feishu::notices::Notice;
use super::ledger::Ledger;
use super::links::Outgoing;
use super::shared::{Shared, lock};

/// Works on the ledger and wakes the clock when something became due earlier.
pub fn with_ledger<R>(shared: &Shared, work: impl FnOnce(&mut Ledger) -> R) -> R {
    let mut ledger = lock(&shared.ledger);
    let result = work(&mut ledger);
    if ledger.wake {
        ledger.wake = false;
        shared.due_changed.notify_one();
    }
    result
}

/// Registers events and hands them to connections.
pub fn publish(shared: &Arc<Shared>, notices: Vec<Notice>) {
    for notice in notices {
        let app = Some(notice.app);
        let notice = spoilt(shared, notice);
        let twice = shared.faults.take(FaultKind::Duplicate, app).is_some();
        let copy = twice.then(|| notice.clone());
        for notice in std::iter::once(notice).chain(copy) {
            let number = register(shared, notice);
            dispatch_after_faults(shared, number, app);
        }
    }
}

/// The same push, as a fault wants it.
fn spoilt(shared: &Shared, notice: Notice) -> Notice {
    let app = Some(notice.app);
    if notice.message.is_some() && shared.faults.take(FaultKind::EmptyContent, app).is_some() {
        let Ok(mut whole) = serde_json::from_slice::<Value>(&notice.body) else { return notice };
        if let Some(content) = whole.pointer_mut("/event/message/content") {
            *content = "".into();
        }
        return Notice { body: whole.to_string().into(), ..notice };
    }
    if shared.faults.take(FaultKind::Encrypt, app).is_some() {
        let body = json!({ "encrypt": "FIAfJPGRmFZWkaxPQ1XrJZVbv2JwdjfLk4jx0k/U1deAqYK3AXOZ5zcHt/cC4ZNT" });
        return Notice { body: body.to_string().into(), ..notice };
    }
    notice
}

/// Publishes one callback and hears its answer; an error means that none came.
pub fn publish_callback(shared: &Arc<Shared>, notice: Notice) -> oneshot::Receiver<CallbackAnswer> {
    let app = Some(notice.app);
    let number = register(shared, Notice { callback: true, ..notice });
    let (answer, answered) = oneshot::channel();
    with_ledger(shared, |ledger| ledger.callbacks.insert(number, answer));
    dispatch_after_faults(shared, number, app);
    answered
}

pub fn register(shared: &Shared, notice: Notice) -> u64 {
    let service = lock(&shared.world).apps[notice.app].service;
    let now_ms = shared.clock.wall_ms();
    with_ledger(shared, |ledger| ledger.register(notice, service, now_ms))
}

fn dispatch_after_faults(shared: &Arc<Shared>, number: u64, app: Option<usize>) {
    let Some(slow) = shared.faults.take_at(FaultKind::Slow, At::Push, app) else {
        return dispatch(shared, number);
    };
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(slow.ms.unwrap_or(0))).await;
        dispatch(&shared, number);
    });
}

/// To one connection, or onto the ladder when there is none.
pub fn dispatch(shared: &Shared, number: u64) {
    let app = lock(&shared.ledger).record(number).map(|record| record.notice.app);
    let Some(app) = app else { return };
    let link = lock(&shared.links).pick(app);
    let delivery = Outgoing::Delivery { record: number, permit: None };
    let taken = link.is_some_and(|link| link.outbox.try_send(delivery).is_ok());
    if !taken {
        with_ledger(shared, |ledger| ledger.miss(number, shared.clock.now()));
    }
}

/// Runs ack deadlines and the redelivery ladder until the sandbox stops.
pub async fn run_clock(shared: Arc<Shared>) {
    loop {
        let now = shared.clock.now();
        let (again, next) = lock(&shared.ledger).advance(now);
        for number in again {
            dispatch(&shared, number);
        }
        let due = async {
            match next {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = due => {}
            () = shared.due_changed.notified() => {}
            () = shared.stopped() => return,
        }
    }
}
