//! What a profile ought to have heard, and which part of the past is worth asking for.

use std::time::Duration;

/// Clocks of platforms and of machines differ by minutes, and a connection may have been dead before that was
/// noticed. What is asked for twice is folded.
const MARGIN_MS: i64 = 3 * 60 * 1000;

/// Which words of groups the platform pushes to a profile, beside those of people who mention it. That is a
/// matter of scopes, which an app cannot ask for; what came before shows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hears {
    /// What people say to others.
    pub everybody: bool,
    /// Bots that mention this one.
    pub bots: bool,
    /// What bots say to others.
    pub every_bot: bool,
}

/// A message of the past, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    pub by_bot: bool,
    pub mentioned: bool,
    /// In a direct conversation.
    pub directly: bool,
}

impl Hears {
    pub fn hears(self, said: Said) -> bool {
        match said {
            Said { by_bot: false, directly: true, .. } | Said { by_bot: false, mentioned: true, .. } => true,
            Said { by_bot: false, .. } => self.everybody,
            Said { mentioned: true, .. } => self.bots || self.every_bot,
            Said { .. } => self.every_bot,
        }
    }

    /// Learns from a message that was pushed.
    pub fn learn(&mut self, said: Said) {
        match said {
            Said { by_bot: true, mentioned: true, .. } => self.bots = true,
            Said { by_bot: true, .. } => self.every_bot = true,
            Said { mentioned: false, directly: false, .. } => self.everybody = true,
            Said { .. } => {}
        }
    }
}

/// The part of the past that may hold what was missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Milliseconds since the epoch.
    pub since: i64,
    /// The bound on age left something out.
    pub cut: bool,
}

/// What to ask for at `now`, where everything up to `heard_to` is known. Nothing after a moment's outage: the
/// platform delivers that again by itself.
pub fn window(heard_to: i64, now: i64, min_outage: Duration, max_age: Duration) -> Option<Window> {
    let oldest = now.saturating_sub(crate::clock::millis(max_age));
    if heard_to > now {
        // The clock was set back: how long the outage was, nobody knows.
        return Some(Window { since: oldest, cut: false });
    }
    if i128::from(now) - i128::from(heard_to) <= min_outage.as_millis().try_into().unwrap_or(i128::MAX) {
        return None;
    }
    Some(Window { since: heard_to.saturating_sub(MARGIN_MS).max(oldest), cut: heard_to < oldest })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000_000;
    const HALF_A_MINUTE: Duration = Duration::from_secs(30);
    const A_DAY: Duration = Duration::from_secs(24 * 3600);

    fn at(heard_to: i64) -> Option<Window> {
        window(heard_to, NOW, HALF_A_MINUTE, A_DAY)
    }

    #[test]
    fn a_moment_is_no_outage_and_a_long_one_is_cut() {
        assert_eq!(at(NOW - 30_000), None);
        assert_eq!(at(NOW - 31_000), Some(Window { since: NOW - 31_000 - MARGIN_MS, cut: false }));
        let day = 24 * 3600 * 1000;
        assert_eq!(at(NOW - day), Some(Window { since: NOW - day, cut: false }));
        assert_eq!(at(NOW - day - 1), Some(Window { since: NOW - day, cut: true }));
        assert_eq!(at(i64::MIN), Some(Window { since: NOW - day, cut: true }));
    }

    #[test]
    fn a_clock_that_was_set_back_asks_for_all_that_may_be_asked_for() {
        assert_eq!(at(NOW + 1), Some(Window { since: NOW - 24 * 3600 * 1000, cut: false }));
    }

    #[test]
    fn what_was_pushed_before_shows_what_will_be() {
        let said = |by_bot, mentioned, directly| Said { by_bot, mentioned, directly };
        let nothing = Hears::default();
        assert!(nothing.hears(said(false, true, false)) && nothing.hears(said(false, false, true)));
        assert!(!nothing.hears(said(false, false, false)) && !nothing.hears(said(true, true, false)));
        for pushed in [said(false, false, false), said(true, true, false), said(true, false, false)] {
            let mut hears = Hears::default();
            hears.learn(pushed);
            assert!(hears.hears(pushed), "{pushed:?}");
        }
        let mut hears = Hears::default();
        hears.learn(said(true, true, false));
        assert!(!hears.hears(said(true, false, false)) && !hears.everybody);
    }
}
