//! What was said while nobody listened: messages of the history, made into the lines that a push would have made.

use std::sync::Arc;

use super::account::Account;
use super::api::Bot;
use super::mention::Me;
use super::past::{self, Scene, Wire};
use super::past_verbs::read;
use crate::core::dedupe::DedupeKey;
use crate::core::hearing::Said;
use crate::error::Result;
use crate::event::{Event, Rendered, SenderType};
use crate::journal::Entry;
use crate::transport::verbs::HistoryQuery;
use crate::transport::{Missed, Missing};

impl Account {
    /// The newest messages of a place that this profile ought to have heard, oldest first.
    pub async fn missed(&self, missing: &Missing) -> Result<Missed> {
        let query = HistoryQuery {
            place: missing.place.clone(),
            limit: missing.limit,
            since: Some(missing.since),
            until: missing.until,
            before: None,
        };
        let (bot, found) = tokio::join!(self.state.bot(), self.collect(&query, None));
        let (bot, (mut raw, more)) = (bot?, found?);
        raw.reverse();
        let wires: Vec<(Wire<'_>, &str)> =
            raw.iter().filter_map(|raw| Some((read(raw)?, raw.get()))).collect();
        let threads = wires.iter().map(|(wire, _)| wire.thread_id.as_str()).filter(|id| !id.is_empty());
        let mut threads: Vec<String> = threads.map(super::tidy::id).collect();
        threads.dedup();
        let entries = wires.iter().filter_map(|(wire, raw)| self.heard(wire, raw, missing, &bot)).collect();
        Ok(Missed { entries, more, threads })
    }

    fn heard(&self, wire: &Wire<'_>, raw: &str, missing: &Missing, bot: &Bot) -> Option<Entry> {
        let identity = &self.state.identity;
        let me = Me { app_id: &identity.app_id, open_id: &bot.open_id, name: &bot.name };
        let known = self.state.known();
        let message = past::message(wire, identity, me, &known, Scene { chat_type: missing.chat_type })?;
        let said = Said {
            by_bot: message.sender_type == SenderType::Bot,
            mentioned: message.mentioned,
            directly: missing.chat_type == crate::event::ChatType::P2p,
        };
        if !missing.hears.hears(said) {
            return None;
        }
        let key = DedupeKey::message(message.message_id.as_str());
        Some(Entry {
            profile: Some(Arc::clone(&identity.profile)),
            transport: Some(identity.transport.name()),
            event_id: None,
            key: Some(key),
            rendered: Rendered::new(&Event::Message(Box::new(message))),
            raw: Some(raw.into()),
            replayed: true,
        })
    }
}
