//! What is to be said, before the platform's own form is known. How it looks there is the adapter's.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::verbs::{UploadKind, Uploaded};
use crate::core::mention::names_somewhere;
use crate::event::ids::UserId;

/// What somebody says: words, whom they call, and what is shown beside them. It may take several messages.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outgoing {
    pub body: Body,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<Addressee>,
    /// The platform has them already: bytes go another way than words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<Uploaded>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    Text(String),
    Markdown(String),
    /// The platform's own content, unchanged.
    Native(Native),
    /// Nothing beside the files.
    Empty,
}

/// What only the adapter that made it understands, and what its readers will read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Native {
    pub form: Value,
    pub words: String,
}

/// Between a command and its supervisor, whichever versions they are; each adapter says it in its own way.
const EVERYBODY: &str = "all";

/// Somebody who is to be mentioned. The text may name them by either name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Addressee {
    pub id: UserId,
    pub name: String,
    /// What the caller called them: an alias, a profile.
    pub called: String,
}

impl Addressee {
    /// Everybody in the chat.
    pub fn everybody() -> Addressee {
        Addressee { id: UserId::new(EVERYBODY), name: "all".to_owned(), called: "all".to_owned() }
    }

    pub fn is_everybody(&self) -> bool {
        self.id.as_str() == EVERYBODY
    }

    fn is_named_in(&self, text: &str) -> bool {
        [&self.name, &self.called].into_iter().any(|name| names_somewhere(text, name))
    }
}

impl Outgoing {
    pub fn text(text: impl Into<String>) -> Outgoing {
        Outgoing::of(Body::Text(text.into()))
    }

    pub fn markdown(text: impl Into<String>) -> Outgoing {
        Outgoing::of(Body::Markdown(text.into()))
    }

    pub fn native(form: Value, words: impl Into<String>) -> Outgoing {
        Outgoing::of(Body::Native(Native { form, words: words.into() }))
    }

    pub fn file(file: Uploaded) -> Outgoing {
        Outgoing { files: vec![file], ..Outgoing::of(Body::Empty) }
    }

    pub fn of(body: Body) -> Outgoing {
        Outgoing { body, mentions: Vec::new(), files: Vec::new() }
    }

    pub fn calling(self, mentions: Vec<Addressee>) -> Outgoing {
        Outgoing { mentions, ..self }
    }

    /// The text of a person or an agent, whichever way it is to be shown.
    pub fn prose(&self) -> Option<&str> {
        match &self.body {
            Body::Text(text) | Body::Markdown(text) => Some(text),
            Body::Native(_) | Body::Empty => None,
        }
    }

    /// What its readers read, whatever form it takes: what the loop guard compares. Those it calls are named in it, in
    /// front where the text does not name them.
    pub fn words(&self) -> String {
        let text = match &self.body {
            Body::Text(text) | Body::Markdown(text) => text.as_str(),
            Body::Native(native) => native.words.as_str(),
            Body::Empty => "",
        };
        let called = self.mentions.iter().filter(|who| !who.is_named_in(text));
        let mut words: Vec<String> = called.map(|who| format!("@{}", who.name)).collect();
        words.extend((!text.is_empty()).then(|| text.to_owned()));
        words.extend(self.files.iter().map(shown));
        words.join(" ")
    }
}

/// As a line shows it. Each upload has a key of its own.
fn shown(file: &Uploaded) -> String {
    let kind = match file.kind {
        UploadKind::Image => "image",
        UploadKind::File => "file",
        UploadKind::Audio => "audio",
        UploadKind::Video => "video",
    };
    format!("[{kind} {}]", file.key)
}

/// Reads what a command hands over. One of an older version hands over the platform's own form.
pub fn handed_over<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Outgoing, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Said(Outgoing),
        Old(Old),
    }
    #[derive(Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Old {
        message_type: String,
        content: String,
    }
    Ok(match Either::deserialize(deserializer)? {
        Either::Said(outgoing) => outgoing,
        Either::Old(old) => {
            let form = serde_json::to_value(old).map_err(serde::de::Error::custom)?;
            Outgoing::native(form, "")
        }
    })
}

/// One message as the platform would get it. Field order is the order of keys in the output.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rehearsed {
    pub msg_type: String,
    pub content: Value,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn someone(name: &str, called: &str) -> Addressee {
        Addressee {
            id: UserId::new(format!("id of {name}")),
            name: name.to_owned(),
            called: called.to_owned(),
        }
    }

    fn image(key: &str) -> Uploaded {
        Uploaded { key: key.to_owned(), kind: UploadKind::Image }
    }

    #[test]
    fn words_are_what_is_read_whatever_form_they_take() {
        let ann = || vec![someone("Ann", "boss")];
        for (said, wanted) in [
            (Outgoing::text("one  two"), "one  two"),
            (Outgoing::markdown("# one\n`two`"), "# one\n`two`"),
            (Outgoing::native(json!({"blocks": [{"type": "divider"}]}), "one two"), "one two"),
            (Outgoing::of(Body::Empty), ""),
            (Outgoing::text("hi").calling(ann()), "@Ann hi"),
            (Outgoing::text("hi @Ann!").calling(ann()), "hi @Ann!"),
            (Outgoing::markdown("hi ＠boss").calling(ann()), "hi ＠boss"),
            (Outgoing::text("me@Ann @Anna").calling(ann()), "@Ann me@Ann @Anna"),
            (Outgoing::text("").calling(vec![Addressee::everybody()]), "@all"),
            (Outgoing::file(image("key_1")), "[image key_1]"),
            (
                Outgoing { files: vec![image("a"), image("b")], ..Outgoing::text("look") },
                "look [image a] [image b]",
            ),
        ] {
            assert_eq!(said.words(), wanted, "{said:?}");
        }
    }

    #[test]
    fn a_command_of_an_older_version_hands_over_the_platform_s_form() {
        #[derive(Debug, PartialEq, Deserialize)]
        struct Handed(#[serde(deserialize_with = "handed_over")] Outgoing);
        let old = json!({"message_type": "post", "content": "{\"a\":{}}"});
        let handed: Handed = serde_json::from_value(old.clone()).unwrap();
        assert_eq!(handed, Handed(Outgoing::native(old, "")));
        for odd in [json!({}), json!({"content": "x"}), json!({"body": {"text": "x"}, "more": 1}), json!("x")]
        {
            assert!(serde_json::from_value::<Handed>(odd.clone()).is_err(), "{odd}");
        }
    }

    proptest! {
        #[test]
        fn words_hold_the_text_and_everybody_who_is_called_and_nothing_of_ids(
            text in "([a-z@ ]|@Ann|@An|＠Li|\n){0,20}", called in proptest::sample::subsequence(vec!["Ann", "An", "Li", "all"], 0..=4),
        ) {
            let mentions: Vec<Addressee> = called.iter().map(|name| someone(name, name)).collect();
            for outgoing in [Outgoing::text(text.clone()), Outgoing::markdown(text.clone()), Outgoing::native(Value::Null, text.clone())] {
                let words = outgoing.calling(mentions.clone()).words();
                prop_assert!(words.ends_with(&text));
                for name in &called {
                    prop_assert!(names_somewhere(&words, name), "{name} in {words:?}");
                }
                prop_assert!(!words.contains("id of"));
            }
        }

        #[test]
        fn what_is_said_reads_as_what_it_was_written_as(
            text in any::<String>(), name in any::<String>(), key in any::<String>(), which in 0..4,
        ) {
            let body = match which {
                0 => Body::Text(text),
                1 => Body::Markdown(text),
                2 => Body::Native(Native { form: json!({"content": text.clone()}), words: text }),
                _ => Body::Empty,
            };
            let said = Outgoing { body, mentions: vec![someone(&name, "x")], files: vec![image(&key)] };
            let written = serde_json::to_string(&said).unwrap();
            prop_assert_eq!(serde_json::from_str::<Outgoing>(&written).unwrap(), said);
        }
    }
}
