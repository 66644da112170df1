//! Who reads at the moment: watches that follow, and this process's own stdout.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::status::ReaderStatus;

/// Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Readers(Arc<Mutex<List>>);

#[derive(Debug, Default)]
struct List {
    next: u64,
    readers: BTreeMap<u64, ReaderStatus>,
}

/// A reader's place in the list; it leaves with it.
#[derive(Debug)]
pub struct Place {
    readers: Readers,
    number: u64,
}

impl Readers {
    pub fn enter(&self, reader: ReaderStatus) -> Place {
        let mut list = self.list();
        let number = list.next;
        list.next += 1;
        list.readers.insert(number, reader);
        Place { readers: self.clone(), number }
    }

    pub fn all(&self) -> Vec<ReaderStatus> {
        self.list().readers.values().cloned().collect()
    }

    fn list(&self) -> MutexGuard<'_, List> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.readers.list().readers.remove(&self.number);
    }
}
