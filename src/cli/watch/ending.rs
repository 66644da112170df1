//! The end of a watch: its last words, and where it leaves its cursor.

use std::time::Duration;

use super::super::cursor;
use super::reading::Watch;
use super::sink::End;
use crate::error::Result;
use crate::event::{Event, Rearm};
use crate::supervisor::control::client::Client;

/// How long a reader has for what it is in the middle of, and for each last line, when a watch ends.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A last line that comes too soon after the one before is cut with it, or dropped.
const PACED_MORE: Duration = Duration::from_secs(3);

impl Watch {
    pub async fn finish(mut self, mut end: End) -> Result<()> {
        if let Some(jq) = &self.sink.jq {
            // A line whose results are not there yet comes again.
            jq.halt();
        }
        // What was being written when the end came has the last say about how it ended.
        if let Some(done) = self.sink.out.halt(LAST_WORDS).await?
            && let Some(other) = self.sink.account(done)?
        {
            end = other;
        }
        if !matches!(end, End::ReaderGone) {
            self.last_words(&end).await?;
            // What a reader has not taken by then is not read.
            self.sink.out.drained(LAST_WORDS).await;
        }
        if !self.source.acknowledged {
            self.leave_cursor().await?;
        }
        Ok(())
    }

    /// Answered once it is stored: the next watch begins exactly here. Without a supervisor the journal is free, and
    /// a cursor that cannot be left in it only makes lines come again.
    async fn leave_cursor(&self) -> Result<()> {
        let taken = self.sink.out.taken();
        let request = self.source.cursor(taken);
        let stored: Option<serde_json::Value> = Client::ask_home(self.source.home.root(), &request).await?;
        if stored.is_none()
            && let Err(error) = cursor::advance(&self.source.home, &self.source.name, taken).await
        {
            tracing::debug!(%error, "the cursor was not stored");
        }
        Ok(())
    }

    /// A reader that takes nothing any more does not keep a watch from its end.
    async fn last_words(&mut self, end: &End) -> Result<()> {
        // In the short form the last line waits for its turn.
        let patience = if self.sink.paced.is_some() { LAST_WORDS + PACED_MORE } else { LAST_WORDS };
        let words = async {
            if self.tell_held(true).await?.is_none() && matches!(end, End::TimeOver | End::Enough) {
                let pending = self.pending()?;
                self.say(&Event::Rearm(Rearm { cursor: self.source.name.clone(), pending })).await?;
            }
            Ok(())
        };
        tokio::time::timeout(patience, words).await.unwrap_or(Ok(()))
    }
}
