//! Which bots of a chat are profiles of this home.

use std::collections::BTreeSet;

use futures_util::future::join_all;

use super::context::Context;
use crate::accounts::Caller;
use crate::config::Profile;
use crate::error::Result;
use crate::event::ids::{ChatId, UserId};
use crate::journal::Reader;
use crate::transport::verbs::{Items, Member, MemberType};

/// Profiles that are asked for their bot's name, to tell which of a chat's bots are ours.
const PEERS_MAX: usize = 16;

impl Context {
    /// The members of a chat, ours with the names of their profiles.
    pub async fn members(&self, chat: &ChatId) -> Result<Items<Member>> {
        Ok(self.marked(chat, self.account.members(chat).await?).await)
    }

    /// An app that is known decides; a name only where nothing better is.
    pub async fn marked(&self, chat: &ChatId, mut members: Items<Member>) -> Items<Member> {
        let unknown = |member: &Member| member.member_type == MemberType::Bot && member.profile.is_none();
        if self.config.profiles.len() < 2 || !members.items.iter().any(unknown) {
            return members;
        }
        let recognised = self.recognise(&self.account, &self.profile, chat, &mut members.items).await;
        let unknown = |member: &Member| unknown(member) && !recognised.contains(&member.member_id);
        if members.items.iter().any(unknown) {
            let peers = self.peers().await;
            for (profile, name) in &peers {
                // A name that two profiles share tells nothing, and neither does one that two bots here share.
                let alone = peers.iter().filter(|(_, other)| other == name).count() == 1;
                let found = members.items.iter().any(|member| member.profile.as_ref() == Some(profile));
                if !alone || found {
                    continue;
                }
                let mut same =
                    members.items.iter_mut().filter(|member| unknown(member) && member.name == *name);
                if let (Some(member), None) = (same.next(), same.next()) {
                    member.profile = Some(profile.clone());
                }
            }
        }
        members
    }

    /// Marks which bots of a chat are ours by their apps, as a profile knows them: what the journal has kept, else
    /// what was said there lately. Gives back the bots whose app is known, ours or not.
    pub async fn recognise(
        &self,
        caller: &Caller,
        profile: &Profile,
        chat: &ChatId,
        members: &mut Vec<Member>,
    ) -> BTreeSet<UserId> {
        let mut known = self.recall(profile, members);
        let unknown = |member: &Member| {
            member.member_type == MemberType::Bot
                && member.profile.is_none()
                && !known.contains(&member.member_id)
        };
        if members.iter().any(unknown) {
            known.extend(caller.recognise(chat, members).await);
        }
        known
    }

    fn recall(&self, profile: &Profile, members: &mut [Member]) -> BTreeSet<UserId> {
        let journal = self.config.home.data().join("journal.db");
        if !journal.exists() {
            return BTreeSet::new();
        }
        let bots = Reader::open(&journal).and_then(|reader| reader.bots(&profile.app_id));
        let bots = bots.unwrap_or_else(|error| {
            tracing::debug!(%error, "the journal tells nothing of bots");
            Vec::new()
        });
        let mut known = BTreeSet::new();
        for member in members.iter_mut().filter(|member| member.member_type == MemberType::Bot) {
            if let Some(bot) = bots.iter().find(|bot| bot.user_id == member.member_id.as_str()) {
                let ours = self.config.profiles.iter().find(|profile| profile.app_id == bot.app_id);
                member.profile = ours.map(|profile| profile.name.to_string());
                known.insert(member.member_id.clone());
            }
        }
        known
    }

    /// Our other profiles with the names of their bots, as far as they can be had.
    async fn peers(&self) -> Vec<(String, String)> {
        let asked = self.others().take(PEERS_MAX).map(|profile| self.peer(profile));
        join_all(asked).await.into_iter().flatten().collect()
    }

    async fn peer(&self, profile: &Profile) -> Option<(String, String)> {
        let name = async { self.other(profile).myself().await };
        match name.await {
            Ok(myself) => Some((profile.name.to_string(), myself.name)),
            Err(error) => {
                tracing::debug!(%error, profile = %profile.name, "a peer's name cannot be had");
                None
            }
        }
    }
}
