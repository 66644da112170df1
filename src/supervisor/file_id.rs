//! Which file a name means.

use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Which file a name means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileId(u64, u64);

impl FileId {
    pub fn named(path: &Path) -> Option<FileId> {
        std::fs::metadata(path).ok().as_ref().map(FileId::from)
    }

    pub fn of(file: &File) -> Option<FileId> {
        file.metadata().ok().as_ref().map(FileId::from)
    }
}

impl From<&Metadata> for FileId {
    fn from(metadata: &Metadata) -> FileId {
        FileId(metadata.dev(), metadata.ino())
    }
}
