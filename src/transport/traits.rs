//! What a platform can, as data: what the rest of the house decides by, and what a person may look at.

use std::time::Duration;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::error::Error;

/// How ids, connections, deliveries and sends are on one platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Traits {
    /// As people write it.
    #[serde(skip)]
    pub platform: &'static str,
    pub ids: IdScope,
    pub share: Share,
    /// Whether what one bot says is pushed to another.
    pub bots_hear_bots: Peers,
    /// How long a delivery that was not acknowledged comes again. Absent: it comes once.
    #[serde(serialize_with = "seconds", skip_serializing_if = "Option::is_none")]
    pub redelivers_for: Option<Duration>,
    /// Whether a lost connection is gone on with where it was lost.
    pub resumes: bool,
    pub same_send: SameSend,
    /// Whether direct conversations are in the list of a bot's chats.
    pub lists_direct: bool,
    /// What it has not, and what there is instead.
    #[serde(serialize_with = "by_power", skip_serializing_if = "<[_]>::is_empty")]
    pub lacks: &'static [(Power, &'static str)],
}

/// What not every platform has. A verb that needs one asks here before it sends anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Power {
    /// Threads that can be read by themselves.
    Thread,
    /// Files beside words.
    Upload,
    Download,
    React,
    /// Words that change after they were said.
    Edit,
    Recall,
    /// Conversations with one person.
    Direct,
    /// Ids of people that several apps share beside ids of their own.
    Union,
    /// Content in the platform's own form.
    Native,
}

impl Power {
    fn words(self) -> &'static str {
        match self {
            Power::Thread => "threads that can be read",
            Power::Upload => "files that can be posted",
            Power::Download => "files that can be fetched",
            Power::React => "reactions",
            Power::Edit => "messages that can be edited",
            Power::Recall => "messages that can be recalled",
            Power::Direct => "conversations with one person",
            Power::Union => "ids that several apps share beside their own",
            Power::Native => "content of a form of its own",
        }
    }
}

impl Traits {
    /// Fails where the platform lacks it.
    pub fn require(&self, power: Power) -> Result<(), Error> {
        if self.lacks.iter().any(|(lacking, _)| *lacking == power) {
            Err(self.unsupported(power))
        } else {
            Ok(())
        }
    }

    /// Exit code 2, with what there is instead.
    pub fn unsupported(&self, power: Power) -> Error {
        let error =
            Error::validation(format!("{} has no {}", self.platform, power.words())).subtype("unsupported");
        let instead = self.lacks.iter().find(|(lacking, _)| *lacking == power);
        error.hint(instead.map_or("`rooma profile traits NAME` shows what it has", |(_, instead)| instead))
    }
}

/// Whose an id of a person, a bot or a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IdScope {
    /// Every app sees the same person by another id.
    PerApp,
    /// All apps of a workspace or host see the same.
    Shared,
}

/// What several connections of one app receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Share {
    /// Each event goes to one of them, of which there may be so many.
    OneOf(u16),
    /// Every one receives everything.
    CopyEach,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Peers {
    /// Where the app has the scope for it; an app cannot ask whether.
    ByScope,
    Always,
}

/// How a send that is made again is known for the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SameSend {
    /// By a key that travels with it, of at most so many characters, for so long.
    Key {
        chars_max: usize,
        #[serde(rename = "seconds", serialize_with = "whole_seconds")]
        lasts: Duration,
    },
    /// By nothing: what was said lately is looked through first.
    Look,
}

impl SameSend {
    /// The longest key that is taken.
    pub fn key_max(self) -> usize {
        match self {
            SameSend::Key { chars_max, .. } => chars_max,
            SameSend::Look => usize::MAX,
        }
    }
}

fn by_power<S: Serializer>(lacks: &[(Power, &str)], to: S) -> Result<S::Ok, S::Error> {
    let mut map = to.serialize_map(Some(lacks.len()))?;
    lacks.iter().try_for_each(|(power, instead)| map.serialize_entry(power, instead))?;
    map.end()
}

fn whole_seconds<S: Serializer>(span: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u64(span.as_secs())
}

fn seconds<S: Serializer>(span: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
    span.map(|span| span.as_secs()).serialize(to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::Transport;

    #[test]
    fn what_is_remembered_outlasts_what_a_platform_repeats() {
        for transport in Transport::ALL {
            let Traits { redelivers_for, same_send, .. } = transport.traits();
            let kept = crate::journal::DUPLICATES_KEPT;
            assert!(redelivers_for.is_none_or(|span| span * 2 < kept), "{}", transport.name());
            let repeatable = Duration::from_millis(crate::core::presence::REPEATABLE_MS.unsigned_abs());
            if let SameSend::Key { lasts, .. } = same_send {
                assert!(repeatable < *lasts, "an outbox that tries longer may say a word twice");
            }
        }
    }

    #[test]
    fn traits_are_shown_as_plain_data() {
        let shown = serde_json::to_value(Transport::Feishu.traits()).unwrap();
        let expected = serde_json::json!({
            "ids": "per_app", "share": {"one_of": 50}, "bots_hear_bots": "by_scope", "redelivers_for": 25515,
            "resumes": false, "same_send": {"key": {"chars_max": 50, "seconds": 3600}}, "lists_direct": false
        });
        assert_eq!(shown, expected);
        let other = Traits {
            share: Share::CopyEach,
            redelivers_for: None,
            same_send: SameSend::Look,
            ..*Transport::Lark.traits()
        };
        let shown = serde_json::to_value(other).unwrap();
        assert_eq!((&shown["share"], &shown["same_send"]), (&"copy_each".into(), &"look".into()));
        assert!(shown["redelivers_for"].is_null());
        assert!(shown.get("lacks").is_none());
    }

    #[test]
    fn what_a_platform_lacks_is_refused_with_what_it_has_instead() {
        let poor = Traits {
            platform: "Post",
            lacks: &[(Power::Edit, "say it anew")],
            ..*Transport::Feishu.traits()
        };
        assert!(poor.require(Power::React).is_ok());
        let refused = poor.require(Power::Edit).unwrap_err();
        assert_eq!((refused.kind.exit_code(), refused.subtype.as_deref()), (2, Some("unsupported")));
        assert_eq!(refused.message, "Post has no messages that can be edited");
        assert_eq!(refused.hint.as_deref(), Some("say it anew"));
        assert_eq!(serde_json::to_value(poor).unwrap()["lacks"], serde_json::json!({"edit": "say it anew"}));
        // What an adapter left out is refused even where its list does not say so.
        assert_eq!(
            poor.unsupported(Power::Recall).hint.as_deref(),
            Some("`rooma profile traits NAME` shows what it has")
        );
    }
}
