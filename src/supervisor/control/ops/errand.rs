//! What a supervisor does for a verb, for as long as the verb is there.

use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;

use super::super::super::seat::Seat;
use super::super::conversation::{Conversation, hung_up, working};
use super::super::protocol::{Answered, ELSEWHERE, Errand};
use super::super::tools::Control;
use crate::error::{Error, Kind, Result};
use crate::event::{bounded, neutralise};

/// How long a send goes on whose verb was killed over it: the answer may be on its way. One that waits for a limit to pass
/// is given up with its verb.
const LINGER: Duration = Duration::from_secs(1);

/// Has `work` done. The verb hears now and then that it is worked at, and in the end what it came to; the work ends with
/// a verb that is gone, a `send` a little later.
pub async fn attend(
    mut client: Conversation,
    send: bool,
    work: impl Future<Output = Result<Value>> + Send + 'static,
) -> Result<()> {
    tokio::select! {
        // A verb that is gone by now wants nothing any more.
        biased;
        () = client.hung_up() => return Ok(()),
        () = std::future::ready(()) => {}
    }
    let mut work = tokio::spawn(work);
    let done = tokio::select! {
        biased;
        () = hung_up(&mut client.requests) => None,
        done = &mut work => Some(done),
        Err(_gone) = working(&mut client.answers) => None,
    };
    let Some(done) = done else {
        // What was posted by then is relayed all the same.
        if send {
            let _ = timeout(LINGER, &mut work).await;
        }
        work.abort();
        return Ok(());
    };
    let outcome = done.unwrap_or_else(|error| Err(Error::internal(error.to_string())));
    client.respond(outcome.map(Answered::with)).await
}

/// Runs `attempt` with the seat that the errand means; again where it was refused before it had an effect, by what stood
/// in a file then.
pub async fn with_seat<F: Future<Output = Result<Value>>>(
    control: &Control,
    errand: &Errand,
    attempt: impl Fn(Seat) -> F,
) -> Result<Value> {
    let known = control.reloading.known();
    let first = match seat(control, errand).await {
        Ok(seat) => attempt(seat).await,
        Err(error) => Err(error),
    };
    match first {
        Err(error)
            if matches!(error.kind, Kind::Config | Kind::Authentication)
                && control.reloading.outdates(known, &errand.profile).await? =>
        {
            attempt(seat(control, errand).await?).await
        }
        done => done,
    }
}

/// As the verb knows it: where the profile was changed meanwhile, the verb goes its own way.
async fn seat(control: &Control, errand: &Errand) -> Result<Seat> {
    let seat = control.asker.seat(&errand.profile).await?;
    let seat = seat.filter(|seat| seat.app_id == errand.app_id);
    seat.ok_or_else(|| not_here(&errand.profile))
}

pub fn told(errand: Option<Errand>) -> Result<Errand> {
    errand.ok_or_else(|| Error::validation("a call says what is to be done"))
}

pub fn not_here(profile: &str) -> Error {
    let profile = neutralise(bounded(profile, 64));
    Error::validation(format!("this supervisor does not have the profile `{profile}`")).subtype(ELSEWHERE)
}
