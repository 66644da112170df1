//! The token between commands: a file only its owner reads, replaced whole, for one app at one address.
//!
//! Of many commands that start at once without a token, one fetches it and the others wait at a lock.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use super::token::Granted;
use crate::clock::{Clock, WallMs};
use crate::plain;

const VERSION: u32 = 1;

/// The platform's answers end within this; a claim to live longer is a broken clock's.
const LIFE_MAX_MS: i64 = 2 * 3600 * 1000 + 60_000;

#[derive(Clone)]
pub struct TokenFile {
    path: PathBuf,
    app_id: String,
    base: String,
    clock: Clock,
}

/// Others than the owner, in a file's mode.
const OTHERS: u32 = 0o077;

enum Kept {
    Token(Stored),
    /// No file, or one of another version, app or address, or one that is not private.
    Nothing,
    Damaged,
}

#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    app_id: String,
    base_url: String,
    token: String,
    expires_ms: WallMs,
}

impl TokenFile {
    pub fn new(path: PathBuf, app_id: &str, base: &str, clock: Clock) -> TokenFile {
        TokenFile { path, app_id: app_id.to_owned(), base: base.to_owned(), clock }
    }

    /// The token kept, with what is left of its life.
    pub fn read(&self) -> Option<Granted> {
        let stored = self.stored()?;
        let left = stored.expires_ms - self.clock.wall_ms();
        let left = u64::try_from(left).ok().filter(|left| *left <= LIFE_MAX_MS.unsigned_abs())?;
        Some(Granted { token: stored.token.into(), lasts: Duration::from_millis(left) })
    }

    fn stored(&self) -> Option<Stored> {
        match self.look() {
            Kept::Token(stored) => Some(stored),
            Kept::Nothing | Kept::Damaged => None,
        }
    }

    fn look(&self) -> Kept {
        let Ok(file) = plain::open(&self.path) else { return Kept::Nothing };
        let private = file.metadata().is_ok_and(|metadata| metadata.mode() & OTHERS == 0);
        let Ok(bytes) = plain::content(&file, plain::CONFIG_MAX) else { return Kept::Nothing };
        match parsed(&bytes) {
            Err(_) => Kept::Damaged,
            Ok(Some(stored)) if stored.app_id == self.app_id && stored.base_url == self.base => {
                // What others can read they may have changed as well. The next one is written for its owner alone.
                if private { Kept::Token(stored) } else { Kept::Nothing }
            }
            Ok(_) => Kept::Nothing,
        }
    }

    /// Puts a file that does not parse beside, so that whoever wonders about it can look. To be called with the
    /// lock, before a new one is written.
    pub fn set_aside(&self) {
        if !matches!(self.look(), Kept::Damaged) {
            return;
        }
        let aside = self.path.with_extension(format!("json.corrupt-{}", self.clock.wall_ms()));
        // It may hold a token still.
        let private = std::fs::Permissions::from_mode(0o600);
        let done =
            std::fs::set_permissions(&self.path, private).and_then(|()| std::fs::rename(&self.path, &aside));
        // A verb shows nothing below this level, and a damaged disk begins with such things.
        match done {
            Ok(()) => tracing::error!(path = %self.path.display(), aside = %aside.display(),
                "the token's file is damaged: it was set aside, and a new token is fetched"),
            Err(error) => tracing::error!(%error, path = %self.path.display(),
                "the token's file is damaged and cannot be set aside"),
        }
    }

    /// Waits until no other process fetches. Without a lock there is only a needless fetch to fear.
    pub async fn lock(&self, patience: Duration) -> Option<File> {
        let path = self.path.with_extension("lock");
        let lock = tokio::task::spawn_blocking(move || lock(&path));
        match tokio::time::timeout(patience, lock).await {
            Ok(Ok(Ok(file))) => Some(file),
            Ok(Ok(Err(error))) => {
                tracing::debug!(%error, "the token's lock cannot be had");
                None
            }
            Ok(Err(_)) | Err(_) => None,
        }
    }

    /// Keeps a token. Trouble costs the next command a fetch, and nothing else.
    pub fn write(&self, granted: &Granted) {
        if let Err(error) = self.replace(granted) {
            tracing::warn!(%error, path = %self.path.display(), "the token cannot be kept");
        }
    }

    fn replace(&self, granted: &Granted) -> std::io::Result<()> {
        let lasts = i64::try_from(granted.lasts.as_millis()).unwrap_or(0);
        let stored = Stored {
            version: VERSION,
            app_id: self.app_id.clone(),
            base_url: self.base.clone(),
            token: granted.token.expose_secret().to_owned(),
            expires_ms: self.clock.wall_ms() + lasts,
        };
        let folder = folder(&self.path)?;
        // Created with mode 0600.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(&serde_json::to_vec(&stored)?)?;
        file.persist(&self.path)?;
        Ok(())
    }

    /// Forgets this token, if it is still the one kept.
    pub fn forget(&self, token: &str) {
        if self.stored().is_some_and(|stored| stored.token == token) {
            // Gone already is what was wanted.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// None where another version of this program has written it.
fn parsed(bytes: &[u8]) -> serde_json::Result<Option<Stored>> {
    let Versioned { version } = serde_json::from_slice(bytes)?;
    if version == VERSION { serde_json::from_slice(bytes).map(Some) } else { Ok(None) }
}

fn lock(path: &Path) -> std::io::Result<File> {
    folder(path)?;
    let file = crate::folder::open_lock(path)?;
    rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive)?;
    Ok(file)
}

/// The folder of a file, made if need be.
fn folder(path: &Path) -> std::io::Result<&Path> {
    let folder = path.parent().unwrap_or(Path::new("."));
    crate::folder::make(folder)?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(token: &str) -> Granted {
        Granted { token: token.to_owned().into(), lasts: Duration::from_secs(7200) }
    }

    fn file(folder: &Path, app_id: &str) -> TokenFile {
        TokenFile::new(folder.join("data/a/token.json"), app_id, "https://x", Clock::system())
    }

    #[test]
    fn a_token_is_kept_for_its_app_and_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let kept = file(folder.path(), "cli_a");
        assert!(kept.read().is_none());
        kept.write(&granted("t-1"));
        let read = kept.read().unwrap();
        assert_eq!(read.token.expose_secret(), "t-1");
        assert!(read.lasts > Duration::from_secs(7100));
        let mode = std::fs::metadata(&kept.path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(file(folder.path(), "cli_b").read().is_none());
    }

    #[test]
    fn only_the_token_that_failed_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let kept = file(folder.path(), "cli_a");
        kept.write(&granted("t-2"));
        kept.forget("t-1");
        assert!(kept.read().is_some());
        kept.forget("t-2");
        assert!(kept.read().is_none());
    }

    #[test]
    fn a_damaged_file_is_set_aside_and_one_of_another_version_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let kept = file(folder.path(), "cli_a");
        kept.write(&Granted { lasts: Duration::ZERO, ..granted("t-1") });
        assert!(kept.read().is_none_or(|granted| granted.lasts.is_zero()));
        let asides = || {
            let names =
                std::fs::read_dir(kept.path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
            names.filter(|path| path.to_str().unwrap().contains("token.json.corrupt-")).collect::<Vec<_>>()
        };
        for (text, damaged) in
            [("{\"version\":2}", false), ("", true), ("{}", true), ("{\"version\":1}", true), ("no", true)]
        {
            std::fs::write(&kept.path, text).unwrap();
            assert!(kept.read().is_none(), "{text}");
            kept.set_aside();
            assert_eq!(kept.path.exists(), !damaged, "{text}");
            for aside in asides() {
                assert_eq!(std::fs::read_to_string(&aside).unwrap(), text);
                assert_eq!(std::fs::metadata(&aside).unwrap().permissions().mode() & 0o777, 0o600);
                std::fs::remove_file(aside).unwrap();
            }
        }
    }

    #[test]
    fn a_token_that_others_could_read_is_not_used_and_the_next_one_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let kept = file(folder.path(), "cli_a");
        for mode in [0o640, 0o604, 0o620] {
            kept.write(&granted("t-1"));
            std::fs::set_permissions(&kept.path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert!(kept.read().is_none(), "{mode:o}");
        }
        kept.write(&granted("t-1"));
        assert!(kept.read().is_some());
    }
}
