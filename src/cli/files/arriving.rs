//! A file that appears under its name when it is whole.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use super::folder::Folder;
use super::shown_path;
use crate::error::{Error, Result};

/// Same-name files that are kept apart.
const TWINS_MAX: u32 = 1000;

pub struct Arriving<'a> {
    file: File,
    /// Its name until it is whole; gone once it has its own.
    part: Option<String>,
    folder: &'a Folder,
}

impl<'a> Arriving<'a> {
    pub fn new(folder: &'a Folder) -> Result<Arriving<'a>> {
        let part = format!(".rooma-{}.part", uuid::Uuid::new_v4().simple());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&folder.held, part.as_str(), flags, Mode::RUSR | Mode::WUSR);
        let file = File::from(file.map_err(|error| failed(folder, &error.into()))?);
        Ok(Arriving { file, part: Some(part), folder })
    }

    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|error| failed(self.folder, &error))
    }

    /// Gives the file its name, or that name with a number where the name is taken.
    pub fn keep(mut self, name: &str) -> Result<PathBuf> {
        let Some(part) = self.part.take() else { return Err(Error::internal("a file was kept twice")) };
        for twin in 1..=TWINS_MAX {
            let name = twin_name(name, twin);
            match rename(self.folder, &part, &name) {
                Ok(()) => return Ok(self.folder.path.join(name)),
                Err(Errno::EXIST) => {}
                Err(error) => {
                    self.part = Some(part);
                    let path = shown_path(&self.folder.path.join(name));
                    let error = std::io::Error::from(error);
                    return Err(Error::storage(format!("failed to write {path}: {error}")));
                }
            }
        }
        self.part = Some(part);
        Err(Error::storage(format!("there are too many files called {}", crate::event::escaped(name))))
    }
}

/// A part of a file goes with whatever kept it from being whole.
impl Drop for Arriving<'_> {
    fn drop(&mut self) {
        if let Some(part) = &self.part {
            self.folder.remove(part);
        }
    }
}

/// Never over what is there.
fn rename(folder: &Folder, part: &str, name: &str) -> rustix::io::Result<()> {
    match rustix::fs::renameat_with(&folder.held, part, &folder.held, name, RenameFlags::NOREPLACE) {
        // Not every file system can.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            rustix::fs::linkat(&folder.held, part, &folder.held, name, AtFlags::empty())?;
            folder.remove(part);
            Ok(())
        }
        done => done,
    }
}

fn failed(folder: &Folder, error: &std::io::Error) -> Error {
    Error::storage(format!("failed to write to {}: {error}", shown_path(&folder.path)))
}

/// `a.txt`, `a (2).txt`, …
fn twin_name(name: &str, twin: u32) -> String {
    match (twin, name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty())) {
        (1, _) => name.to_owned(),
        (_, Some((stem, extension))) => format!("{stem} ({twin}).{extension}"),
        (_, None) => format!("{name} ({twin})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Home;

    #[test]
    fn nothing_is_overwritten_and_no_part_is_left() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::make(place.path(), &Home::new("/nowhere")).unwrap();
        let keep = |text: &str| {
            let mut file = Arriving::new(&folder).unwrap();
            file.write(text.as_bytes()).unwrap();
            file.keep("a.txt").unwrap()
        };
        assert_eq!(
            [keep("1"), keep("2"), keep("3")].map(|path| path.file_name().unwrap().to_owned()),
            ["a.txt", "a (2).txt", "a (3).txt"]
        );
        assert_eq!(std::fs::read_to_string(place.path().join("a.txt")).unwrap(), "1");
        std::os::unix::fs::symlink("nowhere", place.path().join("b.txt")).unwrap();
        let linked = Arriving::new(&folder).unwrap().keep("b.txt").unwrap();
        assert!(linked.ends_with("b (2).txt"), "{linked:?}");
        drop(Arriving::new(&folder).unwrap());
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 5, "a part was left behind");
    }
}
