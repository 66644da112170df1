//! Looks at a room: a command has changed it.

use super::super::protocol::{Done, Request};
use super::super::tools::Control;
/// A command of an older version does not say as whom: its change is noticed within a second.
pub fn run(control: &Control, request: &Request) -> Done {
    if let (Some(chat), Some(profile)) = (&request.chat, request.profiles.first()) {
        control.host.look(control.upkeep.rooms.room(profile, chat));
    }
    Done::DONE
}
