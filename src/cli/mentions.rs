//! Whom a message calls: aliases, names, profiles and ids, as this app knows them.

use tokio::sync::OnceCell;

use super::context::{Context, shown};
use crate::core::target::{Found, find};
use crate::error::{Error, Result};
use crate::event::ids::{ChatId, MessageId, UserId};
use crate::transport::outgoing::Addressee;
use crate::transport::verbs::{IdKind, Items, Member, PersonId};

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

/// Who can be meant in one place. Its members are listed at most once, and only where that is needed.
pub struct Roster<'a> {
    context: &'a Context,
    around: &'a Around,
    chat: OnceCell<Option<ChatId>>,
    members: OnceCell<Items<Member>>,
    /// The same, ours with the names of their profiles.
    marked: OnceCell<Items<Member>>,
}

impl Context {
    pub fn roster<'a>(&'a self, around: &'a Around) -> Roster<'a> {
        let (chat, members, marked) = Default::default();
        Roster { context: self, around, chat, members, marked }
    }
}

impl Roster<'_> {
    /// Finds everybody, each once.
    pub async fn find(&self, wanted: &[String]) -> Result<Vec<Addressee>> {
        let mut found: Vec<Addressee> = Vec::new();
        for wanted in wanted {
            let addressee = self.one(wanted).await?;
            if !found.iter().any(|known| known.id == addressee.id) {
                found.push(addressee);
            }
        }
        Ok(found)
    }

    /// `all`, an alias, an id, a profile or a name.
    async fn one(&self, wanted: &str) -> Result<Addressee> {
        if wanted == "all" {
            return Ok(Addressee::everybody());
        }
        let person = self.context.person(wanted).map_err(|error| error.subtype("unknown_mention"))?;
        match person {
            Some(PersonId::Open(id)) => Ok(self.labelled(id, wanted).await),
            Some(PersonId::Union(id)) => {
                let member = self.context.account.person(&id, self.chat().await?).await;
                let member = member.map_err(|error| {
                    unseen(
                        wanted,
                        &self.context.profile.name,
                        self.context.account.example(IdKind::Person),
                        error,
                    )
                })?;
                Ok(addressee(&member, wanted))
            }
            None if self.context.account.id_kind(wanted).is_some() => {
                Err(Error::validation(format!("`{}` is not the id of a person or bot", shown(wanted))))
            }
            None => by_name(wanted, self.candidates(wanted).await?),
        }
    }

    /// The name that people here see. Without it the mention works as well.
    async fn labelled(&self, id: UserId, wanted: &str) -> Addressee {
        let name = match self.members().await {
            Ok(members) => members.and_then(|members| {
                members.items.iter().find(|member| member.member_id == id).map(|member| member.name.clone())
            }),
            Err(error) => {
                tracing::debug!(%error, "the name behind an id cannot be had");
                None
            }
        };
        let name = name.filter(|name| !name.is_empty()).unwrap_or_else(|| wanted.to_owned());
        Addressee { id, name, called: wanted.to_owned() }
    }

    pub async fn chat(&self) -> Result<Option<&ChatId>> {
        let chat = self.chat.get_or_try_init(|| async {
            match self.around {
                Around::Chat(chat) => Ok(Some(chat.clone())),
                Around::Message(message) => {
                    self.context.account.message(message).await.map(|m| Some(m.chat_id))
                }
                Around::Nobody => Ok::<_, Error>(None),
            }
        });
        chat.await.map(Option::as_ref)
    }

    pub async fn members(&self) -> Result<Option<&Items<Member>>> {
        let Some(chat) = self.chat().await? else { return Ok(None) };
        self.members.get_or_try_init(|| self.context.account.members(chat)).await.map(Some)
    }

    /// Among whom a name is looked for. Which bots are ours matters only to whom names a profile.
    async fn candidates(&self, wanted: &str) -> Result<&[Member]> {
        let (Some(chat), Some(members)) = (self.chat().await?, self.members().await?) else {
            return Err(Error::validation(format!(
                "--mention: `{}` is neither an id nor an alias",
                shown(wanted)
            ))
            .hint("names are looked up among a chat's members, and this is no group"));
        };
        if !self.context.config.profiles.iter().any(|profile| profile.name.as_ref() == wanted) {
            return Ok(&members.items);
        }
        Ok(&self.mark(chat, members).await.items)
    }

    /// The members, ours with the names of their profiles. Absent where nobody can be listed.
    pub async fn marked(&self) -> Option<&Items<Member>> {
        let (chat, members) = (self.chat().await.ok()??, self.members().await.ok()??);
        Some(self.mark(chat, members).await)
    }

    async fn mark(&self, chat: &ChatId, members: &Items<Member>) -> &Items<Member> {
        self.marked.get_or_init(|| self.context.marked(chat, members.clone())).await
    }
}

fn addressee(member: &Member, wanted: &str) -> Addressee {
    // The directory keeps names from apps that may not read them.
    let name = if member.name.is_empty() { wanted } else { member.name.as_str() };
    Addressee { id: member.member_id.clone(), name: name.to_owned(), called: wanted.to_owned() }
}

/// A union id names nobody in a message: what is needed is the id that this app knows.
fn unseen(wanted: &str, profile: &str, example: &str, error: Error) -> Error {
    let mend = error.hint.map(|hint| format!("{hint}, or ")).unwrap_or_default();
    let message = format!("--mention: the id of `{}` cannot be found: {}", shown(wanted), error.message);
    let hint = format!(
        "{mend}name the person's id in config/contacts.yaml: {{{profile}: {example}}}; `rooma members` shows it"
    );
    Error { message, hint: Some(hint), ..error }.subtype("unknown_mention")
}

/// A profile's name first, then what the platform calls them.
fn by_name(wanted: &str, members: &[Member]) -> Result<Addressee> {
    let addressee = |member: &Member| addressee(member, wanted);
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
    use crate::transport::verbs::MemberType;

    fn member(id: &str, name: &str, profile: Option<&str>) -> Member {
        let member_type = if profile.is_some() { MemberType::Bot } else { MemberType::User };
        let profile = profile.map(str::to_owned);
        Member { member_id: UserId::new(id), name: name.to_owned(), member_type, profile }
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
