//! One supervisor per app on a machine, and one per home: kernel locks that die with their holder.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Result};

const CURSOR_HELD: &str = "cursor_held";

/// What a running supervisor holds.
#[derive(Debug)]
pub struct Lock {
    file: File,
    holder: String,
    path: PathBuf,
}

/// How often a lock is tried, and after how long again.
const TRIES: u32 = 3;
const BETWEEN_TRIES: std::time::Duration = std::time::Duration::from_millis(5);

/// The `subtype` of a home that has a supervisor already.
pub const HOME_HELD: &str = "supervisor_running";

impl Lock {
    /// The lock on an app, whatever home it is used from: two consumers steal each other's events.
    pub fn app(app_id: &str, home: &Path) -> Result<Lock> {
        Lock::app_in(&folder()?, app_id, home)
    }

    fn app_in(folder: &Path, app_id: &str, home: &Path) -> Result<Lock> {
        let path = folder.join(format!("{}.lock", file_name(app_id)));
        let refusal = format!("app {app_id} is held by a running supervisor");
        Lock::acquire(&path, home, &refusal, "app_held")
    }

    /// The lock on a home: its journal has one writer.
    pub fn home(home: &Path) -> Result<Lock> {
        let data = home.join("data");
        crate::folder::make(&data)
            .map_err(|error| Error::storage(format!("failed to create {}: {error}", data.display())))?;
        Lock::acquire(&data.join("supervisor.lock"), home, "a supervisor runs in this home", HOME_HELD)
    }

    /// The lock on a cursor: two readers of one would each see a part.
    pub fn cursor(home: &Path, name: &str) -> Result<Lock> {
        let folder = home.join("data/cursors");
        crate::folder::make(&folder)
            .map_err(|error| Error::storage(format!("failed to create {}: {error}", folder.display())))?;
        let path = folder.join(format!("{name}.lock"));
        let refusal = format!("the cursor `{name}` is held by another watch");
        Lock::acquire(&path, home, &refusal, CURSOR_HELD)
    }

    /// Every cursor that a watch has ever held in this home.
    pub fn cursor_names(data: &Path) -> Vec<String> {
        let Ok(folder) = std::fs::read_dir(data.join("cursors")) else { return Vec::new() };
        let name = |entry: std::io::Result<std::fs::DirEntry>| {
            entry.ok()?.file_name().to_str()?.strip_suffix(".lock").map(str::to_owned)
        };
        folder.filter_map(name).collect()
    }

    /// Takes the lock, or says who holds it.
    fn acquire(path: &Path, home: &Path, refusal: &str, subtype: &str) -> Result<Lock> {
        let cannot =
            |error: std::io::Error| Error::storage(format!("failed to lock {}: {error}", path.display()));
        // Never deleted: a lock on a file that is no longer there protects nothing.
        let mut file = crate::folder::open_lock(path).map_err(cannot)?;
        let mut tries = 1;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                // Somebody may just have looked whether it is held.
                Err(TryLockError::WouldBlock) if tries < TRIES => {
                    tries += 1;
                    std::thread::park_timeout(BETWEEN_TRIES);
                }
                Err(TryLockError::WouldBlock) => return Err(held(refusal, subtype, &mut file)),
                Err(TryLockError::Error(error)) => return Err(cannot(error)),
            }
        }
        let holder = format!("pid {}, home {}\n", std::process::id(), home.display());
        let lock = Lock { file, holder, path: path.to_owned() };
        lock.refresh().map_err(cannot)?;
        Ok(lock)
    }

    /// Writes the holder again, so that cleaners of temporary folders see the file in use.
    pub fn refresh(&self) -> std::io::Result<()> {
        let mut file = &self.file;
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(self.holder.as_bytes())
    }
}

impl Lock {
    pub fn file(&self) -> &File {
        &self.file
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes it once more, where its file was removed: whoever is to be kept out looks at the name.
    pub fn take_again(&mut self, home: &Path) -> Result<()> {
        *self = Lock::acquire(&self.path, home, "a supervisor runs in this home", HOME_HELD)?;
        Ok(())
    }
}

fn held(refusal: &str, subtype: &str, file: &mut File) -> Error {
    let mut holder = String::new();
    // The holder's note is for people; a lock without one is held all the same.
    let _ = file.take(512).read_to_string(&mut holder);
    let holder = crate::event::neutralise(holder.trim());
    let holder = if holder.is_empty() { "another process".to_owned() } else { holder };
    Error::new(Kind::Conflict, format!("{refusal} ({holder})")).subtype(subtype).hint(match subtype {
        CURSOR_HELD => "end that watch, or read with a cursor of another name",
        HOME_HELD => "read its lines with `rooma watch`, or end it first with `rooma down`",
        _ => "read its lines with `rooma --home THAT_HOME watch`, or end it first with `rooma --home THAT_HOME down`",
    })
}

/// A folder of this user that is the same whatever home or environment a process has.
pub(super) fn folder() -> Result<PathBuf> {
    let folder = PathBuf::from(format!("/tmp/rooma-{}", rustix::process::getuid().as_raw()));
    own(&folder)
        .map_err(|what| Error::storage(format!("failed to use {}: {what}", folder.display())))
        .map(|()| folder)
}

/// Makes it, or makes sure that nobody else has anything to do with it. The folder above is everybody's.
fn own(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt};
    if let Err(error) = std::fs::DirBuilder::new().mode(0o700).create(folder)
        && error.kind() != std::io::ErrorKind::AlreadyExists
    {
        return Err(error);
    }
    let metadata = std::fs::symlink_metadata(folder)?;
    if !metadata.is_dir() || metadata.uid() != rustix::process::getuid().as_raw() {
        return Err(std::io::Error::other("it belongs to somebody else"));
    }
    crate::folder::close_to_others(folder)
}

fn file_name(app_id: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '.' };
    app_id.chars().take(100).map(safe).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_told_who_the_first_is() {
        let folder = tempfile::tempdir().unwrap();
        let first = Lock::app_in(folder.path(), "cli_1", Path::new("/home/a")).unwrap();
        let error = Lock::app_in(folder.path(), "cli_1", Path::new("/home/b")).unwrap_err();
        assert_eq!(error.kind.exit_code(), 7);
        assert!(error.message.contains(&format!("pid {}", std::process::id())), "{error}");
        assert!(error.message.contains("home /home/a"), "{error}");
        Lock::app_in(folder.path(), "cli_2", Path::new("/home/b")).unwrap();
        drop(first);
        Lock::app_in(folder.path(), "cli_1", Path::new("/home/b")).unwrap();
    }

    #[test]
    fn a_home_has_one_supervisor() {
        let home = tempfile::tempdir().unwrap();
        let first = Lock::home(home.path()).unwrap();
        let error = Lock::home(home.path()).unwrap_err();
        assert!(error.message.starts_with("a supervisor runs in this home (pid "), "{error}");
        drop(first);
        Lock::home(home.path()).unwrap();
    }

    #[test]
    fn the_folder_of_locks_is_nobody_else_s_and_no_link_is_followed() {
        use std::os::unix::fs::PermissionsExt;
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("rooma-1");
        own(&folder).unwrap();
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777)).unwrap();
        own(&folder).unwrap();
        assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        let target = place.path().join("target");
        std::fs::write(&target, "precious").unwrap();
        std::os::unix::fs::symlink(&target, folder.join("cli_1.lock")).unwrap();
        let error = Lock::app_in(&folder, "cli_1", Path::new("/home/a")).unwrap_err();
        assert!(error.message.contains("cli_1.lock: it is a link"), "{error}");
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "precious");
        std::os::unix::fs::symlink(&folder, place.path().join("link")).unwrap();
        assert!(own(&place.path().join("link")).is_err());
    }

    #[test]
    fn an_app_id_cannot_leave_the_folder() {
        assert_eq!(file_name("../../x y"), "......x.y");
    }
}
