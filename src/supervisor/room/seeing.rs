//! Does what a look at a room asks for.

use ractor::ActorRef;

use super::super::task::Task;
use super::actor::{Msg, State};
use crate::core::turns::{Do, Found, look};
use crate::error::Result;
use crate::event::ids::RoomId;

impl State {
    /// Does what has become of a room asks for. True where it waits for time.
    pub async fn see(&mut self, myself: &ActorRef<Msg>, room: &RoomId) -> Result<bool> {
        let (of, wall_ms) = (room.chat.clone(), self.rooming.clock.wall_ms());
        let found = self.rooming.change(room, move |room, now| {
            room.guard.lift(now);
            room.guard.name_pause(|| uuid::Uuid::new_v4().to_string());
            let (pause, told, turns) = (room.guard.paused().cloned(), room.told.clone(), room.guard.turns());
            (Found { chat: of, pause, told, turns }, wall_ms.saturating_sub(now))
        });
        let (found, to_wall_ms) = found.await?;
        let notices = (self.rooming.policy)(&room.chat).loop_guard.notice;
        for action in look(&found, to_wall_ms, notices) {
            match action {
                Do::Mark(why) => self.rooming.rooms.set_paused(room, why),
                Do::Tell(line) => self.rooming.tell_all(room, &line).await?,
                Do::Silence => {
                    self.notices.forget(room);
                    self.posting.remove(room);
                }
                Do::Notice { id, text } => self.notice(myself, room, id, text),
                Do::Note(told) => {
                    // Before it is noted that they were told.
                    self.rooming.appender.settled().await;
                    crate::fault::may_panic("rooms_told");
                    self.rooming.change(room, move |room, _| room.told = told).await?;
                }
            }
        }
        Ok(found.pause.is_some())
    }

    /// Posts the notice, unless that is under way or not due again yet.
    fn notice(&mut self, myself: &ActorRef<Msg>, room: &RoomId, id: String, text: String) {
        if !self.notices.begin(room, &id, self.begun.elapsed()) {
            return;
        }
        let (rooming, of, actor) = (self.rooming.clone(), room.clone(), myself.clone());
        let posting = Task::spawn(async move {
            let outcome = rooming.tell_room(&of, &id, &text).await;
            let _ = actor.cast(Msg::Noticed { room: of, id, outcome });
        });
        self.posting.insert(room.clone(), posting);
    }

    pub async fn noticed(&mut self, room: &RoomId, id: String, outcome: Result<()>) -> Result<()> {
        crate::fault::may_panic("rooms_noticed");
        if !self.notices.ended(room, &id, outcome.is_ok(), self.begun.elapsed()) {
            return Ok(());
        }
        self.posting.remove(room);
        match outcome {
            Ok(()) => self.rooming.change(room, move |room, _| room.guard.told(&id)).await,
            Err(error) => {
                tracing::warn!(%room, %error, "the room was not told of its pause yet");
                Ok(())
            }
        }
    }
}
