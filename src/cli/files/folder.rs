//! A folder to write into, held open: what is written goes there whatever becomes of its name.

use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;

use super::ours::{DOWNLOADS, FOLDER, Ours, step};
use super::shown_path;
use crate::config::Home;
use crate::error::{Error, Kind, Result};

pub struct Folder {
    pub(super) held: OwnedFd,
    pub(super) path: PathBuf,
}

/// Where what came with a message goes when nobody says where: no tool takes what lies there for its own.
pub fn downloads(home: &Home, profile: &str, message: &str) -> Result<Folder> {
    let path = home.data().join(profile).join(DOWNLOADS).join(super::safe_name(message, "message"));
    let failed = |error: std::io::Error| failed(&path, error);
    // A link in the way would lead a stranger's file to where it points.
    for above in path.ancestors().skip(1).take(2) {
        if above.symlink_metadata().is_ok_and(|found| found.is_symlink()) {
            return Err(failed(std::io::Error::other(format!("{} is a link", above.display()))));
        }
    }
    crate::folder::make(&path).map_err(failed)?;
    let held = rustix::fs::open(&path, FOLDER | OFlags::NOFOLLOW, Mode::empty());
    Ok(Folder { held: held.map_err(|error| failed(error.into()))?, path })
}

impl Folder {
    /// The folder of that name, made where there is none. A stranger's file among our profiles would be read as one,
    /// so nothing is made or opened in our own folders, by whatever way the name leads there.
    pub fn make(path: &Path, home: &Home) -> Result<Folder> {
        let ours = Ours::new(home, std::iter::empty());
        let failed = |error: Errno| failed(path, error.into());
        let start = if path.is_absolute() { "/" } else { "." };
        let mut held = rustix::fs::openat(CWD, start, FOLDER, Mode::empty()).map_err(failed)?;
        let mut left = path.components();
        while let Some(part) = left.next() {
            held = match part {
                Component::RootDir | Component::CurDir | Component::Prefix(_) => continue,
                Component::ParentDir => step(&held, Path::new("..")).map_err(failed)?,
                Component::Normal(name) => match step(&held, Path::new(name)) {
                    // What is not there has nothing above it yet.
                    Err(Errno::NOENT) if !left.clone().any(|part| part == Component::ParentDir) => {
                        refuse(&ours, &held, path)?;
                        new_folder(&held, Path::new(name)).map_err(failed)?
                    }
                    stepped => stepped.map_err(failed)?,
                },
            };
        }
        refuse(&ours, &held, path)?;
        Ok(Folder { held, path: path.to_owned() })
    }

    /// Takes a part away that nobody will finish.
    pub(super) fn remove(&self, name: &str) {
        let _ = rustix::fs::unlinkat(&self.held, name, AtFlags::empty());
    }
}

fn new_folder(within: &OwnedFd, name: &Path) -> rustix::io::Result<OwnedFd> {
    match rustix::fs::mkdirat(within, name, Mode::RWXU | Mode::RWXG | Mode::RWXO) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => return Err(error),
    }
    step(within, name)
}

fn refuse(ours: &Ours, held: &OwnedFd, path: &Path) -> Result<()> {
    if !ours.holds_folder(held) {
        return Ok(());
    }
    Err(Error::new(Kind::Policy, format!("{} is a folder of rooma itself", shown_path(path)))
        .subtype("own_folder")
        .hint("name another folder with --out, or none"))
}

fn failed(path: &Path, error: std::io::Error) -> Error {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    let message = format!("failed to write to {}: {error}", shown_path(path));
    match error.kind() {
        NotFound | NotADirectory => Error::validation(message),
        _ => Error::storage(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_way_leads_into_our_folders() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let home = Home::new(root);
        for name in ["profiles", "config", "data/a", "inbox"] {
            std::fs::create_dir_all(root.join(name)).unwrap();
        }
        std::os::unix::fs::symlink("profiles", root.join("link")).unwrap();
        std::os::unix::fs::symlink("../profiles", root.join("inbox/link")).unwrap();
        for path in [
            "profiles",
            "profiles/new/deep",
            "inbox/../profiles",
            "link",
            "link/new",
            "inbox/link",
            "data",
            "data/a/x",
            "config/./y",
        ] {
            let error = Folder::make(&root.join(path), &home).err().unwrap();
            assert_eq!(error.kind, Kind::Policy, "{path}");
        }
        for path in ["missing/../profiles", "missing/x/../../profiles/y"] {
            assert!(Folder::make(&root.join(path), &home).is_err(), "{path}");
            assert!(!root.join("missing").exists(), "{path} left something behind");
        }
        assert_eq!(std::fs::read_dir(root.join("profiles")).unwrap().count(), 0);
        for path in ["inbox", "new/deep", "profiles/../other", "."] {
            assert!(Folder::make(&root.join(path), &home).is_ok(), "{path}");
        }
        assert!(root.join("new/deep").is_dir() && root.join("other").is_dir());
    }

    /// The name of a folder comes to mean ours after it was looked at.
    #[test]
    fn what_is_written_goes_where_it_was_to_go() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        std::fs::create_dir_all(root.join("profiles")).unwrap();
        let inbox = Folder::make(&root.join("inbox"), &Home::new(root)).unwrap();
        std::fs::rename(root.join("inbox"), root.join("aside")).unwrap();
        std::os::unix::fs::symlink("profiles", root.join("inbox")).unwrap();
        let mut file = super::super::Arriving::new(&inbox).unwrap();
        file.write(b"x").unwrap();
        file.keep("evil.yaml").unwrap();
        assert!(root.join("aside/evil.yaml").exists());
        assert_eq!(std::fs::read_dir(root.join("profiles")).unwrap().count(), 0);
    }
}
