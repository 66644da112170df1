//! What is wrong with people's files, told once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::error::Error;

/// What went wrong in a look.
#[derive(Default)]
pub struct Troubles {
    pub profiles: BTreeMap<Arc<str>, String>,
    others: BTreeSet<String>,
}

impl Troubles {
    pub fn is_empty(&self) -> bool {
        self.profiles.is_empty() && self.others.is_empty()
    }

    /// True where this was not so in the look before.
    pub fn note(&mut self, name: &Arc<str>, error: &Error, had: &Troubles) -> bool {
        let told = error.to_string();
        let is_new = had.profiles.get(name) != Some(&told);
        self.profiles.insert(Arc::clone(name), told);
        is_new
    }

    pub fn note_others(&mut self, others: impl IntoIterator<Item = String>, had: &Troubles) {
        for other in others {
            if !had.others.contains(&other) {
                tracing::warn!("{other}");
            }
            self.others.insert(other);
        }
    }
}
