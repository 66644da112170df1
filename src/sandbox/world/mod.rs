//! What the embedded platform knows: apps, people, chats, messages, files. Plain data and synchronous rules,
//! kept behind one lock that is never held across an await.

pub mod actor;
pub mod chat;
pub mod message;
pub mod resource;

use std::collections::{BTreeSet, HashMap, VecDeque};

use tokio::time::Instant;

use super::feishu::ids::{self, Kind};
use super::feishu::options::{BotInfo, Options, default_scopes};
use super::feishu::tokens::Token;
use actor::Actor;
use chat::{Chat, Mode};
use message::Message;
use resource::Resource;

pub struct World {
    pub seed: u64,
    pub tenant_key: String,
    pub apps: Vec<App>,
    pub people: Vec<Person>,
    pub chats: Vec<Chat>,
    /// (bot, person) to the chat in which they are alone.
    pub p2p: HashMap<(usize, usize), usize>,
    /// Number of the oldest message still remembered.
    pub first_message: u64,
    pub messages: VecDeque<Message>,
    pub next_reaction: u64,
    pub next_event: u64,
    pub resources: HashMap<String, Resource>,
    pub resource_bytes: usize,
    pub tokens: HashMap<String, Token>,
    /// (app, uuid) to the message it made and when.
    pub uuids: HashMap<(usize, String), (u64, Instant)>,
    pub keep: usize,
    pub bot_info: BotInfo,
    /// Cards of schema 2.0 are shown as old clients show them.
    pub card_placeholder: bool,
}

pub struct App {
    pub name: String,
    pub app_id: String,
    pub app_secret: String,
    /// Copied into every frame of this app.
    pub service: i32,
    pub scopes: BTreeSet<String>,
    pub current_token: Option<String>,
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
    pub user_id: String,
}

impl World {
    pub fn new(options: &Options, now_ms: i64) -> World {
        let seed = rand::random();
        let mut world = World {
            seed,
            tenant_key: format!("{:016x}", ids::noise(seed, Kind::Union, u64::MAX)),
            apps: Vec::new(),
            people: Vec::new(),
            chats: Vec::new(),
            p2p: HashMap::new(),
            first_message: 0,
            messages: VecDeque::new(),
            next_reaction: 0,
            next_event: 0,
            resources: HashMap::new(),
            resource_bytes: 0,
            tokens: HashMap::new(),
            uuids: HashMap::new(),
            keep: options.keep,
            bot_info: options.bot_info,
            card_placeholder: options.card_placeholder,
        };
        for name in &options.bots {
            world.add_app(name, options.scopes.get(name));
        }
        for name in &options.people {
            world.add_person(name);
        }
        let everybody = world.everybody();
        for name in &options.chats {
            world.add_chat(Chat::new(name, Mode::Group, everybody.clone(), now_ms));
        }
        world
    }

    fn add_app(&mut self, name: &str, scopes: Option<&Vec<String>>) {
        // Positive int32, as the real ones are.
        let service = 33_000_000 + (rand::random::<u32>() % 1_000_000) as i32;
        self.apps.push(App {
            name: name.to_owned(),
            app_id: format!("cli_{}", ids::random_hex(16)),
            app_secret: ids::random_hex(32),
            service,
            scopes: scopes.cloned().unwrap_or_else(default_scopes).into_iter().collect(),
            current_token: None,
            counters: Counters::default(),
        });
    }

    fn add_person(&mut self, name: &str) {
        let number = self.people.len() as u64;
        let user_id = format!("{:08x}", ids::noise(self.seed, Kind::Union, number) >> 32);
        self.people.push(Person { name: name.to_owned(), user_id });
    }

    fn everybody(&self) -> Vec<Actor> {
        let people = (0..self.people.len()).map(Actor::Person);
        people.chain((0..self.apps.len()).map(Actor::Bot)).collect()
    }

    pub fn add_chat(&mut self, mut chat: Chat) -> usize {
        let index = self.chats.len();
        chat.id = format!("oc_{}", ids::seal(self.seed, Kind::Chat, index as u64));
        self.chats.push(chat);
        index
    }

    pub fn app_by_id(&self, app_id: &str) -> Option<usize> {
        self.apps.iter().position(|app| app.app_id == app_id)
    }

    pub fn app_by_name(&self, name: &str) -> Option<usize> {
        self.apps.iter().position(|app| app.name == name || app.app_id == name)
    }

    pub fn chat_by_id(&self, chat_id: &str) -> Option<usize> {
        let number = ids::open(self.seed, Kind::Chat, chat_id.strip_prefix("oc_")?)?;
        usize::try_from(number).ok().filter(|index| *index < self.chats.len())
    }

    /// By id, or by the name of a group that was not dissolved; the newest of several.
    pub fn chat_by_name(&self, name: &str) -> Option<usize> {
        let named = |chat: &Chat| chat.mode != Mode::P2p && !chat.dissolved && chat.name == name;
        self.chat_by_id(name).or_else(|| self.chats.iter().rposition(named))
    }

    /// The chat of a person and a bot, made on first use as the platform does.
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
