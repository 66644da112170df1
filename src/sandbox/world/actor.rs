//! Who can act: people and bots.

use super::World;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Actor {
    Bot(usize),
    Person(usize),
}

impl Actor {
    pub fn is_bot(self) -> bool {
        matches!(self, Actor::Bot(_))
    }

    /// One count over people and bots, for ids that carry it.
    pub fn number(self) -> u64 {
        match self {
            Actor::Bot(index) => index as u64 * 2,
            Actor::Person(index) => index as u64 * 2 + 1,
        }
    }

    pub fn from_number(number: u64) -> Actor {
        let index = (number / 2) as usize;
        if number.is_multiple_of(2) { Actor::Bot(index) } else { Actor::Person(index) }
    }
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

    /// Whether the app was granted one of these, which are alternatives.
    pub fn granted(&self, app: usize, any_of: &[&str]) -> bool {
        any_of.iter().any(|grant| self.apps[app].grants.contains(*grant))
    }
}
