//! Sends that carry a key, so that the same one is recognised when it comes again.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::World;

/// (app, key) to the message it made and when.
pub type Repeats = HashMap<(usize, String), (u64, Instant)>;

impl World {
    /// The message that a send with this key made less than `within` ago.
    pub fn sent_before(&self, app: usize, key: &str, within: Duration, now: Instant) -> Option<u64> {
        let known = self.repeats.get(&(app, key.to_owned()));
        let fresh = known.filter(|(_, at)| now.duration_since(*at) < within);
        fresh.map(|(number, _)| *number).filter(|number| self.message(*number).is_some())
    }

    /// An empty key is none.
    pub fn remember_send(&mut self, app: usize, key: &str, number: u64, within: Duration, now: Instant) {
        if key.is_empty() {
            return;
        }
        if self.repeats.len() >= self.keep {
            self.repeats.retain(|_, (_, at)| now.duration_since(*at) < within);
        }
        self.repeats.insert((app, key.to_owned()), (number, now));
    }
}
