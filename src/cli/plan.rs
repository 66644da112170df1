//! What a supervisor is to do, from a home and who reads.

use std::os::fd::OwnedFd;
use std::path::Path;

use crate::accounts::Roster;
use crate::clock::Clock;
use crate::config::Config;
use crate::core::redial::Policy;
use crate::error::Result;
use crate::journal::{Filter, Retention};
use crate::supervisor::{CatchUpRules, DeafRules};
use crate::supervisor::{Footing, Lock, Plan, Seat, Since, control};

/// Who reads lines here, and which.
pub struct Reading {
    /// Absent where nobody reads here: the lines wait for watchers.
    pub stdout: Option<OwnedFd>,
    pub filter: Filter,
    pub cursor: String,
    pub since: Since,
    /// Lines in the short form, of this width.
    pub brief: Option<usize>,
}

/// Takes the home's lock along, and the roster, which goes on looking for changes.
pub fn plan(
    config: &Config,
    lock: Lock,
    roster: Roster,
    seats: Vec<Seat>,
    reading: Reading,
    clock: Clock,
) -> Result<Plan> {
    let root = config.home.root();
    let (rooms, room_policy) = roster.rooms();
    let Reading { stdout, filter, cursor, since, brief } = reading;
    let options = &config.options;
    Ok(Plan {
        lock: Footing::new(lock, root),
        data: config.home.data(),
        sync: options.journal.sync.into(),
        retention: Retention { keep: options.journal.keep.0, max_bytes: options.journal.max_size.0 },
        policy: policy(config),
        catch_up: catch_up(config),
        deaf: deaf(config),
        max_age: options.presence.max_age.0,
        clock,
        seats,
        rooms,
        room_policy,
        reload: roster.into_reload(),
        stdout,
        socket: control::path(root)?,
        filter,
        cursor,
        since,
        brief,
    })
}

/// What belongs to no one profile. A profile's own folder is looked at before it connects.
pub fn stand(data: &Path) -> Result<()> {
    crate::folder::close_all(data);
    ["cursors", "rooms", "log"].iter().try_for_each(|name| crate::folder::stands(&data.join(name)))
}

fn policy(config: &Config) -> Policy {
    let connection = &config.options.connection;
    Policy {
        min: connection.backoff_min.0,
        max: connection.backoff_max.0.max(connection.backoff_min.0),
        stable_after: connection.stable_after.0,
        ..Policy::default()
    }
}

fn catch_up(config: &Config) -> CatchUpRules {
    let options = &config.options.catchup;
    CatchUpRules {
        per_chat: options.per_chat as usize,
        total: options.total as usize,
        max_age: options.max_age.0,
        after: options.after.0,
    }
}

fn deaf(config: &Config) -> DeafRules {
    let options = &config.options.deaf;
    DeafRules { quiet_after: options.quiet_after.0, chats: options.chats as usize }
}
