//! What an account can be asked for, as a value: so that another process may ask.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Account;
use super::outgoing::{Outgoing, handed_over};
use super::traits::Power;
use super::verbs::{HistoryQuery, Member, Target};
use crate::error::{Error, Result};
use crate::event::ids::{ChatId, MessageId};

/// One call. Files go another way: a command carries them itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "call", rename_all = "snake_case", deny_unknown_fields)]
pub enum Call {
    Myself,
    Chats {
        limit: Option<usize>,
    },
    ChatInfo {
        chat: ChatId,
    },
    Members {
        chat: ChatId,
    },
    /// As this app knows them.
    Person {
        union_id: String,
        chat: Option<ChatId>,
    },
    /// Which of these are ours: answered with the members, and those of whom it is known.
    Recognise {
        chat: ChatId,
        members: Vec<Member>,
    },
    History {
        query: HistoryQuery,
    },
    Message {
        message: MessageId,
    },
    Thread {
        message: MessageId,
        limit: usize,
    },
    /// What is one message. The same key within an hour posts nothing new.
    Send {
        target: Target,
        #[serde(alias = "message", deserialize_with = "handed_over")]
        what: Outgoing,
        key: String,
    },
    React {
        message: MessageId,
        emoji: String,
    },
    Unreact {
        message: MessageId,
        emoji: String,
    },
    Edit {
        message: MessageId,
        #[serde(alias = "content", deserialize_with = "handed_over")]
        what: Outgoing,
    },
    Recall {
        message: MessageId,
    },
}

impl Call {
    /// What a platform needs for it, beyond what all have.
    pub fn power(&self) -> Option<Power> {
        match self {
            Call::Person { .. } => Some(Power::Union),
            Call::Thread { .. } => Some(Power::Thread),
            Call::React { .. } | Call::Unreact { .. } => Some(Power::React),
            Call::Edit { .. } => Some(Power::Edit),
            Call::Recall { .. } => Some(Power::Recall),
            Call::Send { target: Target::Person(_), .. } => Some(Power::Direct),
            Call::Myself
            | Call::Chats { .. }
            | Call::ChatInfo { .. }
            | Call::Members { .. }
            | Call::Recognise { .. }
            | Call::History { .. }
            | Call::Message { .. }
            | Call::Send { .. } => None,
        }
    }

    /// Does it say something where others may sit?
    pub fn is_send(&self) -> bool {
        matches!(self, Call::Send { target, .. } if !matches!(target, Target::Person(_)))
    }
}

impl Account {
    /// Makes the call. The answer is what the method of that name returns, as JSON.
    pub async fn perform(&self, call: &Call) -> Result<Value> {
        match call {
            Call::Myself => json(&self.myself().await?),
            Call::Chats { limit } => json(&self.chats(*limit).await?),
            Call::ChatInfo { chat } => json(&self.chat_info(chat).await?),
            Call::Members { chat } => json(&self.members(chat).await?),
            Call::Person { union_id, chat } => json(&self.person(union_id, chat.as_ref()).await?),
            Call::Recognise { chat, members } => {
                let mut members = members.clone();
                let recognised = self.recognise(chat, &mut members).await;
                json(&(members, recognised))
            }
            Call::History { query } => json(&self.history(query).await?),
            Call::Message { message } => json(&self.message(message).await?),
            Call::Thread { message, limit } => json(&self.thread(message, *limit).await?),
            Call::Send { target, what, key } => json(&self.send(target, what, key).await?),
            Call::React { message, emoji } => json(&self.react(message, emoji).await?),
            Call::Unreact { message, emoji } => json(&self.unreact(message, emoji).await?),
            Call::Edit { message, what } => json(&self.edit(message, what).await?),
            Call::Recall { message } => json(&self.recall(message).await?),
        }
    }
}

fn json<T: Serialize>(value: &T) -> Result<Value> {
    serde_json::to_value(value).map_err(|error| Error::internal(format!("the answer is no JSON: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_call_reads_as_what_it_was_written_as() {
        let target = Target::Reply { to: MessageId::new("om_1"), in_thread: true };
        let send = Call::Send { target, what: Outgoing::markdown("*hi*"), key: "k".to_owned() };
        let edit = Call::Edit { message: MessageId::new("om_1"), what: Outgoing::text("hi") };
        for call in [send, edit] {
            let text = serde_json::to_string(&call).unwrap();
            assert_eq!(serde_json::from_str::<Call>(&text).unwrap(), call);
        }
        assert!(serde_json::from_str::<Call>(r#"{"call":"format_disk"}"#).is_err());
    }

    #[test]
    fn a_call_of_a_command_of_an_older_version_is_understood() {
        let old = json!({"message_type": "text", "content": "{\"text\":\"hi\"}"});
        let what = Outgoing::native(old.clone(), "");
        let send = json!({"call": "send", "target": {"Chat": "oc_1"}, "message": old, "key": "k"});
        let target = Target::Chat(ChatId::new("oc_1"));
        let wanted = Call::Send { target, what: what.clone(), key: "k".to_owned() };
        assert_eq!(serde_json::from_value::<Call>(send).unwrap(), wanted);
        let edit = json!({"call": "edit", "message": "om_1", "content": old});
        let wanted = Call::Edit { message: MessageId::new("om_1"), what };
        assert_eq!(serde_json::from_value::<Call>(edit).unwrap(), wanted);
    }
}
