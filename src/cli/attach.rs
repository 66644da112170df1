//! A file of this machine on its way to the platform.

use std::path::Path;

use super::context::Context;
use crate::error::{Error, Result};
use crate::transport::verbs::Upload;

/// What is read at most; the adapter knows the platform's own limits, and they are lower.
const READ_MAX: u64 = 64 * 1024 * 1024;

pub fn read(context: &Context, path: &Path, name: Option<&str>) -> Result<Upload> {
    let own = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = name.map(str::to_owned).or(own);
    let name = name.filter(|name| !name.is_empty() && !name.contains(['/', '\n']));
    let name = name.ok_or_else(|| {
        Error::validation(format!("{} has no usable name", path.display())).hint("give one with --name")
    })?;
    let bytes = context.read_file(path, READ_MAX)?;
    Ok(Upload { name, bytes: bytes.into() })
}
