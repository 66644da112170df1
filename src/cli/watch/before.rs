//! What was said in a chat before a mention that breaks a silence.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::super::Global;
use super::super::context::{Common, Context};
use super::super::output::Format;
use super::source::Source;
use crate::error::{Error, Result};
use crate::event::ids::ChatId;
use crate::event::{Earlier, Message, SenderType, Whole};
use crate::transport::verbs::{HistoryQuery, MemberType, Place};

/// After so long without a line of a chat an agent has other things in mind than what was said there.
const SILENCE: Duration = Duration::from_secs(10 * 60);

/// How long the platform is waited for. What the journal has is told without it.
const REST_WITHIN: Duration = Duration::from_secs(2);

/// After the platform did not answer, it is not asked for so long: other lines wait meanwhile.
const REST_AGAIN: Duration = Duration::from_secs(60);

/// Chats whose last line is remembered.
const CHATS_MAX: usize = 4096;

pub struct Before {
    count: usize,
    global: Global,
    spoken: BTreeMap<ChatId, Instant>,
    rest_from: Option<Instant>,
}

impl Before {
    pub fn new(count: usize, global: &Global) -> Before {
        Before { count, global: global.clone(), spoken: BTreeMap::new(), rest_from: None }
    }

    /// Notes that a message of this chat is written. Is it a mention that breaks a silence?
    pub fn is_due(&mut self, chat: &ChatId, mentioned: bool) -> bool {
        let now = Instant::now();
        let silent = breaks_silence(&mut self.spoken, chat, now);
        silent && mentioned
    }

    /// What was said there: from the journal, and where that has fewer, from the platform too, unless the watch `hurries`.
    pub async fn told(
        &mut self,
        source: &mut Source,
        hurries: bool,
        whole: &Whole<'_>,
        message: &Message,
    ) -> Result<Vec<Earlier>> {
        let (count, global) = (self.count, self.global.clone());
        let may_ask = self.rest_from.is_none_or(|from| Instant::now() >= from) && !hurries;
        let mut told = source.reader.before(whole.seq, &whole.profile, &message.chat_id, count)?;
        told.retain(|earlier| earlier.message_id != message.message_id);
        if told.len() >= count || !may_ask {
            return Ok(told);
        }
        let asked = timeout(REST_WITHIN, Box::pin(fetch(global, whole.profile.clone(), message, count)));
        match source.meanwhile(asked).await.unwrap_or_else(|_late| Err(Error::network("it took too long"))) {
            Ok(fetched) => Ok(joined(told, fetched, count)),
            Err(error) => {
                tracing::debug!(%error, profile = whole.profile, "what was said before cannot be had");
                self.rest_from = Some(Instant::now() + REST_AGAIN);
                Ok(told)
            }
        }
    }
}

fn breaks_silence(spoken: &mut BTreeMap<ChatId, Instant>, chat: &ChatId, now: Instant) -> bool {
    let recent = |at: &Instant| now.saturating_duration_since(*at) < SILENCE;
    if spoken.len() >= CHATS_MAX {
        // Those that are silent by now are as good as unknown.
        spoken.retain(|_, at| recent(at));
    }
    if spoken.len() >= CHATS_MAX {
        let oldest = spoken.iter().min_by_key(|(_, at)| **at).map(|(chat, _)| chat.clone());
        oldest.map(|oldest| spoken.remove(&oldest));
    }
    !spoken.insert(chat.clone(), now).is_some_and(|at| recent(&at))
}

async fn fetch(global: Global, profile: String, message: &Message, count: usize) -> Result<Vec<Earlier>> {
    let global = Global { profile: Some(profile), ..global };
    let common = Common { timeout: REST_WITHIN, format: Format::Json, jq: None };
    let context = Context::open(&global, &common).await?;
    let query = HistoryQuery {
        place: Place::Chat(message.chat_id.clone()),
        limit: count,
        since: None,
        until: None,
        before: Some(message.message_id.clone()),
    };
    let past = context.account.history(&query).await?.items.into_iter();
    let earlier = past.filter(|past| past.deleted != Some(true)).map(|past| Earlier {
        message_id: past.message_id,
        sender_id: past.sender_id,
        sender_name: past.sender_name,
        sender_type: match past.sender_type {
            MemberType::User => SenderType::User,
            MemberType::Bot => SenderType::Bot,
        },
        create_time: past.create_time,
        content: past.content,
    });
    Ok(earlier.collect())
}

/// The last of both by the time they were written, the oldest first; the journal's where both have one.
fn joined(mut told: Vec<Earlier>, fetched: Vec<Earlier>, count: usize) -> Vec<Earlier> {
    for earlier in fetched {
        if !told.iter().any(|one| one.message_id == earlier.message_id) {
            told.push(earlier);
        }
    }
    told.sort_by(|one, other| one.create_time.cmp(&other.create_time));
    let from = told.len().saturating_sub(count);
    told.split_off(from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::ids::{MessageId, UserId};

    #[test]
    fn a_silence_is_over_with_a_line_and_begins_again_after_ten_minutes() {
        let (mut spoken, chat, start) = (BTreeMap::new(), ChatId::new("oc_1"), Instant::now());
        let minutes = |minutes: u64| start + Duration::from_secs(60 * minutes);
        assert!(breaks_silence(&mut spoken, &chat, start));
        assert!(!breaks_silence(&mut spoken, &chat, minutes(9)));
        assert!(!breaks_silence(&mut spoken, &chat, minutes(18)));
        assert!(breaks_silence(&mut spoken, &ChatId::new("oc_2"), minutes(18)));
        assert!(breaks_silence(&mut spoken, &chat, minutes(28)));
    }

    #[test]
    fn the_number_of_chats_is_bounded() {
        let (mut spoken, start) = (BTreeMap::new(), Instant::now());
        for number in 0..CHATS_MAX + 10 {
            breaks_silence(&mut spoken, &ChatId::new(format!("oc_{number}")), start);
        }
        assert_eq!(spoken.len(), CHATS_MAX);
    }

    #[test]
    fn what_the_journal_lacks_is_put_in_its_place() {
        let earlier = |id: &str, time: &str, content: &str| Earlier {
            message_id: MessageId::new(id),
            sender_id: UserId::new("ou_1"),
            sender_name: None,
            sender_type: SenderType::User,
            create_time: time.to_owned(),
            content: content.to_owned(),
        };
        let told = vec![earlier("2", "t2", "told"), earlier("4", "t4", "told")];
        let fetched = vec![earlier("1", "t1", "f"), earlier("2", "t2", "f"), earlier("3", "t3", "f")];
        let joined = joined(told, fetched, 3);
        let ids: Vec<(&str, &str)> =
            joined.iter().map(|one| (one.message_id.as_str(), one.content.as_str())).collect();
        assert_eq!(ids, [("2", "told"), ("3", "f"), ("4", "told")]);
    }
}
