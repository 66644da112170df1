//! `rooma ack`: what was read is dealt with; a `watch --ack` begins behind it from now on.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::control::Client;
use super::{Global, down, handle, monitor, print, watch};
use crate::config::Home;
use crate::error::{Error, Result};
use crate::journal;
use crate::supervisor::control::{Acked, Op, Request};
use crate::supervisor::{HOME_HELD, Lock};

/// How long a supervisor that is just starting or ending is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Move a cursor behind a line that is dealt with
///
/// For `rooma watch --ack`, which leaves its cursor where it is. Acknowledging what lies behind the cursor changes
/// nothing and says "moved":false; a line that is not there yet is refused. Works without a supervisor too.
///
/// Risk: write
///
/// Examples:
///   rooma ack --seq 1042
///   rooma ack --cursor audit --seq 1042
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The cursor of the watch [default: the profile, or `watch`]
    #[arg(long, value_name = "NAME")]
    cursor: Option<String>,
    /// The `seq` of the last line that is dealt with
    #[arg(long, value_name = "SEQ", value_parser = position)]
    seq: u64,
}

/// `412`, or `s412` as `--brief` writes it.
fn position(text: &str) -> std::result::Result<u64, String> {
    let seq = handle::seq(text).or_else(|| text.parse().ok());
    seq.ok_or_else(|| "expected the seq of a line, such as 412 or s412".to_owned())
}

pub async fn run(args: &Args, global: &Global) -> Result<()> {
    let home = down::home(global)?;
    let profile = global
        .profile
        .clone()
        .or_else(|| std::env::var("ROOMA_PROFILE").ok().filter(|name| !name.is_empty()));
    let name = watch::cursor_name(args.cursor.as_deref(), profile.as_slice());
    monitor::check_cursor(&name)?;
    let acked = advance(&home, &name, args.seq).await?;
    print::line(&serde_json::to_string(&acked).expect("an acknowledgement is plain data"))
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
