//! Whether a file is as it was.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// When a file was changed, and whether it is another one.
pub type Stamp = (Option<SystemTime>, u64, u64);

pub fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok(), metadata.len(), metadata.ino()))
}

pub fn dotenv(root: &Path) -> PathBuf {
    root.join(".env")
}
