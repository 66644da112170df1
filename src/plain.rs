//! Small files that people, or strangers among them, leave where we look: opened without waiting for anybody, plain
//! files only, and only so much of them.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

/// What one file of configuration may hold, and what a small file of state ever grows to.
pub const CONFIG_MAX: u64 = 1024 * 1024;
pub const STATE_MAX: u64 = 64 * 1024 * 1024;

/// What an error shows of a path.
const PATH_SHOWN: usize = 1024;

/// A path, fit for an error: names of files are whatever a stranger made them.
pub fn shown(path: &Path) -> String {
    crate::event::escaped(crate::event::bounded(&path.to_string_lossy(), PATH_SHOWN))
}

/// A pipe without a writer, a terminal or a device keeps nobody waiting: it is refused.
pub fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let kind = file.metadata()?.file_type();
    if kind.is_dir() {
        return Err(io::Error::from(io::ErrorKind::IsADirectory));
    }
    if kind.is_file() { Ok(file) } else { Err(io::Error::other("it is not a plain file")) }
}

/// How a file that is there to be locked is opened: a pipe in its place is an error.
pub fn unwaiting() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.custom_flags((OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed());
    options
}

/// The whole content of what [`open`] opened.
pub fn content(file: &File, max: u64) -> io::Result<Vec<u8>> {
    let too_large = || io::Error::other(format!("it is larger than {}", bytesize::ByteSize(max)));
    if file.metadata()?.len() > max {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    file.take(max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max { Err(too_large()) } else { Ok(bytes) }
}

pub fn read(path: &Path, max: u64) -> io::Result<Vec<u8>> {
    content(&open(path)?, max)
}

pub fn read_text(path: &Path, max: u64) -> io::Result<String> {
    String::from_utf8(read(path, max)?).map_err(|_| io::Error::other("it is not UTF-8 text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_files_are_read_and_nobody_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        rustix::fs::mkfifoat(rustix::fs::CWD, path("pipe"), Mode::RUSR | Mode::WUSR).unwrap();
        std::fs::create_dir(path("folder")).unwrap();
        std::os::unix::fs::symlink("pipe", path("link")).unwrap();
        std::fs::write(path("file"), "12345").unwrap();
        std::os::unix::fs::symlink("file", path("good link")).unwrap();
        for refused in ["pipe", "folder", "link", "missing"] {
            assert!(read(&path(refused), 5).is_err(), "{refused}");
        }
        for device in ["/dev/zero", "/dev/tty", "/dev/null"] {
            assert!(read(Path::new(device), 5).is_err(), "{device}");
        }
        assert_eq!(read_text(&path("file"), 5).unwrap(), "12345");
        assert_eq!(read_text(&path("good link"), 5).unwrap(), "12345");
        assert!(read(&path("file"), 4).unwrap_err().to_string().contains("larger than 4 B"));
        // What the kernel shows says 0 for its length, and has more.
        assert!(read(Path::new("/proc/self/status"), 5).is_err());
    }
}
