//! One client, from its request to its answer.

use tokio::net::UnixStream;
use tokio::sync::OwnedSemaphorePermit;

use super::conversation::Conversation;
use super::ops::{ack, call, chats, cursor, follow, hold, reload, room, session, status, stop};
use super::places::Places;
use super::protocol::{Op, Request, checked};
use super::tools::Control;
use crate::error::Result;

/// The place `new` is given back once it is known that the client stays, or has its turn.
pub async fn serve(
    control: &Control,
    stream: UnixStream,
    new: OwnedSemaphorePermit,
    places: &Places,
) -> Result<()> {
    let mut client = Conversation::begin(stream)?;
    let Some(request) = client.request(places.patience()).await? else { return Ok(()) };
    let request = request.and_then(checked);
    let stays = request.as_ref().is_ok_and(|request| matches!(request.op, Op::Follow | Op::Hold));
    let _place = if stays {
        match places.staying() {
            Ok(place) => place,
            Err(full) => return client.refuse(&full).await,
        }
    } else {
        places.asking().await?
    };
    drop(new);
    match request {
        Ok(request) => run(control, request, client).await,
        Err(error) => client.refuse(&error).await,
    }
}

async fn run(control: &Control, request: Request, mut client: Conversation) -> Result<()> {
    match request.op {
        Op::Status => client.answer(&status::gather(control).await?).await,
        Op::Stop => stop::run(control, &mut client).await,
        Op::Follow => follow::run(control, &request, client).await,
        Op::Cursor => cursor::run(control, &request, &mut client).await,
        Op::Reload => client.respond(reload::run(control, request.profiles).await).await,
        Op::Call => call::run(control, request.errand, client).await,
        Op::Chats => chats::run(control, request.errand, client).await,
        Op::Session => client.respond(session::run(control, &request.profiles).await).await,
        Op::Room => client.answer(&room::run(control, request.chat.as_ref())).await,
        Op::Hold => hold::run(control, &request, &mut client).await,
        Op::Ack => client.respond(ack::run(control, &request).await).await,
    }
}
