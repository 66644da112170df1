//! What the operations of the control socket work with.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;

use super::super::care::Care;
use super::super::readers::Readers;
use super::super::relay::Relayer;
use super::super::reload::Reloading;
use super::super::room::Host;
use super::super::root::Asker;
use super::super::shift::Attendant;
use super::super::signals::Trigger;
use crate::clock::Clock;
use crate::event::Storage;
use crate::journal::{Cursors, Heard};

/// What the control socket works with.
#[derive(Clone)]
pub struct Control {
    pub asker: Asker,
    pub reloading: Reloading,
    pub attendant: Attendant,
    pub host: Host,
    pub relay: Relayer,
    pub care: Care,
    pub trigger: Arc<Trigger>,
    pub newest: watch::Receiver<u64>,
    pub cursors: Cursors,
    pub heard: Heard,
    pub readers: Readers,
    pub clock: Clock,
    /// How the disk is.
    pub storage: watch::Receiver<Storage>,
    /// The journal's file.
    pub journal: PathBuf,
}
