//! Makes a call for a verb. What it sends is relayed to the profiles in that chat.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::super::conversation::Conversation;
use super::super::protocol::Errand;
use super::super::tools::Control;
use super::errand::{attend, told, with_seat};
use crate::error::Result;
use crate::transport::verbs::Posted;

pub async fn run(control: &Control, errand: Option<Errand>, client: Conversation) -> Result<()> {
    let sends = errand.as_ref().is_some_and(|errand| errand.call.is_send());
    let control = control.clone();
    attend(client, sends, async move { make(&control, &told(errand)?).await }).await
}

async fn make(control: &Control, errand: &Errand) -> Result<Value> {
    let patience = Duration::from_millis(errand.patience_ms);
    let done = with_seat(control, errand, |seat| (seat.perform)(errand.call.clone(), patience)).await?;
    if errand.call.is_send()
        && let Ok(posted) = Posted::deserialize(&done)
    {
        control.relay.posted(&errand.profile, &posted.chat_id, &posted.message_id).await;
    }
    Ok(done)
}
