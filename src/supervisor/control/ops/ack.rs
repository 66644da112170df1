//! Moves a cursor forward to a line that is there.

use super::super::protocol::{Acked, Request, named};
use super::super::tools::Control;
use crate::error::Result;
use crate::journal::Advanced;

pub async fn run(control: &Control, request: &Request) -> Result<Acked> {
    let (name, seq) = named(request)?;
    let Advanced { seq, moved } = control.cursors.advance(name, seq).await?;
    Ok(Acked { ok: true, cursor: name.to_owned(), seq, moved })
}
