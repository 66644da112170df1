//! Where it is looked up what became of a message: the journal, the list of known chats, and the platform.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;

use super::super::context::Context;
use crate::config::{Config, Profile};
use crate::core::hearing::Said;
use crate::core::reach::Facts;
use crate::error::Result;
use crate::event::SenderType;
use crate::event::ids::{ChatId, MessageId, Realm};
use crate::journal::{Listening, MessageLine, Reader};
use crate::supervisor::control::client::Client;
use crate::supervisor::{ChatState, KnownChats};
use crate::transport::verbs::{MemberType, PastMessage};

/// How long the platform is asked about a message that the journal does not know enough of.
const ASK_WITHIN: Duration = Duration::from_secs(5);

/// Profiles that ask it. Only one that sits in the chat gets an answer.
const ASK_MAX: usize = 16;

/// What is known of the message, whoever it reached.
#[derive(Clone)]
pub struct About {
    pub chat_id: ChatId,
    pub sender_name: Option<String>,
    pub sender_type: SenderType,
    pub sender_profile: Option<String>,
    pub create_time: String,
    /// Profiles that it calls.
    pub called: Vec<String>,
}

/// Where it is looked up.
pub struct Sources {
    pub config: Config,
    pub reader: Option<Reader>,
    pub told: Vec<MessageLine>,
    pub about: Option<About>,
    /// Profiles to which the platform has shown it.
    pub shown: Vec<String>,
    pub cursors: Vec<(String, u64)>,
    pub running: bool,
    /// Where the id means this message. Absent where no line tells.
    pub realm: Option<Realm>,
}

impl Sources {
    pub async fn find(
        config: Config,
        context: &Context,
        profiles: &[Profile],
        id: &MessageId,
    ) -> Result<Sources> {
        let path = config.home.data().join("journal.db");
        let reader = path.exists().then(|| Reader::open(&path)).transpose()?;
        let mut told = reader.as_ref().map(|reader| reader.lines_of(id)).transpose()?.unwrap_or_default();
        let realm = realm_of(&config, profiles, &told);
        told.retain(|line| realm.is_none() || config.realm_of(&line.profile) == realm);
        let (mut about, mut shown) = (of_lines(&told), Vec::new());
        // A bot that a profile meets for the first time is known to the platform only.
        if about
            .as_ref()
            .is_none_or(|about| about.sender_type == SenderType::Bot && about.sender_profile.is_none())
        {
            let (asked, shown_to) = ask(context, profiles, id).await;
            shown = shown_to;
            match (&mut about, asked) {
                (Some(about), Some(asked)) => about.sender_profile = asked.sender_profile,
                (None, asked) => about = asked,
                (Some(_), None) => {}
            }
        }
        let cursors = reader.as_ref().map(Reader::cursors).transpose()?.unwrap_or_default();
        let running = Client::connect(config.home.root()).await.is_ok_and(|client| client.is_some());
        Ok(Sources { config, reader, told, about, shown, cursors, running, realm })
    }

    /// Of a message without a line.
    pub fn facts(&self, profile: &str, now: i64) -> Result<Facts> {
        let Some(about) = &self.about else { return Ok(Facts::default()) };
        let mut facts = Facts {
            known: true,
            own: about.sender_profile.as_deref() == Some(profile),
            in_chat: self.sits_in(profile, &about.chat_id, now)?,
            ..Facts::default()
        };
        let Some(reader) = &self.reader else { return Ok(facts) };
        let written: Option<i64> =
            about.create_time.parse().ok().map(|time: jiff::Timestamp| time.as_millisecond());
        if let Some(written) = written {
            facts.kept = reader.extent()?.oldest.map(|(_, oldest)| oldest <= written);
            facts.listened = match reader.listened(profile, written, self.running)? {
                Listening::Yes => Some(true),
                Listening::No => Some(false),
                Listening::Unknown => None,
            };
        }
        let by_bot = about.sender_type == SenderType::Bot;
        let mentioned = about.called.iter().any(|called| called == profile);
        facts.hears = reader.activity(profile)?.hears.hears(Said { by_bot, mentioned, directly: false });
        Ok(facts)
    }

    /// As the list of known chats says; none where there is no list.
    fn sits_in(&self, profile: &str, chat: &ChatId, now: i64) -> Result<Option<bool>> {
        if self.shown.iter().any(|shown| shown == profile) {
            return Ok(Some(true));
        }
        let folder = self.config.home.data().join(profile);
        if !folder.join("known_chats.json").exists() {
            return Ok(None);
        }
        let known = KnownChats::load(&folder, now)?;
        Ok(Some(known.chats.get(chat.as_str()).is_some_and(|chat| chat.state == ChatState::Joined)))
    }
}

/// Not every profile's line knows whose words they are, or whom they call.
/// That of those who are asked about, or else of the first that was told.
fn realm_of(config: &Config, profiles: &[Profile], told: &[MessageLine]) -> Option<Realm> {
    let realms: BTreeSet<Realm> = profiles.iter().map(Profile::realm).collect();
    match realms.len() {
        1 => realms.into_iter().next(),
        _ => told.iter().find_map(|line| config.realm_of(&line.profile)),
    }
}

fn of_lines(told: &[MessageLine]) -> Option<About> {
    let messages = || told.iter().map(|line| &line.message);
    let first = messages().next()?;
    let mut called: Vec<String> = messages()
        .flat_map(|message| &message.mentions)
        .filter_map(|mention| mention.profile.clone())
        .collect();
    called.sort();
    called.dedup();
    Some(About {
        chat_id: first.chat_id.clone(),
        sender_name: messages().find_map(|message| message.sender_name.clone()),
        sender_type: first.sender_type,
        sender_profile: messages().find_map(|message| message.sender_profile.clone()),
        create_time: first.create_time.clone(),
        called,
    })
}

/// Asks the platform as each of the profiles. Where it does not answer, nothing is known.
async fn ask(context: &Context, profiles: &[Profile], id: &MessageId) -> (Option<About>, Vec<String>) {
    let asked = profiles.iter().take(ASK_MAX).map(async |profile| {
        let caller = context.other(profile);
        match timeout(ASK_WITHIN, Box::pin(caller.message(id))).await {
            Ok(Ok(past)) => Some((profile.name.to_string(), past)),
            Ok(Err(error)) => {
                tracing::debug!(%error, profile = %profile.name, "the platform does not show it");
                None
            }
            Err(_late) => None,
        }
    });
    let shown: Vec<(String, PastMessage)> = join_all(asked).await.into_iter().flatten().collect();
    let called = shown
        .iter()
        .flat_map(|(_, past)| &past.mentions)
        .filter_map(|mention| mention.profile.clone())
        .collect();
    let sender_profile = shown.iter().find_map(|(_, past)| past.sender_profile.clone());
    let about = shown.first().map(|(_, past)| About {
        chat_id: past.chat_id.clone(),
        sender_name: past.sender_name.clone(),
        sender_type: match past.sender_type {
            MemberType::User => SenderType::User,
            MemberType::Bot => SenderType::Bot,
        },
        sender_profile,
        create_time: past.create_time.clone(),
        called,
    });
    (about, shown.into_iter().map(|(profile, _)| profile).collect())
}
