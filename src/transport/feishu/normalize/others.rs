//! All events but messages.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::super::tidy;
use super::super::wire::{ChatEvent, List, Menu, Reacted, Read, Recalled, Text};
use super::{
    Delivered, Learnt, Made, Pass, View, chat_name, event_key, name_of, nameless, operator, profile_of,
    required, shape, somebody,
};
use crate::core::dedupe::DedupeKey;
use crate::event::ids::{ChatId, MessageId, UserId};
use crate::event::{
    ChatChange, ChatDisbanded, ChatUpdated, Event, Member, MemberChange, MenuClicked, MessageRead,
    MessageRecalled, Reaction, SenderType,
};

/// Members, message ids or settings that one line names.
const ITEMS_MAX: usize = 200;

pub fn recalled(event: Delivered<'_>, view: View<'_>) -> Result<Made, Pass> {
    let wire: Recalled<'_> = shape(event.event)?;
    let chat_id = required(wire.chat_id.as_str())?;
    let body = MessageRecalled {
        chat_name: chat_name(view.known, &chat_id),
        chat_id: ChatId::new(chat_id),
        message_id: MessageId::new(required(wire.message_id.as_str())?),
        recalled_by: tidy::some(wire.recall_type.as_str(), tidy::word),
        event_type: tidy::word(event.event_type),
    };
    Ok(Made::one(Event::MessageRecalled(body), event_key(event.event_id)))
}

pub fn read(event: Delivered<'_>, view: View<'_>) -> Result<Made, Pass> {
    let wire: Read<'_> = shape(event.event)?;
    let reader_id = somebody(wire.reader.reader_id.any())?;
    let wanted = nameless(view.known, &reader_id);
    let ids = wire.message_id_list.0.iter().filter(|id| !id.is_empty()).take(ITEMS_MAX);
    let body = MessageRead {
        message_ids: ids.map(|id| MessageId::new(tidy::id(id.as_str()))).collect(),
        reader_name: name_of(view.known, &reader_id),
        reader_id: UserId::new(reader_id),
        event_type: tidy::word(event.event_type),
    };
    Ok(Made { wanted, ..Made::one(Event::MessageRead(body), event_key(event.event_id)) })
}

pub fn reacted(event: Delivered<'_>, view: View<'_>, made: fn(Reaction) -> Event) -> Result<Made, Pass> {
    let wire: Reacted<'_> = shape(event.event)?;
    let app_id = wire.app_id.as_str();
    let by_app = matches!(wire.operator_type.as_str(), "app" | "bot")
        || (wire.user_id.any().is_empty() && !app_id.is_empty());
    if by_app && app_id == view.me.app_id {
        return Err(Pass::Own);
    }
    let sender_id = somebody(if by_app { app_id } else { wire.user_id.any() })?;
    let wanted = if by_app { Vec::new() } else { nameless(view.known, &sender_id) };
    let body = Reaction {
        message_id: MessageId::new(required(wire.message_id.as_str())?),
        emoji: tidy::word(wire.reaction_type.emoji_type.as_str()),
        sender_name: name_of(view.known, &sender_id),
        sender_type: if by_app { SenderType::Bot } else { SenderType::User },
        sender_profile: by_app.then(|| profile_of(view.identity, app_id)).flatten(),
        sender_id: UserId::new(sender_id),
        event_type: tidy::word(event.event_type),
    };
    Ok(Made { wanted, ..Made::one(made(body), event_key(event.event_id)) })
}

/// This bot came into a chat, or left it.
pub fn bot_moved(event: Delivered<'_>, made: fn(ChatChange) -> Event, reason: &str) -> Result<Made, Pass> {
    let wire: ChatEvent<'_> = shape(event.event)?;
    let body = chat_change(&wire, reason)?;
    let learnt = learnt_chat(&wire);
    Ok(Made { learnt, ..Made::one(made(body), event_key(event.event_id)) })
}

pub fn members(event: Delivered<'_>, view: View<'_>, made: fn(MemberChange) -> Event) -> Result<Made, Pass> {
    let wire: ChatEvent<'_> = shape(event.event)?;
    let chat_id = required(wire.chat_id.as_str())?;
    let users = || wire.users.0.iter().take(ITEMS_MAX);
    let members = users().map(|user| Member {
        id: UserId::new(tidy::id(user.user_id.any())),
        name: tidy::some(user.name.as_str(), tidy::name),
    });
    let body = MemberChange {
        chat_name: tidy::some(wire.name.as_str(), tidy::name).or_else(|| chat_name(view.known, &chat_id)),
        chat_id: ChatId::new(chat_id),
        members: members.collect(),
        operator_id: operator(&wire.operator_id),
        event_type: tidy::word(event.event_type),
    };
    let names = users().filter(|user| !user.name.is_empty()).map(|user| Learnt::Name {
        open_id: tidy::id(user.user_id.open_id.as_str()),
        name: tidy::name(user.name.as_str()),
    });
    let learnt = names.chain(learnt_chat(&wire)).collect();
    Ok(Made { learnt, ..Made::one(made(body), event_key(event.event_id)) })
}

pub fn updated(event: Delivered<'_>, view: View<'_>) -> Result<Made, Pass> {
    let wire: ChatEvent<'_> = shape(event.event)?;
    let chat_id = required(wire.chat_id.as_str())?;
    let after: BTreeMap<Cow<'_, str>, &RawValue> = fields(wire.after_change);
    let new_name = after.get("name").and_then(|raw| serde_json::from_str::<Text<'_>>(raw.get()).ok());
    let new_name = new_name.and_then(|name| tidy::some(name.as_str(), tidy::name));
    let mut changed: Vec<String> = after.keys().take(ITEMS_MAX).map(|key| tidy::word(key)).collect();
    if moderators_changed(wire.moderator_list) {
        changed.push("moderator_list".to_owned());
    }
    let learnt = new_name.clone().map(|name| Learnt::Chat { chat_id: chat_id.clone(), name });
    let body = ChatUpdated {
        chat_name: new_name.or_else(|| chat_name(view.known, &chat_id)),
        chat_id: ChatId::new(chat_id),
        changed,
        operator_id: operator(&wire.operator_id),
        event_type: tidy::word(event.event_type),
    };
    let learnt = learnt.into_iter().collect();
    Ok(Made { learnt, ..Made::one(Event::ChatUpdated(body), event_key(event.event_id)) })
}

/// A chat that ended is also one this bot is no longer in.
pub fn disbanded(event: Delivered<'_>, view: View<'_>) -> Result<Made, Pass> {
    let wire: ChatEvent<'_> = shape(event.event)?;
    let mut left = chat_change(&wire, "disbanded")?;
    left.chat_name = left.chat_name.or_else(|| chat_name(view.known, left.chat_id.as_str()));
    let body = ChatDisbanded {
        chat_id: left.chat_id.clone(),
        chat_name: left.chat_name.clone(),
        operator_id: left.operator_id.clone(),
        event_type: tidy::word(event.event_type),
    };
    let key = event_key(event.event_id);
    let second = key.is_some().then(|| DedupeKey::derived(event.event_id, "left"));
    let mut made = Made::one(Event::ChatDisbanded(body), key);
    made.events.push((Event::ChatLeft(left), second));
    Ok(made)
}

pub fn menu(event: Delivered<'_>) -> Result<Made, Pass> {
    let wire: Menu<'_> = shape(event.event)?;
    let operator_id = somebody(wire.operator.operator_id.any())?;
    let operator_name = tidy::some(wire.operator.operator_name.as_str(), tidy::name);
    let learnt = operator_name.clone().map(|name| Learnt::Name { open_id: operator_id.clone(), name });
    let body = MenuClicked {
        operator_id: UserId::new(operator_id),
        operator_name,
        key: tidy::name(wire.event_key.as_str()),
        event_type: tidy::word(event.event_type),
    };
    let learnt = learnt.into_iter().collect();
    Ok(Made { learnt, ..Made::one(Event::MenuClicked(body), event_key(event.event_id)) })
}

fn chat_change(wire: &ChatEvent<'_>, reason: &str) -> Result<ChatChange, Pass> {
    Ok(ChatChange {
        chat_id: ChatId::new(required(wire.chat_id.as_str())?),
        chat_name: tidy::some(wire.name.as_str(), tidy::name),
        reason: reason.to_owned(),
        operator_id: operator(&wire.operator_id),
    })
}

fn learnt_chat(wire: &ChatEvent<'_>) -> Vec<Learnt> {
    let name = tidy::some(wire.name.as_str(), tidy::name);
    name.map(|name| Learnt::Chat { chat_id: tidy::id(wire.chat_id.as_str()), name }).into_iter().collect()
}

pub fn fields(raw: Option<&RawValue>) -> BTreeMap<Cow<'_, str>, &RawValue> {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

fn moderators_changed(raw: Option<&RawValue>) -> bool {
    let fields = fields(raw);
    let people = |key: &str| {
        let list = fields.get(key).and_then(|raw| serde_json::from_str::<List<IgnoredAny>>(raw.get()).ok());
        list.map_or(0, |list| list.0.len())
    };
    people("added_member_list") + people("removed_member_list") > 0
}
