//! Who is behind an id: people by the id that all apps of a developer share, bots by their app.

use std::collections::BTreeSet;

use super::account::Account;
use super::api::{self, Cards, Container, HISTORY_PAGE_MAX, Pages};
use super::past::{self, Wire};
use super::verbs::member;
use crate::error::{Error, Kind, Result};
use crate::event::ids::{ChatId, UserId};
use crate::transport::verbs::{Member, MemberType};

impl Account {
    /// The person of a union id, as this app knows them. Asks the directory, and where that tells nothing, the
    /// members of a chat they may be in.
    pub async fn person(&self, union_id: &str, chat: Option<&ChatId>) -> Result<Member> {
        let refused = match api::user_by_union(&self.state.rest, union_id).await {
            Ok((open_id, name)) => return Ok(member(&open_id, name.as_deref(), MemberType::User)),
            Err(error) => error,
        };
        let found = match chat {
            Some(chat) => self.among_members(union_id, chat).await?,
            None => None,
        };
        found.ok_or_else(|| refused.hint("let the app read contacts (contact:contact.base:readonly)"))
    }

    /// The list names people by one kind of id at a time, so the name has to lead from one to the other.
    async fn among_members(&self, union_id: &str, chat: &ChatId) -> Result<Option<Member>> {
        let list = |id_type| api::members_as(&self.state.rest, chat.as_str(), id_type, Pages::until(None));
        let (by_union, by_open) = tokio::join!(list("union_id"), list("open_id"));
        let (by_union, by_open) = (by_union?.items, by_open?.items);
        let Some(wanted) = by_union.into_iter().find(|row| row.member_id == union_id) else {
            return Ok(None);
        };
        let mut same = by_open.into_iter().filter(|row| row.name.is_some() && row.name == wanted.name);
        match (same.next(), same.next()) {
            (Some(row), None) => Ok(Some(member(&row.member_id, row.name.as_deref(), MemberType::User))),
            (None, _) => Ok(None),
            (Some(_), Some(_)) => {
                let name = crate::event::neutralise(wanted.name.as_deref().unwrap_or_default());
                Err(Error::new(Kind::Validation, format!("several people of the chat are called {name}")))
            }
        }
    }

    /// Marks which bots of a chat are ours, by what was said there lately: messages name the app of a bot beside
    /// its id. Gives back the bots whose app is known now, ours or not.
    pub async fn recognise(&self, chat: &ChatId, members: &mut [Member]) -> BTreeSet<UserId> {
        let container = Container { kind: "chat", id: chat.as_str(), start: None, end: None };
        match api::history(&self.state.rest, container, HISTORY_PAGE_MAX, None, Cards::Rendered).await {
            Ok(page) => {
                let wires = page
                    .items
                    .items
                    .iter()
                    .filter_map(|raw| serde_json::from_str::<Wire<'_>>(raw.get()).ok());
                wires.for_each(|wire| wire.gossip(&mut self.state.known()));
            }
            Err(error) => tracing::debug!(%error, %chat, "the history tells nothing of the bots"),
        }
        let mut recognised = BTreeSet::new();
        for member in members.iter_mut().filter(|member| member.member_type == MemberType::Bot) {
            let app = self.state.known().person(member.member_id.as_str()).and_then(|bot| bot.app_id.clone());
            if let Some(app) = app {
                member.profile = past::profile_of(&self.state.identity, &app);
                recognised.insert(member.member_id.clone());
            }
        }
        recognised
    }

    /// Which of our profiles a bot is, where its id or something it said told its app.
    pub(super) fn profile_of_bot(&self, bot_id: &str) -> Option<String> {
        let identity = &self.state.identity;
        let learnt = self.state.known().person(bot_id).and_then(|person| person.app_id.clone());
        past::profile_of(identity, learnt.as_deref().unwrap_or(bot_id))
    }
}
