//! When each profile connects, and what follows when its connection ends: one function from (what is known, what
//! happened, when) to what is to be done.
//!
//! Everything that comes late carries the generation it belongs to: a profile that has moved on ignores it.

mod messages;
mod profile;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

pub use messages::{Do, Message, Now, Signs, Tag};
pub use profile::{Profile, ProfileState};

use super::end::End;
use super::redial::Policy;
use crate::event::{Event, Stopped};
use profile::Next;

/// All profiles of one supervisor.
#[derive(Debug)]
pub struct Connections {
    policy: Policy,
    profiles: BTreeMap<usize, Profile>,
    next_number: usize,
    stopping: bool,
}

impl Connections {
    pub fn new(policy: Policy) -> Connections {
        Connections { policy, profiles: BTreeMap::new(), next_number: 0, stopping: false }
    }

    /// The profiles that stay, with their numbers.
    pub fn staying(&self) -> impl Iterator<Item = (usize, &Profile)> {
        let all = self.profiles.iter().map(|(number, profile)| (*number, profile));
        all.filter(|(_, profile)| !profile.leaving())
    }

    /// The number of a profile that stays.
    pub fn number_of(&self, name: &str) -> Option<usize> {
        self.staying().find(|(_, profile)| profile.name.as_ref() == name).map(|(number, _)| number)
    }

    pub fn get(&self, number: usize) -> Option<&Profile> {
        self.profiles.get(&number)
    }

    /// Does what comes late still concern the profile?
    pub fn is_current(&self, tag: Tag) -> bool {
        self.profiles.get(&tag.number).is_some_and(|profile| profile.generation == tag.generation)
    }

    /// The one function that decides.
    pub fn decide(&mut self, message: Message, now: Now) -> Vec<Do> {
        match message {
            Message::Stop => self.stop(),
            Message::Ended { number, end, signs } => self.ended(number, &end, signs, now),
            Message::Due(_) if self.stopping => Vec::new(),
            Message::Due(tag) => {
                self.of(tag).and_then(|profile| profile.dial(tag, now)).into_iter().collect()
            }
            Message::Usable(tag) => {
                self.of(tag).into_iter().for_each(|profile| profile.usable(now));
                Vec::new()
            }
            Message::Connected(tag) => {
                self.of(tag).and_then(|profile| profile.connected(tag, now)).into_iter().collect()
            }
            Message::Deaf { tag, since, heard } => {
                self.of(tag).map_or_else(Vec::new, |profile| profile.deaf(tag.number, since, heard))
            }
            _ if self.stopping => Vec::new(),
            Message::Came(name) => self.came(name, now),
            Message::Touched(name) => self.touched(&name),
            Message::Removed(name) => self.removed(&name),
            Message::Failed(name, end) => self.failed(&name, &end, now),
        }
    }

    /// The profile that a late message means, unless it has moved on.
    fn of(&mut self, tag: Tag) -> Option<&mut Profile> {
        self.profiles.get_mut(&tag.number).filter(|profile| profile.generation == tag.generation)
    }

    fn named(&mut self, name: &str) -> Option<(usize, &mut Profile)> {
        let number = self.number_of(name)?;
        self.profiles.get_mut(&number).map(|profile| (number, profile))
    }

    fn came(&mut self, name: Arc<str>, now: Now) -> Vec<Do> {
        if let Some((number, profile)) = self.named(&name) {
            return vec![profile.begin_anew(number)];
        }
        let number = self.next_number;
        self.next_number += 1;
        self.profiles.insert(number, Profile::new(name, self.policy, now));
        vec![Do::Wait { tag: Tag { number, generation: 0 }, after: Duration::ZERO }]
    }

    /// Whatever was mended may be what kept it from connecting.
    fn touched(&mut self, name: &str) -> Vec<Do> {
        let waiting = self.named(name).filter(|(_, profile)| !profile.is_open());
        waiting.map(|(number, profile)| profile.begin_anew(number)).into_iter().collect()
    }

    fn removed(&mut self, name: &str) -> Vec<Do> {
        let Some((number, profile)) = self.named(name) else { return Vec::new() };
        match profile.leave() {
            true => vec![Do::Close { number }],
            false => self.forget(number),
        }
    }

    /// Who is connected is left alone, and who is about to try finds out.
    fn failed(&mut self, name: &str, end: &End, now: Now) -> Vec<Do> {
        let parked = self.named(name).filter(|(_, profile)| profile.state == ProfileState::Parked);
        parked.map_or_else(Vec::new, |(number, profile)| {
            profile.generation += 1;
            profile.after(number, end, None, now)
        })
    }

    fn ended(&mut self, number: usize, end: &End, signs: Signs, now: Now) -> Vec<Do> {
        let Some(profile) = self.profiles.get_mut(&number) else { return Vec::new() };
        let Some(closed) = profile.closed(end, signs, now) else { return Vec::new() };
        let mut todo: Vec<Do> = closed.heard_to.map(|to| Do::NoteHeard { number, to }).into_iter().collect();
        if self.stopping {
            todo.extend(self.all_closed());
            return todo;
        }
        match closed.next {
            Some(Next::Leave) => todo.extend(self.forget(number)),
            Some(Next::Dial) => todo.push(profile.begin_anew(number)),
            None => todo.extend(profile.after(number, end, closed.usable_for, now)),
        }
        todo
    }

    /// A profile that was removed is gone, with all that belongs to it.
    fn forget(&mut self, number: usize) -> Vec<Do> {
        self.profiles.remove(&number);
        let event = Event::Stopped(Stopped { reason: "removed".to_owned() });
        vec![Do::Say { number, event }, Do::Forget { number }]
    }

    fn stop(&mut self) -> Vec<Do> {
        self.stopping = true;
        let mut todo = Vec::new();
        for (&number, profile) in &mut self.profiles {
            profile.generation += 1;
            todo.extend(profile.is_open().then_some(Do::Close { number }));
        }
        todo.extend(self.all_closed());
        todo
    }

    fn all_closed(&self) -> Option<Do> {
        self.profiles.values().all(|profile| !profile.is_open()).then_some(Do::AllClosed)
    }
}
