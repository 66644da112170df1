//! When a file that others change too is worth a look. Times count from whenever whoever looks began.

use std::time::Duration;

use crate::error::Error;

/// One that cannot be read or written is left alone for a while.
const TROUBLED_FOR: Duration = Duration::from_secs(15);

/// A file as it was looked at last.
#[derive(Debug)]
pub struct Looked<S> {
    stamp: Option<S>,
    /// Something in it waits for time.
    waits: bool,
    trouble: Option<Trouble>,
}

#[derive(Debug)]
struct Trouble {
    what: String,
    until: Duration,
}

impl<S> Default for Looked<S> {
    fn default() -> Looked<S> {
        Looked { stamp: None, waits: false, trouble: None }
    }
}

impl<S: PartialEq> Looked<S> {
    /// Is it worth a look, where it looks like `stamp` now?
    pub fn is_due(&self, stamp: &S, now: Duration) -> bool {
        match &self.trouble {
            Some(trouble) => now >= trouble.until,
            None => self.waits || self.stamp.as_ref() != Some(stamp),
        }
    }

    /// It was looked at. The stamp is from before, so that a change meanwhile is not missed.
    pub fn seen(&mut self, stamp: S, waits: bool) {
        *self = Looked { stamp: Some(stamp), waits, trouble: None };
    }

    /// It could not be looked at. True where that is news.
    pub fn failed(&mut self, error: &Error, now: Duration) -> bool {
        let what = error.sentence();
        let is_news = self.trouble.as_ref().is_none_or(|trouble| trouble.what != what);
        self.trouble = Some(Trouble { what, until: now + TROUBLED_FOR });
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_file_is_looked_at_where_it_changed_or_time_matters_to_it() {
        let mut looked = Looked::default();
        assert!(looked.is_due(&1, SECOND), "nobody has looked yet");
        looked.seen(1, false);
        assert!(!looked.is_due(&1, SECOND) && looked.is_due(&2, SECOND));
        looked.seen(2, true);
        assert!(looked.is_due(&2, SECOND));
    }

    #[test]
    fn the_same_trouble_is_said_once_and_asked_about_again_after_a_while() {
        let (mut looked, broken) = (Looked::default(), Error::storage("a newer version"));
        looked.seen(1, false);
        assert!(looked.failed(&broken, SECOND));
        assert!(!looked.is_due(&2, TROUBLED_FOR) && looked.is_due(&1, TROUBLED_FOR + SECOND));
        assert!(!looked.failed(&broken, TROUBLED_FOR + SECOND), "it is known");
        assert!(looked.failed(&Error::storage("full"), 2 * TROUBLED_FOR));
        looked.seen(3, false);
        assert!(!looked.is_due(&3, SECOND), "it is over");
        assert!(looked.failed(&broken, SECOND), "and is news again");
    }
}
