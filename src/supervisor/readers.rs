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
    /// Whose word about a cursor counts: the reader that came last. What an earlier one has left in its connection
    /// is read late, and would move the cursor back.
    holders: BTreeMap<String, u64>,
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
        list.holders.insert(reader.cursor.clone(), number);
        list.readers.insert(number, reader);
        Place { readers: self.clone(), number }
    }

    /// Runs `store` as the last word about a cursor: a reader says it when it ends.
    pub fn close(&self, cursor: &str, store: impl FnOnce()) {
        let mut list = self.list();
        list.holders.remove(cursor);
        store();
    }

    pub fn all(&self) -> Vec<ReaderStatus> {
        self.list().readers.values().cloned().collect()
    }

    fn list(&self) -> MutexGuard<'_, List> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Runs `store` unless another reader has come, or this one has said its last word.
    pub fn store(&self, cursor: &str, store: impl FnOnce()) {
        let list = self.readers.list();
        if list.holders.get(cursor) == Some(&self.number) {
            store();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.readers.list().readers.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader() -> ReaderStatus {
        ReaderStatus { cursor: "watch".to_owned(), pid: None, since: String::new() }
    }

    #[test]
    fn what_a_reader_left_behind_moves_no_cursor_of_its_successor_and_not_its_own_last_word() {
        let readers = Readers::default();
        let stored = std::cell::Cell::new(0);
        let (killed, next) = (readers.enter(reader()), readers.enter(reader()));
        next.store("watch", || stored.set(20));
        killed.store("watch", || stored.set(10));
        assert_eq!(stored.get(), 20);
        readers.close("watch", || stored.set(30));
        next.store("watch", || stored.set(25));
        assert_eq!(stored.get(), 30);
        let last = readers.enter(reader());
        last.store("watch", || stored.set(40));
        last.store("another", || stored.set(50));
        assert_eq!(stored.get(), 40);
    }
}
