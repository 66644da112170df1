//! The real tree over a journal of its own, with profiles whose platform is a script: for tests of actors on a paused
//! clock.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::root::Root;
use super::{Dial, Perform, Relay, Seat};
use crate::clock::Clock;
use crate::core::end::End;
use crate::core::redial::Policy;
use crate::error::{Error, Result};
use crate::event::ids::{ChatId, MessageId, Realm, RoomId};
use crate::event::{Message, Origin, SenderType};
use crate::journal::{Filter, Had, Journal, Sync};
use crate::transport::verbs::Target;
use crate::transport::{Call, Inbound, Intake, Rooms, Transport};

/// What the platform was told, and what it answers.
#[derive(Default)]
pub struct Platform {
    /// Profile, chat, words; each key is posted once.
    posted: Mutex<Vec<(String, String, String)>>,
    keys: Mutex<Vec<(String, String)>>,
    refused: Mutex<BTreeMap<String, Error>>,
    unreadable: Mutex<BTreeMap<String, Error>>,
    /// Attempts, also those that failed.
    pub asked: Mutex<Vec<String>>,
}

pub struct Tree {
    pub folder: TempDir,
    pub journal: Journal,
    pub root: Root,
    pub rooms: Rooms,
    pub platform: Arc<Platform>,
}

fn held<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap()
}

impl Platform {
    pub fn posted(&self) -> Vec<(String, String, String)> {
        held(&self.posted).clone()
    }

    /// A profile may not speak; with nothing, it may again.
    pub fn refuse(&self, profile: &str, error: Option<Error>) {
        set(&self.refused, profile, error);
    }

    /// A profile may not read what others have posted.
    pub fn hide(&self, profile: &str, error: Option<Error>) {
        set(&self.unreadable, profile, error);
    }

    fn perform(&self, profile: &str, call: Call) -> Result<Value> {
        let Call::Send { target: Target::Chat(chat), what, key } = call else { panic!("{call:?}") };
        held(&self.asked).push(format!("{profile} says {}", what.words()));
        if let Some(error) = held(&self.refused).get(profile) {
            return Err(error.clone());
        }
        let key = (profile.to_owned(), key);
        if !held(&self.keys).contains(&key) {
            held(&self.keys).push(key.clone());
            held(&self.posted).push((key.0, chat.to_string(), what.words()));
        }
        let count = held(&self.posted).len();
        Ok(
            json!({"message_id": format!("om_posted_{count}"), "chat_id": chat, "thread_id": null, "create_time": null}),
        )
    }

    fn relay(&self, profile: &str, id: &MessageId) -> Result<Option<Inbound>> {
        held(&self.asked).push(format!("{profile} reads {id}"));
        if let Some(error) = held(&self.unreadable).get(profile) {
            return Err(error.clone());
        }
        let sender = id.as_str().split('_').next().unwrap_or_default();
        Ok(Some(Inbound::message(Origin::Relay, message(id.as_str(), sender, "relayed"), "{}")))
    }
}

fn set(errors: &Mutex<BTreeMap<String, Error>>, profile: &str, error: Option<Error>) {
    match error {
        Some(error) => held(errors).insert(profile.to_owned(), error),
        None => held(errors).remove(profile),
    };
}

/// A message in the one chat of the tree. Ours have names of one letter.
pub fn message(id: &str, sender: &str, text: &str) -> Message {
    let ours = sender.len() == 1;
    let mut message: Message = serde_json::from_value(json!({
        "chat_id": "oc_1", "chat_type": "group", "message_id": id, "message_type": "text", "sender_id": sender,
        "sender_type": "user", "mentioned": true, "mention": "me", "content": text,
        "create_time": "2026-01-01T00:00:00.000Z", "trust": "stranger", "event_type": "e"
    }))
    .unwrap();
    if ours {
        (message.sender_type, message.sender_profile) = (SenderType::Bot, Some(sender.to_owned()));
    }
    message
}

impl Tree {
    pub async fn new(profiles: &[&str]) -> Tree {
        Tree::again(tempfile::tempdir().unwrap(), profiles, Arc::default()).await
    }

    /// The next life in the same folder, before the same platform.
    pub async fn next(self, profiles: &[&str]) -> Tree {
        self.root.end().await;
        self.journal.close().await;
        Tree::again(self.folder, profiles, self.platform).await
    }

    async fn again(folder: TempDir, profiles: &[&str], platform: Arc<Platform>) -> Tree {
        let path = folder.path().join("journal.db");
        let journal = Journal::open(&path, Sync::Process, Clock::system()).unwrap();
        let rooms = Rooms::default();
        let seats = profiles.iter().map(|name| seat(name, &rooms, &platform)).collect();
        profiles.iter().for_each(|name| rooms.set_member(&chat(), name, true));
        let root =
            Root::start(journal.appender(), Policy::default(), Clock::system(), seats, None).await.unwrap();
        root.begin();
        Tree { folder, journal, root, rooms, platform }
    }

    /// A profile is told of a message.
    pub async fn hears(&self, profile: &str, origin: Origin, message: Message) {
        let (answers, mut settled) = tokio::sync::mpsc::unbounded_channel();
        let entry = intake(profile, &self.rooms).entry(Inbound::message(origin, message, "{}"));
        self.journal.appender().append(vec![entry], &answers, 0).await;
        settled.recv().await.unwrap().outcome.unwrap();
    }

    /// The lines of one type: whose, and what they say.
    pub fn lines(&self, kind: &str) -> Vec<(String, Value)> {
        let page = self.journal.reader().unwrap().page(0, &Filter::default(), &Had::default()).unwrap();
        let text = String::from_utf8(page.bytes).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let of_kind = lines.filter(|line| line["type"] == kind);
        of_kind.map(|line| (line["profile"].as_str().unwrap_or_default().to_owned(), line)).collect()
    }

    /// Lets time pass until something is so.
    pub async fn until(&self, what: &str, done: impl Fn() -> bool) {
        for _ in 0..5000 {
            if done() {
                return;
            }
            self.pass(Duration::from_millis(50)).await;
        }
        panic!("waited in vain: {what}");
    }

    /// Lets time pass. Threads that wait for a disk take some of their own.
    pub async fn pass(&self, duration: Duration) {
        let step = Duration::from_millis(50);
        for _ in 0..duration.as_millis().div_ceil(step.as_millis()) {
            tokio::time::advance(step).await;
            let threads = || std::thread::park_timeout(Duration::from_millis(1));
            tokio::task::spawn_blocking(threads).await.unwrap();
            self.journal.appender().settled().await;
        }
    }
}

/// The one room of the tree.
pub fn room_id() -> RoomId {
    RoomId { realm: Realm::new(""), chat: chat() }
}

pub fn chat() -> ChatId {
    ChatId::new("oc_1")
}

fn intake(name: &str, rooms: &Rooms) -> Intake {
    Intake {
        profile: Arc::from(name),
        transport: "feishu",
        owner: None,
        gates: Default::default(),
        rooms: rooms.clone(),
    }
}

fn seat(name: &str, rooms: &Rooms, platform: &Arc<Platform>) -> Seat {
    let of = || (name.to_owned(), Arc::clone(platform));
    let ((speaker, speaks), (reader, reads)) = (of(), of());
    let perform: Perform = Arc::new(move |call, _| {
        let answer = speaks.perform(&speaker, call);
        Box::pin(async move { answer })
    });
    let relay: Relay = Arc::new(move |id| {
        let answer = reads.relay(&reader, &id);
        Box::pin(async move { answer })
    });
    let dial: Dial = Arc::new(|life| {
        Box::pin(async move {
            let mut stop = life.stop;
            let _ = stop.wait_for(|stop| *stop).await;
            End::Asked
        })
    });
    Seat {
        name: Arc::from(name),
        transport: Transport::Feishu,
        intake: intake(name, rooms),
        dial,
        app_id: format!("cli_{name}"),
        perform,
        fetch: Arc::new(|_| Box::pin(async { Ok(Default::default()) })),
        relay,
    }
}
