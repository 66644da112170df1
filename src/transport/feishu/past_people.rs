//! Who speaks and who is called in a history: names, and which of those called are bots.

use super::account::Account;
use super::api::{self, Pages};
use super::delivery::{self, BURST, OTHERS_MAX};
use super::known::Known;
use super::mention::{self, Me};
use super::past::Wire;
use super::strangers;
use super::tidy;
use super::wire::WireMention;

/// Pages of members that are read for names.
const NAME_PAGES: usize = 5;

/// Messages of one history that are read again for that.
const REREADS_MAX: usize = 2;

impl Account {
    /// Names come with the messages in newer answers, else from the members of their chat. Bots that are called
    /// look like people here, so where one is called of whom nothing is known, one call asks who it is.
    pub(super) async fn learn_of(&self, wires: &[Wire<'_>]) {
        wires.iter().for_each(|wire| wire.gossip(&mut self.state.known()));
        let nameless = wires.iter().find(|wire| wire.nameless(&self.state.known()));
        if let Some(chat) = nameless.map(|wire| wire.chat_id.as_str()) {
            tokio::join!(self.learn_people(chat), self.learn_bots(chat));
        }
        self.learn_apps(wires).await;
        let unknown = wires.iter().find(|wire| !self.called(wire, mention::is_unknown).is_empty());
        if let (None, Some(wire)) = (nameless, unknown) {
            self.learn_bots(wire.chat_id.as_str()).await;
        }
        self.meet_unknown(wires);
    }

    /// Whatever came of asking, they are not asked for again.
    fn meet_unknown(&self, wires: &[Wire<'_>]) {
        for mention in wires.iter().flat_map(|wire| self.called(wire, mention::is_unknown)) {
            self.state.known().meet(mention.id.open_id.as_str());
        }
    }

    fn called<'a>(
        &self,
        wire: &'a Wire<'a>,
        fits: fn(&WireMention<'_>, &Known) -> bool,
    ) -> Vec<&'a WireMention<'a>> {
        let known = self.state.known();
        let mentions = if wire.deleted() { &[][..] } else { &wire.mentions.0 };
        mentions.iter().filter(|mention| fits(mention, &known)).collect()
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

    /// Asked in the other form, a message names the bots it mentions by their apps, and so which of our profiles
    /// they are. One message often tells of all.
    async fn learn_apps(&self, wires: &[Wire<'_>]) {
        if !self.state.identity.siblings.is_company() {
            return;
        }
        let unmet = |wire: &Wire<'_>| self.called(wire, mention::may_be_ours).len();
        for _ in 0..REREADS_MAX {
            let most = wires.iter().max_by_key(|wire| unmet(wire)).filter(|wire| unmet(wire) > 0);
            let Some(wire) = most else { return };
            let Ok(reread) = api::message_get(&self.state.rest, wire.message_id.as_str()).await else {
                return;
            };
            for mention in self.called(wire, mention::may_be_ours) {
                let (open_id, name) = (mention.id.open_id.as_str(), tidy::name(mention.name.as_str()));
                match reread.app_of(mention.key.as_str(), &name) {
                    Some(app_id) => self.state.known().learn_app(open_id, app_id),
                    None => self.state.known().learn_appless(open_id),
                }
            }
        }
    }

    /// Before lines are made of a history: whom it mentions, of the others of ours who were given the same, else by
    /// reading again. Both may happen while the platform still delivers it.
    pub(super) async fn meet_mentioned(&self, wires: &[Wire<'_>], me: Me<'_>) {
        if !self.others_told(wires, me) {
            self.learn_apps(wires).await;
        }
        let waiting = async {
            loop {
                let more = self.state.identity.sights.more();
                let unmet = wires.iter().any(|wire| !self.called(wire, mention::may_be_ours).is_empty());
                if !unmet || self.others_told(wires, me) {
                    return;
                }
                more.await;
                tokio::time::sleep(BURST).await;
            }
        };
        let _ = tokio::time::timeout(OTHERS_MAX, waiting).await;
        self.meet_unknown(wires);
    }

    /// True if nobody who is mentioned is unknown any more.
    fn others_told(&self, wires: &[Wire<'_>], me: Me<'_>) -> bool {
        let mut all = true;
        for wire in wires.iter().filter(|wire| !wire.deleted()) {
            let told = strangers::look(&wire.given(), &self.state.identity, me, &self.state.known());
            delivery::learn(&mut self.state.known(), told.learnt);
            all &= told.unknown.is_empty();
        }
        all
    }
}
