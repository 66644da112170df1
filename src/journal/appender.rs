//! The way into the journal, and what the writer is asked to do.

use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc, oneshot};

use super::advance::Advanced;
use super::bots::KnownBot;
use super::entry::{Answer, Batch, Entry, Settled};
use super::retention::Retention;
use crate::clock::WallMs;

/// Bytes of entries that may wait for the writer at any time, over all profiles.
const PENDING_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Ids of bots are shorter by far. Longer ones are no ids.
pub(super) const ID_MAX: usize = 128;

/// What the writer is asked to do, in order.
#[derive(Debug)]
pub(super) enum Work {
    Append(Batch),
    /// Store how far a reader has come.
    Cursor {
        name: String,
        seq: u64,
    },
    /// Move a cursor forward, and answer where it stands.
    Advance {
        name: String,
        seq: u64,
        answer: oneshot::Sender<crate::error::Result<Advanced>>,
    },
    /// Note up to when a profile has heard everything, as far as can be told, or for certain.
    HeardTo {
        profile: Arc<str>,
        at: WallMs,
        certain: bool,
    },
    /// Note the app behind a bot, as the app `viewer` sees it.
    Bot {
        viewer: String,
        bot: KnownBot,
    },
    /// Answer with the bots that the app `viewer` has met.
    Bots {
        viewer: String,
        answer: oneshot::Sender<Vec<KnownBot>>,
    },
    /// Remove what is kept no longer, from now on.
    Trim(Retention),
    /// See whether the files are where they were, and whether a disk that was in trouble takes something again.
    Look,
    /// Answer with the newest position once all work before this is committed.
    Barrier(oneshot::Sender<u64>),
    /// Leave the journal as after a clean end. Work after this is refused.
    Close(oneshot::Sender<()>),
}

impl Work {
    fn into_batch(self) -> Option<Batch> {
        if let Work::Append(batch) = self { Some(batch) } else { None }
    }
}

/// The way into the journal. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Appender {
    queue: mpsc::UnboundedSender<Work>,
    credit: Arc<Semaphore>,
}

impl Appender {
    pub(super) fn new(queue: mpsc::UnboundedSender<Work>) -> Appender {
        Appender { queue, credit: Arc::new(Semaphore::new(PENDING_BYTES_MAX)) }
    }

    /// Hands a delivery to the journal, waiting for room. The answer comes on `answer`, tagged with `tag`,
    /// once the entries are safely on disk or cannot be. Entries of one caller keep their order.
    pub async fn append(&self, entries: Vec<Entry>, answer: &mpsc::UnboundedSender<Settled>, tag: u64) {
        let bytes: usize = entries.iter().map(Entry::bytes).sum();
        let permits = u32::try_from(bytes.min(PENDING_BYTES_MAX)).expect("the bound fits u32");
        let credit = Arc::clone(&self.credit).acquire_many_owned(permits).await.ok();
        let answer = Answer { to: answer.clone(), tag };
        self.give(Work::Append(Batch { entries, answer: Some(answer), _credit: credit }));
    }

    /// Journals a line of rooma's own. Never waits: nobody else sets how many there are.
    pub fn say(&self, entry: Entry) {
        self.give(Work::Append(Batch { entries: vec![entry], answer: None, _credit: None }));
    }

    /// Notes that a profile has heard everything up to then.
    pub fn heard_to(&self, profile: &Arc<str>, at: WallMs) {
        self.give(Work::HeardTo { profile: Arc::clone(profile), at, certain: false });
    }

    /// The same, where it was looked into, or an event came: a connection that is deaf answers pings all the same.
    pub fn surely_heard_to(&self, profile: &Arc<str>, at: WallMs) {
        self.give(Work::HeardTo { profile: Arc::clone(profile), at, certain: true });
    }

    /// Waits until what was given before is committed.
    pub async fn settled(&self) {
        let _ = self.newest().await;
    }

    /// The same, and tells the newest position then; nothing where the journal takes nothing any more.
    pub async fn newest(&self) -> Option<u64> {
        let (answer, committed) = oneshot::channel();
        self.give(Work::Barrier(answer));
        committed.await.ok()
    }

    /// Notes the app behind a bot. Never waits; what cannot be noted is learnt again.
    pub fn met_bot(&self, viewer: &str, user_id: &str, app_id: &str) {
        if [viewer, user_id, app_id].iter().all(|id| (1..=ID_MAX).contains(&id.len())) {
            let bot = KnownBot { user_id: user_id.to_owned(), app_id: app_id.to_owned() };
            self.give(Work::Bot { viewer: viewer.to_owned(), bot });
        }
    }

    /// The bots that the app `viewer` has met.
    pub async fn bots(&self, viewer: &str) -> Vec<KnownBot> {
        let (answer, bots) = oneshot::channel();
        self.give(Work::Bots { viewer: viewer.to_owned(), answer });
        bots.await.unwrap_or_default()
    }

    /// False when the journal is closed.
    pub(super) fn give(&self, work: Work) -> bool {
        match self.queue.send(work) {
            Ok(()) => true,
            Err(refused) => {
                refuse(refused.0, "the journal is closed");
                false
            }
        }
    }
}

/// Tells whoever waits for `work` that it will not be done. Barriers end when their sender drops.
pub(super) fn refuse(work: Work, why: &str) {
    if let Some(answer) = work.into_batch().and_then(|batch| batch.answer) {
        answer.settle(Err(why.to_owned()));
    }
}

/// The journal's end of an appender, held by a test.
#[doc(hidden)]
#[derive(Debug)]
pub struct Inbox(mpsc::UnboundedReceiver<Work>);

#[doc(hidden)]
impl Appender {
    /// An appender without a journal behind it: a test plays the writer.
    pub fn for_test() -> (Appender, Inbox) {
        let (queue, inbox) = mpsc::unbounded_channel();
        (Appender::new(queue), Inbox(inbox))
    }
}

#[doc(hidden)]
impl Inbox {
    /// The next batch; `None` once nobody can append any more.
    pub async fn next(&mut self) -> Option<Batch> {
        loop {
            if let Some(batch) = self.0.recv().await?.into_batch() {
                return Some(batch);
            }
        }
    }

    /// A batch that is there already.
    pub fn try_next(&mut self) -> Option<Batch> {
        loop {
            if let Some(batch) = self.0.try_recv().ok()?.into_batch() {
                return Some(batch);
            }
        }
    }
}
