//! What a supervisor is found by: its lock and its socket, both files with names that others may remove. Both are made
//! again where that happens; only where somebody else has the lock by then does this one end.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::control::Listening;
use super::file_id::FileId;
use super::lock::Lock;
use crate::error::{Error, Result};

/// How often the names are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The lock on a home, and the folder it is in.
#[derive(Debug)]
pub struct Footing {
    lock: Lock,
    home: PathBuf,
    folder: Option<FileId>,
}

impl Footing {
    pub fn new(lock: Lock, home: &Path) -> Footing {
        let folder = lock.path().parent().and_then(FileId::named);
        Footing { lock, home: home.to_owned(), folder }
    }

    /// Looks after both names until one of them is somebody else's.
    pub async fn keep(&mut self, listening: &mut Listening) -> Error {
        let mut told = false;
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            if let Err(error) = self.keep_lock() {
                return error;
            }
            match listening.keep() {
                Ok(()) => told = false,
                Err(error) if !told => {
                    tracing::error!(%error, "the control socket is gone and cannot be made again");
                    told = true;
                }
                Err(_) => {}
            }
        }
    }

    fn keep_lock(&mut self) -> Result<()> {
        let path = self.lock.path();
        // Where the whole folder is another, the journal is too, and ends it.
        if FileId::named(path) == FileId::of(self.lock.file())
            || path.parent().and_then(FileId::named) != self.folder
        {
            return Ok(());
        }
        self.lock.take_again(&self.home)?;
        tracing::warn!(path = %self.lock.path().display(), "the home's lock was removed or replaced; it is taken again");
        Ok(())
    }
}
