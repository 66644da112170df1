//! What an account has learnt of people, bots and chats. Bounded, in memory, never a reason to wait. Whose apps are
//! behind the ids of bots is told to somebody who keeps it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// People and bots remembered per account; the least recently learnt go first.
const PEOPLE_MAX: usize = 10_000;

/// Chats remembered per account.
const CHATS_MAX: usize = 2_000;

/// After a look-up, whatever came of it, the same thing is not looked up again for this long.
const ASK_AGAIN: Duration = Duration::from_secs(3600);

#[derive(Debug)]
pub struct Known {
    people: Bounded<Person>,
    chats: Bounded<Chat>,
    warm: bool,
    keeper: Option<Keeper>,
}

/// Is told the id of a bot and its app.
type Keep = dyn Fn(&str, &str) + Send;

pub struct Keeper(Box<Keep>);

impl std::fmt::Debug for Keeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keeper")
    }
}

#[derive(Clone, Debug, Default)]
pub struct Person {
    pub name: Option<Arc<str>>,
    /// The app behind a bot.
    pub app_id: Option<Arc<str>>,
    /// Listed as a bot, whatever its app.
    pub bot: bool,
    /// Its message was read again, and told no app.
    pub appless: bool,
    asked: Option<Duration>,
    app_asked: Option<Duration>,
}

#[derive(Clone, Debug, Default)]
pub struct Chat {
    pub name: Option<Arc<str>>,
    /// Each root message opens a topic.
    pub topic: bool,
    asked: Option<Duration>,
    members_asked: Option<Duration>,
}

impl Default for Known {
    fn default() -> Known {
        Known { people: Bounded::new(PEOPLE_MAX), chats: Bounded::new(CHATS_MAX), warm: false, keeper: None }
    }
}

impl Known {
    /// True the first time: then the chats and their members are worth reading.
    pub fn warm_up(&mut self) -> bool {
        !std::mem::replace(&mut self.warm, true)
    }

    pub fn is_kept(&self) -> bool {
        self.keeper.is_some()
    }

    /// From now on `keep` is told of the app behind each bot, first of those that are known already.
    pub fn keep_bots(&mut self, keep: impl Fn(&str, &str) + Send + 'static) {
        for (open_id, person) in self.people.iter() {
            if let Some(app_id) = &person.app_id {
                keep(open_id, app_id);
            }
        }
        self.keeper = Some(Keeper(Box::new(keep)));
    }

    /// What was kept of a bot.
    pub fn recall_app(&mut self, open_id: &str, app_id: &str) {
        self.people.entry(open_id).app_id.get_or_insert_with(|| app_id.into());
    }

    pub fn people_known(&self) -> usize {
        self.people.young.len() + self.people.old.len()
    }

    pub fn person(&self, open_id: &str) -> Option<&Person> {
        self.people.get(open_id)
    }

    pub fn chat(&self, chat_id: &str) -> Option<&Chat> {
        self.chats.get(chat_id)
    }

    pub fn learn_name(&mut self, open_id: &str, name: &str) {
        if !open_id.is_empty() && !name.is_empty() {
            set(&mut self.people.entry(open_id).name, name);
        }
    }

    pub fn learn_app(&mut self, open_id: &str, app_id: &str) {
        let new = || self.person(open_id).is_none_or(|person| person.app_id.as_deref() != Some(app_id));
        if !open_id.is_empty() && !app_id.is_empty() && new() {
            set(&mut self.people.entry(open_id).app_id, app_id);
            if let Some(Keeper(keep)) = &self.keeper {
                keep(open_id, app_id);
            }
        }
    }

    pub fn learn_bot(&mut self, open_id: &str) {
        if !open_id.is_empty() {
            self.people.entry(open_id).bot = true;
        }
    }

    /// No app is to be had for this one.
    pub fn learn_appless(&mut self, open_id: &str) {
        if !open_id.is_empty() {
            self.people.entry(open_id).appless = true;
        }
    }

    /// Whatever came of asking, this one is no stranger any more.
    pub fn meet(&mut self, open_id: &str) {
        if !open_id.is_empty() {
            self.people.entry(open_id);
        }
    }

    pub fn learn_chat(&mut self, chat_id: &str, name: &str) {
        if !chat_id.is_empty() && !name.is_empty() {
            set(&mut self.chats.entry(chat_id).name, name);
        }
    }

    pub fn learn_chat_mode(&mut self, chat_id: &str, topic: bool) {
        self.chats.entry(chat_id).topic = topic;
    }

    /// True if this person should be looked up now: then the next time is a good while away.
    pub fn ask_person(&mut self, now: Duration, open_id: &str) -> bool {
        due(&mut self.people.entry(open_id).asked, now)
    }

    /// True if the app behind this bot should be looked up now.
    pub fn ask_app(&mut self, now: Duration, open_id: &str) -> bool {
        due(&mut self.people.entry(open_id).app_asked, now)
    }

    /// True if this chat should be looked up now.
    pub fn ask_chat(&mut self, now: Duration, chat_id: &str) -> bool {
        due(&mut self.chats.entry(chat_id).asked, now)
    }

    /// True if this chat's members should be listed now.
    pub fn ask_members(&mut self, now: Duration, chat_id: &str) -> bool {
        due(&mut self.chats.entry(chat_id).members_asked, now)
    }
}

fn set(slot: &mut Option<Arc<str>>, value: &str) {
    if slot.as_deref() != Some(value) {
        *slot = Some(value.into());
    }
}

fn due(asked: &mut Option<Duration>, now: Duration) -> bool {
    let due = asked.is_none_or(|at| now >= at + ASK_AGAIN);
    if due {
        *asked = Some(now);
    }
    due
}

/// A map of two generations: when the young one is full it becomes the old one, and the old one goes.
#[derive(Debug)]
struct Bounded<V> {
    young: HashMap<Box<str>, V>,
    old: HashMap<Box<str>, V>,
    max: usize,
}

impl<V: Default> Bounded<V> {
    fn new(max: usize) -> Bounded<V> {
        Bounded { young: HashMap::new(), old: HashMap::new(), max }
    }

    fn iter(&self) -> impl Iterator<Item = (&str, &V)> {
        self.young.iter().chain(&self.old).map(|(key, value)| (key.as_ref(), value))
    }

    fn get(&self, key: &str) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    fn entry(&mut self, key: &str) -> &mut V {
        if !self.young.contains_key(key) {
            let value = self.old.remove(key).unwrap_or_default();
            if self.young.len() >= self.max / 2 {
                self.old = std::mem::take(&mut self.young);
            }
            self.young.insert(key.into(), value);
        }
        self.young.get_mut(key).expect("inserted above")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_learnt_is_found() {
        let mut known = Known::default();
        known.learn_name("ou_1", "Li");
        known.learn_app("ou_1", "cli_1");
        known.learn_chat("oc_1", "Ops");
        known.learn_chat_mode("oc_1", true);
        let person = known.person("ou_1").unwrap();
        assert_eq!((person.name.as_deref(), person.app_id.as_deref()), (Some("Li"), Some("cli_1")));
        let chat = known.chat("oc_1").unwrap();
        assert_eq!((chat.name.as_deref(), chat.topic), (Some("Ops"), true));
        known.learn_name("ou_1", "");
        assert_eq!(known.person("ou_1").unwrap().name.as_deref(), Some("Li"));
    }

    #[test]
    fn each_app_is_told_to_its_keeper_once() {
        let mut known = Known::default();
        known.learn_app("ou_before", "cli_1");
        let (told, heard) = std::sync::mpsc::channel();
        known.keep_bots(move |open_id, app_id| told.send(format!("{open_id} {app_id}")).unwrap());
        known.recall_app("ou_kept", "cli_2");
        known.recall_app("ou_before", "cli_other");
        for app_id in ["cli_2", "cli_3", "cli_3"] {
            known.learn_app("ou_kept", app_id);
        }
        assert_eq!(heard.try_iter().collect::<Vec<_>>(), ["ou_before cli_1", "ou_kept cli_3"]);
        assert_eq!(known.person("ou_before").unwrap().app_id.as_deref(), Some("cli_1"));
    }

    #[test]
    fn the_same_person_is_asked_for_rarely() {
        let mut known = Known::default();
        assert!(known.ask_person(Duration::ZERO, "ou_1"));
        assert!(!known.ask_person(Duration::from_secs(3599), "ou_1"));
        assert!(known.ask_person(Duration::from_secs(3600), "ou_1"));
        assert!(known.ask_chat(Duration::ZERO, "oc_1"));
        assert!(!known.ask_chat(Duration::from_secs(1), "oc_1"));
    }

    #[test]
    fn memory_has_a_bound_and_what_is_learnt_again_stays() {
        let mut map: Bounded<u32> = Bounded::new(10);
        for n in 0..1000 {
            *map.entry(&n.to_string()) = n;
            *map.entry("kept") = 7;
            assert!(map.young.len() + map.old.len() <= 10);
        }
        assert_eq!(map.get("kept"), Some(&7));
        assert_eq!(map.get("999"), Some(&999));
        assert_eq!(map.get("0"), None);
    }
}
