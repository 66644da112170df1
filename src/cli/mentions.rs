//! Whom a message calls: aliases, names, profiles and ids, as this app knows them.

use futures_util::future::join_all;

use super::context::{Context, shown};
use crate::config::{Profile, UserAlias};
use crate::core::target::{Found, find};
use crate::error::{Error, Result};
use crate::event::ids::{ChatId, MessageId, OpenId};
use crate::transport::verbs::{Addressee, IdKind, Items, Member, MemberType};

/// Profiles that are asked for their bot's name, to tell which of a chat's bots are ours.
const PEERS_MAX: usize = 16;

/// Candidates in one hint.
const NAMED_MAX: usize = 20;

/// Whose members a name is looked for in.
pub enum Around {
    Chat(ChatId),
    /// The chat of this message.
    Message(MessageId),
    /// A direct conversation: only ids and aliases.
    Nobody,
}

impl Context {
    /// Finds everybody. Members are listed at most once, and only when a name asks for it.
    pub async fn addressees(&self, wanted: &[String], around: &Around) -> Result<Vec<Addressee>> {
        let mut found: Vec<Addressee> = Vec::new();
        let mut members: Option<Vec<Member>> = None;
        for wanted in wanted {
            let addressee = match self.by_id(wanted)? {
                Some(addressee) => addressee,
                None => {
                    if members.is_none() {
                        members = Some(self.around(wanted, around).await?);
                    }
                    by_name(wanted, members.as_deref().unwrap_or_default())?
                }
            };
            if !found.iter().any(|known| known.id == addressee.id) {
                found.push(addressee);
            }
        }
        Ok(found)
    }

    /// `all`, an alias, or an id.
    fn by_id(&self, wanted: &str) -> Result<Option<Addressee>> {
        let named = |id: &str| {
            Some(Addressee { id: OpenId::new(id), name: wanted.to_owned(), called: wanted.to_owned() })
        };
        if wanted == "all" {
            return Ok(Some(Addressee::all()));
        }
        match self.config.contacts.users.get(wanted) {
            Some(UserAlias::Same(id) | UserAlias::Union(id)) => return Ok(named(id)),
            Some(UserAlias::PerProfile(ids)) => {
                return match ids.get(self.profile.name.as_ref()) {
                    Some(id) => Ok(named(id)),
                    None => Err(Error::validation(format!(
                        "`{}` has no id for the profile {}",
                        shown(wanted),
                        self.profile.name
                    ))
                    .subtype("unknown_mention")
                    .hint("add it to config/contacts.yaml: every app sees people by ids of its own")),
                };
            }
            None => {}
        }
        match self.account.id_kind(wanted) {
            Some(IdKind::Person) => Ok(named(wanted)),
            Some(IdKind::Chat | IdKind::Message | IdKind::Thread) => {
                Err(Error::validation(format!("`{}` is not the id of a person or bot", shown(wanted))))
            }
            None => Ok(None),
        }
    }

    async fn around(&self, wanted: &str, around: &Around) -> Result<Vec<Member>> {
        let chat = match around {
            Around::Chat(chat) => chat.clone(),
            Around::Message(message) => self.account.message(message).await?.chat_id,
            Around::Nobody => {
                return Err(Error::validation(format!(
                    "--mention: `{}` is neither an id nor an alias",
                    shown(wanted)
                ))
                .hint("names are looked up among a chat's members, and this is no group"));
            }
        };
        Ok(self.members(&chat).await?.items)
    }

    /// The members of a chat, ours with the names of their profiles.
    pub async fn members(&self, chat: &ChatId) -> Result<Items<Member>> {
        let mut members = self.account.members(chat).await?;
        let unknown = |member: &Member| member.member_type == MemberType::Bot && member.profile.is_none();
        if members.items.iter().any(unknown) {
            for (profile, name) in self.peers().await {
                // A name that two bots share tells nothing.
                let mut same =
                    members.items.iter_mut().filter(|member| unknown(member) && member.name == name);
                if let (Some(member), None) = (same.next(), same.next()) {
                    member.profile = Some(profile);
                }
            }
        }
        Ok(members)
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

/// A profile's name first, then what the platform calls them.
fn by_name(wanted: &str, members: &[Member]) -> Result<Addressee> {
    let addressee = |member: &Member| Addressee {
        id: member.member_id.clone(),
        name: member.name.clone(),
        called: wanted.to_owned(),
    };
    if let Some(ours) = members.iter().find(|member| member.profile.as_deref() == Some(wanted)) {
        return Ok(addressee(ours));
    }
    match find(wanted, members.iter().map(|member| member.name.as_str())) {
        Found::One(index) => Ok(addressee(&members[index])),
        Found::Several(indices) => {
            let same: Vec<&Member> = indices.into_iter().map(|index| &members[index]).collect();
            Err(Error::validation(format!(
                "--mention: {} members are called `{}`",
                same.len(),
                shown(wanted)
            ))
            .subtype("ambiguous_mention")
            .hint(format!("give the id of one: {}", listed(&same))))
        }
        Found::None => {
            let all: Vec<&Member> = members.iter().collect();
            Err(Error::validation(format!("--mention: nobody here is called `{}`", shown(wanted)))
                .subtype("unknown_mention")
                .hint(format!("in the chat: {}", listed(&all))))
        }
    }
}

fn listed(members: &[&Member]) -> String {
    let some = members.iter().take(NAMED_MAX).map(|member| format!("{} ({})", member.name, member.member_id));
    let mut text = some.collect::<Vec<_>>().join(", ");
    if members.len() > NAMED_MAX {
        text.push_str(&format!(" and {} more", members.len() - NAMED_MAX));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: &str, name: &str, profile: Option<&str>) -> Member {
        let member_type = if profile.is_some() { MemberType::Bot } else { MemberType::User };
        let profile = profile.map(str::to_owned);
        Member { member_id: OpenId::new(id), name: name.to_owned(), member_type, profile }
    }

    #[test]
    fn a_profile_wins_over_a_name_and_a_doubt_is_an_error_that_lists_the_candidates() {
        let members = [
            member("ou_1", "bob", None),
            member("ou_2", "Helper", Some("bob")),
            member("ou_3", "Li", None),
            member("ou_4", "LI", None),
        ];
        let id = |wanted: &str| by_name(wanted, &members).map(|addressee| addressee.id.to_string());
        assert_eq!(id("bob").unwrap(), "ou_2");
        assert_eq!(id("helper").unwrap(), "ou_2");
        assert_eq!(id("Li").unwrap(), "ou_3");
        let doubt = id("li").unwrap_err();
        assert!(doubt.hint.as_deref().unwrap().contains("ou_3") && doubt.hint.unwrap().contains("ou_4"));
        assert!(id("carol").unwrap_err().hint.unwrap().contains("Helper (ou_2)"));
    }
}
