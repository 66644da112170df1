//! What one supervisor is to do.

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;

use super::care::{CatchUpRules, DeafRules};
use super::footing::Footing;
use super::reload::Reload;
use super::room;
use super::seat::Seat;
use super::since::Since;
use crate::clock::Clock;
use crate::core::redial::Policy;
use crate::journal::{Filter, Retention, Sync};
use crate::transport::Rooms;

/// What one supervisor is to do.
pub struct Plan {
    /// On the home; held until the end.
    pub lock: Footing,
    /// Where journal and registry live.
    pub data: PathBuf,
    pub sync: Sync,
    pub retention: Retention,
    pub policy: Policy,
    pub catch_up: CatchUpRules,
    pub deaf: DeafRules,
    /// How long ago an owner may have been seen for its farewell still to be said.
    pub max_age: Duration,
    pub clock: Clock,
    pub seats: Vec<Seat>,
    /// Looks for profiles that came, changed or went.
    pub reload: Reload,
    pub rooms: Rooms,
    /// The policy of each room.
    pub room_policy: room::Policy,
    /// Absent where nobody reads here: the lines wait for watchers.
    pub stdout: Option<OwnedFd>,
    /// Where the control socket is.
    pub socket: PathBuf,
    pub filter: Filter,
    /// The name under which stdout's position is kept.
    pub cursor: String,
    pub since: Since,
    /// Lines on stdout in the short form, of this width.
    pub brief: Option<usize>,
}
