//! Who runs in a home, by the locks that a supervisor holds: also one whose socket is gone, or its whole data folder.

use std::fs::{File, TryLockError};
use std::io::Read;
use std::path::Path;

use super::file_id::FileId;
use crate::error::{Error, Result};

/// Of a holder's note, what is read.
const NOTE_MAX: u64 = 4096;

/// The process that holds a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    pub pid: Option<u32>,
    file: FileId,
    /// That process was seen to hold it; only some systems tell what a process holds.
    sure: bool,
}

impl Holder {
    /// Whoever holds a home, or has not let go of its apps yet. Nothing is made by looking.
    pub fn of_home(home: &Path) -> Option<Holder> {
        look(&home.join("data/supervisor.lock"), |_| true).or_else(|| Holder::of_apps(home))
    }

    /// One that runs for this home, whatever became of its files.
    fn of_apps(home: &Path) -> Option<Holder> {
        let ours = format!("home {}", home.display());
        let locks = std::fs::read_dir(super::lock::folder().ok()?).ok()?.flatten();
        let mut locks = locks.filter(|file| file.path().extension().is_some_and(|end| end == "lock"));
        locks.find_map(|file| look(&file.path(), |note| note.ends_with(&ours)))
    }

    /// Asks it to end as a signal does, where it is sure to be the one.
    pub fn terminate(&self) -> Result<()> {
        use rustix::process::{Pid, Signal, kill_process};
        let sure = self.pid.filter(|pid| holds(*pid, self.file));
        let pid =
            sure.and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?)).ok_or_else(|| self.unheard())?;
        kill_process(pid, Signal::TERM)
            .map_err(|error| Error::network(format!("{} cannot be ended: {error}", self.shown())))
    }

    /// Has it ended, as far as can be told? It lets go of its locks a moment before.
    pub fn has_ended(&self) -> bool {
        let open = self.pid.filter(|_| self.sure).map(|pid| std::fs::read_dir(format!("/proc/{pid}/fd")));
        !open.is_some_and(|open| open.is_ok_and(|mut open| open.next().is_some()))
    }

    /// What a verb says that cannot reach it.
    pub fn unheard(&self) -> Error {
        let text = format!("{} runs in this home, and nobody answers at its socket", self.shown());
        Error::network(text).subtype("no_socket").retryable(true).hint(
            "it is starting or ending, or its data folder was changed under it; end it with rooma down and start again with rooma up",
        )
    }

    fn shown(&self) -> String {
        self.pid.map_or_else(|| "a supervisor".to_owned(), |pid| format!("a supervisor (pid {pid})"))
    }
}

/// A process number may mean another process by now, or one outside this container.
fn holds(pid: u32, lock: FileId) -> bool {
    let Ok(open) = std::fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    open.flatten().any(|file| FileId::named(&file.path()) == Some(lock))
}

/// Who holds this lock, if its note is one that counts.
fn look(path: &Path, counts: impl Fn(&str) -> bool) -> Option<Holder> {
    // A lock is a plain file; anything else here could keep us waiting.
    if !std::fs::symlink_metadata(path).is_ok_and(|found| found.is_file()) {
        return None;
    }
    let file = File::open(path).ok()?;
    let mut note = Vec::new();
    (&file).take(NOTE_MAX).read_to_end(&mut note).ok()?;
    let note = String::from_utf8_lossy(&note);
    if !counts(note.trim_end()) || !matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)) {
        return None;
    }
    let pid = note.strip_prefix("pid ").and_then(|rest| rest.split(',').next()?.trim().parse().ok());
    let file = FileId::of(&file)?;
    Some(Holder { pid, file, sure: pid.is_some_and(|pid| holds(pid, file)) })
}

#[cfg(test)]
mod tests {
    use super::super::lock::Lock;
    use super::*;

    #[test]
    fn a_holder_is_found_by_its_lock_while_it_holds_it() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(Holder::of_home(home.path()), None);
        assert!(!home.path().join("data").exists(), "nothing is made by looking");
        let lock = Lock::home(home.path()).unwrap();
        let holder = Holder::of_home(home.path()).unwrap();
        assert_eq!(holder.pid, Some(std::process::id()));
        assert!(holder.unheard().message.contains(&format!("pid {}", std::process::id())));
        if Path::new("/proc/self/fd").exists() {
            assert!(holder.sure && !holder.has_ended(), "it is sure to be the one");
            assert!(!holds(1, holder.file), "and nobody else is");
        }
        drop(lock);
        assert_eq!(Holder::of_home(home.path()), None);
    }
}
