//! `rooma hook session-end`.

use std::time::Duration;

use futures_util::future::join_all;

use super::super::Global;
use super::super::session::{Delivery, end};
use super::here::{Here, Shown};
use super::input::Input;
use crate::error::{Error, Result};

/// After these the agent goes on, under another name of its session.
const GOES_ON: [&str; 2] = ["clear", "resume"];

pub async fn run(input: &Input, global: &Global, within: Duration) -> Result<()> {
    let reason = input.reason.as_deref().unwrap_or("other");
    if GOES_ON.contains(&reason) {
        return Ok(());
    }
    let Some(here) = Here::find(input, global)? else { return Ok(()) };
    let armed = here.ours(input.session_id.as_deref()).into_iter().filter(|shown| shown.session.is_some());
    let ended = armed.map(|shown| farewell(&here, shown, reason, within));
    // Each is told in its turn, and one that fails keeps no other from being said.
    let mut untold = join_all(ended).await.into_iter().filter_map(|(shown, ended)| not_said(&shown, ended));
    untold.next().map_or(Ok(()), |first| Err(untold.fold(first, both)))
}

async fn farewell(here: &Here, shown: Shown, reason: &str, within: Duration) -> (Shown, Result<Delivery>) {
    let ended = async {
        let context = here.context(&shown.profile, within).await?;
        end(&context, reason, within).await
    };
    let ended = ended.await;
    (shown, ended)
}

fn not_said(shown: &Shown, ended: Result<Delivery>) -> Option<Error> {
    let profile = &shown.profile.name;
    match ended {
        Ok(delivery) if delivery.ok => None,
        Ok(delivery) => {
            let failed = delivery.failed.iter().map(|part| format!("{} ({})", part.chat_id, part.error));
            let waiting = delivery.waiting.iter().map(|chat| format!("{chat} (not in time)"));
            let chats = failed.chain(waiting).collect::<Vec<_>>().join(", ");
            let error = Error::network(format!("the farewell of {profile} was not said in {chats}"));
            Some(match delivery.waiting.is_empty() {
                true => error.retryable(false),
                false => error.hint("rooma up says it yet, if it starts soon enough"),
            })
        }
        Err(error) => {
            Some(Error { message: format!("the farewell of {profile} was not said: {error}"), ..error })
        }
    }
}

fn both(one: Error, other: Error) -> Error {
    Error { message: format!("{}; {}", one.message, other.message), hint: one.hint.or(other.hint), ..one }
}
