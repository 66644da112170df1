//! What a watch held back, told now and then.

use std::time::Duration;

use tokio::time::Instant;

use crate::event::{Dropped, Event};

/// Told at most this often.
const EVERY: Duration = Duration::from_secs(60);

/// Lines that were read and not written.
#[derive(Debug)]
pub struct Held {
    by_filter: u64,
    by_jq: u64,
    told: Instant,
}

impl Held {
    pub fn new(now: Instant) -> Held {
        Held { by_filter: 0, by_jq: 0, told: now }
    }

    pub fn add(&mut self, by_filter: u64, by_jq: u64) {
        self.by_filter += by_filter;
        self.by_jq += by_jq;
    }

    /// What is due to be told.
    pub fn due(&mut self, now: Instant) -> Vec<Event> {
        if now.saturating_duration_since(self.told) < EVERY { Vec::new() } else { self.take(now) }
    }

    /// All that was not told yet.
    pub fn take(&mut self, now: Instant) -> Vec<Event> {
        self.told = now;
        let counts =
            [("filter", std::mem::take(&mut self.by_filter)), ("jq", std::mem::take(&mut self.by_jq))];
        let counts = counts.into_iter().filter(|(_, count)| *count > 0);
        counts.map(|(reason, count)| Event::Dropped(Dropped { reason: reason.to_owned(), count })).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(events: &[Event]) -> Vec<(String, u64)> {
        let one = |event: &Event| match event {
            Event::Dropped(dropped) => (dropped.reason.clone(), dropped.count),
            other => panic!("{other:?}"),
        };
        events.iter().map(one).collect()
    }

    #[test]
    fn what_was_held_back_is_told_once_a_minute_and_all_of_it_at_the_end() {
        let start = Instant::now();
        let mut held = Held::new(start);
        held.add(3, 0);
        assert!(held.due(start + Duration::from_secs(59)).is_empty());
        assert_eq!(told(&held.due(start + EVERY)), [("filter".to_owned(), 3)]);
        held.add(1, 2);
        assert!(held.due(start + EVERY + Duration::from_secs(1)).is_empty());
        assert_eq!(told(&held.take(start + EVERY)), [("filter".to_owned(), 1), ("jq".to_owned(), 2)]);
        assert!(held.take(start + EVERY).is_empty());
    }
}
