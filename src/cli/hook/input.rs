//! What a hook is told on stdin (<https://code.claude.com/docs/en/hooks#common-input-fields>).

use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::event::{bounded, neutralise};

/// A stop tells the agent's whole last message, which has some hundred KiB at most.
const INPUT_MAX: u64 = 4 * 1024 * 1024;

/// It is written before anything else happens; whoever types it has other verbs.
const READ_WITHIN: Duration = Duration::from_secs(1);

/// Of the id of an agent's session; Claude Code's have 36 characters.
const ID_MAX: usize = 128;

#[derive(Debug, Default, Deserialize)]
pub struct Input {
    /// The agent's own name of its session.
    #[serde(default)]
    pub session_id: Option<String>,
    #[serde(default)]
    hook_event_name: Option<String>,
    #[serde(default)]
    pub cwd: Option<PathBuf>,
    /// How a session starts: `startup`, `resume`, `clear`, `compact` or `fork`.
    #[serde(default)]
    pub source: Option<String>,
    /// Why a session ends: `clear`, `resume`, `logout`, `prompt_input_exit` or `other`.
    #[serde(default)]
    pub reason: Option<String>,
    /// The agent goes on already because a hook kept it from stopping.
    #[serde(default)]
    pub stop_hook_active: Option<bool>,
}

impl Input {
    /// The input of a hook for `event`.
    pub async fn read(event: &str) -> Result<Input> {
        let read = tokio::task::spawn_blocking(|| {
            let mut text = Vec::new();
            std::io::stdin().lock().take(INPUT_MAX + 1).read_to_end(&mut text).map(|_| text)
        });
        let late = |_| Error::validation("the hook's JSON did not come on stdin").hint(HINT);
        let read = tokio::time::timeout(READ_WITHIN, read).await.map_err(late)?;
        let read = read.map_err(|error| Error::internal(error.to_string()))?;
        let text = read.map_err(|error| Error::validation(format!("stdin cannot be read: {error}")))?;
        Input::parse(&text, event)
    }

    fn parse(text: &[u8], event: &str) -> Result<Input> {
        if text.len() as u64 > INPUT_MAX {
            return Err(Error::validation(format!("the hook's JSON is longer than {INPUT_MAX} bytes")));
        }
        // An object first: a list would fill the fields in their order.
        let object = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(text);
        let input: Input =
            object.and_then(|object| serde_json::from_value(object.into())).map_err(|error| {
                Error::validation(format!("stdin is not the JSON of a hook: {error}")).hint(HINT)
            })?;
        if let Some(other) = input.hook_event_name.as_deref().filter(|name| *name != event) {
            let other = neutralise(bounded(other, ID_MAX));
            return Err(Error::validation(format!(
                "this is a hook for {event}, and it was called for {other}"
            ))
            .hint("give each event its own `rooma hook` in the settings"));
        }
        if input.session_id.as_deref().is_some_and(|id| !is_plain(id)) {
            return Err(Error::validation("`session_id` is not the id of an agent's session"));
        }
        Ok(input)
    }
}

const HINT: &str = "Claude Code writes it; by hand: echo '{\"session_id\":\"abc\"}' | rooma hook …";

/// It is shown in a command that an agent will run.
fn is_plain(id: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
    !id.is_empty() && id.len() <= ID_MAX && !id.starts_with('-') && id.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_that_are_new_or_missing_are_no_trouble() {
        let text =
            br#"{"session_id":"a-1","hook_event_name":"Stop","effort":{"level":"high"},"cwd":"/x","n":1}"#;
        let input = Input::parse(text, "Stop").unwrap();
        assert_eq!(input.session_id.as_deref(), Some("a-1"));
        assert!(input.source.is_none() && input.stop_hook_active.is_none());
        assert!(Input::parse(b"{}", "Stop").unwrap().session_id.is_none());
    }

    #[test]
    fn what_is_no_hook_s_json_is_refused() {
        let long = vec![b' '; usize::try_from(INPUT_MAX).unwrap() + 1];
        let bad: [&[u8]; 6] = [
            b"",
            b"[]",
            b"{\"session_id\":",
            b"{\"session_id\":\"$(reboot)\"}",
            b"{\"session_id\":\"--help\"}",
            &long,
        ];
        for text in bad {
            assert!(
                Input::parse(text, "Stop").is_err(),
                "{:?}",
                String::from_utf8_lossy(&text[..text.len().min(40)])
            );
        }
        let error = Input::parse(b"{\"hook_event_name\":\"Stop\"}", "SessionEnd").unwrap_err();
        assert!(error.message.contains("called for Stop"), "{error}");
    }
}
