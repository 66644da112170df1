//! State that an older version has left in a home: what is owed is still owed, and what was counted counts.

use std::path::Path;

use super::rooms;
use super::stored::{self, Stored};
use crate::clock::Clock;
use crate::config::LoopGuardOptions;
use crate::core::presence::{Kind, Sessions};
use crate::core::turns::guard::Why;
use crate::event::ids::{ChatId, Realm, RoomId};
use crate::transport::Transport;
use crate::transport::outgoing::Outgoing;

fn put(folder: &Path, name: &str, text: &str) {
    crate::folder::make(folder).unwrap();
    std::fs::write(folder.join(format!("{name}.json")), text).unwrap();
}

#[test]
fn a_greeting_that_is_owed_is_said_as_it_would_have_been() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), Sessions::NAME, include_str!("../../tests/fixtures/stored/active_session-v1.json"));
    let sessions: Sessions = stored::load(folder.path(), 0).unwrap();
    let (words, part) = sessions.pending().next().unwrap();
    assert_eq!((words.kind, part.key.as_str()), (Kind::Greeting, "f6eb6a55e6f64b50-hello-0"));
    let what = Transport::Feishu.single(Outgoing::text(&words.text)).unwrap();
    let posted = Transport::Feishu.rehearse(&what).unwrap();
    assert_eq!(
        (posted.msg_type.as_str(), posted.content.to_string().as_str()),
        ("text", r##"{"text":"# hello"}"##)
    );
    let session = sessions.session.as_ref().unwrap();
    assert_eq!((session.farewell_text.as_str(), session.crash_text.as_deref()), ("bye", Some("gone")));
    // Who only looks leaves it as it is, whoever looks.
    let kept = std::fs::read_to_string(folder.path().join("active_session.json")).unwrap();
    assert_eq!(kept, include_str!("../../tests/fixtures/stored/active_session-v1.json"));
}

#[test]
fn turns_whose_words_were_kept_with_their_frame_still_count() {
    let data = tempfile::tempdir().unwrap();
    let (chat, clock) = (ChatId::new("oc_old"), Clock::system());
    let room = RoomId { realm: Realm::new("any"), chat: chat.clone() };
    put(&data.path().join("rooms"), chat.as_str(), include_str!("../../tests/fixtures/stored/room-v1.json"));
    let limits = rooms::limits(&LoopGuardOptions::default());
    let spoken = rooms::change(data.path(), &room, &clock, limits, |room, now| {
        let before = room.guard.turns();
        let mut say = |number: usize| {
            let words = Outgoing::markdown(format!("**news** number {number}")).words();
            room.guard.speak("bob", &words, &number.to_string(), now, limits).is_ok()
        };
        (
            before,
            (0..10).take_while(|number| say(*number)).count(),
            room.guard.paused().map(|pause| pause.why),
        )
    });
    assert_eq!(spoken.unwrap(), (7, 3, Some(Why::Turns)), "ten in all");
}
