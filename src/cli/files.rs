//! Files that a verb reads or writes for its caller: never the home's own secrets and state, never over what
//! is there.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::config::{Home, SecretSource};
use crate::error::{Error, Result};

use super::context::Context;

/// What is below home and none of a chat's business.
const OURS: [&str; 4] = ["profiles", "config", "data", ".env"];

/// A text in a file or on stdin: far more than one message takes.
const TEXT_MAX: u64 = 8 * 1024 * 1024;

/// Longest name of a downloaded file, in bytes; file systems take 255.
const NAME_MAX: usize = 180;

/// What an error shows of a path.
const PATH_SHOWN: usize = 1024;

/// Same-name files that are kept apart.
const TWINS_MAX: u32 = 1000;

/// stdin is there once for a process.
static STDIN_READ: AtomicBool = AtomicBool::new(false);

/// A path, fit for an error: names of files are whatever a stranger made them.
pub fn shown_path(path: &Path) -> String {
    crate::event::neutralise(crate::event::bounded(&path.to_string_lossy(), PATH_SHOWN))
}

impl Context {
    /// The text of a body flag: the words themselves, `@file`, or `-` for stdin. `@@` stands for `@`, and
    /// `@Name` of somebody who is mentioned for their name.
    pub fn body(&self, flag: &str, text: &str, mentioned: &[String]) -> Result<String> {
        if text == "-" {
            if STDIN_READ.swap(true, Ordering::Relaxed) {
                return Err(Error::validation(format!("{flag}: stdin was read for another text already"))
                    .hint("one text can be -; give the other as @FILE"));
            }
            return read_text(std::io::stdin().lock(), "stdin");
        }
        match text.strip_prefix('@') {
            None => Ok(text.to_owned()),
            Some(name) if mentioned.iter().any(|who| begins_with(name, who)) => Ok(text.to_owned()),
            Some(literal) if literal.starts_with('@') => Ok(literal.to_owned()),
            Some(path) => {
                let file = self.open_for_reading(Path::new(path)).map_err(|error| Error {
                    message: format!("{flag}: {}", error.message),
                    ..error.hint(
                        "a text that begins with @ names a file; begin it with @@ to mean the letter, \
                                  and mention people with --mention",
                    )
                })?;
                read_text(file, &shown_path(Path::new(path)))
            }
        }
    }

    /// A whole file that is to leave this machine.
    pub fn read_file(&self, path: &Path, max: u64) -> Result<Vec<u8>> {
        let file = self.open_for_reading(path)?;
        let mut bytes = Vec::new();
        let shown = shown_path(path);
        file.take(max + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| Error::storage(format!("failed to read {shown}: {error}")))?;
        if bytes.len() as u64 > max {
            let max = bytesize::ByteSize(max);
            return Err(Error::validation(format!("{shown} is larger than {max}")).subtype("too_large"));
        }
        Ok(bytes)
    }

    fn open_for_reading(&self, path: &Path) -> Result<File> {
        let secrets = self.config.profiles.iter().filter_map(|profile| match &profile.app_secret {
            SecretSource::File(file) => Some(self.config.home.root().join(file)),
            SecretSource::Literal(_) | SecretSource::Env(_) | SecretSource::Command(_) => None,
        });
        open_for_reading(path, &self.config.home, secrets)
    }
}

/// As a whole word, whatever the case.
fn begins_with(text: &str, name: &str) -> bool {
    let head = text.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name));
    head && !name.is_empty()
        && !text[name.len()..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '.')
}

/// Opens a plain file. Where it really lies decides, not by which links it was reached.
fn open_for_reading(path: &Path, home: &Home, secrets: impl Iterator<Item = PathBuf>) -> Result<File> {
    let secret_files: Vec<PathBuf> = secrets.collect();
    let shown = shown_path(path);
    let failed = |error: std::io::Error| Error::validation(format!("failed to open {shown}: {error}"));
    let real = path.canonicalize().map_err(failed)?;
    // A home that does not exist holds no secrets.
    let ours = |name: &str| home.root().join(name).canonicalize().is_ok_and(|ours| real.starts_with(ours));
    let secret = OURS.iter().any(|name| ours(name))
        || secret_files.iter().any(|file| file.canonicalize().is_ok_and(|file| file == real));
    if secret {
        return Err(own_file(path));
    }
    let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let file = rustix::fs::open(&real, flags | rustix::fs::OFlags::CLOEXEC, rustix::fs::Mode::empty());
    let file = File::from(file.map_err(|error| failed(error.into()))?);
    let metadata = file.metadata().map_err(failed)?;
    if is_of_the_kernel(&file) || (metadata.nlink() > 1 && is_one_of_ours(&metadata, home, &secret_files)) {
        return Err(own_file(path));
    }
    let plain = metadata.is_file();
    if plain { Ok(file) } else { Err(Error::validation(format!("{shown} is not a plain file"))) }
}

fn own_file(path: &Path) -> Error {
    Error::new(
        crate::error::Kind::Policy,
        format!("{} belongs to rooma or to this machine itself", shown_path(path)),
    )
    .subtype("own_file")
    .hint("profiles, .env, config, data and what the kernel shows of processes never leave this machine")
}

/// What the kernel shows of processes and devices: an environment holds secrets.
fn is_of_the_kernel(file: &File) -> bool {
    const PROC: i64 = 0x9fa0;
    const SYSFS: i64 = 0x6265_6572;
    rustix::fs::fstatfs(file).is_ok_and(|system| matches!(system.f_type, PROC | SYSFS))
}

/// Files of ours looked at; more are not ours.
const OWN_MAX: usize = 10_000;

/// A hard link has no other name to be known by than its number.
fn is_one_of_ours(metadata: &std::fs::Metadata, home: &Home, secrets: &[PathBuf]) -> bool {
    let same = |path: &Path| {
        std::fs::metadata(path)
            .is_ok_and(|other| (other.dev(), other.ino()) == (metadata.dev(), metadata.ino()))
    };
    let mut left: Vec<PathBuf> = OURS.iter().map(|name| home.root().join(name)).collect();
    let mut looked = 0;
    while let Some(path) = left.pop().filter(|_| looked < OWN_MAX) {
        looked += 1;
        match std::fs::read_dir(&path) {
            Ok(entries) => left.extend(entries.flatten().map(|entry| entry.path())),
            Err(_) if same(&path) => return true,
            Err(_) => {}
        }
    }
    secrets.iter().any(|path| same(path))
}

/// A stranger's file among our profiles would be read as one.
pub fn refuse_ours(folder: &Path, home: &Home) -> Result<()> {
    let nearest = folder.ancestors().find_map(|folder| folder.canonicalize().ok());
    let here =
        if folder.is_relative() && nearest.is_none() { Path::new(".").canonicalize().ok() } else { nearest };
    let inside = |real: &Path| {
        OURS.iter().any(|name| home.root().join(name).canonicalize().is_ok_and(|ours| real.starts_with(ours)))
    };
    match here {
        Some(real) if inside(&real) => Err(Error::new(
            crate::error::Kind::Policy,
            format!("{} is a folder of rooma itself", shown_path(folder)),
        )
        .subtype("own_folder")
        .hint("name another folder with --out")),
        _ => Ok(()),
    }
}

fn read_text(from: impl Read, shown: &str) -> Result<String> {
    let mut bytes = Vec::new();
    from.take(TEXT_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Error::validation(format!("failed to read {shown}: {error}")))?;
    if bytes.len() as u64 > TEXT_MAX {
        return Err(Error::validation(format!("{shown} is too large for a text"))
            .hint("send it as a file: rooma file --path …"));
    }
    let mut text =
        String::from_utf8(bytes).map_err(|_| Error::validation(format!("{shown} is not UTF-8 text")))?;
    // The end of the last line is the editor's, not the writer's.
    if text.ends_with('\n') {
        text.truncate(text.trim_end_matches(['\n', '\r']).len());
    }
    Ok(text)
}

/// A file that appears under its name when it is whole.
pub struct Arriving {
    file: tempfile::NamedTempFile,
    folder: PathBuf,
}

impl Arriving {
    pub fn new(folder: &Path) -> Result<Arriving> {
        let failed = |error: std::io::Error| {
            Error::storage(format!("failed to write to {}: {error}", shown_path(folder)))
        };
        std::fs::create_dir_all(folder).map_err(failed)?;
        let file =
            tempfile::Builder::new().prefix(".rooma-").suffix(".part").tempfile_in(folder).map_err(failed)?;
        Ok(Arriving { file, folder: folder.to_owned() })
    }

    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let folder = &self.folder;
        self.file
            .write_all(bytes)
            .map_err(|error| Error::storage(format!("failed to write to {}: {error}", shown_path(folder))))
    }

    /// Gives the file its name, or that name with a number where the name is taken.
    pub fn keep(self, name: &str) -> Result<PathBuf> {
        let mut file = self.file;
        for twin in 1..=TWINS_MAX {
            let path = self.folder.join(twin_name(name, twin));
            match file.persist_noclobber(&path) {
                Ok(_) => return Ok(path),
                Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => file = error.file,
                Err(error) => {
                    return Err(Error::storage(format!(
                        "failed to write {}: {}",
                        shown_path(&path),
                        error.error
                    )));
                }
            }
        }
        Err(Error::storage(format!("there are too many files called {name}")))
    }
}

/// `a.txt`, `a (2).txt`, …
fn twin_name(name: &str, twin: u32) -> String {
    match (twin, name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty())) {
        (1, _) => name.to_owned(),
        (_, Some((stem, extension))) => format!("{stem} ({twin}).{extension}"),
        (_, None) => format!("{name} ({twin})"),
    }
}

/// A stranger's name for a file as a name that is safe here: no path, nothing hidden, nothing unseen.
pub fn safe_name(name: &str, fallback: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or("");
    let clean: String = crate::event::neutralise(last)
        .chars()
        .map(|c| {
            if matches!(c, '\u{FFFD}' | '\n' | '\t' | ':' | '*' | '?' | '"' | '<' | '>' | '|') {
                '_'
            } else {
                c
            }
        })
        .collect();
    let trimmed = clean.trim().trim_start_matches(['.', '-', ' ']).trim_end_matches(['.', ' ']);
    let kept = match trimmed.rsplit_once('.') {
        // The extension is what tells other programs what this is.
        Some((stem, extension)) if trimmed.len() > NAME_MAX && extension.len() < 16 => {
            let room = NAME_MAX - extension.len() - 1;
            format!("{}.{extension}", crate::event::bounded(stem, room))
        }
        _ => crate::event::bounded(trimmed, NAME_MAX).to_owned(),
    };
    if kept.is_empty() { fallback.to_owned() } else { kept }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_of_strangers_are_made_safe() {
        for (given, wanted) in [
            ("report.pdf", "report.pdf"),
            ("../../etc/passwd", "passwd"),
            ("C:\\x\\a.txt", "a.txt"),
            (".bashrc", "bashrc"),
            ("--help", "help"),
            ("a\u{202E}fdp.exe", "a_fdp.exe"),
            ("a\0b\n.txt", "a_b_.txt"),
            ("报告 1.docx", "报告 1.docx"),
            ("..", "key"),
            ("", "key"),
            ("a/", "key"),
        ] {
            assert_eq!(safe_name(given, "key"), wanted, "{given:?}");
        }
        let long = safe_name(&format!("{}.pdf", "x".repeat(400)), "key");
        assert!(long.len() <= NAME_MAX && long.ends_with(".pdf"));
    }

    #[test]
    fn nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let keep = |text: &str| {
            let mut file = Arriving::new(folder.path()).unwrap();
            file.write(text.as_bytes()).unwrap();
            file.keep("a.txt").unwrap()
        };
        assert_eq!(
            [keep("1"), keep("2"), keep("3")].map(|path| path.file_name().unwrap().to_owned()),
            ["a.txt", "a (2).txt", "a (3).txt"]
        );
        assert_eq!(std::fs::read_to_string(folder.path().join("a.txt")).unwrap(), "1");
        drop(Arriving::new(folder.path()).unwrap());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3, "a part was left behind");
    }

    #[test]
    fn own_files_do_not_leave_by_any_way() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let home = Home::new(root);
        for path in
            ["profiles/a.yaml", "data/a/token.json", "config/rooma.yaml", ".env", "secret", "notes.txt"]
        {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        std::os::unix::fs::symlink(root.join("profiles"), root.join("link")).unwrap();
        std::os::unix::fs::symlink(root.join(".env"), root.join("innocent.txt")).unwrap();
        let open =
            |path: &str| open_for_reading(&root.join(path), &home, std::iter::once(root.join("secret")));
        for path in [
            "profiles/a.yaml",
            "link/a.yaml",
            "profiles/../profiles/a.yaml",
            "data/a/token.json",
            "config/rooma.yaml",
            ".env",
            "innocent.txt",
            "secret",
        ] {
            assert_eq!(open(path).unwrap_err().kind, crate::error::Kind::Policy, "{path}");
        }
        assert!(open("notes.txt").is_ok());
        assert_eq!(open("missing").unwrap_err().kind, crate::error::Kind::Validation);
        assert!(open("link/..").is_err());
        assert!(open_for_reading(Path::new("/dev/null"), &home, std::iter::empty()).is_err());
    }

    proptest! {
        #[test]
        fn any_name_is_one_visible_plain_name(name in any::<String>()) {
            let safe = safe_name(&name, "key");
            prop_assert!(!safe.is_empty() && safe.len() <= NAME_MAX);
            prop_assert!(!safe.contains(['/', '\\', '\0']) && !safe.chars().any(char::is_control));
            prop_assert!(!safe.starts_with(['.', '-']));
        }
    }
}
