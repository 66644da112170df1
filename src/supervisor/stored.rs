//! Small state of a profile, as a readable file: changed under a lock and replaced as a whole, so that several
//! processes may do so. A file that does not parse is kept under another name, never overwritten.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::clock::{WallMs, steady_ms};
use crate::error::{Error, Result};
use crate::plain;

/// How long another process may hold a file's lock: each does so for the moment of one write.
const LOCK_PATIENCE_MS: i64 = 5000;
const LOCK_PAUSE: Duration = Duration::from_millis(2);

pub trait Stored: Serialize + DeserializeOwned + Default + PartialEq + Clone {
    /// Without its extension.
    const NAME: &'static str;
    const VERSION: u32;

    /// Of the file it was read from, or is written to.
    fn version(&mut self) -> &mut u32;
}

/// How a file is told from the one that replaces it: several may do so within a clock's tick.
pub type Stamp = Option<(SystemTime, u64)>;

pub fn stamp<T: Stored>(folder: &Path) -> Stamp {
    stamp_named(folder, T::NAME)
}

/// The same for one file of several.
pub fn stamp_named(folder: &Path, name: &str) -> Stamp {
    let metadata = std::fs::metadata(folder.join(format!("{name}.json"))).ok()?;
    Some((metadata.modified().ok()?, metadata.ino()))
}

/// Reads, changes and replaces the file, alone. Nothing is written where nothing changed.
pub fn update<T: Stored, R>(folder: &Path, now: WallMs, change: impl FnOnce(&mut T) -> R) -> Result<R> {
    update_named(folder, T::NAME, now, change)
}

/// The same for one file of several.
pub fn update_named<T: Stored, R>(
    folder: &Path,
    name: &str,
    now: WallMs,
    change: impl FnOnce(&mut T) -> R,
) -> Result<R> {
    crate::folder::make(folder).map_err(|error| failed("create", folder, &error))?;
    let lock_path = folder.join(format!("{name}.lock"));
    let lock = crate::folder::open_lock(&lock_path).map_err(|error| failed("open", &lock_path, &error))?;
    lock_in_time(&lock, &lock_path)?;
    let path = folder.join(format!("{name}.json"));
    let mut value: T = read_or_set_aside(&path, now)?;
    let before = value.clone();
    let outcome = change(&mut value);
    if value != before {
        *value.version() = T::VERSION;
        replace(&path, &value)?;
    }
    Ok(outcome)
}

/// A process that was stopped may hold a lock for as long as it likes: nobody waits for it for ever.
fn lock_in_time(lock: &File, path: &Path) -> Result<()> {
    let deadline = steady_ms() + LOCK_PATIENCE_MS;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if steady_ms() < deadline => std::thread::park_timeout(LOCK_PAUSE),
            Err(TryLockError::WouldBlock) => {
                let error = Error::storage(format!("{} is held by another process", path.display()));
                return Err(error
                    .retryable(true)
                    .hint("a rooma command that was stopped (Ctrl-Z) may hold it: end it"));
            }
            Err(TryLockError::Error(error)) => return Err(failed("lock", path, &error)),
        }
    }
}

pub fn load<T: Stored>(folder: &Path, now: WallMs) -> Result<T> {
    load_named(folder, T::NAME, now)
}

pub fn load_named<T: Stored>(folder: &Path, name: &str, now: WallMs) -> Result<T> {
    read_or_set_aside(&folder.join(format!("{name}.json")), now)
}

fn read_or_set_aside<T: Stored>(path: &Path, now: WallMs) -> Result<T> {
    let text = match plain::read(path, plain::STATE_MAX) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(T::default()),
        Err(error) => return Err(failed("open", path, &error)),
    };
    refuse_newer(path, &text, T::VERSION)?;
    match serde_json::from_slice::<T>(&text) {
        Ok(value) => Ok(value),
        Err(error) => {
            let aside = path.with_extension(format!("json.corrupt-{now}"));
            std::fs::rename(path, &aside).map_err(|error| failed("set aside", path, &error))?;
            tracing::error!(%error, kept_as = %aside.display(), "{} does not parse", path.display());
            Ok(T::default())
        }
    }
}

/// What any version of a file says of itself.
#[derive(serde::Deserialize)]
struct Written {
    version: u32,
    #[serde(default)]
    written_by: Option<String>,
}

/// One of a newer version may have any shape: it is no damaged one.
fn refuse_newer(path: &Path, text: &[u8], known: u32) -> Result<()> {
    match serde_json::from_slice::<Written>(text) {
        Ok(Written { version, written_by }) if version > known => {
            Err(crate::error::newer_version(path, version.into(), written_by.as_deref(), known.into()))
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

fn replace<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    let text = serde_json::to_string_pretty(value).expect("names, words and numbers");
    // Whoever cannot read it can say whose it is.
    let signed = format!("{{\n  \"written_by\": \"{}\",\n", env!("CARGO_PKG_VERSION"));
    let text = text.replacen("{\n", &signed, 1);
    // Whoever writes holds the lock, so one name is enough, and a write that was killed leaves nothing that grows.
    let fresh = path.with_extension("json.new");
    let write = || {
        let _ = std::fs::remove_file(&fresh);
        // What stands there by now is not followed.
        let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&fresh)?;
        file.write_all(text.as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        std::fs::rename(&fresh, path)?;
        // The rename itself survives a power cut once the folder is synced.
        path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    };
    write().map_err(|error| failed("write", path, &error))
}

fn failed(what: &str, path: &Path, error: &std::io::Error) -> Error {
    Error::storage(format!("failed to {what} {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, Default, PartialEq, Serialize, serde::Deserialize)]
    struct Count {
        version: u32,
        count: u32,
    }

    impl Stored for Count {
        const NAME: &'static str = "count";
        const VERSION: u32 = 1;

        fn version(&mut self) -> &mut u32 {
            &mut self.version
        }
    }

    #[test]
    fn a_file_of_a_newer_version_is_left_alone_and_says_who_wrote_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("count.json");
        for (text, by) in [
            (r#"{"version":2,"count":"of another shape","written_by":"9.8.7"}"#, "rooma 9.8.7"),
            (r#"{"version":2,"count":1}"#, "a newer rooma"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = load::<Count>(folder.path(), 0).unwrap_err();
            assert!(error.message.contains(by) && error.message.contains("count.json"), "{error}");
            assert_eq!(error.subtype.as_deref(), Some(crate::error::NEWER));
            assert!(error.hint.as_deref().unwrap().contains(env!("CARGO_PKG_VERSION")), "{error:?}");
            update(folder.path(), 0, |count: &mut Count| count.count += 1).unwrap_err();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        std::fs::remove_file(&path).unwrap();
        update(folder.path(), 0, |count: &mut Count| count.count += 1).unwrap();
        let written: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(written["written_by"], env!("CARGO_PKG_VERSION"));
        assert_eq!(load::<Count>(folder.path(), 0).unwrap().count, 1);
    }

    #[test]
    fn a_lock_that_is_never_given_back_is_an_error_and_not_a_wait() {
        let folder = tempfile::tempdir().unwrap();
        let count = || update(folder.path(), 0, |count: &mut Count| count.count += 1);
        count().unwrap();
        let held = File::open(folder.path().join("count.lock")).unwrap();
        held.lock().unwrap();
        let error = count().unwrap_err();
        assert!(error.retryable && error.message.contains("count.lock"), "{error}");
        drop(held);
        count().unwrap();
        assert_eq!(load::<Count>(folder.path(), 0).unwrap().count, 2);
    }
}
