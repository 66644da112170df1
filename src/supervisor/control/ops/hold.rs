//! Holds a session until its holder is gone.

use super::super::conversation::Conversation;
use super::super::protocol::{Done, Request};
use super::super::tools::Control;
use crate::error::{Error, Result};

pub async fn run(control: &Control, request: &Request, client: &mut Conversation) -> Result<()> {
    let (Some(profile), Some(held)) = (request.profiles.first(), &request.held) else {
        return Err(Error::validation("what is to be held is a session of a profile"));
    };
    client.answer(&Done::DONE).await?;
    client.hung_up().await;
    control.attendant.released(profile, held).await;
    Ok(())
}
