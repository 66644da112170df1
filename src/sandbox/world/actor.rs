//! Who can act: people and bots, and the ids under which each app knows them.

use serde_json::{Value, json};

use super::World;
use crate::sandbox::feishu::ids::{self, Kind};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Actor {
    Bot(usize),
    Person(usize),
}

impl Actor {
    pub fn is_bot(self) -> bool {
        matches!(self, Actor::Bot(_))
    }

    fn number(self) -> u64 {
        match self {
            Actor::Bot(index) => index as u64 * 2,
            Actor::Person(index) => index as u64 * 2 + 1,
        }
    }

    fn from_number(number: u64) -> Actor {
        let index = (number / 2) as usize;
        if number.is_multiple_of(2) { Actor::Bot(index) } else { Actor::Person(index) }
    }
}

/// Why an id did not lead to somebody; the platform answers each differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownId {
    Nobody,
    /// A valid open_id of another app.
    OtherApp,
}

impl World {
    pub fn actor_name(&self, actor: Actor) -> &str {
        match actor {
            Actor::Bot(index) => &self.apps[index].name,
            Actor::Person(index) => &self.people[index].name,
        }
    }

    pub fn actor_by_name(&self, name: &str) -> Option<Actor> {
        let person = self.people.iter().position(|person| person.name == name).map(Actor::Person);
        person.or_else(|| self.app_by_name(name).map(Actor::Bot))
    }

    /// open_ids are per app: the same person has another one in every app.
    pub fn open_id(&self, app: usize, actor: Actor) -> String {
        format!("ou_{}", ids::seal(self.seed, Kind::Open(app), actor.number()))
    }

    /// union_ids are the same in all apps of a developer.
    pub fn union_id(&self, actor: Actor) -> String {
        format!("on_{}", ids::seal(self.seed, Kind::Union, actor.number()))
    }

    /// The `UserId` object of events. `user_id` needs its own scope and only people have one.
    pub fn user_id_object(&self, app: usize, actor: Actor) -> Value {
        json!({
            "union_id": self.union_id(actor),
            "user_id": self.user_id(app, actor),
            "open_id": self.open_id(app, actor),
        })
    }

    pub fn user_id(&self, app: usize, actor: Actor) -> &str {
        match actor {
            Actor::Person(index) if self.has_scope(app, &["contact:user.employee_id:readonly"]) => {
                &self.people[index].user_id
            }
            Actor::Person(_) | Actor::Bot(_) => "",
        }
    }

    pub fn actor_by_open_id(&self, app: usize, open_id: &str) -> Result<Actor, UnknownId> {
        let hex = open_id.strip_prefix("ou_").ok_or(UnknownId::Nobody)?;
        if let Some(number) = ids::open(self.seed, Kind::Open(app), hex) {
            return Ok(Actor::from_number(number));
        }
        let foreign =
            (0..self.apps.len()).any(|other| ids::open(self.seed, Kind::Open(other), hex).is_some());
        Err(if foreign { UnknownId::OtherApp } else { UnknownId::Nobody })
    }

    /// Any of the three kinds of user id, as `user_id_type` names them.
    pub fn actor_by_id(&self, app: usize, id_type: &str, id: &str) -> Result<Actor, UnknownId> {
        match id_type {
            "union_id" => id
                .strip_prefix("on_")
                .and_then(|hex| ids::open(self.seed, Kind::Union, hex))
                .map(Actor::from_number)
                .ok_or(UnknownId::Nobody),
            "user_id" => self
                .people
                .iter()
                .position(|person| person.user_id == id)
                .map(Actor::Person)
                .ok_or(UnknownId::Nobody),
            _ => self.actor_by_open_id(app, id),
        }
    }

    /// The id of that kind, as a string field carries it.
    pub fn id_as(&self, app: usize, id_type: &str, actor: Actor) -> String {
        match id_type {
            "union_id" => self.union_id(actor),
            "user_id" => self.user_id(app, actor).to_owned(),
            _ => self.open_id(app, actor),
        }
    }
}
