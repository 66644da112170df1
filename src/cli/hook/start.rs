//! `rooma hook session-start`.

use serde::Serialize;

use super::super::session::{change, poke};
use super::super::{Global, print};
use super::here::{Here, Shown};
use super::input::Input;
use super::told::{News, told};
use crate::error::Result;
use crate::supervisor::owner;

/// Handing a session on is a note in a file; a busy supervisor finds it there.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(1);

pub async fn run(input: &Input, global: &Global) -> Result<()> {
    let Some(mut here) = Here::find(input, global)? else { return Ok(()) };
    let source = input.source.as_deref().unwrap_or("startup");
    if let Some(agent_session) = &input.session_id {
        go_on(&here, source, agent_session).await?;
        // What was handed on is told as it is now.
        here = Here::find(input, global)?.unwrap_or(here);
    }
    let news = News::gather(&here, input.session_id.as_deref()).await?;
    let output = Output {
        hook_specific_output: Added {
            hook_event_name: "SessionStart",
            additional_context: told(&news, source),
        },
    };
    print::line(&serde_json::to_string(&output).expect("two texts"))
}

/// A resumed agent is another process; a cleared one has another name.
async fn go_on(here: &Here, source: &str, agent_session: &str) -> Result<()> {
    if !matches!(source, "resume" | "clear" | "fork") {
        return Ok(());
    }
    let owner = owner::auto();
    let armed = |shown: &&Shown| shown.session.is_some();
    let names = |shown: &Shown| {
        shown.session.as_ref().and_then(|session| session.agent_session.as_deref()) == Some(agent_session)
    };
    // Only where no session has the name already is one looked for that has the process.
    let any_named = here.profiles.iter().any(names);
    for shown in here.profiles.iter().filter(armed).filter(|shown| !any_named || names(shown)) {
        let context = here.context(&shown.profile, PATIENCE).await?;
        let changed = change(&context, |sessions, now| sessions.go_on(agent_session, owner.as_ref(), now))?;
        if changed {
            poke(&context).await?;
        }
    }
    Ok(())
}

/// What Claude Code reads of a hook (https://code.claude.com/docs/en/hooks#sessionstart-decision-control).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Output {
    hook_specific_output: Added,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Added {
    hook_event_name: &'static str,
    additional_context: String,
}
