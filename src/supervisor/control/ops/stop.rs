//! Ends the supervisor, after the answer.

use super::super::conversation::Conversation;
use super::super::protocol::Done;
use super::super::tools::Control;
use crate::error::Result;

pub async fn run(control: &Control, client: &mut Conversation) -> Result<()> {
    client.answer(&Done::DONE).await?;
    control.trigger.stop("down");
    Ok(())
}
