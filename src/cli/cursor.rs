//! The cursor of a watch: its name, and how it is moved without one.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::config::Home;
use crate::error::{Error, Result};
use crate::journal;
use crate::supervisor::control::client::Client;
use crate::supervisor::control::{Acked, Op, Request};
use crate::supervisor::{HOME_HELD, Lock};

/// How long a supervisor that is just starting or ending is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The cursor's name where none is given.
pub fn cursor_name(given: Option<&str>, profiles: &[String]) -> String {
    match (given, profiles) {
        (Some(name), _) => name.to_owned(),
        (None, [alone]) => alone.clone(),
        (None, _) => "watch".to_owned(),
    }
}

/// Moves a cursor forward: through the supervisor, or in the journal while none runs.
pub async fn advance(home: &Home, name: &str, seq: u64) -> Result<Acked> {
    let request = Request { cursor: Some(name.to_owned()), seq: Some(seq), ..Request::new(Op::Ack) };
    let give_up = Instant::now() + PATIENCE;
    loop {
        if let Some(acked) = Client::ask_home(home.root(), &request).await? {
            return Ok(acked);
        }
        match Lock::home(home.root()) {
            Ok(_lock) => return alone(home, name, seq),
            Err(error) if error.subtype.as_deref() == Some(HOME_HELD) && Instant::now() < give_up => {
                sleep(LOOK_EVERY).await;
            }
            Err(error) => return Err(error),
        }
    }
}

fn alone(home: &Home, name: &str, seq: u64) -> Result<Acked> {
    let path = home.data().join("journal.db");
    if !path.exists() {
        return Err(Error::validation("there is no journal yet").hint("start a supervisor with rooma up"));
    }
    let advanced = journal::advance_alone(&path, name, seq)?;
    Ok(Acked { ok: true, cursor: name.to_owned(), seq: advanced.seq, moved: advanced.moved })
}
