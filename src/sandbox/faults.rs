//! Everything that can go wrong on purpose. A fault is armed for one app or all, for a number of uses or
//! until it is cleared, and the place that it concerns asks for it. What there is to go wrong the platform knows.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::lock::lock;

struct Armed<F> {
    app: Option<usize>,
    remaining: Option<u32>,
    fault: F,
}

/// The armed faults of a sandbox.
pub struct Faults<F> {
    list: Mutex<Vec<Armed<F>>>,
    /// So that the path of a healthy event takes no lock.
    armed: AtomicUsize,
}

impl<F> Default for Faults<F> {
    fn default() -> Faults<F> {
        Faults { list: Mutex::default(), armed: AtomicUsize::new(0) }
    }
}

impl<F: Clone> Faults<F> {
    /// For `count` uses, or until it is cleared.
    pub fn arm(&self, app: Option<usize>, count: Option<u32>, fault: F) {
        let mut list = lock(&self.list);
        list.push(Armed { app, remaining: count, fault });
        self.armed.store(list.len(), Ordering::Release);
    }

    pub fn clear(&self, app: Option<usize>) {
        let mut list = lock(&self.list);
        list.retain(|armed| app.is_some() && armed.app != app);
        self.armed.store(list.len(), Ordering::Release);
    }

    pub fn armed(&self) -> usize {
        self.armed.load(Ordering::Acquire)
    }

    /// Uses a fault once, if one like this is armed for this app.
    pub fn take_if(&self, app: Option<usize>, wanted: impl Fn(&F) -> bool) -> Option<F> {
        if self.armed() == 0 {
            return None;
        }
        let mut list = lock(&self.list);
        let matches = |armed: &Armed<F>| (armed.app.is_none() || armed.app == app) && wanted(&armed.fault);
        let index = list.iter().position(matches)?;
        let fault = list[index].fault.clone();
        if let Some(remaining) = &mut list[index].remaining {
            *remaining = remaining.saturating_sub(1);
            if *remaining == 0 {
                list.remove(index);
                self.armed.store(list.len(), Ordering::Release);
            }
        }
        Some(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(faults: &Faults<&'static str>, kind: &'static str, app: usize) -> bool {
        faults.take_if(Some(app), |fault| *fault == kind).is_some()
    }

    #[test]
    fn a_counted_fault_strikes_its_app_that_often() {
        let faults = Faults::default();
        faults.arm(Some(1), Some(2), "busy");
        assert!(!take(&faults, "busy", 0));
        assert!(take(&faults, "busy", 1));
        assert!(!take(&faults, "deaf", 1));
        assert!(take(&faults, "busy", 1));
        assert!(!take(&faults, "busy", 1));
        assert_eq!(faults.armed(), 0);
    }

    #[test]
    fn clearing_one_app_leaves_the_others() {
        let faults = Faults::default();
        faults.arm(Some(1), None, "mute");
        faults.arm(None, None, "deaf");
        faults.clear(Some(1));
        assert!(!take(&faults, "mute", 1));
        assert!(take(&faults, "deaf", 1));
        faults.clear(None);
        assert_eq!(faults.armed(), 0);
    }
}
