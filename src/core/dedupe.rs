//! What makes two deliveries the same event.

/// Unique per profile; kept by the journal for at least as long as the platform redelivers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DedupeKey(String);

impl DedupeKey {
    /// A message is itself by its own id: the platform may deliver one message as several events.
    pub fn message(message_id: &str) -> DedupeKey {
        DedupeKey(format!("m:{message_id}"))
    }

    /// Anything else is itself by the event's id.
    pub fn event(event_id: &str) -> DedupeKey {
        DedupeKey(format!("e:{event_id}"))
    }

    /// A second line that one delivery gives rise to.
    pub fn derived(event_id: &str, what: &str) -> DedupeKey {
        DedupeKey(format!("e:{event_id}#{what}"))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}
