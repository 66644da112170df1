//! What the writer does between its groups: it looks whether its files are still there, removes what is kept no longer,
//! and keeps the log short.

use std::time::Duration;

use tokio::sync::mpsc;

use super::appender::Work;
use super::place::{Lost, Stuck};
use super::writer::Writer;

/// How long one step may keep appends waiting.
const STEP: Duration = Duration::from_millis(4);

/// The main file is shortened when this much of its end is not needed.
const SPARE_MAX: u64 = 1024 * 1024;

/// The bound of the log before a journal knows its own.
const LOG_MAX: u64 = 64 * 1024 * 1024;

impl Writer {
    /// Are the files still what a restart will read?
    pub(super) fn look(&mut self) {
        if self.lost.is_none()
            && let Err(lost) = self.store.place().check()
        {
            self.give_up(&lost);
        }
    }

    /// After a group: what it left is remembered, and made room for.
    pub(super) fn upkeep(&mut self) {
        self.note_log();
        if self.lost.is_some() {
            return;
        }
        if let Err(error) = self.store.tidy(self.age.now(&self.clock)) {
            tracing::warn!(%error, "the journal's keys cannot be merged; they stay in memory");
        }
        let is_over = |retention| self.store.is_over(retention).unwrap_or_default();
        self.trimming |= self.retention.is_some_and(is_over);
        // At least one step a group, however many wait.
        if self.trimming {
            self.trim_step();
        }
        self.shorten_log();
        self.note_log();
    }

    /// Removes old lines while nobody waits.
    pub(super) fn trim(&mut self, queue: &mpsc::UnboundedReceiver<Work>) {
        while self.trimming && self.lost.is_none() && queue.is_empty() {
            self.trim_step();
            self.shorten_log();
            self.note_log();
        }
    }

    fn trim_step(&mut self) {
        let Some(retention) = self.retention else { return self.trimming = false };
        match self.store.trim(retention, self.age.now(&self.clock), STEP) {
            Ok(more) => self.trimming = more,
            Err(error) => {
                tracing::warn!(%error, "old lines cannot be removed from the journal");
                self.trimming = false;
            }
        }
    }

    /// Under constant load the syncer's checkpoints never reach the log's end; and the main file becomes shorter only by
    /// one that does.
    fn shorten_log(&mut self) {
        let log_max = self.retention.map_or(LOG_MAX, super::Retention::log_max);
        if self.syncer.log_bytes() <= log_max && self.store.spare_bytes().unwrap_or_default() <= SPARE_MAX {
            return;
        }
        match self.store.checkpoint() {
            Ok(()) => {}
            Err(Stuck::Lost(lost)) => self.give_up(&lost),
            Err(error) => tracing::warn!(%error, "the journal's log cannot be emptied"),
        }
    }

    fn note_log(&mut self) {
        if self.lost.is_none()
            && let Err(lost) = self.store.place().note_log()
        {
            self.give_up(&lost);
        }
    }

    /// From here on nothing is taken, and so nothing acknowledged.
    fn give_up(&mut self, lost: &Lost) {
        let saved = self.store.give_up(lost, self.clock.wall_ms());
        let what = format!("{}; nothing more is acknowledged", lost.what);
        tracing::error!(path = %self.store.path().display(), saved, "the journal is lost: {what}");
        self.told.health.lost(lost.what.clone());
        self.told.lost.send_replace(Some(lost.what.clone()));
        self.lost = Some(what);
    }
}
