//! Locks of a sandbox.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A panic elsewhere does not take the sandbox's data away from the test that wants to look at it.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
