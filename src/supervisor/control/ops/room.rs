//! Looks at a room: a command has changed it.

use super::super::protocol::Done;
use super::super::tools::Control;
use crate::event::ids::ChatId;

pub fn run(control: &Control, chat: Option<&ChatId>) -> Done {
    if let Some(chat) = chat {
        control.host.look(chat);
    }
    Done::DONE
}
