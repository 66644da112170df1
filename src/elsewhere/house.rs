//! A home with bots elsewhere, its supervisor, and its verbs, all within a test.

use std::io::{BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::World;
use crate::accounts::Roster;
use crate::cli::plan::{Reading, plan, stand};
use crate::cli::within;
use crate::clock::Clock;
use crate::config::{Config, Environment, Home};
use crate::error::{Error, Result};
use crate::supervisor::{self, Ask, Lock, Since, Trigger};

/// Far more than anything takes.
const PATIENCE: Duration = Duration::from_secs(120);

pub struct House {
    folder: TempDir,
    /// By the address that profiles give.
    pub world: Arc<Mutex<World>>,
    lines: Arc<Mutex<Vec<Value>>>,
    served: Option<(Trigger, JoinHandle<Result<()>>)>,
}

impl House {
    /// Each bot is a profile of its name, and sits in the chat.
    pub fn new(address: &str, bots: &[&str], chat: &str, rooms: &str) -> House {
        let folder = tempfile::tempdir().unwrap();
        let house = House { folder, world: World::at(address), lines: Arc::default(), served: None };
        house.settle(address, bots, chat);
        house.write("config/rooms.yaml", rooms);
        house.write("config/rooma.yaml", "catchup: {after: 0s}\nconnection: {backoff_min: 100ms}\n");
        house
    }

    /// More bots, of another installation perhaps.
    pub fn settle(&self, address: &str, bots: &[&str], chat: &str) {
        for bot in bots {
            let profile = format!(
                "transport: elsewhere\napp_id: {bot}\napp_secret: {{env: NONE}}\nbase_url: {address}\nallow: {{bots: all}}\n"
            );
            self.write(&format!("profiles/{bot}.yaml"), &profile);
            let world = World::at(address);
            let mut world = world.lock().unwrap();
            world.members.entry(chat.to_owned()).or_default().insert(format!("B:{bot}"));
        }
        self.write(".env", "NONE=none\n");
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn root(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Begins a supervisor, whose lines are kept.
    pub async fn open(&mut self) {
        let home = Home::new(self.root());
        let config = Config::load_home(home, Environment::default()).unwrap();
        stand(&config.home.data()).unwrap();
        let clock = Clock::system();
        let roster = Roster::unlocked(&config, clock.clone()).unwrap();
        let (lock, seats) = (Lock::home(config.home.root()).unwrap(), roster.seats().await.unwrap());
        let (reads, writes) = std::io::pipe().unwrap();
        let reading = Reading {
            stdout: Some(OwnedFd::from(writes)),
            filter: Default::default(),
            cursor: "stdout".to_owned(),
            since: Since::Cursor,
            brief: None,
        };
        let plan = plan(&config, lock, roster, seats, reading, clock).unwrap();
        let lines = Arc::clone(&self.lines);
        std::thread::spawn(move || {
            for line in BufReader::new(reads).lines().map_while(Result::ok) {
                lines.lock().unwrap().push(serde_json::from_str(&line).unwrap());
            }
        });
        let (trigger, ask) = Ask::manual();
        let served = async move {
            let outcome = supervisor::run(plan, ask).await;
            if let Err(error) = &outcome {
                eprintln!("the supervisor failed: {error}");
            }
            outcome
        };
        self.served = Some((trigger, tokio::spawn(served)));
    }

    /// Ends the supervisor, as a signal would.
    pub async fn close(&mut self) {
        let (trigger, served) = self.served.take().unwrap();
        trigger.stop("test");
        served.await.unwrap().unwrap();
    }

    /// One verb as a profile: its value, or its error.
    pub async fn verb(&self, profile: &str, words: &[&str]) -> std::result::Result<Value, Error> {
        let root = self.root().display().to_string();
        let words = [&["--home", &root, "--profile", profile], words].concat();
        let (done, printed) = within(&words).await;
        done.map(|_code| printed.first().map_or(Value::Null, |line| serde_json::from_str(line).unwrap()))
    }

    /// The lines that fit, once there are so many.
    pub async fn lines(&self, count: usize, fits: impl Fn(&Value) -> bool) -> Vec<Value> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let found: Vec<Value> =
                self.lines.lock().unwrap().iter().filter(|line| fits(line)).cloned().collect();
            if found.len() >= count {
                return found;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "{found:#?} of {:#?}",
                self.lines.lock().unwrap()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// All profiles are connected, `times` times each, and their chats are known.
    pub async fn connected(&self, count: usize) {
        self.lines(count, |line| line["type"] == "rooma.connected").await;
    }

    /// It is noted that a profile sits in a chat.
    pub async fn listed(&self, profile: &str, chat: &str) {
        let path = self.root().join(format!("data/{profile}/known_chats.json"));
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while !std::fs::read_to_string(&path).is_ok_and(|text| text.contains(chat)) {
            assert!(tokio::time::Instant::now() < deadline, "{profile} was not seen in {chat}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The line of a message that a profile was given.
    pub async fn heard(&self, profile: &str, id: &str) -> Value {
        let fits = |line: &Value| line["message_id"] == id && line["profile"] == profile;
        self.lines(1, fits).await.remove(0)
    }

    /// What a person says.
    pub fn says(&self, chat: &str, text: &str) -> String {
        let at = Clock::system().wall_ms();
        self.world.lock().unwrap().say(at, chat, "U:ann", text, "").id
    }
}
