//! A place among an app's connections.

use std::sync::Arc;

use tokio::sync::{Notify, mpsc};

use super::with_ledger;
use crate::sandbox::links::Outgoing;
use crate::sandbox::lock::lock;
use crate::sandbox::platform::Platform;
use crate::sandbox::shared::Shared;

/// Dropping it gives the place back, whatever became of the socket, and what still waited for it to the ladder.
pub struct Slot<P: Platform> {
    pub shared: Arc<Shared<P>>,
    pub app: usize,
    pub id: u64,
    /// Ends the connection without a word.
    pub abort: Arc<Notify>,
    /// For what the connection says of itself, such as a pong; weak, so that it ends with its last link.
    pub sender: mpsc::WeakSender<Outgoing>,
    pub outbox: mpsc::Receiver<Outgoing>,
}

impl<P: Platform> Slot<P> {
    /// `None` when the app has `limit` connections.
    pub fn take(shared: &Arc<Shared<P>>, app: usize, limit: usize) -> Option<Slot<P>> {
        let (link, outbox) = lock(&shared.links).open(app, limit)?;
        lock(&shared.world).apps[app].counters.connections_opened += 1;
        let sender = link.outbox.downgrade();
        Some(Slot { shared: Arc::clone(shared), app, id: link.id, abort: link.abort, sender, outbox })
    }
}

impl<P: Platform> Drop for Slot<P> {
    fn drop(&mut self) {
        lock(&self.shared.links).close(self.app, self.id);
        self.outbox.close();
        while let Ok(outgoing) = self.outbox.try_recv() {
            if let Outgoing::Delivery { record, .. } = outgoing {
                let now = self.shared.clock.now();
                with_ledger(&self.shared, |ledger| ledger.miss(record, now));
            }
        }
    }
}
