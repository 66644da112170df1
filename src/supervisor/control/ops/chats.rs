//! Compares the list of a profile's chats with the platform's, for a verb.

use serde_json::Value;

use super::super::super::seat::Seat;
use super::super::conversation::Conversation;
use super::super::protocol::Errand;
use super::super::tools::Control;
use super::errand::{attend, told, with_seat};
use crate::error::{Error, Result};

pub async fn run(control: &Control, errand: Option<Errand>, client: Conversation) -> Result<()> {
    let control = control.clone();
    let work = async move {
        let errand = told(errand)?;
        with_seat(&control, &errand, |seat| compare(&control, seat)).await
    };
    attend(client, false, work).await
}

async fn compare(control: &Control, seat: Seat) -> Result<Value> {
    let synced = control.care.sync_chats(&seat).await?;
    serde_json::to_value(synced).map_err(|error| Error::internal(error.to_string()))
}
