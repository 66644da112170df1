//! `im.message.receive_v1`.

use super::super::content::{self, Around, Content};
use super::super::mention::{self, Doubt, MENTIONS_MAX, Mentions};
use super::super::strangers::{self, Called, Given};
use super::super::wire::{Receive, ReceivedMessage, Sender};
use super::super::{tidy, time};
use super::{Delivered, Learnt, Made, Pass, View, Wanted, chat_name, name_of, profile_of, required, shape};
use crate::core::dedupe::DedupeKey;
use crate::core::mention::{Addressed, scope};
use crate::event::ids::{ChatId, MessageId, ThreadId, UserId};
use crate::event::{ChatType, Event, Message, SenderType, Trust};

pub fn received(event: Delivered<'_>, view: View<'_>) -> Result<Made, Pass> {
    let Receive { sender, message: wire } = shape(event.event)?;
    let message_id = required(wire.message_id.as_str())?;
    let chat_id = required(wire.chat_id.as_str())?;
    let (sender_id, app_id) = sender_ids(&sender, view);
    if sender_id == view.me.open_id || app_id.as_deref() == Some(view.me.app_id) {
        return Err(Pass::Own);
    }
    let kind = sender_type(&sender);
    let mentions = mention::read(
        &wire.mentions.0,
        view.me,
        view.known,
        |app_id| profile_of(view.identity, app_id),
        view.doubt,
    );
    let around = Around { mentions: &mentions, known: view.known, message_id: Some(&message_id) };
    let content = content::render(wire.message_type.as_str(), wire.content.as_str(), around);
    if view.doubt == Doubt::Report && (content.unread || is_empty(&wire)) {
        return Err(Pass::Empty { message_id });
    }
    let chat_type = chat_type(&wire, view);
    let given = Given { message_id: &message_id, content: wire.content.as_str(), mentions: &wire.mentions.0 };
    let strangers = strangers::look(&given, view.identity, view.me, view.known);
    let directly = chat_type == ChatType::P2p && kind == SenderType::User;
    if mentions.doubtful && !mentions.me && !directly {
        let mentions = wire.mentions.0.iter().take(MENTIONS_MAX);
        let mentions = mentions.map(|mention| Called::of(mention, view.known)).collect();
        return Err(Pass::Doubtful { message_id, mentions });
    }
    let key = DedupeKey::message(&message_id);
    let (learnt, wanted) = gossip(&wire, &sender_id, app_id.as_deref(), kind, chat_type, view);
    let who = Author { sender_id, app_id, kind };
    let line = line(
        &wire,
        event,
        who,
        (mentions, content),
        Place { message_id, chat_id, chat_type, directly },
        view,
    );
    Ok(Made { events: vec![(Event::Message(Box::new(line)), Some(key))], learnt, wanted, strangers })
}

/// Does it say nothing at all? The platform pushes such messages now and then, and has their words in the history, as
/// it has those of cards that it pushes in a form made for old clients.
fn is_empty(wire: &ReceivedMessage<'_>) -> bool {
    let bare: String = wire.content.as_str().chars().filter(|c| !c.is_whitespace()).collect();
    matches!(bare.as_str(), "" | "{}" | "[]" | "null" | r#"{"text":""}"# | r#"{"title":"","content":[]}"#)
}

struct Author {
    sender_id: String,
    app_id: Option<String>,
    kind: SenderType,
}

struct Place {
    message_id: String,
    chat_id: String,
    chat_type: ChatType,
    directly: bool,
}

fn line(
    wire: &ReceivedMessage<'_>,
    event: Delivered<'_>,
    author: Author,
    (mut mentions, content): (Mentions, Content),
    place: Place,
    view: View<'_>,
) -> Message {
    mentions.join(content.mentions);
    let addressed = Addressed {
        directly: place.directly,
        me: mentions.me || content.me,
        all: mentions.all || content.all,
        others: mentions.others || mentions.doubtful || content.others,
    };
    let (mentioned, mention) = scope(addressed);
    let (sender_id, chat_id) = (UserId::new(author.sender_id), ChatId::new(place.chat_id));
    Message {
        // Whose word it is to this profile is judged where all that comes in is.
        trust: Trust::Stranger,
        chat_name: chat_name(view.known, chat_id.as_str()),
        chat_id,
        chat_type: place.chat_type,
        message_id: MessageId::new(place.message_id),
        message_type: tidy::word(wire.message_type.as_str()),
        sender_name: name_of(view.known, sender_id.as_str()),
        sender_type: author.kind,
        sender_profile: author.app_id.and_then(|app_id| profile_of(view.identity, &app_id)),
        mentioned,
        mention,
        hidden: crate::event::hidden(&content.text),
        content: content.text,
        truncated: (content.truncated || mentions.cut).then_some(true),
        mentions: mentions.list,
        thread_id: tidy::some(wire.thread_id.as_str(), |id| ThreadId::new(tidy::id(id))),
        root_id: tidy::some(wire.root_id.as_str(), |id| MessageId::new(tidy::id(id))),
        reply_to: tidy::some(wire.parent_id.as_str(), |id| MessageId::new(tidy::id(id))),
        create_time: written(wire, event.create_time),
        resources: content.resources,
        relayed: None,
        room: None,
        floor: None,
        sender_id,
        event_type: tidy::word(event.event_type),
    }
}

/// The sender's id and, where known, the app behind it. Some deliveries name a bot by its app id alone.
fn sender_ids(sender: &Sender<'_>, view: View<'_>) -> (String, Option<String>) {
    let open_id = tidy::id(sender.sender_id.open_id.as_str());
    let app_id = if open_id.starts_with("cli_") {
        Some(open_id.clone())
    } else {
        view.known.person(&open_id).and_then(|person| person.app_id.as_deref()).map(str::to_owned)
    };
    (open_id, app_id)
}

fn sender_type(sender: &Sender<'_>) -> SenderType {
    match sender.sender_type.as_str() {
        "bot" | "app" => SenderType::Bot,
        _ => SenderType::User,
    }
}

fn chat_type(wire: &ReceivedMessage<'_>, view: View<'_>) -> ChatType {
    match wire.chat_type.as_str() {
        "p2p" => ChatType::P2p,
        "topic_group" | "topic" => ChatType::Topic,
        _ if view.known.chat(wire.chat_id.as_str()).is_some_and(|chat| chat.topic) => ChatType::Topic,
        _ => ChatType::Group,
    }
}

fn written(wire: &ReceivedMessage<'_>, event_time: &str) -> String {
    let millis = time::millis(wire.create_time.as_str()).or_else(|| time::millis(event_time));
    time::rfc3339(millis.unwrap_or(0))
}

/// What the message tells in passing, and what its line lacks.
fn gossip(
    wire: &ReceivedMessage<'_>,
    sender_id: &str,
    app_id: Option<&str>,
    kind: SenderType,
    chat_type: ChatType,
    view: View<'_>,
) -> (Vec<Learnt>, Vec<Wanted>) {
    let (mut learnt, mut wanted) = (Vec::new(), Vec::new());
    for mention in wire.mentions.0.iter().take(MENTIONS_MAX) {
        let open_id = mention.id.open_id.as_str();
        let known = view.known.person(open_id);
        if !mention.name.is_empty() && known.is_none_or(|person| person.name.is_none()) {
            let name = tidy::name(mention.name.as_str());
            learnt.push(Learnt::Name { open_id: tidy::id(open_id), name });
        }
        let told = mention.bot_info.as_ref().map_or("", |info| info.app_id.as_str());
        if !told.is_empty() && known.is_none_or(|person| person.app_id.as_deref() != Some(told)) {
            learnt.push(Learnt::App { open_id: tidy::id(open_id), app_id: tidy::id(told) });
        }
    }
    let nameless = view.known.person(sender_id).is_none_or(|person| person.name.is_none());
    let open_id = sender_id.to_owned();
    match kind {
        SenderType::Bot if nameless || app_id.is_none() => wanted.push(Wanted::Bot {
            open_id,
            message_id: tidy::id(wire.message_id.as_str()),
            chat_id: tidy::id(wire.chat_id.as_str()),
        }),
        SenderType::User if nameless && !open_id.is_empty() => {
            let chat_id = (chat_type != ChatType::P2p).then(|| tidy::id(wire.chat_id.as_str()));
            wanted.push(Wanted::Person { open_id, chat_id });
        }
        SenderType::Bot | SenderType::User => {}
    }
    let chat_id = wire.chat_id.as_str();
    if chat_type != ChatType::P2p && view.known.chat(chat_id).is_none_or(|chat| chat.name.is_none()) {
        wanted.push(Wanted::Chat { chat_id: tidy::id(chat_id) });
    }
    (learnt, wanted)
}
