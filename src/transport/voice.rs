//! How a connection says what happens to it: to the journal, for whoever reads lines, and to the supervisor.

use std::sync::Arc;

use super::{Intake, Report};
use crate::event::{Conflict, Connected, Connecting, Event};
use crate::journal::Appender;

/// Cheap to clone.
#[derive(Clone)]
pub struct Voice {
    pub appender: Appender,
    /// By which the connection's events are judged.
    pub intake: Intake,
    /// Tells the supervisor about a change of state; never about an event.
    pub report: Arc<dyn Fn(Report) + Send + Sync>,
}

impl Voice {
    /// Journals a line of rooma's own.
    pub fn say(&self, event: &Event) {
        self.appender.say(self.intake.own(event));
    }

    /// A life begins.
    pub(super) fn connecting(&self, attempt: u32) {
        self.say(&Event::Connecting(Connecting { attempt }));
    }

    /// Says and tells a change of state. A line of it comes before those of all that is received from then on.
    pub fn report(&self, report: Report) {
        match &report {
            Report::Connected { bot_name, bot_open_id } => {
                tracing::info!(bot = bot_name, "connected");
                let (bot_name, bot_open_id) = (bot_name.clone(), bot_open_id.clone());
                self.say(&Event::Connected(Connected { bot_name, bot_open_id }));
            }
            Report::Conflict { online, ours } => {
                tracing::warn!(online, ours, "another process is online with the same app");
                self.say(&Event::Conflict(Conflict { online: *online, ours: *ours }));
            }
            Report::Usable => {}
        }
        (self.report)(report);
    }
}
