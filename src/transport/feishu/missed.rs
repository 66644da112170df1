//! What was said while nobody listened: messages of the history, made into the lines that a push would have made.

use super::account::Account;
use super::api::{self, Bot};
use super::mention::Me;
use super::past::{self, Scene, Wire};
use super::past_verbs::{Collected, read};
use crate::error::Result;
use crate::event::ids::MessageId;
use crate::event::{ChatType, Message, Origin};
use crate::transport::verbs::{HistoryQuery, Place};
use crate::transport::{Identity, Inbound, Missed, Missing};

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
        let (bot, Collected { mut raw, more, odd }) = (bot?, found?);
        raw.reverse();
        let mut wires: Vec<(Wire<'_>, &str)> =
            raw.iter().filter_map(|raw| Some((read(raw)?, raw.get()))).collect();
        if let Place::Chat(chat) = &missing.place {
            wires.iter_mut().for_each(|(wire, _)| wire.stands_in(chat));
        }
        let unread = odd + wires.iter().filter(|(wire, _)| !wire.names_itself()).count();
        let threads = wires.iter().map(|(wire, _)| wire.thread_id.as_str()).filter(|id| !id.is_empty());
        let mut threads: Vec<String> = threads.map(super::tidy::id).collect();
        threads.dedup();
        let told: Vec<Wire<'_>> = raw.iter().filter_map(read).collect();
        self.meet_mentioned(&told, me(&self.state.identity, &bot)).await;
        let messages = wires.iter().filter_map(|(wire, raw)| self.heard(wire, raw, missing, &bot)).collect();
        Ok(Missed {
            messages,
            more,
            threads,
            unread: (unread > 0).then(|| api::unreadable(unread, "message")),
        })
    }

    /// One message, as a push of it would have told. The answer to a send comes before any push.
    pub async fn relayed(&self, id: &MessageId) -> Result<Option<Inbound>> {
        let (bot, raw) = tokio::join!(self.state.bot(), self.state.message(id.as_str()));
        let (bot, raw) = (bot?, raw?);
        let Some((wire, raw)) = raw.first().and_then(|raw| Some((read(raw)?, raw.get()))) else {
            return Ok(None);
        };
        self.meet_mentioned(std::slice::from_ref(&wire), me(&self.state.identity, &bot)).await;
        let topic = self.state.known().chat(wire.chat_id.as_str()).is_some_and(|chat| chat.topic);
        let chat_type = if topic { ChatType::Topic } else { ChatType::Group };
        let told = self.told(&wire, chat_type, &bot);
        Ok(told.map(|message| Inbound::message(Origin::Relay, message, raw)))
    }

    fn heard(&self, wire: &Wire<'_>, raw: &str, missing: &Missing, bot: &Bot) -> Option<Inbound> {
        let message = self.told(wire, missing.chat_type, bot)?;
        missing.wants(&message).then(|| Inbound::message(Origin::History, message, raw))
    }

    fn told(&self, wire: &Wire<'_>, chat_type: ChatType, bot: &Bot) -> Option<Message> {
        let identity = &self.state.identity;
        wire.gossip(&mut self.state.known());
        past::message(wire, identity, me(identity, bot), &self.state.known(), Scene { chat_type })
    }
}

fn me<'a>(identity: &'a Identity, bot: &'a Bot) -> Me<'a> {
    Me { app_id: &identity.app_id, open_id: &bot.open_id, name: &bot.name }
}
