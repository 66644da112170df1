//! Delivery: from a change to those who are told of it, to a connection of each, and again until it is
//! acknowledged.

pub mod burst;
pub mod slot;

use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::sleep_until;

use super::ledger::Ledger;
use super::ledger::record::{Answer, Notice};
use super::links::Outgoing;
use super::lock::lock;
use super::platform::Platform;
use super::shared::Shared;
use super::world::World;
use super::world::change::Change;

/// Works on the ledger and wakes the clock when something became due earlier.
pub fn with_ledger<P: Platform, R>(shared: &Shared<P>, work: impl FnOnce(&mut Ledger) -> R) -> R {
    let mut ledger = lock(&shared.ledger);
    let result = work(&mut ledger);
    if ledger.take_wake() {
        shared.due_changed.notify_one();
    }
    result
}

/// Tells what happened. The notices are written while the world is as the changes left it, and leave after it
/// was unlocked.
pub fn tell<P: Platform>(
    shared: &Arc<Shared<P>>,
    world: MutexGuard<'_, World>,
    changes: &[Change],
    now_ms: i64,
) {
    let notices = changes.iter().flat_map(|change| shared.platform.notices(&world, change, now_ms));
    let notices = notices.collect();
    drop(world);
    P::publish(shared, notices);
}

/// Puts an event on its way, at once or `late`.
pub fn send<P: Platform>(shared: &Arc<Shared<P>>, notice: Notice, late: Option<Duration>) {
    let number = register(shared, notice);
    dispatch_after(shared, number, late);
}

/// The same for a callback; an error at the receiver means that no answer came.
pub fn ask<P: Platform>(
    shared: &Arc<Shared<P>>,
    notice: Notice,
    late: Option<Duration>,
) -> oneshot::Receiver<Answer> {
    let number = register(shared, Notice { callback: true, ..notice });
    let (answer, answered) = oneshot::channel();
    with_ledger(shared, |ledger| ledger.expect_answer(number, answer));
    dispatch_after(shared, number, late);
    answered
}

fn register<P: Platform>(shared: &Shared<P>, notice: Notice) -> u64 {
    let now_ms = shared.clock.wall_ms();
    with_ledger(shared, |ledger| ledger.register(notice, now_ms))
}

fn dispatch_after<P: Platform>(shared: &Arc<Shared<P>>, number: u64, late: Option<Duration>) {
    let Some(late) = late else { return dispatch(shared, number) };
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        tokio::time::sleep(late).await;
        dispatch(&shared, number);
    });
}

/// To one connection, or onto the ladder when there is none.
pub fn dispatch<P: Platform>(shared: &Shared<P>, number: u64) {
    let app = lock(&shared.ledger).record(number).map(|record| record.notice.app);
    let Some(app) = app else { return };
    let link = lock(&shared.links).pick(app);
    let delivery = Outgoing::Delivery { record: number, permit: None };
    let taken = link.is_some_and(|link| link.offer(delivery));
    if !taken {
        with_ledger(shared, |ledger| ledger.miss(number, shared.clock.now()));
    }
}

/// Runs ack deadlines and the redelivery ladder until the sandbox stops.
pub async fn run_clock<P: Platform>(shared: Arc<Shared<P>>) {
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
