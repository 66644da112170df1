//! What any chat platform knows: apps, people, chats, messages, files. Plain data and synchronous rules, kept
//! behind one lock that is never held across an await. Ids and contents are the platform's.

pub mod actor;
pub mod change;
pub mod chat;
pub mod ids;
pub mod message;
pub mod repeats;
pub mod resource;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use self::actor::Actor;
use self::chat::{Chat, Mode};
use self::ids::Ids;
use self::message::Message;
use self::repeats::Repeats;
use self::resource::Resource;

pub struct World {
    ids: Arc<dyn Ids>,
    pub apps: Vec<App>,
    pub people: Vec<Person>,
    pub chats: Vec<Chat>,
    chat_ids: HashMap<String, usize>,
    /// (bot, person) to the chat in which they are alone.
    p2p: HashMap<(usize, usize), usize>,
    /// Number of the oldest message still remembered.
    pub first_message: u64,
    pub messages: VecDeque<Message>,
    next_reaction: u64,
    pub resources: HashMap<String, Resource>,
    resource_bytes: usize,
    repeats: Repeats,
    keep: usize,
}

/// Who is there at the beginning.
pub struct Cast<'a> {
    /// Names, each with what the app may.
    pub bots: Vec<(&'a str, &'a [String])>,
    pub people: &'a [String],
    /// Groups with everybody in.
    pub chats: &'a [String],
    /// How many messages are remembered; the oldest go first.
    pub keep: usize,
}

pub struct App {
    pub name: String,
    pub id: String,
    /// What it was granted, in the platform's own words.
    pub grants: BTreeSet<String>,
    pub counters: Counters,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Counters {
    pub tokens_issued: u64,
    pub discoveries: u64,
    pub connections_opened: u64,
    pub handshakes_refused: u64,
    pub pings: u64,
    pub rest_calls: u64,
}

pub struct Person {
    pub name: String,
}

impl World {
    pub fn new(ids: Arc<dyn Ids>, cast: &Cast<'_>, now_ms: i64) -> World {
        let app = |(number, (name, grants)): (usize, &(&str, &[String]))| App {
            name: (*name).to_owned(),
            id: ids.app(number),
            grants: grants.iter().cloned().collect(),
            counters: Counters::default(),
        };
        let mut world = World {
            apps: cast.bots.iter().enumerate().map(app).collect(),
            people: cast.people.iter().map(|name| Person { name: name.clone() }).collect(),
            chats: Vec::new(),
            chat_ids: HashMap::new(),
            p2p: HashMap::new(),
            first_message: 0,
            messages: VecDeque::new(),
            next_reaction: 0,
            resources: HashMap::new(),
            resource_bytes: 0,
            repeats: Repeats::default(),
            keep: cast.keep,
            ids,
        };
        let everybody = world.everybody();
        for name in cast.chats {
            world.add_chat(Chat::new(name, Mode::Group, everybody.clone(), now_ms));
        }
        world
    }

    pub fn everybody(&self) -> Vec<Actor> {
        let people = (0..self.people.len()).map(Actor::Person);
        people.chain((0..self.apps.len()).map(Actor::Bot)).collect()
    }

    pub fn add_chat(&mut self, mut chat: Chat) -> usize {
        let index = self.chats.len();
        chat.id = self.ids.chat(index, chat.mode);
        self.chat_ids.insert(chat.id.clone(), index);
        self.chats.push(chat);
        index
    }

    pub fn app_by_id(&self, id: &str) -> Option<usize> {
        self.apps.iter().position(|app| app.id == id)
    }

    pub fn app_by_name(&self, name: &str) -> Option<usize> {
        self.apps.iter().position(|app| app.name == name || app.id == name)
    }

    /// By id, or by the name of a group that was not dissolved; the newest of several.
    pub fn chat_by_name(&self, name: &str) -> Option<usize> {
        let named = |chat: &Chat| chat.mode != Mode::P2p && !chat.dissolved && chat.name == name;
        self.chat_by_id(name).or_else(|| self.chats.iter().rposition(named))
    }

    /// The chat of a person and a bot, made on first use.
    pub fn p2p_chat(&mut self, bot: usize, person: usize, now_ms: i64) -> usize {
        if let Some(index) = self.p2p.get(&(bot, person)) {
            return *index;
        }
        let members = vec![Actor::Person(person), Actor::Bot(bot)];
        let index = self.add_chat(Chat::new("", Mode::P2p, members, now_ms));
        self.p2p.insert((bot, person), index);
        index
    }
}
