//! Which bots of a chat are profiles of this home.

use futures_util::future::join_all;

use super::context::Context;
use crate::config::Profile;
use crate::error::Result;
use crate::event::ids::ChatId;
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
        let recognised = self.account.recognise(chat, &mut members.items).await;
        let unknown = |member: &Member| unknown(member) && !recognised.contains(&member.member_id);
        if members.items.iter().any(unknown) {
            for (profile, name) in self.peers().await {
                if members.items.iter().any(|member| member.profile.as_ref() == Some(&profile)) {
                    continue;
                }
                // A name that two bots share tells nothing.
                let mut same =
                    members.items.iter_mut().filter(|member| unknown(member) && member.name == name);
                if let (Some(member), None) = (same.next(), same.next()) {
                    member.profile = Some(profile);
                }
            }
        }
        members
    }

    /// Our other profiles with the names of their bots, as far as they can be had.
    async fn peers(&self) -> Vec<(String, String)> {
        let others = self.config.profiles.iter().filter(|profile| profile.name != self.profile.name);
        let asked = others.take(PEERS_MAX).map(|profile| self.peer(profile));
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
