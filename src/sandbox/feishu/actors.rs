//! Everybody under the ids that one app knows.

use serde_json::{Value, json};

use super::ids::UnknownId;
use super::{Feishu, scopes};
use crate::sandbox::world::World;
use crate::sandbox::world::actor::Actor;

impl Feishu {
    pub fn open_id(&self, app: usize, actor: Actor) -> String {
        self.ids.open_id(app, actor)
    }

    /// The `UserId` object of events. `user_id` needs its own scope and only people have one.
    pub fn user_id_object(&self, world: &World, app: usize, actor: Actor) -> Value {
        json!({
            "union_id": self.ids.union_id(actor),
            "user_id": self.user_id(world, app, actor),
            "open_id": self.open_id(app, actor),
        })
    }

    pub fn user_id(&self, world: &World, app: usize, actor: Actor) -> &str {
        match actor {
            Actor::Person(index) if world.granted(app, scopes::USER_IDS) => &self.user_ids[index],
            Actor::Person(_) | Actor::Bot(_) => "",
        }
    }

    /// Any of the three kinds of user id, as `user_id_type` names them.
    pub fn actor_by_id(&self, app: usize, id_type: &str, id: &str) -> Result<Actor, UnknownId> {
        match id_type {
            "union_id" => self.ids.actor_by_union_id(id),
            "user_id" => {
                let person = self.user_ids.iter().position(|known| known == id);
                person.map(Actor::Person).ok_or(UnknownId::Nobody)
            }
            _ => self.ids.actor_by_open_id(app, id),
        }
    }

    /// The id of that kind, as a string field carries it.
    pub fn id_as(&self, world: &World, app: usize, id_type: &str, actor: Actor) -> String {
        match id_type {
            "union_id" => self.ids.union_id(actor),
            "user_id" => self.user_id(world, app, actor).to_owned(),
            _ => self.open_id(app, actor),
        }
    }
}
