//! The socket: made, kept where its file should be, and gone with its owner.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UnixListener;
use tokio::time::sleep;

use super::super::file_id::FileId;
use super::super::part::keep_running;
use super::super::task::Task;
use super::places::Places;
use super::serve::serve;
use super::tools::Control;
use crate::error::{Error, Result};

/// After a client that could not be taken.
const PAUSE: Duration = Duration::from_millis(100);

/// A listening socket; gone with it.
pub struct Listening {
    control: Control,
    path: PathBuf,
    /// Which file it made.
    id: Option<FileId>,
    task: Task,
}

impl Listening {
    /// Listens at `path`. The caller holds the home's lock, so a socket that is there already is a dead one.
    pub fn begin(control: Control, path: PathBuf) -> Result<Listening> {
        let listener = Arc::new(bind(&path)?);
        let id = FileId::named(&path);
        let appender = control.care.appender();
        let accepting = control.clone();
        let accepting = move || accept(accepting.clone(), Arc::clone(&listener));
        let task = keep_running("control", None, appender, accepting);
        Ok(Listening { control, path, id, task })
    }

    /// Listens again where its file was removed or replaced. The caller holds the home's lock.
    pub fn keep(&mut self) -> Result<()> {
        if FileId::named(&self.path) == self.id || self.path.parent().is_none_or(|folder| !folder.exists()) {
            return Ok(());
        }
        let again = Listening::begin(self.control.clone(), self.path.clone())?;
        tracing::warn!(path = %self.path.display(), "the control socket was removed or replaced; it is made again");
        drop(std::mem::replace(self, again).task);
        Ok(())
    }

    pub fn close(self) {
        drop(self.task);
        // Left behind, it would only be found dead by the next supervisor. It may be that one's already.
        if FileId::named(&self.path) == self.id {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn bind(path: &Path) -> Result<UnixListener> {
    let cannot =
        |error: std::io::Error| Error::storage(format!("failed to listen at {}: {error}", path.display()));
    match std::fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(cannot(error)),
    }
    let listener = UnixListener::bind(path).map_err(cannot)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(cannot)?;
    Ok(listener)
}

async fn accept(control: Control, listener: Arc<UnixListener>) {
    let places = Places::free();
    let mut refused = 0_u32;
    loop {
        let Ok(new) = places.new_one().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                crate::fault::may_panic("control");
                refused = 0;
                let (control, places) = (control.clone(), places.clone());
                tokio::spawn(async move {
                    if let Err(error) = serve(&control, stream, new, &places).await {
                        tracing::debug!(%error, "a control client was refused");
                    }
                });
            }
            Err(error) => {
                // Out of file descriptors, most likely: others may free some.
                if refused == 0 {
                    tracing::warn!(%error, "the control socket does not accept");
                }
                refused = refused.saturating_add(1);
                sleep(PAUSE).await;
            }
        }
    }
}
