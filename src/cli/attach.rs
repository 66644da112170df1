//! A file of this machine on its way to the platform.

use std::path::Path;

use super::context::{Context, shown};
use super::files::shown_path;
use crate::error::{Error, Result};
use crate::event::neutralise;
use crate::transport::verbs::Upload;

/// What is read at most; the adapter knows the platform's own limits, and they are lower.
const READ_MAX: u64 = 64 * 1024 * 1024;

pub fn read(context: &Context, path: &Path, name: Option<&str>) -> Result<Upload> {
    let name = match name {
        Some(name) => given(name)?,
        None => own(path)?,
    };
    let bytes = context.read_file(path, READ_MAX)?;
    Ok(Upload { name, bytes: bytes.into() })
}

/// What somebody wrote is taken as it is, or not at all.
fn given(name: &str) -> Result<String> {
    if name.trim().is_empty() || name.contains(unfit) || neutralise(name) != name {
        return Err(Error::validation(format!("--name: `{}` is no name of a file", shown(name)))
            .hint("a name holds no path and no hidden characters"));
    }
    Ok(name.to_owned())
}

/// What a file happens to be called loses what others should not get.
fn own(path: &Path) -> Result<String> {
    let name = path.file_name().map(|name| neutralise(&name.to_string_lossy()).replace(unfit, "_"));
    name.ok_or_else(|| {
        Error::validation(format!("{} has no usable name", shown_path(path))).hint("give one with --name")
    })
}

fn unfit(c: char) -> bool {
    matches!(c, '/' | '\\' | '\n' | '\t' | '\u{FFFD}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_given_name_is_taken_or_refused_and_an_own_one_is_cleaned() {
        for name in ["report 1.pdf", "报告.docx", ".env.example", "a:b"] {
            assert_eq!(given(name).unwrap(), name);
        }
        for name in ["", " ", "a/b", "..\\b", "a\nb", "a\u{202E}fdp.exe", "\u{1b}[2J"] {
            assert!(given(name).is_err(), "{name:?}");
        }
        assert_eq!(own(Path::new("/tmp/a\u{202E}b\n.txt")).unwrap(), "a_b_.txt");
        assert!(own(Path::new("/")).is_err());
    }
}
