//! The line a sandbox prints when it serves.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::sandbox::shared::lock;
use crate::sandbox::world::actor::Actor;
use crate::sandbox::{App, Sandbox};

#[derive(Serialize)]
struct Ready {
    r#type: &'static str,
    base_url: String,
    apps: Vec<App>,
    chats: Vec<ChatEntry>,
    people: Vec<PersonEntry>,
}

#[derive(Serialize)]
struct ChatEntry {
    chat_id: String,
    name: String,
}

#[derive(Serialize)]
struct PersonEntry {
    name: String,
    /// As the first app sees the person.
    open_id: String,
    union_id: String,
    /// By the name of the app.
    open_ids: BTreeMap<String, String>,
}

pub fn line(sandbox: &Sandbox) -> String {
    let apps = sandbox.apps();
    let world = lock(&sandbox.shared.world);
    let chats = world.chats.iter();
    let chats = chats.map(|chat| ChatEntry { chat_id: chat.id.clone(), name: chat.name.clone() }).collect();
    let people = (0..world.people.len()).map(Actor::Person).map(|person| {
        let per_app = apps.iter().enumerate();
        PersonEntry {
            name: world.actor_name(person).to_owned(),
            open_id: world.open_id(0, person),
            union_id: world.union_id(person),
            open_ids: per_app.map(|(app, shown)| (shown.name.clone(), world.open_id(app, person))).collect(),
        }
    });
    let people = people.collect();
    let base_url = sandbox.shared.base_url();
    let ready = Ready { r#type: "sandbox.ready", base_url, apps, chats, people };
    serde_json::to_string(&ready).expect("strings serialise")
}
