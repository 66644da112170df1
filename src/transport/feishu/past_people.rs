//! Who speaks and who is called in a history: names, and which of those called are bots.

use std::collections::BTreeSet;

use super::account::Account;
use super::api::{self, Pages};
use super::mention;
use super::past::Wire;
use super::tidy;

/// Pages of members that are read for names.
const NAME_PAGES: usize = 5;

impl Account {
    /// Names come with the messages in newer answers, else from the members of their chat. Bots that are called
    /// look like people here, so where one is called of whom nothing is known, one call asks who it is.
    pub(super) async fn learn_of(&self, wires: &[Wire<'_>]) {
        wires.iter().for_each(|wire| wire.gossip(&mut self.state.known()));
        let nameless = wires.iter().find(|wire| wire.nameless(&self.state.known()));
        if let Some(chat) = nameless.map(|wire| wire.chat_id.as_str().to_owned()) {
            tokio::join!(self.learn_people(&chat), self.learn_bots(&chat));
            return;
        }
        let unknown: Vec<(&Wire<'_>, BTreeSet<&str>)> = wires
            .iter()
            .map(|wire| (wire, self.unknown(wire)))
            .filter(|(wire, unknown)| !wire.deleted() && !unknown.is_empty())
            .collect();
        let all: BTreeSet<&str> = unknown.iter().flat_map(|(_, ids)| ids).copied().collect();
        let telling = unknown.iter().find(|(_, ids)| ids.len() == all.len());
        match (unknown.first(), telling) {
            (None, _) => {}
            // One message tells the apps of all, and so which of our profiles they are.
            (Some(_), Some((wire, _))) if self.state.identity.siblings.is_company() => {
                self.learn_apps(wire).await
            }
            (Some((wire, _)), _) => self.learn_bots(wire.chat_id.as_str()).await,
        }
        all.into_iter().for_each(|open_id| self.state.known().meet(open_id));
    }

    fn unknown<'a>(&self, wire: &'a Wire<'_>) -> BTreeSet<&'a str> {
        let known = self.state.known();
        let unknown = wire.mentions.0.iter().filter(|mention| mention::is_unknown(mention, &known));
        unknown.map(|mention| mention.id.open_id.as_str()).collect()
    }

    async fn learn_people(&self, chat: &str) {
        let people = api::members(&self.state.rest, chat, Pages::of(NAME_PAGES)).await;
        let mut known = self.state.known();
        for row in people.map(|listed| listed.items).unwrap_or_default() {
            known.learn_name(&row.member_id, &tidy::name(row.name.as_deref().unwrap_or_default()));
        }
    }

    async fn learn_bots(&self, chat: &str) {
        let bots = api::chat_bots(&self.state.rest, chat).await;
        let mut known = self.state.known();
        for row in bots.unwrap_or_default().items {
            known.learn_bot(&row.bot_id);
            known.learn_name(&row.bot_id, &tidy::name(row.bot_name.as_deref().unwrap_or_default()));
        }
    }

    /// Asked in the other form, the same message names bots by their apps.
    async fn learn_apps(&self, wire: &Wire<'_>) {
        let reread = api::message_get(&self.state.rest, wire.message_id.as_str()).await.unwrap_or_default();
        let mut known = self.state.known();
        for (key, app_id) in &reread.mentioned_apps {
            let named = wire.mentions.0.iter().find(|mention| mention.key.as_str() == key);
            if let Some(mention) = named {
                known.learn_app(mention.id.open_id.as_str(), app_id);
            }
        }
    }
}
