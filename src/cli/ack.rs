//! `rooma ack`: what was read is dealt with; a `watch --ack` begins behind it from now on.

use super::{Global, cursor, down, handle, monitor, print};
use crate::error::Result;

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
    let name = cursor::cursor_name(args.cursor.as_deref(), profile.as_slice());
    monitor::check_cursor(&name)?;
    let acked = cursor::advance(&home, &name, args.seq).await?;
    print::line(&serde_json::to_string(&acked).expect("an acknowledgement is plain data"))
}
