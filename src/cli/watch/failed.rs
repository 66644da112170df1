//! The event that an expression failed on, told so that it can be found.

use serde::Deserialize;

use crate::event::ids::{ChatId, MessageId, UserId};
use crate::event::{Event, JqFailed, bounded};

/// Of an expression's error, what is told.
const MESSAGE_MAX: usize = 1000;

/// Of a name.
const NAME_MAX: usize = 200;

/// What a line says of who, where and what.
#[derive(Default, Deserialize)]
pub struct Failed {
    r#type: Option<String>,
    profile: Option<String>,
    message_id: Option<MessageId>,
    mentioned: Option<bool>,
    chat_id: Option<ChatId>,
    chat_name: Option<String>,
    sender_id: Option<UserId>,
    sender_name: Option<String>,
}

impl Failed {
    pub fn on(line: &[u8]) -> Failed {
        serde_json::from_slice(line).unwrap_or_default()
    }

    pub fn profile(&self) -> Option<&str> {
        self.profile.as_deref()
    }

    pub fn event(&self, seq: u64, message: &str) -> Event {
        let name = |name: &Option<String>| name.as_deref().map(|name| bounded(name, NAME_MAX).to_owned());
        Event::JqFailed(JqFailed {
            message: bounded(message, MESSAGE_MAX).to_owned(),
            event_type: self.r#type.clone(),
            message_id: self.message_id.clone(),
            mentioned: self.mentioned,
            chat_id: self.chat_id.clone(),
            chat_name: name(&self.chat_name),
            sender_id: self.sender_id.clone(),
            sender_name: name(&self.sender_name),
            hint: self.hint(seq),
        })
    }

    fn hint(&self, seq: u64) -> String {
        if self.r#type.as_deref() == Some("message") {
            return format!("read it: rooma message s{seq}");
        }
        let since = seq.saturating_sub(1);
        format!("read it: rooma watch --cursor again --since {since} --max-events 1")
    }
}
