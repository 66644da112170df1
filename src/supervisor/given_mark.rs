//! The note of what a reader was given, in a file of its own: small, whoever reads and through whatever filter.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::core::pace::Budget;
use crate::error::{Error, Result};
use crate::journal::{Filter, Stretch, begin};

const VERSION: u32 = 1;

/// The file is so long or a multiple of it, and one write replaces it: a process that is killed leaves the old one or
/// the new one. Only the first line counts: a longer one may have been there.
const SIZE: usize = 512;
const SIZE_MAX: usize = 8 * SIZE;

/// What stretches may take of it.
const STRETCHES_BYTES: usize = 3000;

/// Beside the lock of its cursor, in `data/cursors/NAME.given`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    pub version: u32,
    /// Which journal the positions are of.
    pub born: u64,
    /// Lines behind `from` and up to here were written, whether or not they were taken: all that earlier versions know.
    pub given: u64,
    #[serde(default)]
    pub from: u64,
    /// The same in parts, what is being written last.
    #[serde(default)]
    pub stretches: Vec<Stretch>,
    /// What is left of the reader's notifications.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
}

impl Mark {
    /// What the file says then.
    pub fn text(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec(self).expect("numbers and names are plain data");
        text.resize((text.len() + 1).next_multiple_of(SIZE) - 1, b' ');
        text.push(b'\n');
        text
    }

    pub fn of_all(born: u64, given: u64) -> Mark {
        Mark { version: VERSION, born, given, from: 0, stretches: Vec::new(), budget: None }.in_parts()
    }

    /// Written by a version that knew no filters, anything may have been given.
    pub fn in_parts(mut self) -> Mark {
        if self.stretches.is_empty() && self.from < self.given {
            self.stretches.push(Stretch { from: self.from, to: self.given, filter: Filter::default() });
        }
        self
    }

    pub fn begin(&mut self, position: u64, filter: &Filter) {
        self.stretches = begin(&self.stretches, position, filter);
        let too_long =
            |all: &[Stretch]| serde_json::to_vec(all).is_ok_and(|text| text.len() > STRETCHES_BYTES);
        while too_long(&self.stretches)
            && let Some(oldest) = self.stretches.iter_mut().find(|one| one.filter != Filter::default())
        {
            oldest.filter = Filter::default();
        }
        self.from = self.stretches.iter().map(|one| one.from).min().unwrap_or_default();
        self.given = self.stretches.iter().map(|one| one.to).max().unwrap_or_default();
    }

    /// What was noted before, where this is more.
    pub fn gives(&mut self, seq: u64) -> Option<(u64, u64)> {
        let own = self.stretches.last_mut()?;
        if seq <= own.to {
            return None;
        }
        let before = (std::mem::replace(&mut own.to, seq), self.given);
        self.given = self.given.max(seq);
        Some(before)
    }

    pub fn ungive(&mut self, (to, given): (u64, u64)) {
        self.given = given;
        if let Some(own) = self.stretches.last_mut() {
            own.to = to;
        }
    }
}

pub fn open(data: &Path, cursor: &str) -> Result<File> {
    let folder = data.join("cursors");
    crate::folder::make(&folder)
        .map_err(|error| Error::storage(format!("failed to create {}: {error}", folder.display())))?;
    let path = folder.join(format!("{cursor}.given"));
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
    file.map_err(|error| Error::storage(format!("failed to open {}: {error}", path.display())))
}

pub fn read(file: &mut File) -> Option<Mark> {
    let mut bytes = Vec::new();
    file.take(SIZE_MAX as u64).read_to_end(&mut bytes).ok()?;
    let line = bytes.split(|byte| *byte == b'\n').next()?;
    serde_json::from_slice(line).ok().filter(|mark: &Mark| mark.version == VERSION)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_note_stays_small_whatever_is_asked_for() {
        let mut mark = Mark::of_all(1, 0);
        for round in 0..50u64 {
            let profiles = (0..round * 20).map(|number| format!("profile-{round}-{number}")).collect();
            mark.begin(round * 100, &Filter { profiles, ..Filter::default() });
            mark.gives(round * 100 + 10);
            let text = serde_json::to_vec(&mark).unwrap();
            assert!(text.len() < SIZE_MAX - SIZE, "{round}: {}", text.len());
            assert_eq!((mark.from, mark.given), (0, round * 100 + 10));
        }
    }

    /// A shorter one is written over a longer one, also by a version that knows the short ones only.
    #[test]
    fn the_first_line_counts_and_one_without_parts_is_one_part() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.given");
        let longer = "z".repeat(3 * SIZE);
        let short = r#"{"version":1,"born":7,"given":16,"from":5}"#;
        std::fs::write(&path, format!("{short:<511}\n{longer}")).unwrap();
        let mark = read(&mut File::open(&path).unwrap()).unwrap().in_parts();
        assert_eq!(mark.stretches, [Stretch { from: 5, to: 16, filter: Filter::default() }]);
        std::fs::write(&path, &longer).unwrap();
        assert!(read(&mut File::open(&path).unwrap()).is_none());
    }
}
