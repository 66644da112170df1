//! What an actor owns beside its mailbox.

use std::sync::Arc;

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

/// How a reader of the journal begins: `true` after a round of it that broke off, to go on behind what broke it.
type Open<W> = Arc<dyn Fn(bool) -> Result<W> + Send + Sync>;

/// A reader of the journal that outlives a round that panics. What such a round would have read is passed over: it would
/// end the next one too, and all that comes after would stay unread.
pub struct Round<W> {
    work: Option<W>,
    open: Open<W>,
}

impl<W: Send + 'static> Round<W> {
    pub fn new(open: impl Fn(bool) -> Result<W> + Send + Sync + 'static) -> Result<Round<W>> {
        Ok(Round { work: Some(open(false)?), open: Arc::new(open) })
    }

    pub async fn run<R: Send + 'static>(
        &mut self,
        round: impl FnOnce(&mut W) -> Result<R> + Send + 'static,
    ) -> Result<R> {
        let (work, open) = (self.work.take(), Arc::clone(&self.open));
        let (work, outcome) = blocking(move || {
            let mut work = work.map_or_else(|| open(true), Ok)?;
            let outcome = round(&mut work);
            Ok((work, outcome))
        })
        .await?;
        self.work = Some(work);
        outcome
    }
}

/// Runs what may wait for a disk on a thread of its own. A panic there is an error here.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::internal(error.to_string()))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_round_that_panics_is_passed_over() {
        let mut round = Round::new(|again| Ok(if again { 100 } else { 0 })).unwrap();
        let step = |position: &mut i32| {
            *position += 1;
            assert!(*position != 2, "the second one breaks it");
            Ok(*position)
        };
        assert_eq!(round.run(step).await.unwrap(), 1);
        assert!(round.run(step).await.is_err());
        assert_eq!(round.run(step).await.unwrap(), 101);
        let failed = round.run(|_| Err::<(), _>(Error::internal("x"))).await;
        assert!(failed.is_err());
        assert_eq!(round.run(step).await.unwrap(), 102, "an error is no panic");
    }
}
