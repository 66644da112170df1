//! Files that a verb reads or writes for its caller: never the home's own secrets and state, never over what
//! is there.

mod arriving;
mod folder;
mod names;
mod ours;

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

pub use arriving::Arriving;
pub use folder::{Folder, downloads};
pub use names::{safe_name, unobeyed, visible_name};
use ours::Ours;

use crate::error::{Error, Result};
pub use crate::plain::shown as shown_path;

use super::context::Context;

/// A text in a file or on stdin: far more than one message takes.
const TEXT_MAX: u64 = 8 * 1024 * 1024;

/// stdin is there once for a process.
static STDIN_READ: AtomicBool = AtomicBool::new(false);

impl Context {
    /// The text of a body flag: the words themselves, `@file`, or `-` for stdin. `@@` stands for `@`, and
    /// `@Name` of somebody who is mentioned for their name.
    pub fn body(&self, flag: &str, text: &str, mentioned: &[String]) -> Result<String> {
        if text == "-" {
            if STDIN_READ.swap(true, Ordering::Relaxed) {
                return Err(Error::validation(format!("{flag}: stdin was read for another text already"))
                    .hint("one text can be -; give the other as @FILE"));
            }
            self.ours().refuse_stdin()?;
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
        self.ours().open(path)
    }

    fn ours(&self) -> Ours {
        let secrets = self.config.profiles.iter().filter_map(|profile| profile.app_secret.file());
        Ours::new(&self.config.home, secrets)
    }
}

/// As a whole word, whatever the case.
fn begins_with(text: &str, name: &str) -> bool {
    let head = text.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name));
    head && !name.is_empty()
        && !text[name.len()..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '.')
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
