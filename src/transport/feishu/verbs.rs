//! What the command line asks of an account: chats, members, sending, reacting.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::account::{Account, State};
use super::api::{self, Letter, Pages, Sent};
use super::codes::{self, Verb};
use super::compose::{Composed, compose};
use super::rest::Rest;
use super::{emoji, files, tidy, time};
use crate::error::{Error, Result};
use crate::event::Resource;
use crate::event::ids::{ChatId, MessageId, ThreadId, UserId};
use crate::transport::outgoing::Outgoing;
use crate::transport::verbs::{
    Acting, Announcement, Chat, ChatInfo, Download, Items, Member, MemberType, Myself, PersonId, Posted,
    Reacted, Target, Upload, UploadKind, Uploaded,
};

impl Account {
    /// The same account, set up for one command.
    pub fn acting(&self, acting: Acting) -> Account {
        self.with(|rest| rest.act(acting))
    }

    /// The same account, which keeps its token in a file for commands that find no supervisor.
    pub fn keeping(&self, token_file: PathBuf) -> Account {
        self.with(|rest| rest.keep(token_file))
    }

    /// The same account, for somebody who waits this long and no longer.
    pub fn patient(&self, patience: Duration) -> Account {
        self.with(|rest| rest.wait(patience))
    }

    fn with(&self, change: impl FnOnce(&mut Rest)) -> Account {
        let mut state = State::clone(&self.state);
        change(Arc::make_mut(&mut state.rest));
        Account { state: Arc::new(state) }
    }

    pub async fn myself(&self) -> Result<Myself> {
        let bot = self.state.bot().await?;
        Ok(Myself { name: bot.name.clone(), user_id: UserId::new(bot.open_id.clone()) })
    }

    /// The first `limit` chats this bot is in, or all of them.
    pub async fn chats(&self, limit: Option<usize>) -> Result<Items<Chat>> {
        let listed = api::chats(&self.state.rest, Pages::until(limit)).await?;
        let warnings = listed.warnings("chat");
        let chat = |row: api::ChatRow| Chat {
            chat_id: tidy::id(&row.chat_id),
            name: row.name.as_deref().map(tidy::name).unwrap_or_default(),
            description: row.description.as_deref().map(tidy::clean).unwrap_or_default(),
            chat_mode: word(row.chat_mode),
            chat_status: word(row.chat_status),
            owner_id: word(row.owner_id),
            external: row.external,
        };
        Ok(Items { items: listed.items.into_iter().map(chat).collect(), has_more: listed.more, warnings })
    }

    pub async fn chat_info(&self, chat: &ChatId) -> Result<ChatInfo> {
        let rest = &self.state.rest;
        let (info, announced) =
            tokio::join!(api::chat_info(rest, chat.as_str()), api::announcement(rest, chat.as_str()));
        let info = info?;
        let direct = info.chat_mode.as_deref() == Some("p2p");
        let (announcement, warnings) = match announced {
            Ok(announced) => (Some(announcement(announced)), Vec::new()),
            // A direct conversation has none.
            Err(_) if direct => (None, Vec::new()),
            Err(error) => (None, vec![warning("the announcement cannot be read", &error)]),
        };
        Ok(ChatInfo {
            chat_id: chat.to_string(),
            name: info.name.as_deref().map(tidy::name).unwrap_or_default(),
            description: info.description.as_deref().map(tidy::clean).unwrap_or_default(),
            announcement,
            chat_mode: word(info.chat_mode),
            chat_type: word(info.chat_type),
            chat_status: word(info.chat_status),
            user_count: info.user_count.and_then(|count| count.parse().ok()),
            bot_count: info.bot_count.and_then(|count| count.parse().ok()),
            owner_id: word(info.owner_id),
            external: info.external,
            warnings,
        })
    }

    /// People first, then bots. Bots are listed by a call of their own, which some apps may not make.
    pub async fn members(&self, chat: &ChatId) -> Result<Items<Member>> {
        let rest = &self.state.rest;
        let (people, bots, me) = tokio::join!(
            api::members(rest, chat.as_str(), Pages::until(None)),
            api::chat_bots(rest, chat.as_str()),
            self.state.bot(),
        );
        let people = people?;
        let (more, mut warnings) = (people.more, people.warnings("person"));
        let mut members: Vec<Member> = people
            .items
            .into_iter()
            .map(|row| member(&row.member_id, row.name.as_deref(), MemberType::User))
            .collect();
        match bots {
            Ok(bots) => {
                warnings.extend((bots.odd > 0).then(|| api::unreadable(bots.odd, "bot")));
                members.extend(bots.items.into_iter().map(|row| Member {
                    profile: self.profile_of_bot(&row.bot_id),
                    ..member(&row.bot_id, row.bot_name.as_deref(), MemberType::Bot)
                }));
            }
            Err(error) => warnings.push(warning("the bots of the chat cannot be listed", &error)),
        }
        if let Ok(me) = me {
            for member in members.iter_mut().filter(|member| member.member_id.as_str() == me.open_id) {
                member.profile = Some(self.state.identity.profile.to_string());
            }
        }
        Ok(Items { items: members, has_more: more, warnings })
    }

    /// Posts one message. The same uuid within an hour posts nothing new.
    pub async fn send(&self, target: &Target, what: &Outgoing, uuid: &str) -> Result<Posted> {
        let rest = &self.state.rest;
        let Composed { message_type, content } = compose(what)?;
        let letter = Letter { message_type: &message_type, content: &content, uuid };
        let sent = match target {
            Target::Chat(chat) => {
                api::send(rest, "chat_id", chat.as_str(), letter).await.map_err(explained(Verb::Send))
            }
            Target::Person(person) => {
                let id_type = match person {
                    PersonId::Open(_) => "open_id",
                    PersonId::Union(_) => "union_id",
                };
                api::send(rest, id_type, person.as_str(), letter).await.map_err(explained(Verb::Send))
            }
            Target::Reply { to, in_thread } => api::reply(rest, to.as_str(), *in_thread, letter)
                .await
                .map_err(|error| gone(explained(Verb::Reply)(error))),
        };
        sent.map(posted)
    }

    pub async fn upload(&self, upload: &Upload) -> Result<Uploaded> {
        let rest = &self.state.rest;
        let nature = files::nature(&upload.name, &upload.bytes)?;
        let key = match nature.kind {
            UploadKind::Image => api::upload_image(rest, &upload.bytes).await?,
            UploadKind::File | UploadKind::Audio | UploadKind::Video => {
                let duration = files::duration(nature.kind, &upload.bytes);
                api::upload_file(rest, nature.file_type, &upload.name, duration, &upload.bytes).await?
            }
        };
        Ok(Uploaded { key, kind: nature.kind })
    }

    pub async fn react(&self, message: &MessageId, name: &str) -> Result<Reacted> {
        let name = known_emoji(name)?;
        let reaction = api::react(&self.state.rest, message.as_str(), name).await?;
        Ok(reacted(message, &reaction.reaction_id, name))
    }

    /// Takes this bot's own reaction back.
    pub async fn unreact(&self, message: &MessageId, name: &str) -> Result<Reacted> {
        let name = known_emoji(name)?;
        let reactions = api::reactions(&self.state.rest, message.as_str(), name).await?;
        let app_id = &self.state.identity.app_id;
        let mine = reactions.into_iter().find(|reaction| reaction.operator.operator_id == *app_id);
        let mine = mine.ok_or_else(|| {
            Error::validation(format!("this bot has no reaction {name} on {message}")).subtype("not_found")
        })?;
        api::unreact(&self.state.rest, message.as_str(), &mine.reaction_id).await?;
        Ok(reacted(message, &mine.reaction_id, name))
    }

    pub async fn edit(&self, message: &MessageId, what: &Outgoing) -> Result<()> {
        let Composed { message_type, content } = compose(what)?;
        api::edit(&self.state.rest, message.as_str(), &message_type, &content)
            .await
            .map_err(explained(Verb::Edit))
    }

    pub async fn recall(&self, message: &MessageId) -> Result<()> {
        api::recall(&self.state.rest, message.as_str()).await.map_err(explained(Verb::Recall))
    }

    /// Opens one resource of a message. Images are fetched as such, all the rest as files.
    pub async fn download(&self, message: &MessageId, resource: &Resource) -> Result<Download> {
        let image =
            resource.r#type == "image" || resource.r#type.is_empty() && resource.key.starts_with("img_");
        let kind = if image { "image" } else { "file" };
        let response = api::resource(&self.state.rest, message.as_str(), &resource.key, kind).await?;
        let name = super::rest::header(&response, "content-disposition");
        Ok(Download::new(response, name.as_deref().and_then(file_name)))
    }
}

/// `filename="…"` of a Content-Disposition.
fn file_name(disposition: &str) -> Option<String> {
    let (_, rest) = disposition.split_once("filename=")?;
    let name = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => rest.split(';').next(),
    };
    name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty())
}

fn word(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(|text| tidy::word(&text))
}

fn announcement(announced: api::Announced) -> Announcement {
    Announcement {
        text: tidy::clean(&announced.text),
        announcement_type: tidy::word(&announced.kind),
        update_time: time::millis(&announced.update_time).map(time::rfc3339),
    }
}

fn warning(what: &str, error: &Error) -> String {
    format!("{what}: {}", error.sentence())
}

pub fn member(id: &str, name: Option<&str>, member_type: MemberType) -> Member {
    let name = name.map(tidy::name).unwrap_or_default();
    Member { member_id: UserId::new(tidy::id(id)), name, member_type, profile: None }
}

fn posted(sent: Sent) -> Posted {
    Posted {
        message_id: MessageId::new(tidy::id(&sent.message_id)),
        chat_id: ChatId::new(tidy::id(&sent.chat_id)),
        thread_id: sent.thread_id.filter(|id| !id.is_empty()).map(|id| ThreadId::new(tidy::id(&id))),
        create_time: time::millis(&sent.create_time).map(time::rfc3339),
    }
}

/// The platform's name for what was given.
fn known_emoji(given: &str) -> Result<&'static str> {
    emoji::named(given).map_err(|near| {
        let given = crate::event::neutralise(crate::event::bounded(given, 64));
        Error::validation(format!("the platform has no reaction `{given}`"))
            .subtype("unknown_emoji")
            .hint(format!("did you mean {}? names are case-sensitive", near.join(", ")))
    })
}

fn reacted(message: &MessageId, reaction_id: &str, emoji: &str) -> Reacted {
    Reacted { message_id: message.clone(), reaction_id: tidy::id(reaction_id), emoji: emoji.to_owned() }
}

/// Adds what a code means in this call and nowhere else.
pub fn explained(verb: Verb) -> impl Fn(Error) -> Error {
    move |error| match error.code.and_then(|code| codes::ambiguous(verb, code)) {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// An answer to a message that is gone is not turned into a new topic.
fn gone(error: Error) -> Error {
    match error.code {
        Some(230_011 | 230_110 | 230_111 | 230_050) => Error {
            message: format!("the message to reply to is gone, and nothing was sent: {}", error.message),
            ..error
        }
        .subtype("target_gone")
        .hint("send without --reply-to to say it to the chat"),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_is_taken_from_the_header() {
        for (given, wanted) in [
            ("attachment; filename=\"a b.txt\"", Some("a b.txt")),
            ("attachment; filename=a.txt; x=y", Some("a.txt")),
            ("attachment; filename=\"\"", None),
            ("inline", None),
        ] {
            assert_eq!(file_name(given).as_deref(), wanted, "{given}");
        }
    }
}
