//! What a program is told that shall live in this sandbox: a profile for each bot.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use crate::error::{Error, Result};
use crate::sandbox::{App, Sandbox};

impl App {
    /// The text of a profile that finds its platform at `base_url`.
    pub fn profile(&self, base_url: &str) -> String {
        let App { app_id, app_secret, .. } = self;
        // Quoted: hex digits can look like a number.
        format!("transport: feishu\napp_id: {app_id}\napp_secret: \"{app_secret}\"\nbase_url: {base_url}\n")
    }
}

impl Sandbox {
    /// A profile for each bot, named after it. `more` is added to each of them.
    pub fn write_profiles(&self, folder: &Path, more: &str) -> Result<()> {
        let failed = |path: &Path, error: std::io::Error| {
            Error::storage(format!("failed to write {}: {error}", path.display()))
        };
        fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
        for app in self.apps() {
            let path = folder.join(format!("{}.yaml", app.name));
            let text = app.profile(&self.base_url()) + more;
            write_secret(&path, &text).map_err(|error| failed(&path, error))?;
        }
        Ok(())
    }
}

/// Readable by its owner only, also when the file was there before.
fn write_secret(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    file.write_all(text.as_bytes())
}
