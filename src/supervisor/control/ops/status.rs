//! How everything is at this moment.

use super::super::super::status::{CursorStatus, JournalStatus, LineStatus, Status};
use super::super::super::task::blocking;
use super::super::tools::Control;
use crate::clock::rfc3339_ms;
use crate::error::Result;
use crate::event::StorageState;
use crate::journal::{Extent, Reader};

pub async fn gather(control: &Control) -> Result<Status> {
    let mut profiles = control.asker.profiles().await?;
    for profile in &mut profiles {
        profile.last_event = control.heard.last_event(&profile.profile).map(rfc3339_ms);
    }
    let (path, newest) = (control.journal.clone(), *control.newest.borrow());
    let read = blocking(move || {
        let reader = Reader::open(&path)?;
        Ok((reader.cursors()?, reader.extent()?))
    });
    let (cursors, extent) = read.await?;
    let readers = control.readers.all();
    let holder =
        |name: &str| readers.iter().find(|reader| reader.cursor == name).and_then(|reader| reader.pid);
    let cursors = cursors.into_iter().map(|(name, seq)| CursorStatus {
        pid: holder(&name),
        name,
        seq,
        lag: newest.saturating_sub(seq),
    });
    Ok(Status {
        ok: true,
        running: true,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        profiles,
        cursors: cursors.collect(),
        journal: Some(journal(control, extent, newest)),
        storage: Some(control.storage.borrow().clone()).filter(|storage| storage.state != StorageState::Ok),
        readers,
    })
}

fn journal(control: &Control, extent: Extent, newest: u64) -> JournalStatus {
    JournalStatus {
        path: control.journal.display().to_string(),
        bytes: extent.bytes,
        oldest: extent.oldest.map(|(seq, at)| LineStatus { seq, time: rfc3339_ms(at) }),
        newest,
    }
}
