//! What is ours and never leaves this machine, judged by what was opened and not by its name: a name can be another
//! file's a moment later.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirEntryExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use super::shown_path;
use crate::config::Home;
use crate::error::{Error, Kind, Result};

/// What is below home and none of a chat's business.
const OURS: [&str; 4] = ["profiles", "config", "data", ".env"];

/// In the folder of a profile: what came from a chat may go to another.
pub const DOWNLOADS: &str = "downloads";

/// Files of ours looked at; what lies beyond is known by its path alone.
const OWN_MAX: usize = 100_000;

/// Folders above one another.
const LEVELS_MAX: usize = 4096;

pub struct Ours {
    root: PathBuf,
    secrets: Vec<PathBuf>,
}

/// A file or folder, whatever it is called.
type Identity = (u64, u64);

fn identity(metadata: &std::fs::Metadata) -> Identity {
    (metadata.dev(), metadata.ino())
}

impl Ours {
    pub fn new<'a>(home: &Home, secrets: impl Iterator<Item = &'a Path>) -> Ours {
        let root = home.root().to_owned();
        Ours { secrets: secrets.map(|path| root.join(path)).collect(), root }
    }

    /// Opens a plain file, and judges it then.
    pub fn open(&self, path: &Path) -> Result<File> {
        let shown = shown_path(path);
        let failed = |error: std::io::Error| Error::validation(format!("failed to open {shown}: {error}"));
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| failed(error.into()))?;
        let file = File::from(file);
        if self.holds(&file, path).map_err(failed)? {
            return Err(own_file(&shown));
        }
        let plain = file.metadata().map_err(failed)?.is_file();
        if plain { Ok(file) } else { Err(Error::validation(format!("{shown} is not a plain file"))) }
    }

    /// A shell may have opened one of ours for us.
    pub fn refuse_stdin(&self) -> Result<()> {
        let held = rustix::io::dup(rustix::stdio::stdin()).ok().map(File::from);
        let ours = |file: &File| -> std::io::Result<bool> {
            Ok(file.metadata()?.is_file() && self.holds(file, Path::new("/dev/stdin"))?)
        };
        match held {
            Some(file) if ours(&file).unwrap_or(false) => Err(own_file("what stdin reads")),
            _ => Ok(()),
        }
    }

    fn holds(&self, file: &File, path: &Path) -> std::io::Result<bool> {
        let metadata = file.metadata()?;
        if is_of_the_kernel(file) {
            return Ok(true);
        }
        if metadata.is_dir() {
            return Ok(self.holds_folder(file));
        }
        let opened = identity(&metadata);
        let is_secret =
            |path: &PathBuf| std::fs::metadata(path).is_ok_and(|other| identity(&other) == opened);
        Ok(self.secrets.iter().any(is_secret) || self.lies_below(file, path) || self.has(opened))
    }

    /// Is it one of our folders, or in one? Asked of the folder itself, level by level.
    pub fn holds_folder(&self, folder: impl AsFd) -> bool {
        let stat = |path: &str| std::fs::metadata(self.root.join(path)).ok().map(|of| identity(&of));
        let ours: Vec<Identity> = OURS.iter().filter_map(|name| stat(name)).collect();
        let Ok(mut here) = folder.as_fd().try_clone_to_owned() else { return true };
        let mut below = None;
        for _ in 0..LEVELS_MAX {
            let Ok(now) = identity_of(&here) else { return true };
            if ours.contains(&now) {
                return true;
            }
            // Above the topmost one there is nothing but itself.
            if below == Some(now) {
                return false;
            }
            below = Some(now);
            match step(&here, Path::new("..")) {
                Ok(above) => here = above,
                // Nothing of ours lies above a folder that we may not leave.
                Err(_) => return false,
            }
        }
        true
    }

    /// Where the kernel says that the opened file lies.
    fn lies_below(&self, file: &File, path: &Path) -> bool {
        let Some(real) = real_path(file, path) else { return false };
        OURS.iter().filter_map(|name| self.root.join(name).canonicalize().ok()).any(|ours| {
            real.strip_prefix(&ours).is_ok_and(|below| !(ours.ends_with("data") && is_download(below)))
        })
    }

    /// Is a file with this number among ours? A hard link has no other name to be known by.
    fn has(&self, opened: Identity) -> bool {
        let stat = |path: &Path| std::fs::metadata(path).is_ok_and(|other| identity(&other) == opened);
        let data = self.root.join("data");
        let mut left: Vec<PathBuf> = OURS.iter().map(|name| self.root.join(name)).collect();
        let mut looked = 0;
        while let Some(folder) = left.pop() {
            let Ok(entries) = std::fs::read_dir(&folder) else {
                if stat(&folder) {
                    return true;
                }
                continue;
            };
            for entry in entries.flatten() {
                looked += 1;
                let path = entry.path();
                let Ok(kind) = entry.file_type() else { continue };
                let is_theirs = || path.strip_prefix(&data).is_ok_and(is_download);
                if kind.is_dir() && !is_theirs() {
                    left.push(path);
                } else if (kind.is_symlink() || entry.ino() == opened.1) && stat(&path) {
                    return true;
                }
            }
            if looked > OWN_MAX {
                return false;
            }
        }
        false
    }
}

/// `PROFILE/downloads`, or below it.
fn is_download(below_data: &Path) -> bool {
    below_data.components().nth(1).is_some_and(|second| second.as_os_str() == DOWNLOADS)
}

/// The folder that a name leads to from another one.
pub fn step(from: &OwnedFd, name: &Path) -> rustix::io::Result<OwnedFd> {
    rustix::fs::openat(from, name, FOLDER, Mode::empty())
}

/// A folder that may be gone through need not be one that may be listed.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

fn identity_of(folder: &OwnedFd) -> rustix::io::Result<Identity> {
    let stat = rustix::fs::fstat(folder)?;
    #[allow(clippy::unnecessary_cast, reason = "their types are the system's")]
    Ok((stat.st_dev as u64, stat.st_ino as u64))
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn real_path(file: &File, path: &Path) -> Option<PathBuf> {
    use std::os::fd::AsRawFd;
    let here = std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()));
    here.ok().or_else(|| path.canonicalize().ok())
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn real_path(_file: &File, path: &Path) -> Option<PathBuf> {
    path.canonicalize().ok()
}

fn own_file(shown: &str) -> Error {
    Error::new(Kind::Policy, format!("{shown} belongs to rooma or to this machine itself"))
        .subtype("own_file")
        .hint("profiles, .env, config, data and what the kernel shows of processes never leave this machine")
}

/// What the kernel shows of processes and devices: an environment holds secrets.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn is_of_the_kernel(file: &File) -> bool {
    const PROC: i64 = 0x9fa0;
    const SYSFS: i64 = 0x6265_6572;
    rustix::fs::fstatfs(file).is_ok_and(|system| matches!(system.f_type, PROC | SYSFS))
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn is_of_the_kernel(_file: &File) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home() -> (tempfile::TempDir, Ours) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for path in [
            "profiles/a.yaml",
            "data/a/token.json",
            "data/a/downloads/om_1/report.pdf",
            "config/rooma.yaml",
            ".env",
            "secret",
            "notes.txt",
        ] {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        let ours = Ours::new(&Home::new(root), std::iter::once(Path::new("secret")));
        (folder, ours)
    }

    #[test]
    fn own_files_do_not_leave_by_any_way() {
        let (folder, ours) = home();
        let root = folder.path();
        let link = |to: &str, name: &str| {
            std::fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
            std::os::unix::fs::symlink(root.join(to), root.join(name)).unwrap();
        };
        link("profiles", "link");
        link(".env", "innocent.txt");
        link("data/a/token.json", "data/a/downloads/om_1/innocent.txt");
        std::fs::hard_link(root.join(".env"), root.join("hard")).unwrap();
        std::fs::hard_link(root.join("secret"), root.join("data/a/downloads/om_1/hard")).unwrap();
        for path in [
            "profiles/a.yaml",
            "profiles",
            "data",
            "data/a",
            "link/a.yaml",
            "profiles/../profiles/a.yaml",
            "data/a/token.json",
            "config/rooma.yaml",
            ".env",
            "innocent.txt",
            "hard",
            "secret",
            "data/a/downloads/om_1/innocent.txt",
            "data/a/downloads/om_1/hard",
        ] {
            assert_eq!(ours.open(&root.join(path)).unwrap_err().kind, Kind::Policy, "{path}");
        }
        assert!(ours.open(&root.join("notes.txt")).is_ok());
        assert!(ours.open(&root.join("data/a/downloads/om_1/report.pdf")).is_ok());
        for path in ["missing", "link/..", "/dev/null"] {
            assert_eq!(ours.open(&root.join(path)).unwrap_err().kind, Kind::Validation, "{path}");
        }
    }

    /// Somebody else swaps a folder for a link to our home while we look.
    #[test]
    fn what_was_opened_is_judged_and_not_what_its_name_means_by_then() {
        let (folder, ours) = home();
        let root = folder.path().to_owned();
        std::fs::create_dir(root.join("theirs")).unwrap();
        std::fs::write(root.join("theirs/.env"), "theirs").unwrap();
        std::fs::write(root.join(".env"), "ours").unwrap();
        let over = std::sync::atomic::AtomicBool::new(false);
        // Nothing in here may panic before the other thread is told to end.
        let sent = std::thread::scope(|threads| {
            threads.spawn(|| {
                while !over.load(std::sync::atomic::Ordering::Acquire) {
                    std::fs::rename(root.join("theirs"), root.join("aside")).unwrap();
                    std::os::unix::fs::symlink(&root, root.join("theirs")).unwrap();
                    std::fs::remove_file(root.join("theirs")).unwrap();
                    std::fs::rename(root.join("aside"), root.join("theirs")).unwrap();
                }
            });
            let mut sent = Vec::new();
            for _ in 0..5000 {
                if let Ok(file) = ours.open(&root.join("theirs/.env")) {
                    sent.push(std::io::read_to_string(file).unwrap_or_default());
                }
            }
            over.store(true, std::sync::atomic::Ordering::Release);
            sent
        });
        assert!(sent.iter().all(|text| text == "theirs"), "ours left {} times", sent.len());
        assert!(!sent.is_empty());
    }
}
