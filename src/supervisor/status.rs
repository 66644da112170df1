//! What `rooma status` and `rooma up` print.

use serde::{Deserialize, Serialize};

use super::control::Control;
use super::task::blocking;
use crate::clock::rfc3339_ms;
use crate::error::Result;
use crate::event::{Storage, StorageState};
use crate::journal::{Extent, Reader};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    pub ok: bool,
    pub running: bool,
    pub version: String,
    pub pid: u32,
    pub profiles: Vec<ProfileStatus>,
    pub cursors: Vec<CursorStatus>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub readers: Vec<ReaderStatus>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal: Option<JournalStatus>,
    /// How the disk is, where it is not as it should be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<Storage>,
}

/// Who reads at the moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReaderStatus {
    pub cursor: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// RFC 3339.
    pub since: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalStatus {
    pub path: String,
    /// On disk, its log included.
    pub bytes: u64,
    /// The oldest line that is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest: Option<LineStatus>,
    /// The newest position; 0 before the first line.
    pub newest: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineStatus {
    pub seq: u64,
    pub time: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CursorStatus {
    pub name: String,
    pub seq: u64,
    /// Lines behind the newest.
    pub lag: u64,
    /// The process that reads with it now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileStatus {
    pub profile: String,
    pub transport: String,
    pub state: State,
    /// RFC 3339, since when.
    pub since: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What a person can do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Connections that were made beyond the first.
    pub reconnects: u32,
    /// When the platform's newest event was journalled, since this start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_event: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Connecting,
    Connected,
    Disconnected,
    Parked,
}

/// How everything is at this moment.
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
