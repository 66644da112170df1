//! What an actor owns beside its mailbox.

use ractor::{ActorRef, Message, RpcReplyPort};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::error::{Error, Result};

/// How long one round of reading may take before it is left to the next.
const ROUND_DEADLINE_MS: u64 = 10_000;

/// A burst of commits is looked through at once.
const AFTER_COMMIT: std::time::Duration = std::time::Duration::from_millis(20);

/// A task that ends with its owner, also where that is killed and skips its own clean-up.
pub struct Task(AbortHandle);

impl Task {
    pub fn spawn<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Task {
        Task(tokio::spawn(work).abort_handle())
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Has an actor read the journal after each commit. Waiting for the answer keeps at most one request in its mailbox,
/// however fast events come.
pub fn after_commits<M: Message>(
    actor: ActorRef<M>,
    read: fn(RpcReplyPort<()>) -> M,
    mut newest: watch::Receiver<u64>,
) -> Task {
    Task::spawn(async move {
        loop {
            let _ = ractor::call_t!(actor, read, ROUND_DEADLINE_MS);
            if newest.changed().await.is_err() {
                return;
            }
            tokio::time::sleep(AFTER_COMMIT).await;
        }
    })
}

/// Runs what may wait for a disk on a thread of its own. A panic there is an error here.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::internal(error.to_string()))?
}
