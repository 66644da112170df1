//! The one place that makes folders of a home: what lies there is its owner's, and names of files tell who talks where.

use std::fs::{File, OpenOptions, Permissions};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use crate::error::{Error, Result};

/// What everybody but the owner may do.
const OTHERS: u32 = 0o077;

/// Makes a folder, and those above it, for their owner alone. One that is there and open to others is closed to them.
pub fn make(path: &Path) -> std::io::Result<()> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => std::io::Error::other("it is no folder"),
        _ => error,
    })?;
    close_to_others(path)
}

/// Mends a folder of this user that others may look into or write to, and says so.
pub fn close_to_others(path: &Path) -> std::io::Result<()> {
    let metadata = std::fs::metadata(path)?;
    let mode = metadata.mode();
    // Somebody else's is not ours to change.
    if mode & OTHERS == 0 || metadata.uid() != rustix::process::getuid().as_raw() {
        return Ok(());
    }
    std::fs::set_permissions(path, Permissions::from_mode(mode & 0o7700))?;
    // A verb shows nothing below this level.
    tracing::error!(path = %path.display(), was = format!("{:o}", mode & 0o777),
        "this folder was open to others; it is its owner's alone now");
    Ok(())
}

/// Mends all folders below, as far as they can be read. Links are not followed.
pub fn close_all(path: &Path) {
    let closed = close_to_others(path);
    let below = closed.and_then(|()| std::fs::read_dir(path));
    let below = below.into_iter().flatten().flatten();
    below
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .for_each(|entry| close_all(&entry.path()));
}

/// Fails where something that is no folder stands in a folder's place. It is not opened: a pipe keeps nobody waiting.
pub fn stands(path: &Path) -> Result<()> {
    let is_folder = std::fs::metadata(path).is_ok_and(|metadata| metadata.is_dir());
    if is_folder || std::fs::symlink_metadata(path).is_err() {
        return Ok(());
    }
    let path = crate::plain::shown(path);
    Err(Error::config(format!("{path} is no folder, nor a link to one"))
        .hint("move it away, then rooma reload or rooma up: the folder is made anew"))
}

/// Takes from others what they may do with a file that is open.
pub fn keep_private(file: &File) -> std::io::Result<()> {
    let metadata = file.metadata()?;
    let mode = metadata.mode();
    if mode & OTHERS == 0 || !metadata.is_file() || metadata.uid() != rustix::process::getuid().as_raw() {
        return Ok(());
    }
    file.set_permissions(Permissions::from_mode(mode & 0o700))
}

/// Opens a file that is there to be locked, its owner's alone. What is a link, or not a file of its own, is refused:
/// what it leads to is somebody else's, and would be written to.
pub fn open_lock(path: &Path) -> std::io::Result<File> {
    let no_links = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let flags = i32::try_from(no_links.bits()).expect("flags of open are an int");
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(flags);
    let file = options.open(path).map_err(|error| match rustix::io::Errno::from_io_error(&error) {
        Some(rustix::io::Errno::LOOP) => std::io::Error::other("it is a link: remove it"),
        _ => error,
    })?;
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.nlink() > 1 {
        return Err(std::io::Error::other("it is no file of its own: remove it"));
    }
    keep_private(&file)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn set(path: &Path, mode: u32) {
        std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_folder_is_its_owner_s_also_where_it_was_open_to_others() {
        let home = tempfile::tempdir().unwrap();
        let (data, rooms) = (home.path().join("data"), home.path().join("data/rooms"));
        make(&rooms).unwrap();
        assert_eq!((mode(&data), mode(&rooms)), (0o700, 0o700));
        for open in [0o755, 0o777, 0o701, 0o720] {
            set(&data, open);
            make(&data).unwrap();
            assert_eq!(mode(&data), 0o700);
        }
        set(&data, 0o500);
        make(&data).unwrap();
        assert_eq!(mode(&data), 0o500, "what its owner took from itself is not given back");
    }

    #[test]
    fn a_lock_is_a_file_of_its_own_and_its_owner_s() {
        let folder = tempfile::tempdir().unwrap();
        let (lock, other) = (folder.path().join("a.lock"), folder.path().join("other"));
        open_lock(&lock).unwrap();
        assert_eq!(mode(&lock), 0o600);
        set(&lock, 0o666);
        open_lock(&lock).unwrap();
        assert_eq!(mode(&lock), 0o600);
        std::fs::write(&other, "precious").unwrap();
        for link in [std::os::unix::fs::symlink, |from: &Path, to: &Path| std::fs::hard_link(from, to)] {
            std::fs::remove_file(&lock).unwrap();
            link(&other, &lock).unwrap();
            assert!(open_lock(&lock).unwrap_err().to_string().contains("remove it"));
        }
        std::fs::remove_file(&lock).unwrap();
        std::os::unix::fs::symlink(folder.path().join("nothing"), &lock).unwrap();
        assert!(open_lock(&lock).is_err() && !folder.path().join("nothing").exists());
        assert_eq!(std::fs::read_to_string(&other).unwrap(), "precious");
    }
}
