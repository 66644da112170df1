//! To whom a message goes: to a chat, or to a person in their direct conversation with the bot.

use super::context::{Context, shown};
use super::mentions::Around;
use crate::config::{UserAlias, default_chat};
use crate::core::target::{Choice, choose};
use crate::error::{Error, Result};
use crate::event::ids::UserId;
use crate::transport::verbs::{IdKind, PersonId, Target};

impl Context {
    /// Where the `--chat` of a verb that sends leads. An alias or an id of a person can only mean the person.
    pub async fn recipient(&self, flag: Option<&str>) -> Result<(Target, Around)> {
        let environment = default_chat(&self.config.environment);
        if let Choice::Named { text, .. } = choose(flag, self.profile.default_chat.as_deref(), environment)
            && !self.config.contacts.chats.contains_key(text)
            && let Some(person) = self.person(text)?
        {
            return Ok((Target::Person(person), Around::Nobody));
        }
        let chat = self.chat(flag).await?;
        Ok((Target::Chat(chat.clone()), Around::Chat(chat)))
    }

    /// The person behind an alias or an id, as this profile's app knows them. None for any other text.
    pub fn person(&self, text: &str) -> Result<Option<PersonId>> {
        let open = |id: &str| self.contact(text, id).map(|()| Some(PersonId::Open(UserId::new(id))));
        match self.config.contacts.users.get(text) {
            Some(UserAlias::Same(id)) => open(id),
            Some(UserAlias::Union(id)) => self.contact(text, id).map(|()| Some(PersonId::Union(id.clone()))),
            Some(UserAlias::PerProfile(ids)) => match ids.get(self.profile.name.as_ref()) {
                Some(id) => open(id),
                None => Err(Error::validation(format!(
                    "`{}` has no id for the profile {}",
                    shown(text),
                    self.profile.name
                ))
                .subtype("unknown_person")
                .hint("add it to config/contacts.yaml: every app sees people by ids of its own")),
            },
            None => Ok(match self.account.id_kind(text) {
                Some(IdKind::Person) => Some(PersonId::Open(UserId::new(text))),
                Some(IdKind::Union) => Some(PersonId::Union(text.to_owned())),
                Some(IdKind::Chat | IdKind::Message | IdKind::Thread) | None => None,
            }),
        }
    }

    /// The person that `--user-id` names.
    pub fn named_person(&self, text: &str) -> Result<PersonId> {
        self.person(text)?.ok_or_else(|| {
            Error::validation(format!(
                "--user-id: `{}` is neither an id nor an alias of a person",
                shown(text)
            ))
            .subtype("unknown_person")
            .hint(format!(
                "ids of people look like {}; `rooma members` lists those of a chat",
                self.account.example(IdKind::Person)
            ))
        })
    }

    /// A chat is asked for, and a person is named.
    pub fn no_chat(&self, by: &str, text: &str) -> Error {
        Error::validation(format!("{by}: `{}` is a person, and this verb needs a chat", shown(text)))
            .subtype("not_a_chat")
            .hint(format!(
                "a direct chat has an id of its own, like {}: lines and the answer of `rooma send` name it",
                self.account.example(IdKind::Chat)
            ))
    }
}
